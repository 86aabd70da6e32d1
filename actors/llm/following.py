"""Following memory's feed for namespaces that are forgotten: their names leave the accounts, the sums stay."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from loguru import logger

from actors.llm.ledger import Ledger
from actors.memory.messages import Fed, Feed, GetStats, Stats, end_of_feed
from actors.runtime import AsyncActor
from transport.errors import Invalid, LatticeError

__all__ = ["Following"]

FIRST_S: Final = 0.1
"""After its start, how long llm answers who has waited for it before this begins, in seconds."""

WAIT_MS: Final = 20_000
RETRY_S: Final = 1.0
RETRY_LIMIT_S: Final = 60.0

SEEN_MOST: Final = 10_000
"""Changes that are followed before the cursor is written down where nothing was forgotten."""


class Following:
    """Follows the feed from the cursor in llm.db.

    Args:
        actor: who asks memory.
        forgot: told when a namespace was forgotten.
    """

    def __init__(self, actor: AsyncActor, ledger: Ledger, *, forgot: Callable[[], None]) -> None:
        self.actor = actor
        self.ledger = ledger
        self.forgot = forgot
        self.cursor = -1
        self.written = -1

    async def run(self) -> None:
        """Follow until cancelled. While memory is away, or not in this house, this waits."""
        failures = 0
        await asyncio.sleep(FIRST_S)
        while True:
            try:
                if self.cursor < 0:
                    await self._begin()
                await self._take()
                failures = 0
            except LatticeError as error:
                failures += 1
                wait_s = min(RETRY_LIMIT_S, RETRY_S * 2 ** min(failures - 1, 10))
                logger.bind(code=error.code, wait_s=wait_s).debug("memory's feed waits")
                await asyncio.sleep(wait_s)

    async def _begin(self) -> None:
        known = await self.ledger.followed()
        if known is None:
            # What was forgotten before the first account is in none.
            stats: Stats = await self.actor.ask(GetStats(), timeout=10, lane="bg")
            known = stats.feed_cursor
            await self.ledger.follow(known)
        self.cursor = self.written = known

    async def _take(self) -> None:
        feed = Feed(cursor=self.cursor, wait_ms=WAIT_MS, changes=("namespace_forgotten",))
        try:
            fed: Fed = await self.actor.ask(feed, timeout=WAIT_MS / 1000 + 10, lane="bg")
        except Invalid as error:
            fed = Fed(changes=(), cursor=end_of_feed(error))
            logger.bind(end=fed.cursor).warning("memory's feed ends before what was followed: going on from its end")
            await self.ledger.follow(fed.cursor)
            self.written = fed.cursor
        if fed.changes or fed.cursor - self.written >= SEEN_MOST:
            await self.ledger.follow(fed.cursor, {change.id for change in fed.changes})
            self.written = fed.cursor
        if fed.changes:
            self.forgot()
        self.cursor = fed.cursor
