"""What is known of whether an endpoint is sound just now, and how callers wait for those who went before them to find out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

PROOF_S = 2.0
"""For how long a first token shows that an endpoint is sound."""


class Evidence:
    """An endpoint's latest good and bad news.

    Args:
        now: seconds of a clock that only goes forward.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.answered_at = float("-inf")
        self.failed_at = float("-inf")
        self.waiting: set[asyncio.Future[None]] = set()

    @property
    def proven(self) -> bool:
        """Whether it answered a moment ago, and has not failed since."""
        return self.answered_at > self.failed_at and self.answered_at > self.now() - PROOF_S

    def answered(self) -> None:
        """A first token has come."""
        self.answered_at = self.now()
        self.tell()

    def failed(self) -> None:
        """A call has failed."""
        self.failed_at = self.now()
        self.tell()

    def tell(self) -> None:
        """Wake whoever waits for news."""
        waiting, self.waiting = self.waiting, set()
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def news(self, until: float) -> bool:
        """Wait for the next news, until then (in the loop's time). Whether there was any."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.add(future)
        try:
            async with asyncio.timeout_at(until):
                await future
        except TimeoutError:
            return False
        finally:
            self.waiting.discard(future)

        return True
