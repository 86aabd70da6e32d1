"""Follows memory's feed for what it forgets: thoughts that may quote it lose their texts, and the name of a lost talk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from loguru import logger

from actors.following import UntilBack, next_page
from actors.memory.messages import Fed, Feed, GetSession, Happening
from actors.runtime import AsyncActor
from actors.thinking.outbox import Outbox
from actors.thinking.settings import ThinkingSettings
from actors.thinking.thoughts import Talk, Thoughts
from transport.errors import LatticeError, NotFound

__all__ = ["Follower"]

PAGE: Final = 500
WAIT_MS: Final = 20_000
RETRY_S: Final = 1.0
CATCH_UP_S: Final = 0.5
"""How long somebody who asks for a thought waits until thinking knows of all that was forgotten by then, in seconds."""

AGAIN_S: Final = 0.05
"""Between two tries of that: a process that was killed is replaced within a moment."""

GONE: Final[tuple[Happening, ...]] = ("forgotten", "withheld", "namespace_forgotten")
"""Changes after which a record's text, or all of a namespace, is to be found nowhere."""

SEEN_MOST: Final = 1000
"""After so many changes the cursor is written down, though nothing was forgotten. After a kill those behind it are looked at
again."""


class Follower:
    """Follows the feed from the cursor in thinking.db.

    Args:
        actor: who asks memory.
        outbox: what memory is still to be told, perhaps of a namespace that is forgotten.
        forgot: told when something was forgotten.
    """

    def __init__(
        self,
        actor: AsyncActor,
        thoughts: Thoughts,
        outbox: Outbox,
        settings: ThinkingSettings,
        *,
        forgot: Callable[[], None],
    ) -> None:
        self.actor = actor
        self.thoughts = thoughts
        self.outbox = outbox
        self.settings = settings
        self.forgot = forgot
        self.cursor = -1
        self.written = 0
        self.timeline = ""

    async def run(self) -> None:
        """Follow until cancelled. While memory is away this waits, and never gives up."""
        until_back = UntilBack("thinking", RETRY_S)
        while True:
            async with until_back:
                await self._begin()
                fed = await self._take(wait_ms=WAIT_MS, timeout=WAIT_MS / 1000 + 10)
                if len(fed.changes) < PAGE:
                    await asyncio.sleep(self.settings.follow_pause_s)

    async def catch_up(self, patience_s: float | None = None) -> bool:
        """Follow to the feed's end, within a moment; False where memory does not answer in time.

        Args:
            patience_s: for how long a memory that is away is asked again, in seconds; None: not at all.
        """
        try:
            async with asyncio.timeout(CATCH_UP_S if patience_s is None else patience_s):
                while True:
                    if await self._caught_up():
                        return True
                    if patience_s is None:
                        return False
                    await asyncio.sleep(AGAIN_S)
        except TimeoutError:
            return False

    async def _caught_up(self) -> bool:
        try:
            await self._begin()
            while (await self._take(wait_ms=0, timeout=CATCH_UP_S)).changes:
                pass
        except LatticeError:
            return False
        return True

    async def _begin(self) -> None:
        if self.cursor >= 0:
            return

        # From its beginning where it never was followed: what was forgotten until now may be in a thought, or come into one.
        known = await self.thoughts.followed() or (0, "")
        if self.cursor < 0:
            self.cursor, self.timeline = known
            self.written = self.cursor

    async def _take(self, *, wait_ms: int, timeout: float) -> Fed:
        feed = Feed(cursor=self.cursor, timeline=self.timeline or None, limit=PAGE, wait_ms=wait_ms, changes=GONE)
        fed = await next_page(self.actor.ask, feed, who="thinking", timeout=timeout, lane="bg" if wait_ms else "fg")
        if not fed.timeline:
            # Memory is another, in which something may have been forgotten by now: all that ever was is looked at again.
            self.cursor, self.timeline, self.written = 0, "", 0
            await self.thoughts.follow_anew()
            return await self._take(wait_ms=wait_ms, timeout=timeout)
        namespaces = {change.id: change.time for change in fed.changes if change.change == "namespace_forgotten"}
        gone = [(change.namespace, change.id) for change in fed.changes if change.change != "namespace_forgotten"]
        if fed.changes or not self.timeline or fed.cursor - self.written >= SEEN_MOST:
            ended = [talk for talk in await self.thoughts.talks(gone) if await self._is_gone(talk)]
            if namespaces:
                await self.outbox.let_go(namespaces)
            count = await self.thoughts.scrub(gone, fed.cursor, fed.timeline, ended, namespaces)
            self.written = fed.cursor
            if fed.changes:
                self.forgot()
            if count:
                logger.bind(thoughts=count).info("thoughts were scrubbed of what memory forgot")
        if fed.cursor >= self.cursor:
            self.cursor, self.timeline = fed.cursor, fed.timeline
        return fed

    async def _is_gone(self, talk: Talk) -> bool:
        """Whether memory has no talk of that name any more. One that it never had is none: its thoughts were not remembered."""
        namespace, session = talk
        try:
            await self.actor.ask(GetSession(namespace=namespace, name=session, limit=1), timeout=10)
        except NotFound as error:
            return (error.detail or {}).get("forgotten") is True
        return False
