"""When what was written goes into the full-text index: soon, but many records at once.

A transaction that indexes 64 records costs 110 us for each, one of 1,024 costs 12: the index writes a segment for each
transaction, and merges them. So it waits until nothing was written for a moment, or for long enough. Meanwhile recall looks
through the tail. Knows no record.
"""

from __future__ import annotations

import asyncio
from typing import Final

from loguru import logger

from actors.memory.tail import index_more
from actors.sqlite.database import Database
from transport.errors import Overloaded, Unavailable

__all__ = ["Indexing"]

LONGEST_S: Final = 0.25
"""How long writing that never pauses puts indexing off, in seconds: at 10,000 a second a recall then finds some 2,500 records
in the tail, which takes it 40 ms at most, once."""

REFUSED_S: Final = 1.0
"""How long indexing rests when the disk takes nothing, in seconds."""


class Indexing:
    """Follows what is written into one database.

    Args:
        database: memory's.
        pause_s: for how long nothing must have been written, in seconds.
        at_once: how many records one transaction indexes at most.
    """

    def __init__(self, database: Database, pause_s: float, at_once: int) -> None:
        self._database = database
        self._pause_s = pause_s
        self._at_once = at_once
        self._written = asyncio.Event()

    def written(self) -> None:
        """Something was written, or may have been before this process began."""
        self._written.set()

    async def run(self) -> None:
        """Index for ever."""
        while True:
            await self._written.wait()
            await self._wait_for_more()
            try:
                while await self._database.write_rebuildable(index_more, self._at_once) >= self._at_once:
                    pass
            except (Overloaded, Unavailable) as error:
                logger.bind(code=error.code, reason=error.message).warning("the index waits")
                await asyncio.sleep(REFUSED_S)
                self._written.set()

    async def _wait_for_more(self) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + max(self._pause_s, LONGEST_S)
        while self._written.is_set() and loop.time() < until:
            self._written.clear()
            await asyncio.sleep(self._pause_s)
