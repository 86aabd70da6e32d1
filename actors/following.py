"""Following memory's feed: a page of it, as all who follow it ask for it, and the waiting while memory is away.

Who follows keeps the cursor and its timeline, in the same transaction as what comes of a page.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Final

from loguru import logger

from actors.asks import Asks
from actors.memory.messages import Fed, Feed, end_of_feed
from transport.errors import Invalid, LatticeError

__all__ = ["ASK_S", "UntilBack", "next_page", "of_another", "wait_s"]

ASK_S: Final = 10.0
"""How long memory may take beyond the time for which it is to wait, in seconds."""

LONGEST_S: Final = 60.0


class UntilBack:
    """Waits whenever memory is away, longer each time in a row: `while True: async with until_back: take a page`.

    Args:
        who: the follower's name, for the log.
        first_s: seconds after the first failure; see `wait_s`.
        level: of the line in the log.
        away: which errors say so; any other is raised.
    """

    def __init__(
        self,
        who: str,
        first_s: float,
        *,
        level: str = "INFO",
        away: Callable[[LatticeError], bool] = lambda _: True,
    ) -> None:
        self._who = who
        self._first_s = first_s
        self._level = level
        self._away = away
        self._failures = 0

    async def __aenter__(self) -> None:
        """Nothing is to be done before."""

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> bool:
        if error is None:
            self._failures = 0
            return False
        if not isinstance(error, LatticeError) or not self._away(error):
            return False

        self._failures += 1
        seconds = wait_s(self._failures, self._first_s)
        logger.bind(who=self._who, code=error.code, wait_s=seconds).log(self._level, "memory is away; its feed waits")
        await asyncio.sleep(seconds)
        return True


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
