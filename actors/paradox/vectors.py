"""Waiting for memory's vectors: what is judged before they are there is held against what shares its words alone.

"I live in Prague" and "We moved to Brno" share none. In a talk vectors are there in a moment; after an import, or just after a
start, they come while the feed is followed. Where none come (no encoder, or vectors are held) that is noticed once, for all
namespaces, since they have one encoder; nobody waits until they come again, but for a look once in a while.
"""

from __future__ import annotations

import time

from actors.asks import Asks
from actors.memory.messages import GetStats, Stats

__all__ = ["AwaitedVectors"]

WAIT_S = 20.0
ASK_S = 40.0
MOST = 1000
"""Namespaces of which it is kept in mind how many vectors were missing."""

RESTS = 15
"""After a vain wait nobody waits for so many times as long. So at most a sixteenth of the time is lost, however many namespaces
there are and whatever keeps the encoder away."""


class AwaitedVectors:
    """Waits for a namespace's vectors for as long as they keep coming.

    Args:
        patience_s: how long none may come. 0: nobody waits.
    """

    def __init__(self, ask: Asks, patience_s: float) -> None:
        self._ask = ask
        self._patience_s = patience_s
        self._missed: dict[str, int] = {}
        """How many were missing at the last look."""

        self._rests_until = 0.0
        """None came anywhere when it was last waited for."""

    async def wait(self, namespace: str) -> None:
        """Until every record has its vectors, or none have come for too long."""
        if self._patience_s <= 0:
            return
        least = await self._missing(namespace)
        since = time.monotonic()
        come = least < self._missed.get(namespace, 0)
        stuck = not come and (namespace in self._missed or since < self._rests_until)
        while least and not stuck:
            missing = await self._missing(namespace, wait_s=min(self._patience_s, WAIT_S))
            now = time.monotonic()
            if missing < least:
                least, since, self._rests_until = missing, now, 0.0
            elif now - since >= self._patience_s:
                stuck, self._rests_until = True, now + RESTS * self._patience_s
        self._keep(namespace, least)

    def _keep(self, namespace: str, missing: int) -> None:
        self._missed.pop(namespace, None)
        if not missing:
            return
        if len(self._missed) >= MOST:
            self._missed.clear()
        self._missed[namespace] = missing

    async def _missing(self, namespace: str, *, wait_s: float = 0.0) -> int:
        """How many wait for vectors, once none do or the time is up. Memory counts again with each batch alone."""
        stats: Stats = await self._ask(
            GetStats(namespace=namespace, wait_embedded_ms=round(wait_s * 1000)), timeout=ASK_S, lane="bg"
        )
        return stats.pending
