"""A page of memory's feed, as all who follow it ask for it, and how long they wait while memory is away.

Who follows keeps the cursor and its timeline, in the same transaction as what comes of a page.
"""

from __future__ import annotations

from typing import Final

from loguru import logger

from actors.asks import Asks
from actors.memory.messages import Fed, Feed, end_of_feed
from transport.errors import Invalid

__all__ = ["ASK_S", "next_page", "of_another", "wait_s"]

ASK_S: Final = 10.0
"""How long memory may take beyond the time for which it is to wait, in seconds."""

LONGEST_S: Final = 60.0


async def next_page(ask: Asks, feed: Feed, *, who: str, timeout: float | None = None, lane: str = "bg") -> Fed:
    """The changes after the cursor, or `of_another`, and then not beyond the cursor.

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
        fed = of_another(error, feed, who=who)
        return fed.model_copy(update={"cursor": min(feed.cursor, fed.cursor)})
    return fed


def of_another(error: Invalid, feed: Feed, *, who: str) -> Fed:
    """The page that stands for an answer of another memory than was followed, or of one that lost the end of its feed.

    It has no timeline. Its cursor says up to where both feeds are the same. That may be beyond the cursor that was asked from,
    where the timeline belongs to a later one.
    """
    end = end_of_feed(error)
    logger.bind(who=who, followed=feed.cursor, end=end).warning("memory's feed is another than was followed, or cut")
    return Fed(changes=(), cursor=end, timeline="")


def wait_s(failures: int, first_s: float) -> float:
    """Seconds to wait after so many failures in a row: twice as long each time, up to a minute."""
    return min(LONGEST_S, first_s * 2.0 ** min(failures - 1, 10))
