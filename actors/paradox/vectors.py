"""Waiting for memory's vectors: what is judged before they are there is held against what shares its words alone.

"I live in Prague" and "We moved to Brno" share none. In a talk vectors are there in a moment; after an import, or just after a
start, they come while the feed is followed. Where none come (no encoder, or vectors are held) that is noticed once, and nobody
waits until they come again.
"""

from __future__ import annotations

import time

from actors.asks import Asks
from actors.memory.messages import GetStats, Stats

__all__ = ["Vectors"]

WAIT_S = 20.0
ASK_S = 40.0
MOST = 1000
"""Namespaces of which it is kept in mind that no vectors come."""


class Vectors:
    """Waits for a namespace's vectors for as long as they keep coming.

    Args:
        patience_s: how long none may come. 0: nobody waits.
    """

    def __init__(self, ask: Asks, patience_s: float) -> None:
        self._ask = ask
        self._patience_s = patience_s
        self._stuck: dict[str, int] = {}
        """How many were missing where none came."""

    async def wait(self, namespace: str) -> None:
        """Until every record has its vectors, or none have come for too long."""
        if self._patience_s <= 0:
            return
        least = await self._missing(namespace)
        if namespace in self._stuck and least >= self._stuck[namespace]:
            return
        self._stuck.pop(namespace, None)
        since = time.monotonic()
        while least:
            missing = await self._missing(namespace, wait_s=min(self._patience_s, WAIT_S))
            if missing < least:
                least, since = missing, time.monotonic()
            elif time.monotonic() - since >= self._patience_s:
                if len(self._stuck) >= MOST:
                    self._stuck.clear()
                self._stuck[namespace] = least
                return

    async def _missing(self, namespace: str, *, wait_s: float = 0.0) -> int:
        """How many wait for vectors, once none do or the time is up. Memory counts again with each batch alone."""
        stats: Stats = await self._ask(
            GetStats(namespace=namespace, wait_embedded_ms=round(wait_s * 1000)), timeout=ASK_S, lane="bg"
        )
        return stats.pending
