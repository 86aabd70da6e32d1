"""Telling memory what paradox found settled: an old fact's end, with what took its place; or that it holds after all.

Once each, whatever is killed when: what is to be told is a row of paradox.db, written with what caused it; it goes once memory
has answered. They are told in their order, and memory takes the same one twice as once, so a crash in between repeats nothing.
"""

from __future__ import annotations

import asyncio

from loguru import logger

from actors.asks import Asks
from actors.following import wait_s
from actors.memory.messages import Reinstate, Relate, Supersede
from actors.paradox.feed import away
from actors.paradox.life import REINSTATED
from actors.paradox.settings import ParadoxSettings
from actors.paradox.store import Owed, Store
from transport.errors import LatticeError

__all__ = ["Settler"]

AT_ONCE = 64


class Settler:
    """Tells memory, in the background."""

    def __init__(self, settings: ParadoxSettings, store: Store, *, ask: Asks) -> None:
        self._settings = settings
        self._store = store
        self._ask = ask
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """There may be something to tell."""
        self._wake.set()

    async def run(self) -> None:
        """Tell until cancelled."""
        failures = 0
        self._wake.set()
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                while owed := await self._store.owed(AT_ONCE):
                    for one in owed:
                        await self._tell(one)
                        failures = 0
            except LatticeError as error:
                if not away(error):
                    raise
                failures += 1
                self._wake.set()
                await asyncio.sleep(wait_s(failures, self._settings.retry_s))

    async def _tell(self, owed: Owed) -> None:
        message: Relate | Reinstate | Supersede
        if owed.cause == "link":
            message = Relate(namespace=owed.namespace, source=owed.by, relation="supersedes", target=owed.ended)
        elif owed.cause == REINSTATED:
            message = Reinstate(namespace=owed.namespace, id=owed.ended, by=owed.by or None, cause="resolved")
        else:
            message = Supersede(namespace=owed.namespace, id=owed.ended, by=owed.by or None, time=owed.since, cause=owed.cause)
        try:
            await self._ask(message, timeout=30, lane="bg")
        except LatticeError as error:
            if away(error):
                raise
            # Forgotten meanwhile, most likely: there is nothing left to end.
            logger.info("an end could not be told", memory=owed.ended, error=error.code)
        await self._store.paid(owed.number)
