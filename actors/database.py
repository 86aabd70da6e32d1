"""Database: one SQLite file, owned by one actor, that answers a write only once it is on disk.

All writes that wait share one transaction (group commit); one that fails takes back nothing but itself. A second connection,
in a thread of its own, reads the last committed state meanwhile. Knows no schema and no actor.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import apsw

from actors.group_commit import Held, NothingHeld, Reader, Writer, as_told
from transport.errors import Conflict, Unavailable

__all__ = ["Database", "NewerDatabase"]

P = ParamSpec("P")
T = TypeVar("T")

BUSY_MS = 5_000
"""How long to wait for a lock that another program (a backup, a shell) holds on the file, in milliseconds."""


class NewerDatabase(Conflict):
    """The database was written by a newer version of this program; it was left untouched."""


class Database:
    """One file and its two threads.

    Args:
        path: the file; its directory is made when missing. Readable by its owner only.
        migrations: SQL scripts, oldest first. Number n brings `user_version` from n - 1 to n; none is ever changed or removed.
        queue_limit: how many writes, later writes and reads may wait, each.
        held: what the writes hold in memory from one to the next.
    """

    def __init__(self, path: Path, migrations: Sequence[str], *, queue_limit: int = 4096, held: Held | None = None) -> None:
        self.path = path
        self._migrations = tuple(migrations)
        self._writer = Writer(path.name, queue_limit, held or NothingHeld())
        self._reader = Reader(path.name, queue_limit)

    async def open(self) -> None:
        """Open the file, bring its schema up to date, and start both threads.

        Raises:
            NewerDatabase: the file's version is above the last migration's.
            Unavailable: the file cannot be opened, or is no database.
        """
        await self._writer.start(partial(_open, self.path, self._migrations))
        try:
            await self._reader.start(partial(_open_to_read, self.path))
        except BaseException:
            await self._writer.stop()
            raise

    async def close(self) -> None:
        """Finish what was accepted, move the log into the file, and close it. Closing twice is closing once."""
        await self._reader.stop()
        await self._writer.stop()

    async def write(self, fn: Callable[Concatenate[apsw.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `fn(connection, *args)` in the writer's thread; its result is given once the transaction is on disk.

        What `fn` raises takes back what it did, and comes out here. A write whose task is cancelled before it began is not run;
        afterwards it is, whether anyone waits for it or not.

        Raises:
            Overloaded: too many writes wait already.
            Unavailable: the disk is full, read-only or broken: nothing of this write is kept.
        """
        return await self._writer.submit(lambda connection: fn(connection, *args, **kwargs))

    def write_later(self, fn: Callable[Concatenate[apsw.Connection, P], object], *args: P.args, **kwargs: P.kwargs) -> bool:
        """Run `fn(connection, *args)` when it costs others little, within about 0.2 s. False: too many wait, it was dropped.

        For what may be lost (an access count): nobody learns its result, and a failure is only logged.
        """
        return self._writer.submit_later(lambda connection: fn(connection, *args, **kwargs))

    async def write_rebuildable(self, fn: Callable[Concatenate[apsw.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `fn(connection, *args)` in a transaction of its own that the disk is not waited for.

        For what can be made again from what is there (an index), with a cursor in the same transaction: a power cut may take
        the last of it back, never half of it, and never what was acknowledged.

        Raises:
            Overloaded: too many writes wait already.
            Unavailable: the disk is full, read-only or broken.
        """
        return await self._writer.submit(partial(_unsynced, lambda connection: fn(connection, *args, **kwargs)), grouped=False)

    async def settle(self) -> None:
        """Wait until every later write that was accepted before is on disk."""
        await self._writer.settle()

    async def checkpoint(self) -> None:
        """Move everything from the write-ahead log into the file and empty the log, so that nothing forgotten stays in it."""
        await self._writer.submit(_checkpoint, grouped=False)

    async def read(self, fn: Callable[Concatenate[apsw.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `fn(connection, *args)` in the reader's thread, over one snapshot that has every write answered before.

        Raises:
            Overloaded: too many reads wait already.
            Unavailable: the file cannot be read.
        """
        return await self._reader.submit(lambda connection: fn(connection, *args, **kwargs))


def _open(path: Path, migrations: Sequence[str]) -> apsw.Connection:
    connection: apsw.Connection | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        connection = apsw.Connection(str(path))
        connection.set_busy_timeout(BUSY_MS)
        _prepare_once(connection)
        _refuse_newer(connection, path, len(migrations))
        if connection.pragma("journal_mode", "wal") != "wal":
            raise Unavailable(f"{path.name}: this file system cannot hold a write-ahead log")  # noqa: TRY301 (closes below)
        for name, value in (("synchronous", "full"), ("foreign_keys", "on"), ("secure_delete", "on"), ("cache_size", -16_384)):
            connection.pragma(name, value)
        _migrate(connection, migrations)
    except OSError as error:
        raise Unavailable(f"{path.name} cannot be opened: {error.strerror}") from error
    except BaseException as error:
        if connection is not None:
            connection.close()
        told = as_told(error)
        if told is error:
            raise
        raise told from error
    return connection


def _prepare_once(connection: apsw.Connection) -> None:
    # Otherwise the planner looks at the values bound to a statement, and prepares it anew for each: a seventh of memory's time.
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)


def _refuse_newer(connection: apsw.Connection, path: Path, newest: int) -> None:
    # Closing would otherwise move a newer program's log into its file.
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    version = connection.pragma("user_version")
    if version > newest:
        raise NewerDatabase(
            f"{path.name} has version {version}, this program knows up to {newest}: "
            "use the newer program; the file was not touched"
        )
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)


def _migrate(connection: apsw.Connection, migrations: Sequence[str]) -> None:
    for version in range(connection.pragma("user_version") + 1, len(migrations) + 1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.execute(migrations[version - 1])
            connection.pragma("user_version", version)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def _open_to_read(path: Path) -> apsw.Connection:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    connection.set_busy_timeout(BUSY_MS)
    _prepare_once(connection)
    connection.pragma("cache_size", -65_536)
    connection.pragma("query_only", "on")
    return connection


def _unsynced(run: Callable[[apsw.Connection], T], connection: apsw.Connection) -> T:
    connection.pragma("synchronous", "normal")
    try:
        connection.execute("BEGIN IMMEDIATE")
        result = run(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    finally:
        connection.pragma("synchronous", "full")
    return result


def _checkpoint(connection: apsw.Connection) -> None:
    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
