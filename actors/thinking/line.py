"""The line of thoughts: so many at a time are busy with memory and the other actors, in the order in which they came.

All of a flood at once would go through each actor side by side, and the first be answered when the last is. One by one, the
first is answered as if it were alone. Who waits for a model takes no place. Knows nothing of what is done at a place.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from transport.errors import Overloaded

__all__ = ["Line"]

RETRY_AFTER_MS: Final = 1000
RATE_OF: Final = 16
"""How many of the last thoughts that were let on tell how fast the line moves."""


class Line:
    """Places, and who waits for one.

    Args:
        places: how many there are.
        patience_s: how long anyone stands in line.
    """

    def __init__(self, places: int, patience_s: float) -> None:
        self.places = places
        self.patience_s = patience_s
        self.taken = 0
        self.coming: deque[asyncio.Future[None]] = deque()
        self.leaving: deque[asyncio.Future[None]] = deque()
        self.let_on: deque[float] = deque(maxlen=RATE_OF)
        """When those were let on who had to wait; nothing once nobody waits."""

    @property
    def waiting(self) -> int:
        """How many stand in line."""
        return len(self.coming) + len(self.leaving)

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """A place for a thought that begins.

        Raises:
            Overloaded: there is none in time. Who would wait in vain is told so at once.
        """
        loop = asyncio.get_running_loop()
        if len(self.let_on) == RATE_OF:
            expected_s = (len(self.coming) + 1) * (loop.time() - self.let_on[0]) / RATE_OF
            if expected_s > self.patience_s:
                raise self.refusal()
        if not await self._wait(self.coming):
            raise self.refusal()

        try:
            yield
        finally:
            self._leave()

    @asynccontextmanager
    async def last_place(self) -> AsyncIterator[None]:
        """A place for a thought that is to be ended: before all that begin. Where there is none in time it goes without."""
        has_place = await self._wait(self.leaving)
        try:
            yield
        finally:
            if has_place:
                self._leave()

    def refusal(self) -> Overloaded:
        """What is said to who cannot be let on."""
        return Overloaded(f"{self.waiting} thoughts stand in line already", retry_after_ms=RETRY_AFTER_MS)

    async def _wait(self, lane: deque[asyncio.Future[None]]) -> bool:
        """Stand in line; whether a place was there in time."""
        if self.taken < self.places and not self.waiting:
            self.taken += 1
            return True

        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        lane.append(turn)
        try:
            async with asyncio.timeout(self.patience_s):
                await turn
        except TimeoutError:
            return turn.done() and not turn.cancelled()
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                # Let on and cancelled at once.
                self._leave()
            raise
        finally:
            with suppress(ValueError):
                lane.remove(turn)

        return True

    def _leave(self) -> None:
        self.taken -= 1
        for lane in (self.leaving, self.coming):
            while lane and self.taken < self.places:
                turn = lane.popleft()
                if not turn.done():
                    self.taken += 1
                    if lane is self.coming:
                        self.let_on.append(asyncio.get_running_loop().time())
                    turn.set_result(None)
        if not self.waiting:
            self.let_on.clear()
