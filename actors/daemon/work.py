"""One run at work: asking memory in the background lane, writing under the run's lease, and yielding."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, ClassVar, Protocol, TypeVar

import apsw

from actors.clock import Clock
from actors.daemon.messages import Run
from actors.daemon.settings import CycleSettings
from actors.daemon.store import Store

__all__ = ["Asks", "BudgetSpent", "Cycle", "Paused", "Work"]

T = TypeVar("T")


class Asks(Protocol):
    """Asks an actor, as `AsyncActor.ask` does."""

    def __call__(
        self, message: Any, *, timeout: float | None = None, key: str | None = None, lane: str | None = None
    ) -> Awaitable[Any]:
        """The reply."""


class Paused(Exception):
    """The cycle was paused while it ran."""


class BudgetSpent(Exception):
    """The run has had its time or its writes; what is left waits for the next."""


class Work:
    """What a cycle has in hand while it runs.

    Args:
        run: its row, with the epoch under which it writes.
        settings: its budget.
        paused: whether the cycle has been paused meanwhile.
    """

    def __init__(
        self,
        *,
        run: Run,
        settings: CycleSettings,
        store: Store,
        clock: Clock,
        ask: Asks,
        paused: Callable[[], bool],
    ) -> None:
        self.run = run
        self.settings = settings
        self.store = store
        self.clock = clock
        self._ask = ask
        self._paused = paused
        self._ends = asyncio.get_running_loop().time() + settings.budget_s
        self._writes = 0

    async def ask(self, message: Any) -> Any:
        """Ask behind everything that people wait for."""
        return await self._ask(message, timeout=30.0, lane="bg")

    async def commit(self, change: Callable[[apsw.Connection], T], **effects: int) -> T:
        """Write to daemon.db, count the effects of the run, and renew its lease, in one transaction; then yield."""
        done = await self.store.commit(self.run, self.clock.now(), change, effects)
        await asyncio.sleep(0)
        return done

    async def read(self, fn: Callable[..., T], *args: Any) -> T:
        """Read daemon.db."""
        return await self.store.read(fn, *args)

    async def pass_on(self, writes: int = 0) -> None:
        """A yield point, between two pieces of work: others run first; `writes` is what the last one wrote to memory.

        Raises:
            Paused: the cycle is not to go on.
            BudgetSpent: it has had its share.
        """
        await asyncio.sleep(0)
        self._writes += writes
        if self._paused():
            raise Paused
        if self._writes >= self.settings.budget_writes or asyncio.get_running_loop().time() >= self._ends:
            raise BudgetSpent

    @property
    def writes_left(self) -> int:
        """What the budget still has room for; at least 1, since a run without any ends at its yield point."""
        return max(1, self.settings.budget_writes - self._writes)

    @property
    def now(self) -> datetime:
        """When the run began: the same for whoever takes it over."""
        return self.run.started


class Cycle(Protocol):
    """One kind of background work."""

    name: ClassVar[str]
    about: ClassVar[str]

    @property
    def settings(self) -> CycleSettings:
        """Its schedule and budget."""

    async def work(self, work: Work) -> None:
        """Do what is there to do; raise to fail. After a kill it is called again, under the same run."""
