"""Those who follow the feed, or wait for vectors. They hold nothing but a slot, and sleep until there is something to look at.

Knows no database: it is given a function that reads a page.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from actors.memory.messages import Fed, Feed
from transport.errors import Overloaded, Unavailable

__all__ = ["Followers"]

LEAVING_MS = 1000
"""By then the next process answers, or this one is gone."""


class Followers:
    """Those that wait now.

    Args:
        most: how many may.
    """

    def __init__(self, most: int) -> None:
        self.waiting = 0
        self._most = most
        self._committed = asyncio.Event()
        self._leaving = False
        self._later = 0.0

    def hold_off(self, seconds: float) -> None:
        """Let no follower look for so long: after a restart all of them come back at once, while others wait for an answer."""
        self._later = asyncio.get_running_loop().time() + seconds

    def wake(self) -> None:
        """Something was committed."""
        committed, self._committed = self._committed, asyncio.Event()
        committed.set()

    async def let_go(self, draining: asyncio.Event) -> None:
        """A host that goes away waits for calls in flight: those that only wait end."""
        await draining.wait()
        self._leaving = True
        self.wake()

    async def follow(self, feed: Feed, read: Callable[[Feed], Awaitable[Fed]], until: float) -> Fed:
        """What changed after the cursor, once there is something, or `until` by the loop's clock.

        Raises:
            Overloaded: too many wait already.
            Unavailable: there is nothing, and its host was going away when this was asked.
        """
        came_late = self._leaving
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self._later - loop.time())
        while True:
            committed = self._committed
            fed = await read(feed)
            if fed.changes or loop.time() >= until:
                return fed
            if came_late:
                # Whoever was let go and asks again would be let go again, as fast as both can.
                raise Unavailable("memory is being stopped", retry_after_ms=LEAVING_MS)
            if self._leaving:
                return fed
            # Changes of kinds that are not asked for are not read again at each commit.
            feed = feed.model_copy(update={"cursor": fed.cursor})
            await self.wait_for(committed, until)

    async def wait_for(self, event: asyncio.Event, until: float) -> None:
        """Wait for it, and no longer than `until`.

        Raises:
            Overloaded: too many wait already.
        """
        if self.waiting >= self._most:
            raise Overloaded(f"{self.waiting} followers wait already", retry_after_ms=1000)
        self.waiting += 1
        try:
            async with asyncio.timeout_at(until):
                await event.wait()
        except TimeoutError:
            pass
        finally:
            self.waiting -= 1
