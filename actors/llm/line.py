"""Who waits, in order, for an endpoint to have room again."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque


class Line:
    """A line of waiting calls. Whoever is let on looks again for an endpoint, and steps back in line when there is none."""

    def __init__(self) -> None:
        self.waiting: deque[asyncio.Future[None]] = deque()

    async def wait(self, until: float) -> bool:
        """Wait until let on, or until then (in the loop's time). Whether let on."""
        turn = asyncio.get_running_loop().create_future()
        self.waiting.append(turn)
        try:
            async with asyncio.timeout_at(until):
                await turn
        except TimeoutError:
            return turn.done() and not turn.cancelled()
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                # Let on and cancelled at once: the turn is the next one's.
                self.next()

            raise
        finally:
            with contextlib.suppress(ValueError):
                self.waiting.remove(turn)

        return True

    def next(self) -> None:
        """An endpoint has room: let the first one on."""
        while self.waiting:
            turn = self.waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
