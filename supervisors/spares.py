"""Spare processes: the supervisor's side of the zygote. Keeps some waiting, hands one out, and sees to more."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from loguru import logger

from supervisors import linux
from supervisors.control import Control
from supervisors.intensity import Backoff
from supervisors.process import Process, Reaper

__all__ = ["Spares"]

REPLENISH_S = 0.1
"""After a promotion, before the next spare is forked: two forks are ten milliseconds of a core that it may want itself."""

HUGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
"""Large blocks of memory in huge pages. Of a killed process the kernel takes back the memory first, then the locks, and then it
tells of the end: with 100 MB that took 74 to 118 ms in small pages and 26 in huge ones (4 when empty), on a busy machine."""

QUIET_S = 0.15
"""After the last spare came or went, before one that waits warms up, which makes it deaf: not while a house starts, and not
while a replacement is being promoted."""

ARRIVAL_S = 3.0
"""A spare that has not connected so long after it was ordered has died on the way. It takes 7 ms."""

HUNG_S = 2 * ARRIVAL_S
"""A zygote from which nothing has come for so long, though it was ordered, is hung: another is worth its imports."""


class Spares:
    """Processes that wait to be told who they are.

    Args:
        command: starts the zygote; `--control FD` is added.
        run_dir: where spares find the supervisor.
        keep: how many wait when nothing happens.
        reaper: collects exit statuses.
        supervisor: whose spares they are.
        keeper: who starts the next supervisor when this one is killed, for which the zygote then waits; None: nobody does.
        first: pid and socket of a zygote that runs already; the command starts those after it.
    """

    def __init__(
        self,
        command: Sequence[str],
        run_dir: Path,
        keep: int,
        reaper: Reaper,
        *,
        supervisor: str = "supervisor",
        keeper: int | None = None,
        first: tuple[int, socket.socket] | None = None,
    ) -> None:
        self.command = [*command]
        self.run_dir = run_dir
        self.keep = keep
        self.reaper = reaper
        self.supervisor = supervisor
        self.keeper = keeper
        self.first = first
        self.waiting: deque[Process] = deque()
        self.warming: Process | None = None
        """The one that walks through starts beforehand, and hears nothing until it has."""

        self.warm: set[Process] = set()
        self.quiet: asyncio.TimerHandle | None = None

        self.takers: deque[Callable[[Process], None]] = deque()
        self.ordered: deque[float] = deque()
        """When each of those that are on their way was ordered."""

        self.owing_since: float | None = None
        """When the first spare was ordered of those that came to nothing, or are still on their way."""

        self.expected = 0
        self.zygote: Process | None = None
        self.zygote_is_ready = False
        self.elder: Process | None = None
        """The zygote of the last supervisor, while this one's own imports."""

        self.borrowed: set[Process] = set()
        """Spares of the elder's. They are no children of this process, which does not learn how they end."""

        self.backoff = Backoff(0.2, 2.0, 10.0, random.Random())  # noqa: S311 (jitter, no secret)
        self.closed = False

    def open(self) -> None:
        """Start the zygote. It answers once it has imported everything.

        Raises:
            OSError: it cannot be started, and not for want of processes or memory, which is tried again.
        """
        first, self.first = self.first, None
        try:
            pid, ours = first or self._start_zygote()
        except OSError as error:
            if not linux.has_no_room(error):
                raise
            wait_s = self.backoff.next()
            logger.error("no zygote can be started", reason=error.strerror, again_in_s=wait_s)
            asyncio.get_running_loop().call_later(wait_s, self._open_again)
            return

        pidfd = linux.open_pidfd(pid)
        if pidfd is None:
            raise ChildProcessError("the zygote was gone before it could be watched")

        self.zygote = Process(pid, pidfd, self.reaper)
        self.zygote.attach(Control(ours))
        self.zygote.on_message = lambda _: self._zygote_has_imported()
        self.zygote.on_end = self._zygote_ended
        if self.elder is None:
            self._owe_nothing()

    def _start_zygote(self) -> tuple[int, socket.socket]:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, ExitStack() as failing:
            failing.enter_context(ours)
            zygote = subprocess.Popen(  # noqa: S603 (the composition root's own command)
                [*self.command, "--control", str(theirs.fileno())],
                env={**HUGE_PAGES, **os.environ},
                stdin=subprocess.DEVNULL,
                stdout=sys.stderr,
                pass_fds=[theirs.fileno()],
            )
            failing.pop_all()
        # The reaper collects its exit status; Popen would complain that it never did.
        zygote.returncode = 0
        return zygote.pid, ours

    def expect(self, number: int) -> None:
        """So many will be taken one after another: have them all forked now."""
        self.expected = number
        self._order()

    def borrow(self, elder: Process) -> bool:
        """Let a zygote that has outlived its supervisor make the spares until this one's own does; False: it does already."""
        if self.closed or self.zygote_is_ready or self.elder is not None:
            return False

        self.elder = elder
        elder.on_end = lambda _: self._elder_ended()
        self._order()
        return True

    def take(self, taker: Callable[[Process], None]) -> None:
        """Give a spare to `taker`, now if one waits, else as soon as one does."""
        self.expected = max(0, self.expected - 1)
        self._warm_up_later()
        if self.waiting:
            process = self.waiting.popleft()
            self.warm.discard(process)
            self.borrowed.discard(process)
            process.on_end = lambda _: None
            process.on_message = lambda _: None
            taker(process)
            # Not at once: the fork would share the cores with the one that is just being promoted.
            asyncio.get_running_loop().call_later(REPLENISH_S, self._order)
        else:
            self.takers.append(taker)
            self._order()

    @property
    def can_lend(self) -> bool:
        """Whether one may be taken that is not needed now, and another be left for a child that ends meanwhile."""
        enough = len(self.waiting) >= min(2, self.keep)
        return enough and not (self.closed or self.warming or self.expected or self.takers or self.elder or self.borrowed)

    def withdraw(self, taker: Callable[[Process], None]) -> None:
        """The taker wants none any more."""
        if taker in self.takers:
            self.takers.remove(taker)

    def arrived(self, process: Process) -> None:
        """A spare has connected."""
        if self.ordered:
            self.ordered.popleft()
        self.owing_since = self.ordered[0] if self.ordered else None
        if self.takers:
            self.takers.popleft()(process)
            self._order()
            return

        if self._good + (self.warming is not None) >= self.keep + self.expected:
            # Given up for lost on a busy machine, it comes after the one that was ordered in its place.
            process.kill()
            return

        process.on_message = lambda message: self._heard(process, message["say"])
        process.on_end = lambda _: self._spare_ended(process)
        self.waiting.append(process)
        if linux.parent_of(process.pid) != os.getpid():
            self.borrowed.add(process)
        self._give_back()
        self._warm_up_later()

    def close(self) -> None:
        """End the zygote and all spares; they end when their connection does."""
        self.closed = True
        self.takers.clear()
        for process in (*self.waiting, self.warming, self.zygote, self.elder):
            if process is not None:
                process.kill()

    def _order(self) -> None:
        zygote = self.zygote if self.zygote_is_ready else self.elder
        if self.closed or zygote is None:
            return

        loop = asyncio.get_running_loop()
        if self.owing_since is not None and self.owing_since + HUNG_S <= loop.time():
            logger.warning("the zygote is hung", pid=zygote.pid)
            zygote.kill()
            return

        while self.ordered and self.ordered[0] + ARRIVAL_S <= loop.time():
            self.ordered.popleft()

        there = self._good + (self.warming is not None) + len(self.ordered)
        missing = self.keep + self.expected + len(self.takers) - there
        for _ in range(missing):
            if not zygote.send("fork", run_dir=str(self.run_dir), supervisor=self.supervisor, keeper=self.keeper):
                break
            self.ordered.append(loop.time())
            self.owing_since = self.owing_since or loop.time()
            loop.call_later(ARRIVAL_S, self._order)

    @property
    def _good(self) -> int:
        """How many spares wait that need not be replaced. Borrowed ones count until this supervisor's own zygote is ready."""
        return len(self.waiting) - (len(self.borrowed) if self.zygote_is_ready else 0)

    def _owe_nothing(self) -> None:
        """Forget what was ordered: it was ordered of a zygote that is not asked any more."""
        self.ordered.clear()
        self.owing_since = None

    def _zygote_has_imported(self) -> None:
        self.zygote_is_ready = True
        self.backoff.reset()
        if self.elder is not None:
            self.elder.kill()
            self._owe_nothing()
        self._order()

    def _warm_up_later(self) -> None:
        if self.quiet is not None:
            self.quiet.cancel()
        self.quiet = asyncio.get_running_loop().call_later(QUIET_S, self._warm_up)

    def _warm_up(self) -> None:
        """Warm up one spare at a time, and never the last that could be promoted."""
        cold = next((process for process in self.waiting if process not in self.warm), None)
        if cold is None or not self.can_lend:
            return

        if cold.send("warm_up"):
            self.waiting.remove(cold)
            self.warming = cold

    def _heard(self, process: Process, say: str) -> None:
        if say != "warm" or process is not self.warming:
            return

        self.warming = None
        self.warm.add(process)
        # Warm ones first.
        self.waiting.appendleft(process)
        self._warm_up_later()
        if self.takers:
            self.take(self.takers.popleft())

    def _spare_ended(self, process: Process) -> None:
        self.warm.discard(process)
        self.borrowed.discard(process)
        if process is self.warming:
            self.warming = None
        if process in self.waiting:
            self.waiting.remove(process)
        self._order()

    def _give_back(self) -> None:
        """End what is borrowed once there are enough others."""
        if self.zygote_is_ready and len(self.waiting) - len(self.borrowed) >= self.keep:
            for process in self.borrowed:
                self.waiting.remove(process)
                process.kill()
            self.borrowed.clear()

    def _elder_ended(self) -> None:
        self.elder = None
        if not self.zygote_is_ready:
            self._owe_nothing()

    def _zygote_ended(self, result: os.waitid_result | None) -> None:
        """Its spares live on; a new zygote makes the next ones."""
        self.zygote = None
        self.zygote_is_ready = False
        if self.closed:
            return

        wait_s = self.backoff.next()
        logger.warning("zygote ended", reason=linux.end_of(result).reason, again_in_s=wait_s)
        asyncio.get_running_loop().call_later(wait_s, self._open_again)

    def _open_again(self) -> None:
        if not self.closed:
            self.open()
