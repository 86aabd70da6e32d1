"""Spare room: what is owed and no disk takes, written where it outlives its process, into a file in the machine's memory.

Such a file (in /dev/shm) survives a kill, and no power cut. It is its owner's alone, under the key of the databases where there
is one, and deleted as soon as the disk takes what is in it. Knows nothing of who is owed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import Final

import apsw
from loguru import logger

from actors.sqlite.database import Database
from transport.bind import check_private
from transport.errors import LatticeError

__all__ = ["SpareRoom"]

MIGRATIONS: Final = (
    "CREATE TABLE owed (place INTEGER PRIMARY KEY AUTOINCREMENT, time REAL NOT NULL, body TEXT NOT NULL) STRICT;",
)


class SpareRoom:
    """The file of one data directory.

    Args:
        where: a directory in the machine's memory; None: there is no spare room.
        data_dir: whose it is.
    """

    def __init__(self, where: Path | None, data_dir: Path) -> None:
        digest = hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()[:12]
        self.directory = None if where is None else where / f"lattice-{os.geteuid()}-{digest}"
        self.database: Database | None = None

    async def left(self) -> list[tuple[str, float]]:
        """What a killed process left in it: bodies, each with its time, in order."""
        if self.directory is None or not (self.directory / "owed.db").exists():
            return []

        try:
            return await (await self._opened(self.directory)).read(all_of_it)
        except (OSError, LatticeError) as error:
            logger.bind(error=str(error)).error("what was left in the machine's memory cannot be read")
            return []

    async def keep(self, body: str, time: float) -> bool:
        """Put one more in; whether it is there, and stays over a kill."""
        if self.directory is None or not self.directory.parent.is_dir():
            return False

        try:
            await (await self._opened(self.directory)).write(insert, body, time)
        except (OSError, LatticeError) as error:
            logger.bind(error=str(error)).warning("the machine's memory does not take what the disk refused")
            return False
        return True

    async def empty(self) -> None:
        """All that is in it is on disk."""
        await self.close()
        if self.directory is not None and self.directory.exists():
            shutil.rmtree(self.directory)

    async def close(self) -> None:
        """Leave it as it is."""
        if self.database is not None:
            await self.database.close()
            self.database = None

    async def _opened(self, directory: Path) -> Database:
        if self.database is None:
            make(directory)
            database = Database(directory / "owed.db", MIGRATIONS)
            await database.open()
            self.database = database
        return self.database


def make(directory: Path) -> None:
    """See that it is there and ours alone.

    Raises:
        OSError: it cannot be made.
        Invalid: it is somebody else's.
    """
    directory.mkdir(mode=0o700, exist_ok=True)
    check_private(directory)


def insert(connection: apsw.Connection, body: str, time: float) -> None:
    connection.execute("INSERT INTO owed (time, body) VALUES (?, ?)", (time, body))


def all_of_it(connection: apsw.Connection) -> list[tuple[str, float]]:
    return [(str(body), float(time)) for body, time in connection.execute("SELECT body, time FROM owed ORDER BY place")]
