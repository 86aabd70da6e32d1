"""Memory's feed, followed from a cursor for as long as the actor lives. Who takes the changes keeps the cursor with them.

While memory is away it waits, longer each time up to a minute; it never gives up, and never takes the actor with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

from loguru import logger

from actors.memory.messages import Fed, Feed, end_of_feed
from actors.paradox.settings import ParadoxSettings
from transport.errors import DeadlineExceeded, Invalid, LatticeError, UnknownActor

__all__ = ["Asks", "away", "follow", "wait_s"]

RETRY_LIMIT_S: Final = 60.0

Take = Callable[[int, Fed], Awaitable[int | None]]
"""Told the cursor before and what came; returns the cursor from which to go on, or None to follow no longer."""


class Asks(Protocol):
    """Asks an actor, as `AsyncActor.ask` does."""

    def __call__(self, message: Any, *, timeout: float | None = None, lane: str | None = None) -> Awaitable[Any]:
        """The reply."""


async def follow(ask: Asks, settings: ParadoxSettings, cursor: int, take: Take, *, who: str) -> None:
    """Follow until cancelled, or until `take` wants no more.

    Args:
        ask: asks an actor.
        settings: how much is taken at once, and how long is waited.
        cursor: where to begin.
        take: takes a page.
        who: follows, for the log.

    Raises:
        LatticeError: what `take` raises, unless memory is away.
    """
    failures = 0
    while True:
        try:
            feed = Feed(cursor=cursor, limit=settings.page, wait_ms=settings.wait_ms)
            try:
                fed: Fed = await ask(feed, timeout=settings.wait_ms / 1000 + 10, lane="bg")
            except Invalid as error:
                fed = Fed(changes=(), cursor=end_of_feed(error))
                logger.warning("memory's feed ends before what was followed: going on from its end", who=who, end=fed.cursor)
            following = await take(cursor, fed)
            if following is None:
                return

            cursor, failures = following, 0
            if len(fed.changes) < settings.page:
                await asyncio.sleep(settings.pause_s)
        except LatticeError as error:
            if not away(error):
                raise

            failures += 1
            seconds = wait_s(settings, failures)
            logger.info("memory is away; the feed waits", who=who, error=error.code, wait_s=seconds)
            await asyncio.sleep(seconds)


def wait_s(settings: ParadoxSettings, failures: int) -> float:
    """Seconds to wait after so many failures in a row."""
    return min(RETRY_LIMIT_S, settings.retry_s * 2.0 ** min(failures - 1, 10))


def away(error: LatticeError) -> bool:
    """Memory cannot answer now; the change itself is not at fault."""
    return error.retryable or isinstance(error, (DeadlineExceeded, UnknownActor)) or error.code == "cancelled"
