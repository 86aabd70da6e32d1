"""Database: one SQLite file, owned by one actor, that answers a write only once it is on disk.

All writes that wait share one transaction (group commit); one that fails takes back nothing but itself. A second connection,
in a thread of its own, reads the last committed state meanwhile. Knows no schema and no actor.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Concatenate, Final, ParamSpec, TypeVar

import apsw
from loguru import logger

from actors.sqlite import damage, second_names
from actors.sqlite.backup import backup_path, write_copy
from actors.sqlite.commit import Held, NothingHeld, as_told
from actors.sqlite.encryption import StoreKey
from actors.sqlite.group_commit import Writer
from actors.sqlite.in_place import InPlace
from actors.sqlite.opening import BUSY_MS, Damaged, open_to_read
from actors.sqlite.ownership import own, release
from actors.sqlite.remnants import Remnants
from actors.sqlite.threads import Reader
from transport.errors import Overloaded, Unavailable

__all__ = ["Database"]

EMPTY_WITHIN_S: Final = 20.0
"""How long who wants the log emptied waits for those who read it, in seconds: longer than any recall takes, and less than the
time that HTTP gives a request."""

READ_AFTER_S: Final = 0.05
"""After the file was opened, when the reader's connection is, unless somebody reads before, in seconds."""

FIRST_PAUSE_S: Final = 0.005
LONGEST_PAUSE_S: Final = 0.25
"""The longest pause between two attempts to empty the log, in seconds. Each costs a write that comes at the same time a
millisecond or so."""

OWED_FOR_S: Final = 2.0
"""After so many seconds a log is emptied by itself that somebody could not empty: a kill, a reader or a full disk may have come
between forgetting and that, and nobody need ask again."""

P = ParamSpec("P")
T = TypeVar("T")


class Database:
    """One file and its two threads.

    Args:
        path: the file; its directory is made when missing. Readable by its owner only.
        migrations: SQL scripts, oldest first. Number n brings `user_version` from n - 1 to n; none is ever changed or removed.
        queue_limit: how many writes, later writes and reads may wait, each.
        held: what the writes hold in memory from one to the next.
        on_commit: called on the loop after writes came to disk, be their callers there or gone. Not for later and rebuildable
            ones.
        mend: a script that makes anew, at the newest version, what follows from other rows; run on what was recovered.
    """

    def __init__(
        self,
        path: Path,
        migrations: Sequence[str],
        *,
        queue_limit: int = 4096,
        held: Held | None = None,
        on_commit: Callable[[], None] = lambda: None,
        mend: str = "",
    ) -> None:
        # A link is followed: SQLite puts the log beside the file itself.
        self.path = path.resolve()
        self._key: StoreKey | None = None
        self._in_place = InPlace(self.path, tuple(migrations), mend)
        self._writer = Writer(
            path.name,
            queue_limit,
            held=held or NothingHeld(),
            keep=self._keep,
            on_moved=self._moved,
            on_commit=on_commit,
            on_fault=self._fail,
        )
        self._reader = Reader(path.name, queue_limit, self._fail)
        self._remnants = Remnants(self.path)
        self._failed: asyncio.Future[None] | None = None
        """Its exception is why this database has to be opened anew."""

        self._owes_the_log = asyncio.Event()
        """Set while the log may hold what is to be in no file any more."""

        self._owned = False
        self._reading_later: asyncio.TimerHandle | None = None
        self._reading: asyncio.Task[None] | None = None
        """Opens the reader's connection, or has."""

    async def open(self) -> None:
        """Open the file, bring its schema up to date, and start both threads.

        A damaged file is set aside, and what can be read of it recovered into a new one. The key of an encrypted one comes from
        the environment.

        Raises:
            NewerDatabase: the file's version is above the last migration's.
            KeyRefused: file and key do not belong together.
            Conflict: another process has it open, and has not ended in time.
            Unavailable: the file cannot be opened.
        """
        self._key = key = StoreKey.from_environment()
        await own(self.path)
        self._owned = True
        self._failed = asyncio.get_running_loop().create_future()
        if damage.was_not_closed(self.path):
            self._owes_the_log.set()
        try:
            await self._writer.start(partial(_told, self.path.name, self._in_place.open, key))
        except BaseException:
            # Where this was cancelled, the thread may be in the middle of a migration: nobody else is to begin it meanwhile.
            await self._writer.stop(partial(note_closed, self.path))
            self._give_up_ownership()
            raise
        # Whoever comes back after a kill is waited for by writes, mostly, and this is a fifth of what opening takes.
        self._reading_later = asyncio.get_running_loop().call_later(READ_AFTER_S, self._begin_reading)

    async def close(self) -> None:
        """Finish what was accepted, move the log into the file, and close it. Closing twice is closing once."""
        if self._reading_later is not None:
            self._reading_later.cancel()
        if self._reading is not None:
            await asyncio.wait({self._reading})
        await self._reader.stop()
        await self._writer.stop(partial(note_closed, self.path))
        self._give_up_ownership()

    async def watch(self) -> None:
        """Wait, for ever if need be, until this database has to be opened anew: the owner spawns this, and so fails with it.

        Meanwhile what a kill, or whoever read the log for too long, kept from being emptied is.

        Raises:
            Damaged: damage has shown itself. The next opening looks at every page.
            Conflict: another process has become the file's owner.
            Exception: any other fault that has ended one of the threads.
        """
        assert self._failed is not None  # noqa: S101 (it is open)
        emptying = asyncio.create_task(self._empty_what_is_owed())
        try:
            await asyncio.shield(self._failed)
        finally:
            emptying.cancel()

    async def write(self, fn: Callable[Concatenate[apsw.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `fn(connection, *args)` in the writer's thread; its result is given once the transaction is on disk.

        What `fn` raises takes back what it did, and comes out here. A write whose task is cancelled before it began is not run;
        afterwards it is, whether anyone waits for it or not.

        Raises:
            Overloaded: too many writes wait already.
            Unavailable: the disk is full, read-only or broken: nothing of this write is kept.
        """
        try:
            return await self._writer.submit(lambda connection: fn(connection, *args, **kwargs))
        except Unavailable as error:
            self._suspect(error)
            raise

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
        return await self._watched(
            self._writer.submit(partial(_unsynced, lambda connection: fn(connection, *args, **kwargs)), grouped=False)
        )

    async def settle(self) -> None:
        """Wait until every later write that was accepted before is on disk."""
        await self._watched(self._writer.settle())

    async def checkpoint(self) -> None:
        """Move everything from the write-ahead log into the file and empty the log, so that nothing forgotten stays in either.

        What stays of rows in pages that they had left is overwritten: in all pages when this is called first (6 us of
        CPU each), then in those that were written since. Other writes have their turn between 512 of them.

        A log that is being read (by a recall, a backup) cannot be emptied: this comes back to it, and keeps no write waiting.

        Raises:
            Overloaded: too many writes wait already.
            Unavailable: the disk refuses, or the log was read for as long as `EMPTY_WITHIN_S`.
        """
        try:
            await self._empty_log()
        except BaseException:
            # A full disk, a reader, or whoever waited was cancelled.
            self._owes_the_log.set()
            raise
        self._owes_the_log.clear()

    async def _empty_log(self) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + EMPTY_WITHIN_S
        pause_s = FIRST_PAUSE_S
        scrub = Scrub(self._remnants)
        while not scrub.done:
            if await self._watched(self._writer.submit(scrub.go_on, grouped=False)):
                pause_s = FIRST_PAUSE_S
                continue
            if loop.time() >= until:
                raise Unavailable(
                    f"what was changed is on disk, but the log of {self.path.name} is being read, by a backup perhaps, "
                    "and could not be emptied yet: ask again",
                    retry_after_ms=1000,
                )
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def back_up(self, name: str) -> int:
        """Write a copy to `backups/<name>.<file>` beside the database, while reading and writing go on; its size in bytes.

        Raises:
            Conflict: there is one of that name.
            Unavailable: the disk refuses.
        """
        return await self.copy_to(backup_path(self.path, name))

    async def copy_to(self, target: Path) -> int:
        """As `back_up`, to any place."""
        return await asyncio.to_thread(write_copy, self.path, target, StoreKey.from_environment())

    async def read(self, fn: Callable[Concatenate[apsw.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `fn(connection, *args)` in the reader's thread, over one snapshot that has every write answered before.

        Raises:
            Overloaded: too many reads wait already.
            Unavailable: the file cannot be read.
        """
        try:
            if not self._reader.accepting:
                await asyncio.shield(self._begin_reading())
            return await self._reader.submit(lambda connection: fn(connection, *args, **kwargs))
        except Unavailable as error:
            self._suspect(error)
            raise

    def _keep(self, connection: apsw.Connection) -> apsw.Connection:
        return self._in_place.keep(connection, self._key)

    def _moved(self) -> None:
        self._reader.connect_anew(partial(_told, self.path.name, open_to_read, self.path, self._key))

    async def _watched(self, answer: Awaitable[T]) -> T:
        try:
            return await answer
        except Unavailable as error:
            self._suspect(error)
            raise

    def _begin_reading(self) -> asyncio.Task[None]:
        """Have the reader's connection opened, unless that is being done; who reads next tries again what failed."""
        if self._reading is None or (self._reading.done() and not self._reader.accepting):
            self._reading = asyncio.get_running_loop().create_task(
                self._connect_reader(), name=f"open {self.path.name} to read"
            )
            self._reading.add_done_callback(_look_at)
        return self._reading

    async def _connect_reader(self) -> None:
        # By the writer's thread, which sees before and afterwards that the file is in its place.
        connect = partial(_told, self.path.name, open_to_read, self.path, self._key)
        connection = await self._writer.submit(lambda _: connect(), grouped=False)
        await self._reader.start(lambda: connection)

    def _give_up_ownership(self) -> None:
        if self._owned:
            self._owned = False
            release(self.path)

    async def _empty_what_is_owed(self) -> None:
        while True:
            await self._owes_the_log.wait()
            await asyncio.sleep(OWED_FOR_S)
            if not self._owes_the_log.is_set():
                continue
            try:
                await self.checkpoint()
            except (Overloaded, Unavailable) as error:
                logger.bind(database=self.path.name, reason=error.message).warning("a log is emptied later")

    def _suspect(self, error: Unavailable) -> None:
        if isinstance(error.__cause__, damage.SIGNS) and self._failed is not None and not self._failed.done():
            damage.suspect(self.path, error.message)
            self._writer.leave_log()
            self._fail(Damaged(f"{self.path.name} is damaged: {error.message}"))

    def _fail(self, error: BaseException) -> None:
        if self._failed is not None and not self._failed.done():
            logger.bind(database=self.path.name, error=repr(error)).error("a database has to be opened anew")
            self._failed.set_exception(error)
            self._failed.exception()  # looked at: nobody need be watching


def _look_at(task: asyncio.Task[None]) -> None:
    """Whoever reads next tries again, and is told."""
    if not task.cancelled():
        task.exception()


def _told(name: str, connect: Callable[P, apsw.Connection], *args: P.args, **kwargs: P.kwargs) -> apsw.Connection:
    try:
        return connect(*args, **kwargs)
    except OSError as error:
        raise Unavailable(f"{name} cannot be opened: {error.strerror}") from error
    except apsw.Error as error:
        raise as_told(error) from error


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


class Scrub:
    """Empties the log, and overwrites remnants in pages that were written before it began. Runs in the writer's thread.

    Args:
        remnants: knows which.
    """

    def __init__(self, remnants: Remnants) -> None:
        self.done = False
        self._remnants = remnants
        self._left: list[int] | None = None

    def go_on(self, connection: apsw.Connection) -> bool:
        """Do the next part; False where somebody reads the log, or another program writes to it.

        SQLite's own waiting would keep the writer's thread, and all writes with it.
        """
        connection.set_busy_timeout(0)
        try:
            self._remnants.follow(connection)
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            if self._left is None:
                self._left = self._remnants.written()
            emptied = self._remnants.overwrite(self._left)
        except apsw.BusyError:
            return False
        finally:
            connection.set_busy_timeout(BUSY_MS)
        self.done = emptied and self._remnants.saw_all and not self._left
        return emptied


def note_closed(path: Path) -> None:
    """Take away what says that the file is open, second names included. Called before the last connection closes."""
    second_names.drop(path)
    damage.note_closed(path)
