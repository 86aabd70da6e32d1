"""Fair gate: lets so many through at once, those who wait by turns between those who sent them (`FairQueue`).

For what an actor asks another on behalf of its callers: there they would all be one peer. For one loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from actors.fair_queue import FairQueue, Flow

__all__ = ["FairGate"]


class FairGate:
    """Places, and who waits for one.

    Args:
        places: how many there are.
    """

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: FairQueue[asyncio.Future[None]] = FairQueue(lambda place: not place.done())

    @asynccontextmanager
    async def entered(self, flow: Flow, until: float) -> AsyncIterator[None]:
        """Has a place inside the block.

        Raises:
            TimeoutError: there was none until then, by the loop's clock.
        """
        if self._free:
            self._free -= 1
        else:
            await self._wait(flow, until)

        try:
            yield
        finally:
            self._leave()

    async def _wait(self, flow: Flow, until: float) -> None:
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place, flow)

        try:
            async with asyncio.timeout_at(until):
                await place
        except BaseException:
            if place.done() and not place.cancelled():
                self._leave()

            raise

    def _leave(self) -> None:
        while self._waiting:
            if not (place := self._waiting.popleft()).done():
                place.set_result(None)
                return

        self._free += 1
