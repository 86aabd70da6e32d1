"""Backup: every actor copies its database, all under one name; the oldest copies of each database go.

A run that could not copy all fails, and the next goes on under its name: what is copied already is not copied again.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import apsw

from actors.daemon import messages as daemon
from actors.daemon import scheduler
from actors.daemon.follower import Follower
from actors.daemon.settings import BackupSettings
from actors.daemon.work import AWAY, Work
from actors.llm import messages as llm
from actors.memory import messages as memory
from actors.message import Message
from actors.paradox import messages as paradox
from actors.thinking import messages as thinking
from transport.errors import Conflict, Overloaded, Unavailable, UnknownActor

__all__ = ["Backup"]

NAME = "cycle-%Y%m%dT%H%M%S"
NIGHTLY = re.compile(r"cycle-\d{8}T\d{6}")

CURSOR = "backup"
"""Under which the name of the latest copies stands; behind it the run that made the last of them, once all are made."""

UNCOPIED = (*AWAY, Overloaded, UnknownActor)
"""Errors with which a database is left uncopied while the others are copied all the same."""


class Backup:
    """The cycle `backup`; `about` says what it does."""

    name: ClassVar[str] = "backup"
    about: ClassVar[str] = "Copies all databases to `backups/` in the data directory, and keeps the latest few."
    needs_model: ClassVar[str] = ""
    follows: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, settings: BackupSettings, _follower: Follower) -> None:
        self.settings = settings

    async def work(self, work: Work) -> None:
        """Copy one database after the other. Whoever takes the run over goes on with those that are not copied yet.

        Raises:
            Unavailable: not all could be copied; the message names whose. The others were. Its cause is what the last that
                was silent raised, so that the cycle is not blamed for an actor that is away.
        """
        name = await work.commit(partial(self._name, work))
        missing: dict[str, str] = {}
        cause: Exception | None = None
        for message in self._messages(name):
            try:
                copied = await work.write(message, text=f"{message.contract.type} {name}")
            except Conflict:
                # It was copied before the run was taken over, or by the one that failed before.
                continue
            except UNCOPIED as error:
                missing[message.contract.actor] = error.message
                cause = error if cause is None or isinstance(error, AWAY) else cause
                continue
            await work.commit(lambda _connection: None, databases=1, kib=copied.bytes >> 10 if copied is not None else 0)
            await work.pass_on()
        if not work.dry:
            folder, now = work.store.folder / "backups", name_at(work.now)
            dropped = await work.read(lambda _connection: drop_oldest(folder, self.settings.keep, own=name, now=now))
            await work.commit(lambda _connection: None, dropped=dropped)
        if missing:
            raise Unavailable(f"not copied: {', '.join(missing)} ({'; '.join(missing.values())})") from cause
        await work.commit(partial(note, value=f"{name} {work.run.id}"))

    def _name(self, work: Work, connection: apsw.Connection) -> str:
        """What the run's copies are called: as those of the run before it if that failed, until the schedule wants new ones.

        Who asks for a run wants copies of what is there now.
        """
        row: Any = connection.execute("SELECT value FROM cursor WHERE name = ?", (CURSOR,)).fetchone()
        known, _, ended_by = row[0].partition(" ") if row is not None else ("", "", "")
        if known and (
            ended_by == work.run.id or (not ended_by and work.run.cause != "asked for" and self._lasts(known, work.now))
        ):
            return str(known)
        name = name_at(work.now)
        note(connection, value=name)
        return name

    def _lasts(self, name: str, now: datetime) -> bool:
        began = datetime.strptime(name, NAME).replace(tzinfo=UTC)
        return began <= now < scheduler.after_run(began, self.settings, 0.0, "")

    @staticmethod
    def _messages(name: str) -> tuple[Message, ...]:
        return tuple(part.Backup(name=name) for part in (memory, thinking, paradox, llm, daemon))


def name_at(time: datetime) -> str:
    """What copies of a run that began then are called. Names sort by their time."""
    return time.strftime(NAME)


def note(connection: apsw.Connection, *, value: str) -> None:
    """Note what the latest copies are called."""
    connection.execute("INSERT INTO cursor VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", (CURSOR, value))


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
