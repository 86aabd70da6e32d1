"""Filling in what is felt in remembered turns: memory's affect vectors, in the background, once each. Knows no paradox.

It follows memory's feed with a cursor of its own, kept after memory has taken the vectors: killed in between, it judges a page
again and tells memory the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from loguru import logger

from actors.memory.messages import Change, Fed, Feed, Judged, NoteAffect
from actors.paradox.follower import RETRY_LIMIT_S, Asks, away
from actors.paradox.settings import ParadoxSettings
from actors.paradox.store import Store
from transport.errors import LatticeError

__all__ = ["Feelings"]

TOLD_FROM = 0.05
"""Probabilities below this are left out: of 28 labels most are next to nothing."""

SAID = frozenset({"remembered", "rederived", "revised"})
KINDS = frozenset({"turn", "statement"})

Reads = Callable[[Sequence[str]], Awaitable[list[dict[str, float]] | None]]


class Feelings:
    """Follows the feed and tells memory what is felt.

    Args:
        read: probabilities by label for each text; None where there is no classifier.
    """

    def __init__(self, settings: ParadoxSettings, store: Store, *, ask: Asks, read: Reads) -> None:
        self._settings = settings
        self._store = store
        self._ask = ask
        self._read = read

    async def run(self) -> None:
        """Follow until cancelled, or until there is no classifier."""
        cursor = await self._store.place("affect")
        failures = 0
        while True:
            try:
                feed = Feed(cursor=cursor, limit=self._settings.page, wait_ms=self._settings.wait_ms)
                fed: Fed = await self._ask(feed, timeout=self._settings.wait_ms / 1000 + 10, lane="bg")
                if not await self._take(fed.changes):
                    return
                if fed.cursor != cursor:
                    await self._store.set_place("affect", fed.cursor)
                    cursor = fed.cursor
                failures = 0
                if len(fed.changes) < self._settings.page:
                    await asyncio.sleep(self._settings.pause_s)
            except LatticeError as error:
                if not away(error):
                    raise
                failures += 1
                wait_s = min(RETRY_LIMIT_S, self._settings.retry_s * 2 ** min(failures - 1, 10))
                logger.info("memory is away; what is felt waits", error=error.code, wait_s=wait_s)
                await asyncio.sleep(wait_s)

    async def _take(self, changes: Sequence[Change]) -> bool:
        """Judge a page; False where there is nothing to judge with."""
        wanted = {change.memory.id: change.memory for change in changes if change.memory is not None and unfelt(change)}
        if not wanted:
            return True
        records = list(wanted.values())
        read = await self._read([record.text for record in records])
        if read is None:
            return False
        by_namespace: dict[str, list[Judged]] = {}
        for record, labels in zip(records, read, strict=True):
            told = {label: value for label, value in labels.items() if value >= TOLD_FROM}
            side = Judged(id=record.id, assistant=told) if record.role == "assistant" else Judged(id=record.id, user=told)
            by_namespace.setdefault(record.namespace, []).append(side)
        for namespace, affects in by_namespace.items():
            await self._ask(NoteAffect(namespace=namespace, affects=tuple(affects)), timeout=30, lane="bg")
        return True


def unfelt(change: Change) -> bool:
    """Whether it is something said of which nobody has said yet what is felt in it; a corrected text is felt anew."""
    memory = change.memory
    if memory is None or memory.kind not in KINDS or not memory.text or change.change not in SAID:
        return False
    known = memory.affect.assistant if memory.role == "assistant" else memory.affect.user
    return known is None or change.change != "remembered"
