"""Follows memory's feed in the background: each new statement is judged once in effect, whatever is killed when.

The effects of a page of changes are written with the cursor after it, in one transaction. A change that fails again and again
is set aside with its error.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from loguru import logger

from actors.asks import Asks
from actors.clock import Clock
from actors.idempotency import Once
from actors.memory.messages import Change, Fed, Found, Get
from actors.paradox.effects import Effect, End, Forgetting, NamespaceForgetting, Reinstatement
from actors.paradox.feed import away, follow
from actors.paradox.messages import SetAside
from actors.paradox.settings import ParadoxSettings
from actors.paradox.store import Store
from actors.paradox.vectors import AwaitedVectors
from transport.errors import Conflict, LatticeError, NotFound

__all__ = ["Follower", "retried"]

Judges = Callable[[Change], Awaitable[list[Effect]]]

GONE = frozenset({"forgotten", "withheld"})
"""After these a record's text must be nowhere: `withheld` comes back as `rederived`, with other words."""

SAID = frozenset({"remembered", "rederived", "revised"})


async def retried(item: SetAside, store: Store, clock: Clock, ask: Asks, judge: Judges, *, once: Once | None) -> int:
    """Judge once more what was set aside; how many contradictions and updates came of it.

    Raises:
        Conflict: it failed again.
        NotFound: the record was forgotten, or it is set aside no longer.
    """
    seq = int(item.id)
    try:
        found: Found = await ask(Get(namespace=item.namespace, id=item.memory), timeout=30)
    except NotFound:
        await store.judged_after_all(seq, (), clock.now(), judged=0)
        raise
    change = Change(
        seq=seq, change="revised", namespace=item.namespace, id=item.memory, time=item.time, cause="retry", memory=found.memory
    )
    try:
        effects = await judge(change)
    except Exception as error:
        if isinstance(error, LatticeError) and away(error):
            raise
        told = f"{type(error).__name__}: {error}"
        await store.failed(seq, item.namespace, item.memory, told, clock.now())
        raise Conflict(f"it failed again: {told[:200]}") from error
    return await store.judged_after_all(seq, effects, clock.now(), once=once)


class Follower:
    """Takes the feed's changes in order.

    Args:
        judge: what a remembered statement is at odds with, as effects to keep.
        moved: told the cursor each time that it has moved.
    """

    def __init__(
        self,
        settings: ParadoxSettings,
        store: Store,
        clock: Clock,
        *,
        ask: Asks,
        judge: Judges,
        moved: Callable[[int], Awaitable[None]],
    ) -> None:
        self._settings = settings
        self._store = store
        self._clock = clock
        self._ask = ask
        self._judge = judge
        self._moved = moved
        self._vectors = AwaitedVectors(ask, settings.vectors_patience_s)

    async def run(self) -> None:
        """Follow until cancelled."""
        await follow(self._ask, self._settings, await self._store.followed(), self._take, who="judging")

    async def _take(self, before: int, fed: Fed) -> int:
        """Judge a page and keep what came of it; what was judged before a failure is kept first."""
        if not fed.timeline:
            if fed.cursor != before:
                await self._store.go_back(before, fed.cursor)
                await self._moved(fed.cursor)
            return fed.cursor
        for namespace in sorted({change.namespace for change in fed.changes if change.change in SAID}):
            await self._vectors.wait(namespace)
        effects: list[Effect] = []
        judged = 0
        cursor = before
        for change in fed.changes:
            try:
                effects += await self._effects(change)
            except Exception as error:  # whatever one item does, it must not stop the feed for the others
                if isinstance(error, LatticeError) and away(error):
                    await self._keep(before, cursor, fed.timeline, judged, effects)
                    raise
                before = await self._keep(before, cursor, fed.timeline, judged, effects)
                effects, judged = [], 0
                if not await self._set_aside(change, error):
                    return before
            else:
                judged += change.change in SAID

            cursor = change.seq

        return await self._keep(before, fed.cursor, fed.timeline, judged, effects)

    async def _effects(self, change: Change) -> list[Effect]:
        if change.change in GONE:
            return [Forgetting(change.namespace, change.id)]
        if change.change == "namespace_forgotten":
            return [NamespaceForgetting(change.id)]
        if change.change == "superseded":
            return [End(change.namespace, change.id)]
        if change.change == "reinstated":
            return [Reinstatement(change.namespace, change.id)]
        if change.change in SAID and change.memory is not None:
            return await self._judge(change)
        return []

    async def _keep(self, before: int, cursor: int, timeline: str, judged: int, effects: list[Effect]) -> int:
        if cursor != before:
            await self._store.advance(before, (cursor, timeline), judged, effects, self._clock.now())
            await self._moved(cursor)
        return cursor

    async def _set_aside(self, change: Change, error: Exception) -> bool:
        """Whether the change has failed so often that the feed goes on without it."""
        attempts = await self._store.failed(
            change.seq, change.namespace, change.id, f"{type(error).__name__}: {error}", self._clock.now()
        )
        if attempts >= self._settings.attempts:
            logger.opt(exception=error).error("a change was set aside", seq=change.seq, memory=change.id, attempts=attempts)
            return True
        logger.warning("a change failed and is tried again", seq=change.seq, memory=change.id, error=type(error).__name__)
        return False
