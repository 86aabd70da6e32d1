"""Holding: while the re-embed cycle is paused, memory makes no vectors for records. It is said again and again, as a lease.

Who pauses the cycle wants the processor for something else; the lane that does the work is memory's, and knows no schedule.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from actors.asks import Asks
from actors.memory.messages import HoldVectors
from transport.errors import LatticeError

__all__ = ["CYCLE", "Holding"]

CYCLE: Final = "re-embed"
HELD_S: Final = 60.0
"""A daemon that is gone for longer holds nothing any more."""

AGAIN_S: Final = 20.0
ASK_S: Final = 5.0


class Holding:
    """What is held.

    Args:
        ask: asks memory.
        paused: whether the cycle is paused, and not running all the same because somebody asked for a run.
    """

    def __init__(self, ask: Asks, paused: Callable[[], bool]) -> None:
        self._ask = ask
        self._paused = paused
        self._holds = False

    async def keep(self) -> None:
        """Say it again, for ever."""
        while True:
            await self.say()
            await asyncio.sleep(AGAIN_S)

    async def say(self) -> None:
        """Say how it stands now. A memory that is away hears it the next time."""
        paused = self._paused()
        if not paused and not self._holds:
            return
        self._holds = True
        with suppress(LatticeError):
            await self._ask(HoldVectors(for_ms=int(HELD_S * 1000) if paused else 0), timeout=ASK_S)
            self._holds = paused
