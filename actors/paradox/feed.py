"""Memory's feed, followed from a cursor for as long as the actor lives. Who takes the changes keeps the cursor with them.

While memory is away it waits, longer each time up to a minute; it never gives up, and never takes the actor with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from actors.asks import Asks
from actors.following import UntilBack, next_page
from actors.memory.messages import Fed, Feed
from actors.paradox.settings import ParadoxSettings
from transport.errors import DeadlineExceeded, LatticeError, UnknownActor

__all__ = ["away", "follow"]

Take = Callable[[int, Fed], Awaitable[int | None]]
"""Told the cursor before and what came; returns the cursor from which to go on, or None to follow no longer."""


async def follow(ask: Asks, settings: ParadoxSettings, place: tuple[int, str], take: Take, *, who: str) -> None:
    """Follow until cancelled, or until `take` wants no more.

    Args:
        ask: asks an actor.
        settings: how much is taken at once, and how long is waited.
        place: where to begin: the cursor, and the timeline that came with it.
        take: takes a page. One without a timeline says that another memory was followed, or more of it than there is now.
        who: the follower's name, for the log.

    Raises:
        LatticeError: what `take` raises, unless memory is away.
    """
    until_back = UntilBack(who, settings.retry_s, away=away)
    cursor, timeline = place
    while True:
        async with until_back:
            feed = Feed(cursor=cursor, timeline=timeline or None, limit=settings.page, wait_ms=settings.wait_ms)
            fed = await next_page(ask, feed, who=who)
            following = await take(cursor, fed)
            if following is None:
                return

            cursor, timeline = following, fed.timeline
            if len(fed.changes) < settings.page:
                await asyncio.sleep(settings.pause_s)


def away(error: LatticeError) -> bool:
    """Memory cannot answer now; the change itself is not at fault."""
    return error.retryable or isinstance(error, (DeadlineExceeded, UnknownActor)) or error.code == "cancelled"
