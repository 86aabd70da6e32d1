"""Daemon: the background life. Cycles run on schedules as leased rows, yield to everything else, and go on after a crash.

A cycle that fails fails alone: its error stands in its run, and its next attempt waits longer each time.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from loguru import logger

from actors.clock import Clock, system_clock
from actors.daemon import scheduler
from actors.daemon.cycles.consolidate import Consolidate
from actors.daemon.cycles.decay import Decay
from actors.daemon.cycles.reflect import Reflect
from actors.daemon.messages import (
    Cycle,
    CycleChanged,
    Cycles,
    ListCycles,
    ListRuns,
    PauseCycle,
    ResumeCycle,
    Run,
    RunCycle,
    Runs,
    RunStarted,
)
from actors.daemon.settings import DaemonSettings
from actors.daemon.store import Fenced, State, Store
from actors.daemon.work import BudgetSpent, Paused, Work
from actors.daemon.work import Cycle as Kind
from actors.metrics import Metric
from actors.runtime import AsyncActor, handles
from transport.errors import Conflict, NotFound

__all__ = ["Daemon"]


class Daemon(AsyncActor):
    """The daemon actor. Its state is `daemon.db` in `data_dir`."""

    name: ClassVar[str] = "daemon"
    concurrency: ClassVar[int] = 8

    def __init__(self, settings: DaemonSettings, data_dir: Path, clock: Clock = system_clock) -> None:
        super().__init__()
        self.settings = settings
        self.clock = clock
        self.store = Store(data_dir, secrets.token_hex(8), settings.lease_s)
        kinds: tuple[Kind, ...] = (Consolidate(settings.consolidate), Decay(settings.decay), Reflect(settings.reflect))
        self.cycles = {kind.name: kind for kind in kinds if kind.settings.enabled}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._paused: set[str] = set()
        self._look = asyncio.Event()
        self._changed = asyncio.Condition()
        self._ended: dict[tuple[str, str], int] = {}

    async def on_start(self) -> None:
        """Open the store, take over what a former incarnation left in the middle, and keep the schedules."""
        await self.store.open()
        now = self.clock.now()
        await self.store.know(tuple(self.cycles), now)
        self._paused = {name for name, state in (await self.store.states()).items() if state.paused}
        for run in await self.store.take_over(now, starting=True):
            await self._go_on(run)
        self.spawn(self._keep_schedules(), name="schedules")

    async def on_stop(self) -> None:
        """Close the store. What runs keeps its row and is taken over at the next start."""
        await self.store.close()

    async def on_failure(self, *_failure: object) -> None:
        """Close the store."""
        await self.store.close()

    @handles(ListCycles)
    async def list_cycles(self, message: ListCycles) -> Cycles:
        """All cycles."""
        del message
        states = await self.store.states()
        return Cycles(cycles=tuple(self._told(states[name]) for name in sorted(self.cycles)))

    @handles(PauseCycle)
    async def pause(self, message: PauseCycle) -> CycleChanged:
        """No more on its schedule."""
        return await self._set_paused(message.name, paused=True)

    @handles(ResumeCycle)
    async def resume(self, message: ResumeCycle) -> CycleChanged:
        """On its schedule again."""
        return await self._set_paused(message.name, paused=False)

    @handles(RunCycle)
    async def run_cycle(self, message: RunCycle) -> RunStarted:
        """Now."""
        self._known(message.name)
        run, begun = await self.store.begin(message.name, "asked for", self.call.key if self.call else None, self.clock.now())
        if begun:
            self._start(run, asked=True)
        return RunStarted(run=run)

    @handles(ListRuns)
    async def list_runs(self, message: ListRuns) -> Runs:
        """The run history."""
        if message.cycle is not None:
            self._known(message.cycle)
        if message.wait_ms:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(message.wait_ms / 1000), self._changed:
                    while await self.store.is_running(message.cycle):
                        await self._changed.wait()
        runs, more = await self.store.runs(message.cycle, message.limit, message.cursor)
        return Runs(runs=runs, next_cursor=more)

    def metrics(self) -> list[Metric]:
        """Ended runs by cycle and state, since this process began; and which cycles run."""
        ended = [({"cycle": cycle, "state": state}, float(count)) for (cycle, state), count in sorted(self._ended.items())]
        running = [({"cycle": name}, float(name in self._running)) for name in sorted(self.cycles)]
        return [
            Metric(name="lattice_daemon_runs_total", kind="counter", help="Runs that ended.", samples=ended),
            Metric(name="lattice_daemon_running", kind="gauge", help="Whether a cycle is running.", samples=running),
        ]

    async def _keep_schedules(self) -> None:
        """Look at the clock, begin what is due, take over what nobody renews; forever."""
        while True:
            now = self.clock.now()
            for run in await self.store.take_over(now, starting=False):
                await self._go_on(run)
            for state in (await self.store.states()).values():
                await self._begin_if_due(state, now)

            self._look.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.settings.look_s):
                    await self._look.wait()

    async def _begin_if_due(self, state: State, now: datetime) -> None:
        kind = self.cycles.get(state.name)
        if kind is None or state.paused or state.name in self._running:
            return
        longest = max(kind.settings.interval_s, self.settings.retry_limit_s) * (1.2 + self.settings.jitter)
        due = scheduler.sane(state.due, now, longest)
        if due != state.due:
            await self.store.reschedule(state.name, due)
        if due > now:
            return
        try:
            run, _ = await self.store.begin(state.name, "schedule", None, now, if_due=True)
        except Conflict:
            return
        self._start(run, asked=False)

    async def _go_on(self, run: Run) -> None:
        """A run whose owner died: again, or abandoned when it has been begun too often or is no longer known."""
        if run.cycle in self.cycles and run.attempts <= self.settings.attempts:
            logger.info("a run is taken over", run=run.id, cycle=run.cycle, epoch=run.epoch, attempts=run.attempts)
            self._start(run, asked=run.cause != "schedule")
            return
        logger.error("a run is abandoned", run=run.id, cycle=run.cycle, attempts=run.attempts)
        await self._end(run, "abandoned", f"it was begun {run.attempts} times and never ended")

    def _start(self, run: Run, *, asked: bool) -> None:
        def paused() -> bool:
            return run.cycle in self._paused and not asked

        task = self.spawn(self._run(run, paused), name=f"{run.cycle}:{run.id}")
        self._running[run.cycle] = task

    async def _run(self, run: Run, paused: Callable[[], bool]) -> None:
        kind = self.cycles[run.cycle]
        work = Work(run=run, settings=kind.settings, store=self.store, clock=self.clock, ask=self.ask, paused=paused)
        try:
            await kind.work(work)
        except BudgetSpent:
            await self._end(run, "done", None)
        except Paused:
            await self._end(run, "abandoned", "paused")
        except Fenced:
            logger.warning("a run was taken over by another owner", run=run.id, cycle=run.cycle, epoch=run.epoch)
        except Exception as error:  # noqa: BLE001 (a cycle fails alone; its error stands in its run and in the log)
            logger.opt(exception=error).error("a cycle failed", run=run.id, cycle=run.cycle)
            await self._end(run, "failed", f"{type(error).__name__}: {error}")
        else:
            await self._end(run, "done", None)
        finally:
            self._running.pop(run.cycle, None)
            async with self._changed:
                self._changed.notify_all()

    async def _end(self, run: Run, state: str, error: str | None) -> None:
        now = self.clock.now()

        def next_due(failures: int) -> datetime:
            settings = self.settings
            if state == "failed":
                return scheduler.after_failure(now, failures, settings.retry_s, settings.retry_limit_s, run.id)
            kind = self.cycles.get(run.cycle)
            return scheduler.after_run(now, kind.settings.interval_s if kind else settings.retry_s, settings.jitter, run.id)

        with contextlib.suppress(Fenced):
            await self.store.end(run, state, error, now, next_due)
            self._ended[run.cycle, state] = self._ended.get((run.cycle, state), 0) + 1
            await self.store.prune(run.cycle, self.settings.runs_kept)
            logger.info("a run ended", run=run.id, cycle=run.cycle, state=state)

    async def _set_paused(self, name: str, *, paused: bool) -> CycleChanged:
        self._known(name)
        await self.store.pause(name, paused=paused)
        (self._paused.add if paused else self._paused.discard)(name)
        self._look.set()
        return CycleChanged(cycle=self._told((await self.store.states())[name]))

    def _known(self, name: str) -> None:
        if name not in self.cycles:
            raise NotFound(f"there is no cycle {name!r}; there are {', '.join(sorted(self.cycles))}")

    def _told(self, state: State) -> Cycle:
        kind = self.cycles[state.name]
        return Cycle(
            name=state.name,
            about=kind.about,
            interval_s=kind.settings.interval_s,
            paused=state.paused,
            due=state.due,
            last_run=state.last_run,
            failures=state.failures,
        )
