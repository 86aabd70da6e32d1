"""Which process bears which name: `<run dir>/children.json`, from which a new supervisor knows whom to adopt.

A line is the whole roster, or one child as it is from then on. The last whole roster with what was said behind it is how things
stand; a line that is not whole is passed over, since somebody may be killed in the middle of writing one.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from loguru import logger
from pydantic import ValidationError

from supervisors.spec import ChildSpec, Spec
from transport.foreign import identity, make_way_for_file

__all__ = ["Entry", "Roster", "RosterFile"]

MOST_BYTES = 1 << 20
"""A file that has grown beyond this is written anew."""


class Entry(Spec):
    """One child. A pid means little without the process's start time; together they name one process for good."""

    name: str
    pid: int | None = None
    started: int | None = None
    incarnation: str | None = None
    epoch: int = 0
    state: str = "stopped"
    starts: int = 0
    restarts: int = 0
    since: float = 0.0
    last_exit: str | None = None

    added: ChildSpec | None = None
    """The spec of a child that was added at run time, and is not in the supervisor's spec."""

    key: str | None = None
    """The key of the call that added it."""


class Roster(Spec):
    """All children, and the `up` process whose house they are."""

    up_pid: int = 0
    up_started: int | None = None
    children: tuple[Entry, ...] = ()

    @staticmethod
    def read(path: Path) -> Roster:
        """What the last supervisor knew; an empty roster where there was none, or none that can be read."""
        try:
            make_way_for_file(path)
            lines = path.read_bytes().splitlines()
        except FileNotFoundError:
            return Roster()

        why = ""
        since: dict[str, Entry] = {}
        for line in reversed(lines):
            try:
                return Roster.model_validate_json(line).with_news(since)
            except ValidationError as error:
                why = why or str(error)
            with suppress(ValidationError):
                entry = Entry.model_validate_json(line)
                since.setdefault(entry.name, entry)
        logger.error("the roster cannot be read; its processes end by themselves", path=str(path), error=why)
        return Roster()

    def with_news(self, of: dict[str, Entry]) -> Roster:
        """With what is known of some children since; those that were not in it come last."""
        known = {entry.name: entry for entry in self.children}
        return self.model_copy(update={"children": tuple((known | of).values())})

    def of_house(self, up_pid: int, up_started: int | None) -> bool:
        """Whether these are children of the same `up`."""
        return (self.up_pid, self.up_started) == (up_pid, up_started)


class RosterFile:
    """The file, for the supervisor that writes it. Not fsynced: after a power cut no process is left that it could name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.descriptor: int | None = None
        self.bytes = 0
        """How long it is since it was written to last."""

    @property
    def is_spoilt(self) -> bool:
        """Whether a new supervisor would not find what was written last: the file was deleted, replaced or cut since."""
        return self.descriptor is not None and not self._in_place(self.descriptor)

    def add(self, entry: Entry, whole: Callable[[], Roster]) -> None:
        """Write how things stand with a child now behind the rest: a replacement waits for this.

        All children take five times as long, and to replace the file takes another ten times as long, since ext4 then begins to
        write it to the disk.

        Args:
            entry: the child's.
            whole: makes the roster, where there is no file yet that is to be added to.

        Raises:
            OSError: the file system refuses.
        """
        if self.descriptor is None or self.bytes >= MOST_BYTES or not self._in_place(self.descriptor):
            self.replace(whole())
            return

        line = _line(entry)
        try:
            written = os.write(self.descriptor, line)
        except OSError:
            self.close()
            raise
        if written < len(line):
            # There is no room for the rest: what was here before stands, until there is.
            self.replace(whole())
        else:
            self.bytes += written

    def replace(self, roster: Roster) -> None:
        """Write the file anew, with this alone.

        Raises:
            OSError: the file system refuses; what was there is there still.
        """
        self.close()
        fresh = self.path.with_suffix(".new")
        for path in (fresh, self.path):
            make_way_for_file(path)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb", closefd=False) as file:
                file.write(line := _line(roster))
            fresh.replace(self.path)
        except OSError:
            os.close(descriptor)
            raise
        self.descriptor, self.bytes = descriptor, len(line)

    def close(self) -> None:
        """Let the file go."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None

    def _in_place(self, descriptor: int) -> bool:
        """Whether a new supervisor would find this file, as it was left."""
        ours = os.fstat(descriptor)
        return identity(self.path) == (ours.st_dev, ours.st_ino) and ours.st_size == self.bytes


def _line(of: Roster | Entry) -> bytes:
    return of.model_dump_json().encode() + b"\n"
