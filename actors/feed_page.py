"""A page of memory's feed, as all who follow it ask for it, and how long they wait while memory is away.

Who follows keeps the cursor, in the same transaction as what comes of a page.
"""

from __future__ import annotations

from typing import Final

from loguru import logger

from actors.asks import Asks
from actors.memory.messages import Fed, Feed, end_of_feed
from transport.errors import Invalid

__all__ = ["next_page", "wait_s"]

ASK_S: Final = 10.0
"""What memory may take beyond the time that it is to wait, in seconds."""

LONGEST_S: Final = 60.0


async def next_page(ask: Asks, feed: Feed, *, who: str, timeout: float | None = None, lane: str = "bg") -> Fed:
    """The changes after the cursor. A page that ends before its cursor has none: memory is another than was followed.

    Args:
        ask: asks an actor.
        feed: from where, which, and how long memory waits for the first.
        who: the follower's name, for the log.
        timeout: seconds for the answer; what memory waits and a little more if None.
        lane: of the message.
    """
    try:
        fed: Fed = await ask(feed, timeout=feed.wait_ms / 1000 + ASK_S if timeout is None else timeout, lane=lane)
    except Invalid as error:
        end = end_of_feed(error)
        logger.bind(who=who, end=end).warning("memory's feed ends before what was followed: it is another memory's, or cut")
        return Fed(changes=(), cursor=end)
    return fed


def wait_s(failures: int, first_s: float) -> float:
    """Seconds to wait after so many failures in a row: twice as long each time, up to a minute."""
    return min(LONGEST_S, first_s * 2.0 ** min(failures - 1, 10))
