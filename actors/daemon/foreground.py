"""Whether people wait for answers now, as those who answer them say. Knows no cycle and no database."""

from __future__ import annotations

import asyncio

__all__ = ["ForegroundWatch"]

CALLERS = 64
"""Most callers that are remembered at once; a house has one for each gateway."""


class ForegroundWatch:
    """Who is busy with people, until when they said so, and when that was last the case. To be made and used on one loop."""

    def __init__(self) -> None:
        self._busy: dict[str, float] = {}
        """Until when, in the loop's time, by caller."""

        self._loop = asyncio.get_running_loop()
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._last = self._loop.time()

    def said(self, caller: str, *, busy: bool, lasts_s: float) -> None:
        """A caller has begun, or ended, to be busy."""
        now = self._loop.time()
        if busy and (caller in self._busy or len(self._busy) < CALLERS):
            self._busy[caller] = now + lasts_s
        else:
            self._busy.pop(caller, None)
        self._last = now
        if self.is_busy():
            self._quiet.clear()
        else:
            self._quiet.set()

    def is_busy(self) -> bool:
        """Whether anybody waits."""
        now = self._loop.time()
        for caller in [caller for caller, until in self._busy.items() if until <= now]:
            # Whoever said so is dead, or has forgotten: what it said has run out.
            del self._busy[caller]
        return bool(self._busy)

    def idle_s(self) -> float:
        """For how long nobody has waited, in seconds; since this process began, where nobody ever did."""
        return 0.0 if self.is_busy() else self._loop.time() - self._last

    async def pass_by(self, limit_s: float) -> None:
        """Wait until nobody waits, but no longer than `limit_s` seconds."""
        until = self._loop.time() + limit_s
        while self.is_busy() and (left := min(until, max(self._busy.values())) - self._loop.time()) > 0:
            try:
                async with asyncio.timeout(left):
                    await self._quiet.wait()
            except TimeoutError:
                if self._loop.time() >= until:
                    return
