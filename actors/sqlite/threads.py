"""Threads of a database: each has a connection, and runs the jobs that its loop gives it. The reader is one of them.

Jobs are functions of a connection. Knows no file and no schema, and of callers only whose turn it is. The writer is in
`group_commit.py`.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import apsw
from loguru import logger

from actors.call import current_call
from actors.fair_queue import FairQueue
from actors.sqlite.commit import GROUP, Job, as_told, run
from transport.errors import Overloaded, Unavailable

__all__ = ["DatabaseThread", "Reader", "answer"]

T = TypeVar("T")

TURNS = 16
"""Turns of the loop that a thread is let sleep while each brings more: a burst of messages is begun in fewer."""


class DatabaseThread:
    """A thread with a connection and a bounded queue of jobs; answers go back to the loop that started it.

    Jobs come from that loop alone, and the queue has no lock, at which the loop would wait for a thread in the middle of its
    work. The loop adds a job, then rings if the thread sleeps; the thread says that it sleeps, then looks at the queue once
    more. So neither misses the other.

    The loop rings only after a turn that brought no further job: a thread that is woken by the first of many writes would
    commit that one alone, and take the interpreter from those who bring the others.
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
        self._leaves_log = False
        self._in_hand: Sequence[Job] = ()
        """What it is doing, so that a fault of its own leaves nobody waiting."""

        self._on_fault = on_fault
        self._loop: asyncio.AbstractEventLoop
        self._connection: apsw.Connection

    def leave_log(self) -> None:
        """Have the log stay as it is when this thread's connection closes: the file is damaged, and not to be written to."""
        self._leaves_log = True

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
        """Take no more jobs, run those that wait, and wait until the connection is closed. Does nothing before `start`.

        Args:
            before_closing: run in the thread before its connection closes.
        """
        self._before_closing = self._before_closing or before_closing
        self._accepting = False
        self._ring()
        if self._ended is not None:
            await asyncio.shield(self._ended)

    def submit(self, run: Callable[[apsw.Connection], T], *, grouped: bool = True) -> asyncio.Future[T]:
        """Take a job; its future has what `run(connection)` returns or raises.

        Args:
            run: the job. Cancelling its future before it has begun keeps it from being run.
            grouped: whether it may share a transaction with others; else it makes its own.

        Raises:
            Overloaded: too many jobs wait already.
            Unavailable: the thread was stopped, or has ended.
        """
        self._admit(self._waiting)
        future: asyncio.Future[T] = self._loop.create_future()
        call = current_call.get()
        self._jobs.append(Job(run, future, grouped) if call is None else Job(run, future, grouped, call.flow))
        if not self._rings:
            self._rings = 1
            self._seen = 0
            self._loop.call_soon(self._ring_for_all)
        return future

    @property
    def _waiting(self) -> int:
        return len(self._jobs)

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
                if self._leaves_log:
                    self._connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
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
        answer(left)
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
        self._post(self._answer, [job for job in jobs if job.future is not None])

    def _answer(self, jobs: list[Job]) -> None:
        """On the loop."""
        answer(jobs)

    def _post(self, fn: Callable[..., None], *args: Any) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(fn, *args)


class Reader(DatabaseThread):
    """Runs one job after another, each over one snapshot, by turns between those who wait."""

    kind = "reader"
    _anew: Callable[[], apsw.Connection] | None = None
    _connected: Callable[[], apsw.Connection] | None = None

    def __init__(self, name: str, limit: int, on_fault: Callable[[BaseException], None]) -> None:
        super().__init__(name, limit, on_fault)
        self._turns: FairQueue[Job] = FairQueue(lambda job: job.wanted)
        """What the thread has taken over of the jobs. It alone touches it, until it has ended."""

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
        while not self._jobs and not self._turns:
            if not self._accepting and not self._jobs:
                return None
            self._sleep(None)

        while self._jobs:
            job = self._jobs.popleft()
            self._turns.append(job, job.flow)

        return self._turns.popleft()

    @property
    def _waiting(self) -> int:
        return len(self._jobs) + len(self._turns)

    def _unbegun(self) -> list[Job]:
        left = [*self._turns, *super()._unbegun()]
        self._turns.clear()
        return left


def answer(jobs: list[Job]) -> None:
    """Settle the futures of those that are waited for."""
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
