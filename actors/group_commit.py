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
from typing import Any, TypeVar

import apsw
from loguru import logger

from actors.commit import Held, Job, as_told, commit, lose, run
from transport.errors import Overloaded, Unavailable

__all__ = ["Reader", "Writer"]

T = TypeVar("T")

GROUP = 512
"""Most writes in one transaction: it bounds how long the first waits for the last."""

TURNS = 16
"""Turns of the loop that a thread is let sleep while each brings more: a burst of messages is begun in fewer."""

GATHER_S = 0.005
"""Longest that a group waits for those who are expected, in seconds; never longer than the commit before it took."""

QUICK_S = 0.001
"""A disk that commits so soon is not waited for: two commits cost less than the waiting."""

GATHER_STEPS = 4
"""How often it looks meanwhile whether they have come."""

AFTER_A_VAIN_WAIT = 8
"""Groups that do not wait after one that did in vain: who writes once and goes costs others a ninth of the wait."""

LOOK_S = 1.0
"""How often a writer that has nothing to do sees that its file is in its place, in seconds."""

LATER_S = 0.2
"""Longest that a later write waits for others, in seconds: at most five commits a second are made for these alone."""


class _Thread:
    """A thread with a connection and a bounded queue of jobs; answers go back to the loop that started it.

    Jobs come from that loop alone. It takes no lock for them: it would wait for a thread that is in the middle of its work. It
    adds to the queue, then rings if the thread sleeps; the thread says that it sleeps, then looks at the queue once more. It
    rings after a turn of the loop that has brought no more: a thread woken by the first of many writes would commit that one
    alone, and take the interpreter from those that bring the others.
    """

    kind: str

    def __init__(self, name: str, limit: int, on_fault: Callable[[BaseException], None]) -> None:
        self._name = name
        self._limit = limit
        self._jobs: deque[Job] = deque()
        self._bell = threading.Lock()
        self._bell.acquire()
        self._asleep = False
        self._rings = 0
        """How many turns of the loop have brought more since it has wanted to ring; 0: it does not want to."""

        self._seen = 0

        self._accepting = False
        self._ended: asyncio.Future[None] | None = None
        self._before_closing: Callable[[], None] | None = None
        self._in_hand: Sequence[Job] = ()
        """What it is doing, so that a fault of its own leaves nobody waiting."""

        self._on_fault = on_fault
        self._loop: asyncio.AbstractEventLoop
        self._connection: apsw.Connection

    @property
    def accepting(self) -> bool:
        """Whether it takes jobs: it was started, and not stopped since."""
        return self._accepting

    async def start(self, connect: Callable[[], apsw.Connection]) -> None:
        """Start the thread, and wait until it has its connection. Jobs are taken at once."""
        self._loop = asyncio.get_running_loop()
        opened: asyncio.Future[None] = self._loop.create_future()
        self._ended = self._loop.create_future()
        self._accepting = True
        threading.Thread(target=self._main, args=(connect, opened), name=f"{self._name} {self.kind}", daemon=True).start()
        await opened

    async def stop(self, before_closing: Callable[[], None] | None = None) -> None:
        self._before_closing = self._before_closing or before_closing
        self._accepting = False
        self._ring()
        if self._ended is not None:
            await asyncio.shield(self._ended)

    def submit(self, run: Callable[[apsw.Connection], T], *, grouped: bool = True) -> asyncio.Future[T]:
        self._admit(len(self._jobs))
        future: asyncio.Future[T] = self._loop.create_future()
        self._jobs.append(Job(run, future, grouped))
        if not self._rings:
            self._rings = 1
            self._seen = 0
            self._loop.call_soon(self._ring_for_all)
        return future

    def _ring_for_all(self) -> None:
        if self._seen < len(self._jobs) < GROUP and self._rings < TURNS and self._asleep:
            self._seen = len(self._jobs)
            self._rings += 1
            self._loop.call_soon(self._ring_for_all)
            return
        self._rings = 0
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
            self._connection = connect()
        except BaseException as error:  # noqa: BLE001 (whoever opens is told, whatever it was)
            self._accepting = False
            self._post(_settle_future, opened, error)
            self._post(self._end)
            return

        self._post(_settle_future, opened, None)
        fault = None
        try:
            self._serve()
        except BaseException as error:  # noqa: BLE001 (its owner is told, whatever it was)
            fault = error
        finally:
            self._accepting = False
            if self._before_closing is not None:
                with suppress(OSError):
                    self._before_closing()
            with suppress(apsw.Error):
                self._connection.close()
            self._post(self._end, fault)

    def _end(self, fault: BaseException | None = None) -> None:
        """On the loop, so that no job comes after: refuse those that are left.

        Args:
            fault: by which the thread has ended, where nobody told it to.
        """
        left = [*self._in_hand, *self._unbegun()]
        for job in left:
            job.error = Unavailable(f"{self._name} is closed")
            job.error.__cause__ = fault
        _answer(left)
        _settle_future(self._ended, None)
        if fault is not None:
            self._on_fault(fault)

    def _unbegun(self) -> list[Job]:
        """Takes out all jobs that wait."""
        left = list(self._jobs)
        self._jobs.clear()
        return left

    def _serve(self) -> None:
        raise NotImplementedError

    def _deliver(self, jobs: Sequence[Job]) -> None:
        """Give all answers of a group to the loop at once: waking it costs more than an answer."""
        for job in jobs:
            if job.future is None and job.error is not None:
                logger.bind(database=self._name, error=type(job.error).__name__).warning("a later write was lost")
        self._post(_answer, [job for job in jobs if job.future is not None])

    def _post(self, fn: Callable[..., None], *args: Any) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(fn, *args)


class Writer(_Thread):
    """Commits for all jobs that wait, and for the later ones when they are due.

    Args:
        name: of the database, in errors and logs.
        limit: most jobs that may wait.
        held: what jobs hold in memory.
        keep: called before and after each transaction with the connection; gives the one to go on with, which is another where
            the file had lost its name. What it refuses with `Unavailable`, the jobs are told in place of their success.
        on_moved: called after it has given another, before anybody learns of the transaction.
        on_fault: told on the loop what has ended the thread, where nobody stopped it. Who waited for it is told `Unavailable`.
    """

    kind = "writer"

    def __init__(
        self,
        name: str,
        limit: int,
        *,
        held: Held,
        keep: Callable[[apsw.Connection], apsw.Connection],
        on_moved: Callable[[], None],
        on_fault: Callable[[BaseException], None],
    ) -> None:
        super().__init__(name, limit, on_fault)
        self._held = held
        self._keep = keep
        self._on_moved = on_moved
        self._later: deque[Job] = deque()
        self._later_since = 0.0
        self._hurried = False
        self._commit_s = 0.0
        self._answered = 0.0
        """When the last group was."""

        self._expected = 0
        """How many that group had, and how many waited behind it."""

        self._in_vain = 0

    def submit_later(self, run: Callable[[apsw.Connection], object]) -> bool:
        """Take a job that nobody waits for; False when there is no room."""
        if not self._accepting or len(self._later) >= self._limit:
            return False
        if not self._later:
            self._later_since = time.monotonic()
        self._later.append(Job(run, None))
        if self._asleep:
            self._ring()
        return True

    async def settle(self) -> None:
        """Wait until the later jobs accepted so far are on disk."""
        self._admit(0)
        future: asyncio.Future[None] = self._loop.create_future()
        self._later.append(Job(lambda _connection: None, future))
        self._hurried = True
        self._ring()
        await future

    def _serve(self) -> None:
        while group := self._take():
            self._in_hand = group
            grouped = [job for job in group if job.grouped and job.wanted]
            rest, self._commit_s = self._commit(grouped)
            if rest:
                self._jobs.extendleft(reversed(rest))
                grouped = grouped[: -len(rest)]
            self._expected = len(grouped) + len(self._jobs)
            self._answered = time.monotonic()
            self._deliver(grouped)

            for job in (job for job in group if not job.grouped and job.wanted):
                self._run_alone(job)
                self._deliver([job])
        self._misplaced()

    def _unbegun(self) -> list[Job]:
        left = [*super()._unbegun(), *self._later]
        self._later.clear()
        return left

    def _commit(self, jobs: list[Job]) -> tuple[list[Job], float]:
        """As `commit`, and in a file that is in its place, before and afterwards."""
        if not jobs:
            return [], 0.0
        if (error := self._misplaced()) is not None:
            lose(jobs, error)
            return [], 0.0

        rest, seconds = commit(self._connection, jobs, self._held)
        # Whoever is told of it here may find later that it was kept after all: it asks again, with the same key.
        if (error := self._misplaced()) is not None:
            lose(jobs[: len(jobs) - len(rest)], error)
        return rest, seconds

    def _run_alone(self, job: Job) -> None:
        if (error := self._misplaced()) is None:
            run(job, self._connection)
            error = self._misplaced()
        if error is not None:
            lose([job], error)

    def _misplaced(self) -> Unavailable | None:
        """Why nothing may be acknowledged: the file is not where others would find it, and could not be written back."""
        try:
            kept = self._keep(self._connection)
        except Unavailable as error:
            return error
        if kept is not self._connection:
            self._connection = kept
            self._on_moved()
        return None

    def _take(self) -> list[Job]:
        """What shares the next transaction; empty when all is done and nothing more is accepted."""
        while not self._jobs and not self._later_is_due():
            if not self._accepting and not self._jobs and not self._later:
                return []
            self._sleep(self._later_since + LATER_S - time.monotonic() if self._later else LOOK_S)
            if not self._jobs and not self._later:
                self._misplaced()

        self._gather()
        group = [self._jobs.popleft() for _ in range(min(len(self._jobs), GROUP))]
        if self._later_is_due():
            group += [self._later.popleft() for _ in range(min(len(self._later), GROUP))]
            self._hurried = self._hurried and bool(self._later)
        return group

    def _gather(self) -> None:
        """Give those who were answered a moment ago the time to write again, where the disk is slow.

        Else writers part into those who write while the others' commit is under way, and each waits for two. Where they were
        waited for in vain, the next groups are not kept waiting.
        """
        if self._commit_s < QUICK_S or self._in_vain:
            self._in_vain = max(0, self._in_vain - 1)
            return

        wait_s = min(self._commit_s, GATHER_S)
        while not self._are_here() and time.monotonic() < self._answered + wait_s:
            time.sleep(wait_s / GATHER_STEPS)
        self._in_vain = 0 if self._are_here() else AFTER_A_VAIN_WAIT

    def _are_here(self) -> bool:
        return len(self._jobs) >= self._expected - self._expected // 8 or self._hurried or not self._accepting

    def _later_is_due(self) -> bool:
        if not self._later:
            return False
        return self._hurried or not self._accepting or time.monotonic() - self._later_since >= LATER_S


class Reader(_Thread):
    """Runs one job after another, each over one snapshot."""

    kind = "reader"
    _anew: Callable[[], apsw.Connection] | None = None
    _connected: Callable[[], apsw.Connection] | None = None

    def connect_anew(self, connect: Callable[[], apsw.Connection]) -> None:
        """Have the next job, and all after it, read another file. Any thread may say so."""
        self._anew = connect

    def _serve(self) -> None:
        while job := self._take():
            self._in_hand = (job,)
            if not job.wanted:
                continue
            try:
                if (connect := self._anew) is not self._connected and connect is not None:
                    self._connect(connect)
                self._connection.execute("BEGIN")
            except (apsw.Error, Unavailable) as error:
                job.error = as_told(error)
            else:
                run(job, self._connection)
                with suppress(apsw.Error):
                    self._connection.execute("ROLLBACK")
            self._deliver([job])

    def _connect(self, connect: Callable[[], apsw.Connection]) -> None:
        connection = connect()
        self._connection.close()
        self._connection, self._connected = connection, connect

    def _take(self) -> Job | None:
        while not self._jobs:
            if not self._accepting and not self._jobs:
                return None
            self._sleep(None)
        return self._jobs.popleft()


def _answer(jobs: list[Job]) -> None:
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
