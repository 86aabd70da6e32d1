"""Pulse: whether an endpoint gives any sign of life while a call to it waits for its first byte.

A model may take its time to the first token, and only its allowance ends that. A server that hangs as a whole is another thing:
it answers nobody. So when a call has heard nothing for a moment, its endpoint is asked for its list of models over another
connection, which costs nothing; where neither that nor any other call brings a byte, every call that waits there is let go at
once, long before its allowance. It knows no other endpoint, and no breaker.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from loguru import logger

from actors.llm.failure import Failure

ASK_AFTER_S = 0.2
"""After so long a silence, or half as long again as its first tokens usually take, a sign of life is asked for. What is then
left of `sign_of_life_s` is enough for three round trips across an ocean."""

ALARM_STEPS = 2
"""An endpoint that has not answered after so many steps may hang: only then is it asked whether the others do."""

STEP_S = 0.05
LATE_S = 0.01
"""Silence is counted in steps. A step that this process noticed so much too late does not count: the process was too busy to
listen."""

VOUCHED_S = 1.0
"""How long an answer with the list of models shows that its endpoint lives, in seconds. As long as no call hears anything, the
next one is asked for after twice that time, and so on."""

LONGEST_VOUCHED_S = 16.0


class Pulse:
    """An endpoint's signs of life.

    Args:
        name: the endpoint's, for the log.
        within_s: silence of so long is none; 0: never.
        ask: asks for the list of models, and returns when the response's head is there.
        usual: seconds that its first tokens take; None: that is not known.
        busy: how many times as long everything takes here as it would by itself; None: by the load of this machine.
    """

    def __init__(
        self,
        name: str,
        within_s: float,
        ask: Callable[[], Awaitable[None]],
        usual: Callable[[], float | None] = lambda: None,
        busy: Callable[[], float] | None = None,
    ) -> None:
        self.name = name
        self.within_s = within_s
        self.ask = ask
        self.usual = usual
        self.busy = busy or busy_machine
        self.alarm: Callable[[], None] = lambda: None
        """Called when the endpoint may hang."""

        self.lost: Callable[[], None] = lambda: None
        """Called when it gives none."""

        self.heard_at = float("-inf")
        self.vouched_until = float("-inf")
        self.vouched_s = VOUCHED_S
        self.slowest_s = 0.0
        """How long its slowest answer to such a question took: a server that lists nothing while it works is taken for one that
        hangs only once."""

        self.waiting: set[asyncio.Future[None]] = set()
        self.asking: set[asyncio.Task[bool]] = set()
        self.checking: asyncio.Task[None] | None = None

    def heard(self) -> None:
        """A byte has come, whoever it was for."""
        self.heard_at = asyncio.get_running_loop().time()
        self.vouched_s = VOUCHED_S

    @contextmanager
    def watched(self) -> Iterator[asyncio.Future[None]]:
        """While a call waits for its first byte: a future that ends when the endpoint is found to hang."""
        loop = asyncio.get_running_loop()
        found: asyncio.Future[None] = loop.create_future()
        since = loop.time()
        after_s = max(1.5 * (self.usual() or 0.0), ASK_AFTER_S)
        timer: asyncio.TimerHandle | None = None

        def look() -> None:
            """Ask for a sign of life once it has been silent long enough."""
            nonlocal timer
            at = max(max(since, self.heard_at) + after_s, self.vouched_until)
            if at <= loop.time():
                self.check()
                at = loop.time() + self.patience_s + STEP_S
            timer = loop.call_at(at, look)

        if self.within_s:
            timer = loop.call_later(after_s, look)
        self.waiting.add(found)
        try:
            yield found
        finally:
            if timer is not None:
                timer.cancel()
            self.waiting.discard(found)
            found.cancel()

    def check(self) -> None:
        """Ask for a sign of life, unless that is under way or was answered a moment ago."""
        if self.within_s and self.checking is None and asyncio.get_running_loop().time() >= self.vouched_until:
            self.checking = asyncio.create_task(self.listen(), name=f"pulse of {self.name}")
            self.checking.add_done_callback(self.checked)

    @property
    def patience_s(self) -> float:
        """How long an answer is waited for."""
        return max((self.within_s - ASK_AFTER_S) * self.busy(), 2 * self.slowest_s)

    async def listen(self) -> None:
        """Wait for any byte; without one the endpoint hangs."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        asking = asyncio.create_task(self.answer(began), name=f"ask {self.name} for a sign of life")
        self.asking.add(asking)
        asking.add_done_callback(self.asking.discard)
        left = self.patience_s
        steps = 0
        while left > 0 and not asking.done() and self.heard_at < began:
            due = loop.time() + min(STEP_S, left)
            await asyncio.wait({asking}, timeout=due - loop.time())
            if loop.time() <= due + LATE_S:
                left -= STEP_S

            steps += 1
            if steps == ALARM_STEPS:
                self.alarm()

        # What came in the last moment is not read yet.
        await asyncio.sleep(0)
        if self.heard_at >= began:
            return

        if asking.done() and not asking.result():
            return

        logger.info("endpoint gives no sign of life", endpoint=self.name, calls=len(self.waiting))
        self.lost()
        for found in self.waiting:
            if not found.done():
                found.set_result(None)

    async def answer(self, began: float) -> bool:
        """Ask, and learn how long it takes, also where that is too long. Whether nothing at all came of it."""
        vouched_s = self.vouched_s
        try:
            await self.ask()
        except Failure as failure:
            return failure.silent

        now = asyncio.get_running_loop().time()
        self.slowest_s = max(self.slowest_s, now - began)
        self.vouched_until = now + vouched_s
        self.vouched_s = min(2 * vouched_s, LONGEST_VOUCHED_S)
        return False

    def checked(self, checking: asyncio.Task[None]) -> None:
        """A check has ended."""
        self.checking = None
        if not checking.cancelled():
            checking.result()

    async def close(self) -> None:
        """Ask no more."""
        tasks = [task for task in (self.checking, *self.asking) if task is not None]
        for task in tasks:
            task.cancel()

        await asyncio.gather(*tasks, return_exceptions=True)


def busy_machine() -> float:
    """How many times two processes want each of this machine's processors, at least 1: an endpoint on it has to wait too."""
    return max(os.getloadavg()[0] / (2 * (os.cpu_count() or 1)), 1.0)
