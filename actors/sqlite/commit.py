"""One transaction for many jobs: what a job is, what its owner holds in memory from one to the next, how a group is committed.

Knows no thread and no queue.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol

import apsw

from actors.fair_queue import Flow
from transport.errors import Unavailable

__all__ = ["GROUP", "Held", "Job", "NothingHeld", "as_told", "commit", "lose", "run"]

GROUP: Final = 512
"""Most writes in one transaction: it bounds how long the first waits for the last."""

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
    UnicodeDecodeError,
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
class Job:
    """Something to be done with the connection, and who waits for it."""

    run: Callable[[apsw.Connection], Any]
    future: asyncio.Future[Any] | None
    """None for a later write: nobody waits."""

    grouped: bool = True
    flow: Flow = (None, None)
    """Whose it is, and about what; nobody's where it is its owner's own work."""

    result: Any = None
    error: BaseException | None = None

    @property
    def wanted(self) -> bool:
        """Whether somebody still waits, or never did."""
        return self.future is None or not self.future.cancelled()


def commit(connection: apsw.Connection, jobs: list[Job], held: Held) -> tuple[list[Job], float]:
    """Run all jobs in one transaction and commit it; their fields say how it went.

    Returns those to be run in the next one, and how long the disk took, in seconds.

    A savepoint for each would cost more than most jobs do. So there is none at first: when one fails in its middle, or what
    they hold cannot be written, all is taken back and run again with savepoints.
    """
    if not jobs:
        return [], 0.0

    try:
        connection.execute("BEGIN IMMEDIATE")
        for job in jobs:
            before = connection.total_changes(), held.changes
            run(job, connection)
            if job.error is not None and (connection.total_changes(), held.changes) != before:
                take_back(connection, held)
                return commit_apart(connection, jobs, held)
            if not connection.in_transaction:
                held.clear()
                return commit_apart(connection, jobs, held)
        if not flushed(connection, held):
            take_back(connection, held)
            return commit_apart(connection, jobs, held)
        return [], sync(connection)
    except apsw.Error as error:
        take_back(connection, held)
        lose(jobs, as_told(error))
        return [], 0.0


def commit_apart(connection: apsw.Connection, jobs: list[Job], held: Held) -> tuple[list[Job], float]:
    """As `commit`, each job in a savepoint of its own.

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
            run(job, connection)
            if job.error is None:
                flush_for(job, connection, held)
            if not connection.in_transaction:
                held.clear()
                lose(jobs[:done], Unavailable("the disk refused a write of the same group"))
                return jobs[done:], 0.0
            if job.error is not None:
                connection.execute("ROLLBACK TO job")
                held.clear()
            connection.execute("RELEASE job")
        return [], sync(connection)
    except apsw.Error as error:
        take_back(connection, held)
        lose(jobs, as_told(error))
        return [], 0.0


def sync(connection: apsw.Connection) -> float:
    """Commit; returns the seconds that it took."""
    began = time.monotonic()
    connection.execute("COMMIT")
    return time.monotonic() - began


def flushed(connection: apsw.Connection, held: Held) -> bool:
    """Write what is held; False when the database does not take it. Each job's part of it may do better by itself."""
    try:
        held.flush(connection)
    except apsw.Error:
        return False
    return True


def flush_for(job: Job, connection: apsw.Connection, held: Held) -> None:
    """Write what is held, all of which is this job's: a refusal is its error alone."""
    try:
        held.flush(connection)
    except apsw.Error as error:
        job.error = as_told(error)


def take_back(connection: apsw.Connection, held: Held) -> None:
    """Undo what was not committed."""
    held.clear()
    if connection.in_transaction:
        with suppress(apsw.Error):
            connection.execute("ROLLBACK")


def lose(jobs: list[Job], error: BaseException) -> None:
    """Tell those that have no error yet of one."""
    for job in jobs:
        job.error = job.error or error


def run(job: Job, connection: apsw.Connection) -> None:
    """Run a job; its fields say how it went."""
    try:
        job.result = job.run(connection)
    except BaseException as error:  # noqa: BLE001 (it is its caller's, whatever it was)
        job.error = as_told(error)


def as_told(error: BaseException) -> BaseException:
    """`error` as a caller may see it: what the disk refused becomes `Unavailable`; what no future takes, a `RuntimeError`."""
    if isinstance(error, StopIteration):
        told_of = RuntimeError("a job raised StopIteration")
        told_of.__cause__ = error
        return told_of
    if not isinstance(error, REFUSED_BY_THE_DISK):
        return error
    told = Unavailable(f"the database refused: {type(error).__name__.removesuffix('Error')}: {error}", retry_after_ms=1000)
    told.__cause__ = error
    return told
