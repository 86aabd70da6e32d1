"""Filling in what is felt in remembered turns: memory's affect vectors, in the background, once each. Knows no paradox.

It follows memory's feed with a cursor of its own, kept after memory has taken the vectors: killed in between, it judges a page
again and tells memory the same.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from actors.asks import Asks
from actors.memory.messages import Change, Fed, Judged, NoteAffect
from actors.paradox.feed import follow
from actors.paradox.settings import ParadoxSettings
from actors.paradox.store import Store

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
        await follow(self._ask, self._settings, await self._store.place("affect"), self._page, who="feeling")

    async def _page(self, before: int, fed: Fed) -> int | None:
        if not await self._take(fed.changes):
            return None
        if fed.cursor != before:
            await self._store.set_place("affect", fed.cursor, fed.timeline)
        return fed.cursor

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
