"""Backup: every actor copies its database, all under one name; the oldest copies of each database go."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from actors.daemon import messages as daemon
from actors.daemon.following import Following
from actors.daemon.settings import BackupSettings
from actors.daemon.work import Work
from actors.llm import messages as llm
from actors.memory import messages as memory
from actors.message import Message
from actors.paradox import messages as paradox
from actors.thinking import messages as thinking
from transport.errors import Conflict, DeadlineExceeded, Overloaded, Unavailable, UnknownActor

__all__ = ["Backup"]

NIGHTLY = re.compile(r"cycle-\d{8}T\d{6}")

AWAY = (DeadlineExceeded, Overloaded, Unavailable, UnknownActor)
"""What is no reason not to copy the other databases."""


class Backup:
    """The cycle."""

    name: ClassVar[str] = "backup"
    about: ClassVar[str] = "Copies all databases to `backups/` in the data directory, and keeps the latest few."
    needs_model: ClassVar[str] = ""
    follows: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, settings: BackupSettings, following: Following) -> None:
        self.settings = settings
        self.following = following

    async def work(self, work: Work) -> None:
        """Copy one database after the other. Whoever takes the run over goes on with those that are not copied yet.

        Raises:
            Unavailable: not all could be copied; the message names whose. The others were.
        """
        name = name_at(work.now)
        missing: dict[str, str] = {}
        for message in self._messages(name):
            try:
                copied = await work.write(message, text=f"{message.contract.type} {name}")
            except Conflict:
                # It was copied before the run was taken over.
                continue
            except AWAY as error:
                missing[message.contract.actor] = error.message
                continue
            await work.commit(lambda _connection: None, databases=1, kib=copied.bytes >> 10 if copied is not None else 0)
            await work.pass_on()
        if not work.dry:
            folder, now = work.store.folder / "backups", name_at(work.now)
            dropped = await work.read(lambda _connection: drop_oldest(folder, self.settings.keep, own=name, now=now))
            await work.commit(lambda _connection: None, dropped=dropped)
        if missing:
            raise Unavailable(f"not copied: {', '.join(missing)} ({'; '.join(missing.values())})")

    @staticmethod
    def _messages(name: str) -> tuple[Message, ...]:
        return tuple(part.Backup(name=name) for part in (memory, thinking, paradox, llm, daemon))


def name_at(time: datetime) -> str:
    """What copies of a run that began then are called. Names sort by their time."""
    return f"cycle-{time:%Y%m%dT%H%M%S}"


def drop_oldest(folder: Path, keep: int, *, own: str, now: str) -> int:
    """Remove all but the latest `keep` copies that this cycle has made of each database; how many files.

    Of each by itself: a run that could not copy one of them has none of its earlier copies go. What is named after a time that
    is yet to come was made while the clock was ahead, nobody knows when: it counts as the oldest.

    Args:
        folder: where they lie.
        keep: how many of each stay.
        own: the name of the copies that the run has just made: they stay, whatever the clock says.
        now: the name of a run that begins now.
    """
    copies: dict[str, list[tuple[bool, bool, str, Path]]] = {}
    for path in folder.iterdir() if folder.is_dir() else ():
        run, _, database = path.name.partition(".")
        if NIGHTLY.fullmatch(run):
            copies.setdefault(database, []).append((run == own, run <= now, run, path))
    gone = [path for found in copies.values() for *_, path in sorted(found)[:-keep]]
    for path in gone:
        path.unlink(missing_ok=True)
    return len(gone)
