"""Daemon: the background life. Cycles run on schedules as leased rows, yield to everything else, and go on after a crash.

A cycle that fails fails alone: its error stands in its run, its next attempt waits longer each time, and in the end it is
quarantined.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncGenerator
from functools import partial
from pathlib import Path
from typing import ClassVar

from actors.clock import Clock, system_clock
from actors.daemon import aspects, batches, confidences, scheduler, statements
from actors.daemon.cycles import enabled, follower_of
from actors.daemon.follower import Follower
from actors.daemon.foreground import ForegroundWatch
from actors.daemon.holding import CYCLE, Holding
from actors.daemon.messages import (
    BackedUp,
    Backup,
    Cycle,
    CycleChanged,
    Cycles,
    Deliver,
    Delivered,
    Foreground,
    GetProfile,
    ListCycles,
    ListRuns,
    ListSetAside,
    ListStatements,
    PauseCycle,
    Profile,
    Progress,
    Rehearse,
    Rehearsed,
    ResumeCycle,
    Retried,
    Retry,
    RunCycle,
    Runs,
    RunStarted,
    Schedule,
    SetAsides,
    Statements,
    Watch,
    Watched,
)
from actors.daemon.rehearsal import rehearse
from actors.daemon.runner import Runner
from actors.daemon.settings import CycleSettings, DaemonSettings
from actors.daemon.store import State, Store
from actors.daemon.watchers import Watchers
from actors.idempotency import Once, once_of, only_once
from actors.message import Message
from actors.metrics import Metric
from actors.patience import patiently
from actors.runtime import AsyncActor, handles
from transport.errors import NotFound

__all__ = ["Daemon"]


class Daemon(AsyncActor):
    """The daemon actor. Its state is `daemon.db` in `data_dir`."""

    name: ClassVar[str] = "daemon"
    concurrency: ClassVar[int] = 1024
    """Whoever watches holds a handler for as long as it watches: by default more than `gateway.max_in_flight` lets in."""

    def __init__(self, settings: DaemonSettings, data_dir: Path, clock: Clock = system_clock) -> None:
        super().__init__()
        self.settings = settings
        self.clock = clock
        self.data_dir = data_dir
        self.store = Store(data_dir, secrets.token_hex(8), settings.lease_s)
        self.cycles = enabled(settings)
        self.watchers = Watchers(clock)
        self.foreground = ForegroundWatch()
        self.runner = Runner(
            settings=settings,
            cycles=self.cycles,
            store=self.store,
            clock=clock,
            ask=self.ask,
            spawn=self.spawn,
            foreground=self.foreground,
            tell=self.watchers.tell,
            data_dir=data_dir,
        )
        self.holding = Holding(self.ask, lambda: self.runner.is_paused(CYCLE))

    async def on_start(self) -> None:
        """Open the store, take over what a former incarnation left in the middle, and keep the schedules."""
        await self.store.open()
        self.spawn(self.store.watch(), name="daemon watches its database")
        now = self.clock.now()
        await self.store.know({name: scheduler.first(now, kind.settings) for name, kind in self.cycles.items()})
        await self.runner.begin()
        self.spawn(self.holding.keep(), name="hold memory's vectors")
        self.spawn(patiently("schedules", self.runner.keep_schedules), name="schedules")
        keep_up = partial(self.follower.keep_up, self.store, self.ask)
        self.spawn(patiently("memory's feed", keep_up), name="memory's feed")
        if self.host is not None:
            self.spawn(self._let_watchers_go(self.host.draining), name="let watchers go")

    async def on_stop(self) -> None:
        """Close the store. What runs keeps its row and is taken over at the next start."""
        await self.store.close()

    async def on_failure(self, *_failure: object) -> None:
        """Close the store."""
        await self.store.close()

    @property
    def follower(self) -> Follower:
        """What the cycles follow of memory's feed."""
        return follower_of(tuple(self.cycles.values()))

    @handles(Backup)
    async def back_up(self, message: Backup) -> BackedUp:
        """Copy the database."""
        return BackedUp(bytes=await self.store.back_up(message.name))

    @handles(ListCycles)
    async def list_cycles(self, message: ListCycles) -> Cycles:
        """All cycles: their schedule, and how they stand."""
        del message
        states = await self.store.states()
        return Cycles(cycles=tuple(self._told(states[name]) for name in sorted(self.cycles)))

    @handles(PauseCycle)
    async def pause(self, message: PauseCycle) -> CycleChanged:
        """Run a cycle no more on its schedule."""
        return await self._set_paused(message, paused=True)

    @handles(ResumeCycle)
    async def resume(self, message: ResumeCycle) -> CycleChanged:
        """Run a cycle on its schedule again."""
        return await self._set_paused(message, paused=False)

    @handles(RunCycle)
    async def run_cycle(self, message: RunCycle) -> RunStarted:
        """Run a cycle now; the reply names its run."""
        self._known(message.name)
        return RunStarted(run=await self.runner.run_now(message.name, self._once(message)))

    @handles(Rehearse)
    async def rehearse(self, message: Rehearse) -> Rehearsed:
        """Run a cycle without keeping anything; what it would have done."""
        self._known(message.name)
        return await rehearse(
            self.cycles[message.name],
            settings=self.settings,
            store=self.store,
            clock=self.clock,
            ask=self.ask,
            foreground=self.foreground,
            data_dir=self.data_dir,
        )

    @handles(ListRuns)
    async def list_runs(self, message: ListRuns) -> Runs:
        """The history of runs, latest first."""
        if message.cycle is not None:
            self._known(message.cycle)
        if message.wait_ms:
            await self.runner.wait_for_end(message.cycle, message.wait_ms / 1000)
        runs, more = await self.store.runs(message.cycle, message.limit, message.cursor)
        return Runs(runs=runs, next_cursor=more)

    @handles(ListSetAside)
    async def list_set_aside(self, message: ListSetAside) -> SetAsides:
        """Work that failed again and again and was left out."""
        if message.cycle is not None:
            self._known(message.cycle)
        return SetAsides(items=await self.store.read(batches.set_aside, message.cycle))

    @handles(Retry)
    async def retry(self, message: Retry) -> Retried:
        """Give work that was set aside another chance."""
        self._known(message.cycle)
        once = self._once(message)
        await self.store.write(
            lambda connection: only_once(connection, once, lambda: batches.retry(connection, message.cycle, message.id))
        )
        return Retried(cycle=message.cycle, id=message.id)

    @handles(Foreground)
    def people(self, message: Foreground) -> None:
        """Note that people wait for answers, or no longer do."""
        self.foreground.said(message.caller, busy=message.busy, lasts_s=message.lasts_ms / 1000)

    @handles(Watch)
    async def watch(self, message: Watch) -> AsyncGenerator[Progress | Watched]:
        """Progress as it happens."""
        async with contextlib.aclosing(self.watchers.watch(message.after)) as steps:
            async for progress in steps:
                yield progress
        yield Watched()

    @handles(GetProfile)
    async def profile(self, message: GetProfile) -> Profile:
        """What is known of people."""
        baseline = dict(self.settings.personality.baseline)
        speakers = await self.store.read(aspects.profile, message.namespace, message.speaker)
        return Profile(
            speakers=await confidences.with_tellers(self.ask, message.namespace, speakers),
            traits=await self.store.read(aspects.traits, message.namespace, baseline),
        )

    @handles(ListStatements)
    async def list_statements(self, message: ListStatements) -> Statements:
        """What the assistant would bring up."""
        return await statements.listed(self.store, self.ask, message, self.clock.now())

    @handles(Deliver)
    async def deliver(self, message: Deliver) -> Delivered:
        """Give a statement to the thought that brings it up, once."""
        return await statements.deliver(self.store, self.ask, message, self.clock.now())

    def metrics(self) -> list[Metric]:
        """Ended runs by cycle and state, since this process began; and which cycles run."""
        ended = [({"cycle": cycle, "state": state}, float(n)) for (cycle, state), n in sorted(self.runner.ended.items())]
        running = [({"cycle": name}, float(name in self.runner.running)) for name in sorted(self.cycles)]
        return [
            Metric(name="lattice_daemon_runs_total", kind="counter", help="Runs that ended.", samples=ended),
            Metric(name="lattice_daemon_running", kind="gauge", help="Whether a cycle is running.", samples=running),
            Metric(
                name="lattice_daemon_quarantined",
                kind="gauge",
                help="Whether a cycle is left alone because it failed again and again.",
                samples=[({"cycle": name}, float(name in self.runner.quarantined)) for name in sorted(self.cycles)],
            ),
        ]

    async def _let_watchers_go(self, draining: asyncio.Event) -> None:
        await draining.wait()
        self.watchers.leave()

    async def _set_paused(self, message: PauseCycle | ResumeCycle, *, paused: bool) -> CycleChanged:
        self._known(message.name)
        await self.runner.set_paused(message.name, self._once(message), paused=paused)
        if message.name == CYCLE:
            await self.holding.say()
        return CycleChanged(cycle=self._told((await self.store.states())[message.name]))

    def _once(self, message: Message) -> Once | None:
        return once_of(self.call, message, self.clock.steady())

    def _known(self, name: str) -> None:
        if name not in self.cycles:
            setting = name.replace("-", "_")
            if isinstance(getattr(self.settings, setting, None), CycleSettings):
                raise NotFound(f"{name!r} is turned off: `enabled = true` in [daemon.{setting}] turns it on")
            raise NotFound(f"there is no cycle {name!r}; there are {', '.join(sorted(self.cycles))}")

    def _told(self, state: State) -> Cycle:
        kind = self.cycles[state.name]
        schedule = kind.settings
        return Cycle(
            name=state.name,
            about=kind.about,
            needs_model=kind.needs_model,
            schedule=Schedule(
                interval_s=schedule.interval_s, cron=schedule.cron, after_new=schedule.after_new, idle_s=schedule.idle_s
            ),
            paused=state.paused,
            quarantined=state.quarantined,
            due=state.due,
            last_run=state.last_run,
            new=state.new,
            failures=state.failures,
            set_aside=state.set_aside,
        )
