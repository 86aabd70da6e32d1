"""Paradox: judges statements on request, follows memory's feed in the background, and keeps what is at odds.

A detector alone never changes a memory: this actor only ever reads memory.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import ClassVar

from actors.clock import Clock, system_clock
from actors.memory.messages import Change
from actors.metrics import Metric
from actors.paradox.compare import findings
from actors.paradox.follower import Follower
from actors.paradox.judge import check
from actors.paradox.messages import Check, Checked, Found, Get, GetProgress, List, Paradoxes, Progress, Resolve
from actors.paradox.settings import ParadoxSettings
from actors.paradox.store import Effect, Store
from actors.runtime import AsyncActor, handles

__all__ = ["Paradox"]

AT_ONCE = 16
"""Up to so many statements are judged on the loop (well under a ms each); more go to a thread."""


class Paradox(AsyncActor):
    """The paradox actor. Its state is `paradox.db` in `data_dir`."""

    name: ClassVar[str] = "paradox"
    concurrency: ClassVar[int] = 16

    def __init__(self, settings: ParadoxSettings, data_dir: Path, clock: Clock = system_clock) -> None:
        super().__init__()
        self.settings = settings
        self.clock = clock
        self.store = Store(data_dir)
        self.cursor = 0
        self._moved = asyncio.Condition()

    async def on_start(self) -> None:
        """Open the store, and follow on from where it stands."""
        await self.store.open()
        self.cursor = (await self.store.progress()).cursor
        if self.settings.follow:
            follower = Follower(self.settings, self.store, self.clock, ask=self.ask, judge=self._judge, moved=self._on_moved)
            self.spawn(follower.run(), name="follow")

    async def on_stop(self) -> None:
        """Close the store."""
        await self.store.close()

    async def on_failure(self, *_failure: object) -> None:
        """Close the store."""
        await self.store.close()

    @handles(Check)
    async def check(self, message: Check) -> Checked:
        """Judge and forget."""
        if len(message.statements) > AT_ONCE:
            return await self.in_thread(check, message.statements, message.new)
        return check(message.statements, message.new)

    @handles(List)
    async def list_paradoxes(self, message: List) -> Paradoxes:
        """A namespace's paradoxes."""
        found, more = await self.store.page(
            message.namespace, only_open=message.open, limit=message.limit, cursor=message.cursor
        )
        return Paradoxes(paradoxes=found, next_cursor=more)

    @handles(Get)
    async def get(self, message: Get) -> Found:
        """One paradox."""
        return Found(paradox=await self.store.get(message.namespace, message.id))

    @handles(Resolve)
    async def resolve(self, message: Resolve) -> Found:
        """End a paradox, with a reason."""
        return Found(paradox=await self.store.resolve(message, self.clock.now()))

    @handles(GetProgress)
    async def progress(self, message: GetProgress) -> Progress:
        """How far the feed has been followed."""
        if message.wait_ms and self.cursor < message.reached:
            try:
                async with asyncio.timeout(message.wait_ms / 1000), self._moved:
                    await self._moved.wait_for(lambda: self.cursor >= message.reached)
            except TimeoutError:
                pass
        return await self.store.progress()

    def metrics(self) -> list[Metric]:
        """How far the feed has been followed."""
        about = "Seq of the last change of memory's feed that was judged."
        return [Metric(name="lattice_paradox_cursor", kind="gauge", help=about, samples=[({}, float(self.cursor))])]

    async def _judge(self, change: Change) -> list[Effect]:
        return await findings(change, self.ask, self.settings)

    async def _on_moved(self, cursor: int) -> None:
        self.cursor = cursor
        async with self._moved:
            self._moved.notify_all()
