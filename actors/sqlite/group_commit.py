"""Group commit: the writer's thread of a database, which commits for all who wait at once.

Knows no file, no schema and no caller.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

import apsw

from actors.sqlite.commit import GROUP, Held, Job, commit, lose, run
from actors.sqlite.threads import DatabaseThread, answer
from transport.errors import Unavailable

__all__ = ["Writer"]

GATHER_S = 0.005
"""Longest that a group waits for those who are expected, in seconds; never longer than the commit before it took."""

QUICK_S = 0.001
"""A disk that commits so soon is not waited for: two commits cost less than the waiting."""

GATHER_STEPS = 4
"""How often it looks meanwhile whether they have come."""

AFTER_A_VAIN_WAIT = 8
"""How many groups do not wait after one that waited in vain. Where each caller writes once and goes, waiting costs a ninth of
the time."""

LOOK_S = 1.0
"""Seconds between two looks of a writer that has nothing to do whether its file is still in its place."""

LATER_S = 0.2
"""Longest that a later write waits for others, in seconds: at most five commits a second are made for these alone."""


class Writer(DatabaseThread):
    """Commits for all jobs that wait, and for the later ones when they are due.

    Args:
        name: of the database, in errors and logs.
        limit: most jobs that may wait.
        held: what jobs hold in memory.
        keep: called before and after each transaction with the connection; gives the one to go on with, which is another where
            the file had lost its name. What it refuses with `Unavailable`, the jobs are told in place of their success.
        on_moved: called after it has given another, before anybody learns of the transaction.
        on_commit: called on the loop once a group is on disk, be it waited for still or not; not for later jobs alone.
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
        on_commit: Callable[[], None],
        on_fault: Callable[[BaseException], None],
    ) -> None:
        super().__init__(name, limit, on_fault)
        self._held = held
        self._keep = keep
        self._on_moved = on_moved
        self._on_commit = on_commit
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

    def _answer(self, jobs: list[Job]) -> None:
        answer(jobs)
        if any(job.grouped and job.error is None for job in jobs):
            self._on_commit()

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
