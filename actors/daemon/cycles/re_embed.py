"""Re-embed: records without vectors get them, or new ones after a change of the embedder. Memory's own lane makes them.

The lane works by itself, at the lowest priority; this stays with it while it works off a backlog, so that the backlog has a
run with a budget, a cost and an outcome. How vectors are made, it does not know.
"""

from __future__ import annotations

from typing import ClassVar

from loguru import logger

from actors.daemon.follower import Follower, namespaces
from actors.daemon.settings import ReEmbedSettings
from actors.daemon.work import Work
from actors.memory.messages import GetStats, HoldVectors, Stats

__all__ = ["ReEmbed"]

LOOK_MS = 1000
"""How long memory is given between two yield points."""

PATIENCE = 30
"""Looks without any progress after which the embedder counts as away: the next run looks again."""


class ReEmbed:
    """The cycle `re-embed`; `about` says what it does."""

    name: ClassVar[str] = "re-embed"
    about: ClassVar[str] = "Sees to it that every record has vectors of the present embedder."
    needs_model: ClassVar[str] = ""
    follows: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, settings: ReEmbedSettings, follower: Follower) -> None:
        self.settings = settings
        self.follower = follower

    async def work(self, work: Work) -> None:
        """Namespace by namespace, until nothing waits or the budget is spent."""
        await self.follower.catch_up(work)
        if not work.dry:
            # Who asks for a run of a cycle that is paused wants this one.
            await work.ask(HoldVectors(for_ms=0))
        for namespace in await work.read(namespaces):
            await self._through(work, namespace)

    async def _through(self, work: Work, namespace: str) -> None:
        stats: Stats = await work.ask(GetStats(namespace=namespace))
        if work.dry:
            await work.commit(lambda _connection: None, pending=stats.pending)
            return

        looks = 0
        while stats.pending and looks < PATIENCE:
            before = stats.pending
            stats = await work.ask(GetStats(namespace=namespace, wait_embedded_ms=LOOK_MS))
            done = max(before - stats.pending, 0)
            looks = 0 if done else looks + 1
            await work.commit(lambda _connection: None, embedded=done)
            await work.pass_on()

        if stats.pending:
            logger.warning("the embedder is away: records wait for their vectors", cycle=self.name, pending=stats.pending)
