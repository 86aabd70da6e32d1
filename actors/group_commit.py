"""The two threads of a database: a writer that commits for all who wait at once, and a reader beside it.

Jobs are functions of a connection. Knows no file, no schema and no caller.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import apsw
from loguru import logger

from transport.errors import Overloaded, Unavailable

__all__ = ["Held", "NothingHeld", "Reader", "Writer", "as_told"]

T = TypeVar("T")

GROUP = 512
"""Most writes in one transaction: it bounds how long the first waits for the last."""

LATER_S = 0.2
"""Longest that a later write waits for others, in seconds: at most five commits a second are made for these alone."""

REFUSED_BY_THE_DISK = (
    apsw.FullError,
    apsw.IOError,
    apsw.ReadOnlyError,
    apsw.BusyError,
    apsw.LockedError,
    apsw.CantOpenError,
    apsw.CorruptError,
    apsw.NotADBError,
    apsw.NoMemError,
    apsw.PermissionsError,
)


class Held(Protocol):
    """What an owner's jobs hold in memory of the database from one to the next. Only the writer's thread touches it."""

    changes: int
    """Grows whenever something is noted that `flush` is to write."""

    def flush(self, connection: apsw.Connection) -> None:
        """Write what is noted: called before each commit."""

    def clear(self) -> None:
        """Forget everything: what was written since the last commit is taken back."""


class NothingHeld:
    """For owners whose jobs hold nothing."""

    changes = 0

    def flush(self, connection: apsw.Connection) -> None:
        """Nothing to write."""

    def clear(self) -> None:
        """Nothing to forget."""


@dataclass(slots=True)
class _Job:
    run: Callable[[apsw.Connection], Any]
    future: asyncio.Future[Any] | None
    """None for a later write: nobody waits."""

    grouped: bool = True
    result: Any = None
    error: BaseException | None = None

    @property
    def wanted(self) -> bool:
        return self.future is None or not self.future.cancelled()


class _Thread:
    """A thread with a connection and a bounded queue of jobs; answers go back to the loop that started it.

    Jobs come from that loop alone. It takes no lock for them: it would wait for a thread that is in the middle of its work. It
    adds to the queue, then rings if the thread sleeps; the thread says that it sleeps, then looks at the queue once more. It
    rings when all has been said that was to be said in this turn of the loop: a thread woken by the first of many writes
    would commit that one alone, and take the interpreter from those that bring the others.
    """

    kind: str

    def __init__(self, name: str, limit: int) -> None:
        self._name = name
        self._limit = limit
        self._jobs: deque[_Job] = deque()
        self._bell = threading.Lock()
        self._bell.acquire()
        self._asleep = False
        self._rings = False
        """Whether the loop is about to ring."""

        self._accepting = False
        self._ended: asyncio.Future[None] | None = None
        self._before_closing: Callable[[], None] | None = None
        self._loop: asyncio.AbstractEventLoop

    async def start(self, connect: Callable[[], apsw.Connection]) -> None:
        await self.begin(connect)

    def begin(self, connect: Callable[[], apsw.Connection]) -> asyncio.Future[None]:
        """Start the thread; the future tells when it has its connection. Jobs are taken at once."""
        self._loop = asyncio.get_running_loop()
        opened: asyncio.Future[None] = self._loop.create_future()
        self._ended = self._loop.create_future()
        self._accepting = True
        threading.Thread(target=self._main, args=(connect, opened), name=f"{self._name} {self.kind}", daemon=True).start()
        return opened

    async def stop(self, before_closing: Callable[[], None] | None = None) -> None:
        self._before_closing = self._before_closing or before_closing
        self._accepting = False
        self._ring()
        if self._ended is not None:
            await asyncio.shield(self._ended)

    def submit(self, run: Callable[[apsw.Connection], T], *, grouped: bool = True) -> asyncio.Future[T]:
        self._admit(len(self._jobs))
        future: asyncio.Future[T] = self._loop.create_future()
        self._jobs.append(_Job(run, future, grouped))
        if not self._rings:
            self._rings = True
            self._loop.call_soon(self._ring_for_all)
        return future

    def _ring_for_all(self) -> None:
        self._rings = False
        if self._asleep:
            self._ring()

    def _admit(self, waiting: int) -> None:
        if not self._accepting:
            raise Unavailable(f"{self._name} is closed")
        if waiting >= self._limit:
            raise Overloaded(f"{waiting} calls wait for {self._name} already", retry_after_ms=100)

    def _ring(self) -> None:
        with suppress(RuntimeError):  # it rings already
            self._bell.release()

    def _sleep(self, seconds: float | None) -> None:
        """Wait to be rung for, at most so long; may end early."""
        self._asleep = True
        if not self._jobs and self._accepting:
            self._bell.acquire(timeout=-1 if seconds is None else max(seconds, 0.0))
        self._asleep = False

    def _main(self, connect: Callable[[], apsw.Connection], opened: asyncio.Future[None]) -> None:
        try:
            connection = connect()
        except BaseException as error:  # noqa: BLE001 (whoever opens is told, whatever it was)
            self._accepting = False
            self._post(_settle_future, opened, error)
            self._post(self._end)
            return

        self._post(_settle_future, opened, None)
        try:
            self._serve(connection)
        finally:
            self._accepting = False
            if self._before_closing is not None:
                with suppress(OSError):
                    self._before_closing()
            with suppress(apsw.Error):
                connection.close()
            self._post(self._end)

    def _end(self) -> None:
        """On the loop, so that no job comes after: refuse those that are left."""
        for job in self._jobs:
            job.error = Unavailable(f"{self._name} is closed")
        _answer([job for job in self._jobs if job.future is not None])
        self._jobs.clear()
        _settle_future(self._ended, None)

    def _serve(self, connection: apsw.Connection) -> None:
        raise NotImplementedError

    def _deliver(self, jobs: Sequence[_Job]) -> None:
        """Give all answers of a group to the loop at once: waking it costs more than an answer."""
        for job in jobs:
            if job.future is None and job.error is not None:
                logger.bind(database=self._name, error=type(job.error).__name__).warning("a later write was lost")
        self._post(_answer, [job for job in jobs if job.future is not None])

    def _post(self, fn: Callable[..., None], *args: Any) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(fn, *args)


class Writer(_Thread):
    """Commits for all jobs that wait, and for the later ones when they are due."""

    kind = "writer"

    def __init__(self, name: str, limit: int, held: Held) -> None:
        super().__init__(name, limit)
        self._held = held
        self._later: deque[_Job] = deque()
        self._later_since = 0.0
        self._hurried = False

    def submit_later(self, run: Callable[[apsw.Connection], object]) -> bool:
        """Take a job that nobody waits for; False when there is no room."""
        if not self._accepting or len(self._later) >= self._limit:
            return False
        if not self._later:
            self._later_since = time.monotonic()
        self._later.append(_Job(run, None))
        if self._asleep:
            self._ring()
        return True

    async def settle(self) -> None:
        """Wait until the later jobs accepted so far are on disk."""
        self._admit(0)
        future: asyncio.Future[None] = self._loop.create_future()
        self._later.append(_Job(lambda _connection: None, future))
        self._hurried = True
        self._ring()
        await future

    def _serve(self, connection: apsw.Connection) -> None:
        while group := self._take():
            grouped = [job for job in group if job.grouped and job.wanted]
            rest = _commit(connection, grouped, self._held)
            if rest:
                self._jobs.extendleft(reversed(rest))
                grouped = grouped[: -len(rest)]
            self._deliver(grouped)

            for job in (job for job in group if not job.grouped and job.wanted):
                _run(job, connection)
                self._deliver([job])

    def _take(self) -> list[_Job]:
        """What shares the next transaction; empty when all is done and nothing more is accepted."""
        while not self._jobs and not self._later_is_due():
            if not self._accepting and not self._jobs and not self._later:
                return []
            self._sleep(self._later_since + LATER_S - time.monotonic() if self._later else None)

        group = [self._jobs.popleft() for _ in range(min(len(self._jobs), GROUP))]
        if self._later_is_due():
            group += [self._later.popleft() for _ in range(min(len(self._later), GROUP))]
            self._hurried = self._hurried and bool(self._later)
        return group

    def _later_is_due(self) -> bool:
        if not self._later:
            return False
        return self._hurried or not self._accepting or time.monotonic() - self._later_since >= LATER_S


class Reader(_Thread):
    """Runs one job after another, each over one snapshot."""

    kind = "reader"

    def _serve(self, connection: apsw.Connection) -> None:
        while job := self._take():
            if not job.wanted:
                continue
            try:
                connection.execute("BEGIN")
            except apsw.Error as error:
                job.error = as_told(error)
            else:
                _run(job, connection)
                with suppress(apsw.Error):
                    connection.execute("ROLLBACK")
            self._deliver([job])

    def _take(self) -> _Job | None:
        while not self._jobs:
            if not self._accepting and not self._jobs:
                return None
            self._sleep(None)
        return self._jobs.popleft()


def _commit(connection: apsw.Connection, jobs: list[_Job], held: Held) -> list[_Job]:
    """Run all jobs in one transaction and commit it; their fields say how it went. Returns those to be run in the next one.

    A savepoint for each would cost more than most jobs do. So there is none at first: when one fails in its middle, or what
    they hold cannot be written, all is taken back and run again with savepoints.
    """
    if not jobs:
        return []

    try:
        connection.execute("BEGIN IMMEDIATE")
        for job in jobs:
            before = connection.total_changes(), held.changes
            _run(job, connection)
            if job.error is not None and (connection.total_changes(), held.changes) != before:
                _take_back(connection, held)
                return _commit_apart(connection, jobs, held)
            if not connection.in_transaction:
                held.clear()
                return _commit_apart(connection, jobs, held)
        if not _flushed(connection, held):
            _take_back(connection, held)
            return _commit_apart(connection, jobs, held)
        connection.execute("COMMIT")
    except apsw.Error as error:
        _take_back(connection, held)
        _lose(jobs, as_told(error))
    return []


def _commit_apart(connection: apsw.Connection, jobs: list[_Job], held: Held) -> list[_Job]:
    """As `_commit`, each job in a savepoint of its own.

    A full disk may make SQLite roll back the whole transaction, not the savepoint alone. Those that had run are then lost
    with it and told so; those behind them have not begun.
    """
    done = 0
    try:
        connection.execute("BEGIN IMMEDIATE")
        for job in jobs:
            done += 1
            job.result = job.error = None
            connection.execute("SAVEPOINT job")
            _run(job, connection)
            if job.error is None:
                _flush_for(job, connection, held)
            if not connection.in_transaction:
                held.clear()
                _lose(jobs[:done], Unavailable("the disk refused a write of the same group"))
                return jobs[done:]
            if job.error is not None:
                connection.execute("ROLLBACK TO job")
                held.clear()
            connection.execute("RELEASE job")
        connection.execute("COMMIT")
    except apsw.Error as error:
        _take_back(connection, held)
        _lose(jobs, as_told(error))
    return []


def _flushed(connection: apsw.Connection, held: Held) -> bool:
    """Write what is held; False when the database does not take it. Each job's part of it may do better by itself."""
    try:
        held.flush(connection)
    except apsw.Error:
        return False
    return True


def _flush_for(job: _Job, connection: apsw.Connection, held: Held) -> None:
    """Write what is held, all of which is this job's: a refusal is its error alone."""
    try:
        held.flush(connection)
    except apsw.Error as error:
        job.error = as_told(error)


def _take_back(connection: apsw.Connection, held: Held) -> None:
    held.clear()
    if connection.in_transaction:
        with suppress(apsw.Error):
            connection.execute("ROLLBACK")


def _lose(jobs: list[_Job], error: BaseException) -> None:
    for job in jobs:
        job.error = job.error or error


def _run(job: _Job, connection: apsw.Connection) -> None:
    try:
        job.result = job.run(connection)
    except BaseException as error:  # noqa: BLE001 (it is its caller's, whatever it was)
        job.error = as_told(error)


def as_told(error: BaseException) -> BaseException:
    """`error` as a caller may see it: what the disk refused becomes `Unavailable`."""
    if not isinstance(error, REFUSED_BY_THE_DISK):
        return error
    told = Unavailable(f"the database refused: {type(error).__name__.removesuffix('Error')}: {error}", retry_after_ms=1000)
    told.__cause__ = error
    return told


def _answer(jobs: list[_Job]) -> None:
    for job in jobs:
        future = job.future
        if future is None or future.done():
            continue
        if job.error is not None:
            future.set_exception(job.error)
        else:
            future.set_result(job.result)


def _settle_future(future: asyncio.Future[None] | None, error: BaseException | None) -> None:
    if future is None or future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(None)
