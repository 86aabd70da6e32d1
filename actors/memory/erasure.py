"""Erasing what was in forgotten namespaces: in the background, a page at a time, for as long as there is any.

Whoever writes meanwhile waits for a page at most. A kill loses the page in the making; the next process goes on. Knows no
record and no message.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Final

import apsw
from loguru import logger

from actors.memory.namespaces import erase_some, is_erased, note_erased, unerased
from actors.sqlite.database import Database
from transport.errors import Overloaded, Unavailable

__all__ = ["Erasure"]

LEAST: Final = 16
MOST: Final = 1024
"""Rows of one page: as many as take about `PAGE_S`. Four fifths of a record's 0.2 ms are its words in the full-text index."""

PAGE_S: Final = 0.01
"""How long a page keeps the writer's thread, about, in seconds. It rests as long afterwards: others write half of the time."""

AGAIN_S: Final = 1.0
"""How long it rests when the disk takes nothing, or somebody reads the log, in seconds."""


class Erasure:
    """Erases what is forgotten.

    Args:
        database: memory's.
        let_go: run in the reader's thread with a namespace's number: nothing of it is to be held there any more.
    """

    def __init__(self, database: Database, let_go: Callable[[apsw.Connection, int], None]) -> None:
        self._database = database
        self._let_go = let_go
        self._work = asyncio.Event()
        self._moved = asyncio.Event()
        self._hindered = ""

    def begin(self) -> None:
        """A namespace was forgotten, or may have been before this process began."""
        self._work.set()

    async def run(self) -> None:
        """Erase for ever."""
        while True:
            await self._work.wait()
            self._work.clear()
            try:
                while (number := await self._database.read(unerased)) is not None:
                    await self._erase(number)
            except (Overloaded, Unavailable) as error:
                logger.bind(code=error.code, reason=error.message).warning("a forgotten namespace is erased later")
                if isinstance(error, Unavailable):
                    # Whoever waits has nothing from waiting on: it takes until somebody makes room.
                    self._tell(error.message)
                await asyncio.sleep(AGAIN_S)
                self._work.set()

    async def erased(self, namespace: str, until: float) -> None:
        """Wait until nothing is left of what was forgotten under a name.

        Args:
            namespace: the name.
            until: by the loop's clock.

        Raises:
            Unavailable: something is, still: the time is up, or the disk refuses.
        """
        self.begin()
        while True:
            moved = self._moved
            if await self._database.read(is_erased, namespace):
                return
            try:
                async with asyncio.timeout_at(until):
                    await moved.wait()
            except TimeoutError:
                message = "the namespace is forgotten, and what was in it is being erased from the disk: ask again"
                raise Unavailable(message, retry_after_ms=1000) from None
            if self._hindered:
                message = f"the namespace is forgotten, but cannot be erased from the disk yet: {self._hindered}"
                raise Unavailable(message, retry_after_ms=1000)

    async def _erase(self, number: int) -> None:
        await self._database.read(self._let_go, number)
        page = LEAST
        while True:
            began = time.monotonic()
            if not await self._database.write(partial(erase_some, number=number, most=page)):
                break
            took = time.monotonic() - began
            page = max(LEAST, min(MOST, page * 2 if took < PAGE_S / 2 else page // 2 if took > 2 * PAGE_S else page))
            await asyncio.sleep(took)
        await self._database.checkpoint()
        await self._database.write(note_erased, number)
        logger.info("a forgotten namespace is erased")
        self._tell("")

    def _tell(self, hindered: str) -> None:
        """Wake those who wait: one more is erased, or something is in the way of it."""
        self._hindered = hindered
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()
