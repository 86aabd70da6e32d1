"""Percolate: links between memories that lie far apart in time and in different talks, and are about the same.

For every new record it recalls what is similar from before; what shares enough content words is linked to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar

from actors.daemon import batches, extract
from actors.daemon.batches import Batch, Outcome
from actors.daemon.follower import Follower
from actors.daemon.settings import PercolateSettings
from actors.daemon.work import Work
from actors.memory.messages import Memory, Recall, Recalled, Relate
from transport.errors import NotFound

__all__ = ["Percolate"]

QUERY = 2000
"""Characters of a record that are asked with."""


class Percolate:
    """The cycle `percolate`; `about` says what it does."""

    name: ClassVar[str] = "percolate"
    about: ClassVar[str] = "Links what is said now to what was said of the same long before, in other talks."
    needs_model: ClassVar[str] = ""
    follows: ClassVar[frozenset[str]] = frozenset({"turn", "fact"})

    def __init__(self, settings: PercolateSettings, follower: Follower) -> None:
        self.settings = settings
        self.follower = follower

    async def work(self, work: Work) -> None:
        """Finish what was laid down, follow the feed, and look for what belongs to what is new."""
        await batches.finish(work, self._linked)
        await self.follower.catch_up(work)
        await work.commit(lambda connection: batches.lay_all(connection, self.name, self.settings.turns))
        await batches.finish(work, self._linked)

    async def _linked(self, work: Work, batch: Batch, turns: list[Memory]) -> Outcome:
        links = 0
        for turn in turns:
            for distant in await self._distant(work, batch.namespace, turn):
                try:
                    await work.write(
                        Relate(namespace=batch.namespace, source=turn.id, relation="relates", target=distant.id),
                        text=f"{turn.text[:200]} ~ {distant.text[:200]}",
                    )
                except NotFound:
                    continue
                links += 1
        return Outcome(effects={"links": links})

    async def _distant(self, work: Work, namespace: str, turn: Memory) -> Sequence[Memory]:
        words = set(extract.content(turn.text))
        if len(words) < self.settings.words:
            return []
        recalled: Recalled = await work.ask(
            Recall(
                namespace=namespace,
                query=turn.text[:QUERY],
                k=10,
                kinds=("turn", "fact"),
                until=turn.time - timedelta(days=self.settings.distance_days),
                exclude=(turn.id,),
            )
        )
        found = [
            memory
            for memory in recalled.memories
            if (memory.session is None or memory.session != turn.session)
            and len(words & set(extract.content(memory.text))) >= self.settings.words
        ]
        return found[: self.settings.links]
