"""Follows memory's feed for namespaces that are forgotten: their names leave the accounts, the sums stay."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from actors.following import UntilBack, next_page
from actors.llm.ledger import Ledger
from actors.memory.messages import Feed
from actors.runtime import AsyncActor

__all__ = ["Follower"]

FIRST_S: Final = 0.1
"""After its start, how long llm answers who has waited for it before this begins, in seconds."""

WAIT_MS: Final = 20_000
RETRY_S: Final = 1.0

SEEN_MOST: Final = 10_000
"""Changes that are followed before the cursor is written down where nothing was forgotten."""


class Follower:
    """Follows the feed from the cursor in llm.db.

    Args:
        actor: who asks memory.
        now: the actor's time, in which calls say since when they are under way.
        forgot: told when a namespace was forgotten.
    """

    def __init__(self, actor: AsyncActor, ledger: Ledger, *, now: Callable[[], float], forgot: Callable[[], None]) -> None:
        self.actor = actor
        self.ledger = ledger
        self.now = now
        self.forgot = forgot
        self.cursor = -1
        self.written = -1
        self.timeline = ""

    async def run(self) -> None:
        """Follow until cancelled. While memory is away, or not in this house, this waits."""
        until_back = UntilBack("llm", RETRY_S, level="DEBUG")
        await asyncio.sleep(FIRST_S)
        while True:
            async with until_back:
                if self.cursor < 0:
                    await self._begin()
                await self._take()

    async def _begin(self) -> None:
        # From its beginning where it never was followed: what was forgotten until now may be in an account, or come into one.
        self.cursor, self.timeline = await self.ledger.followed() or (0, "")
        self.written = self.cursor

    async def _take(self) -> None:
        feed = Feed(cursor=self.cursor, timeline=self.timeline or None, wait_ms=WAIT_MS, changes=("namespace_forgotten",))
        fed = await next_page(self.actor.ask, feed, who="llm")
        another = bool(fed.timeline) != bool(self.timeline)
        if fed.changes or another or fed.cursor - self.written >= SEEN_MOST:
            await self.ledger.follow(fed.cursor, fed.timeline, {change.id for change in fed.changes}, now=self.now())
            self.written = fed.cursor
        if fed.changes:
            self.forgot()
        self.cursor, self.timeline = fed.cursor, fed.timeline
