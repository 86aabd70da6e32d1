"""Sees that an open database and its log still have their names, and writes back what has lost its own.

Who deletes a file, or moves another to its place, takes its name alone: whoever has it open writes on, SQLite without a word
(sqlite.org/howtocorrupt.html), and all of that is gone with the last who holds it. So nothing is acknowledged into a file that
nobody would find. Knows no schema and no thread.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import apsw
from loguru import logger

from actors.sqlite import damage, second_names
from actors.sqlite.encryption import StoreKey
from actors.sqlite.group_commit import LOOK_S
from actors.sqlite.opening import open_and_note
from actors.sqlite.ownership import keep_owned
from actors.whole_files import put_in_place
from transport.errors import LatticeError, Unavailable

__all__ = ["InPlace"]

AGAIN_S: Final = 1.0
"""The pause between two attempts to write it back, in seconds: a large file keeps a disk busy that has no room for it."""

Identity = tuple[int, int] | None
"""Device and inode; None: there is no such file."""


class InPlace:
    """One database file and its log, as they were opened.

    Args:
        path: the database, no symbolic link: SQLite puts the log beside the file itself.
        migrations: as `Database` has them.
        mend: likewise.
    """

    def __init__(self, path: Path, migrations: Sequence[str], mend: str) -> None:
        self._path = path
        self._migrations = migrations
        self._mend = mend
        self._files = path, path.with_name(f"{path.name}-wal")
        self._held: tuple[Identity, Identity] = (None, None)
        self._written: Identity = None
        """What was written back and could not be opened yet."""

        self._looked = self._again_at = 0.0

    def open(self, key: StoreKey | None) -> apsw.Connection:
        """The connection that owns the file; raises what `open_and_note` does."""
        connection = open_and_note(self._path, self._migrations, key, self._mend)
        self._held = self._found()
        return connection

    def keep(self, connection: apsw.Connection, key: StoreKey | None) -> apsw.Connection:
        """The connection to go on with: the same (two `stat`s, 6 µs), or one to the file that was written back.

        Call it between two transactions.

        Raises:
            Unavailable: the file has lost its name and cannot be written back now; `connection` holds all of it, still.
        """
        now = time.monotonic()
        try:
            if now - self._looked >= LOOK_S:
                self._looked = now
                keep_owned(self._path)
            found = self._found()
        except OSError as error:
            raise Unavailable(f"{self._path.name} cannot be found: {error.strerror}", retry_after_ms=1000) from error
        if found == self._held and None not in found:
            return connection

        # Closing would delete a log by its name, whoever's it is.
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        why = self._why(found)
        if now < self._again_at:
            raise Unavailable(f"{why}, and cannot be written back yet", retry_after_ms=1000)
        try:
            new = self._written_back(connection, key, why)
        except (OSError, apsw.Error, LatticeError) as error:
            self._again_at = time.monotonic() + AGAIN_S
            logger.bind(database=self._path.name, why=why, error=str(error)).error("a database could not be written back")
            raise Unavailable(f"{why}, and cannot be written back: {error}", retry_after_ms=1000) from error
        connection.close()
        logger.bind(database=self._path.name, why=why).error("a database was written back: nothing is lost")
        return new

    def _written_back(self, connection: apsw.Connection, key: StoreKey | None, why: str) -> apsw.Connection:
        """Everything that `connection` sees goes into a new file; what stands in its place and is not ours is set aside."""
        rescued = damage.rescued_path(self._path)
        if self._written is None or self._written not in (identity(rescued), identity(self._path)):
            logger.bind(database=self._path.name, why=why).error("a database has lost its name: it is being written back")
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            building = self._path.with_name(f"{self._path.name}.rescuing")
            damage.remove(building)
            os.close(os.open(building, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            connection.execute("VACUUM INTO ?", (str(building),))
            put_in_place(building, rescued)
            self._written = identity(rescued)
            second_names.drop(self._path)
            self._remove_ours()
        new = self.open(key)
        self._written = None
        return new

    def _remove_ours(self) -> None:
        """Delete those of our files that still have their names: the rescued one has it all. The rest is somebody else's."""
        for file, held in zip(self._files, self._held, strict=True):
            if held is not None and identity(file) == held:
                file.unlink()
        for suffix in damage.MADE_ANEW:
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)

    def _found(self) -> tuple[Identity, Identity]:
        file, log = self._files
        return identity(file), identity(log)

    def _why(self, found: tuple[Identity, Identity]) -> str:
        lost = zip(self._files, found, self._held, strict=True)
        file, now = next((file, now) for file, now, held in lost if now is None or now != held)
        if now is None:
            return f"{file.name} was deleted or moved away while it was open"
        return f"another file was put in the place of {file.name} while it was open"


def identity(path: Path) -> Identity:
    """Which file a name leads to."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino
