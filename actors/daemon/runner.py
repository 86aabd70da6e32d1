"""Runs: begun when they are due, taken over from the dead, ended whatever happened. Knows cycles by their protocol only."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from loguru import logger

from actors.asks import Asks
from actors.clock import Clock
from actors.daemon import answers, rehearsal, scheduler
from actors.daemon.foreground import ForegroundWatch
from actors.daemon.messages import Cost, Progress, Run, RunState
from actors.daemon.settings import DaemonSettings
from actors.daemon.store import Fenced, State, Store
from actors.daemon.work import AWAY, BudgetSpent, Cycle, Paused, Work
from actors.idempotency import Once
from actors.moments import micros
from actors.patience import patiently
from transport.errors import Conflict

__all__ = ["Runner"]

Spawn = Callable[..., asyncio.Task[None]]
RETRY_S = 600.0
"""Wait of a cycle that has no interval of its own, after a run that was abandoned."""


class Runner:
    """Whoever runs the cycles.

    Args:
        settings: the daemon's.
        cycles: by name.
        ask: asks other actors.
        spawn: makes a task that ends with the actor.
        foreground: for whom runs stand still.
        tell: told of every step.
        data_dir: where rehearsals that a crash left behind lie.
    """

    def __init__(
        self,
        *,
        settings: DaemonSettings,
        cycles: Mapping[str, Cycle],
        store: Store,
        clock: Clock,
        ask: Asks,
        spawn: Spawn,
        foreground: ForegroundWatch,
        tell: Callable[[Progress], None],
        data_dir: Path,
    ) -> None:
        self.running: dict[str, asyncio.Task[None]] = {}
        self.ended: dict[tuple[str, str], int] = {}
        """How many runs ended, by cycle and state, since this process began."""

        self.quarantined: set[str] = set()
        self._settings = settings
        self._cycles = cycles
        self._store = store
        self._clock = clock
        self._ask = ask
        self._spawn = spawn
        self._foreground = foreground
        self._tell = tell
        self._data_dir = data_dir
        self._paused: set[str] = set()
        self._asked: set[str] = set()
        """Cycles of which a run is in progress that somebody asked for."""

        self._look = asyncio.Event()
        self._changed = asyncio.Condition()

    async def begin(self) -> None:
        """Take over what a former incarnation left in the middle."""
        rehearsal.clear(self._data_dir)
        states = await self._store.states()
        self._paused = {name for name, state in states.items() if state.paused}
        self.quarantined = {name for name, state in states.items() if state.quarantined}
        for run in await self._store.take_over(self._clock.now(), starting=True):
            await self._go_on(run)

    async def keep_schedules(self) -> None:
        """Look at the clock, begin what is due, take over what nobody renews; forever."""
        while True:
            now = self._clock.now()
            for run in await self._store.take_over(now, starting=False):
                await self._go_on(run)
            for state in (await self._store.states()).values():
                await self._begin_if_due(state, now)

            self._look.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._settings.look_s):
                    await self._look.wait()

    async def run_now(self, name: str, once: Once | None) -> Run:
        """A new run; or the one that the call began before.

        Raises:
            Conflict: one is running.
            KeyReused: the call's key came with another message.
            NotFound: the run that the call began is no longer kept.
        """
        run, begun = await self._store.begin(name, "asked for", once, self._clock.now())
        if begun:
            self._start(run, asked=True)
        return run

    async def set_paused(self, name: str, once: Once | None, *, paused: bool) -> None:
        """Set whether a cycle runs on its schedule. A call that was made before changes nothing.

        Raises:
            KeyReused: the call's key came with another message.
        """
        if not await self._store.pause(name, once, paused=paused):
            return

        (self._paused.add if paused else self._paused.discard)(name)
        if not paused:
            self.quarantined.discard(name)
        self._look.set()

    def is_paused(self, name: str) -> bool:
        """Whether a cycle is paused, and does not run all the same because somebody asked for that."""
        return name in self._paused and name not in self._asked

    async def wait_for_end(self, cycle: str | None, seconds: float) -> None:
        """Wait until no run of the cycle, or of any, is in progress."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._changed:
                while await self._store.is_running(cycle):
                    await self._changed.wait()

    async def _begin_if_due(self, state: State, now: datetime) -> None:
        kind = self._cycles.get(state.name)
        if kind is None or state.paused or state.quarantined or state.name in self.running:
            return
        schedule, settings = kind.settings, self._settings
        due = scheduler.sane(state.due, now, schedule, settings.retry_limit_s, settings.jitter, failures=state.failures)
        if due != state.due:
            await self._store.reschedule(state.name, due)
        enough = schedule.after_new is not None and state.new >= schedule.after_new and not state.failures
        if due > now and not enough:
            return
        patient = due > now - timedelta(seconds=settings.patience_s)
        if schedule.idle_s is not None and patient and self._foreground.idle_s() < schedule.idle_s:
            return
        cause = "schedule" if due <= now else f"{state.new} new memories"
        try:
            run, _ = await self._store.begin(state.name, cause, None, now, if_due=True, after_new=schedule.after_new)
        except Conflict:
            return
        self._start(run, asked=False)

    async def _go_on(self, run: Run) -> None:
        """A run whose owner died: again, or abandoned when it has been begun too often or is no longer known."""
        if run.cycle in self._cycles and run.attempts <= self._settings.attempts:
            logger.info("a run is taken over", run=run.id, cycle=run.cycle, epoch=run.epoch, attempts=run.attempts)
            self._start(run, asked=run.cause == "asked for")
            return
        logger.error("a run is abandoned", run=run.id, cycle=run.cycle, attempts=run.attempts)
        await self._end(run, "abandoned", f"it was begun {run.attempts} times and never ended", None)

    def _start(self, run: Run, *, asked: bool) -> None:
        if asked:
            self._asked.add(run.cycle)
        self.running[run.cycle] = self._spawn(self._run(run, asked=asked), name=f"{run.cycle}:{run.id}")

    async def _end_when_possible(
        self, run: Run, state: RunState, error: str | None, cost: Cost | None, *, to_blame: bool = True
    ) -> None:
        """As `_end`, on a disk that may be full: the run has ended whether that can be written or not."""
        await patiently(f"the end of a run of {run.cycle}", partial(self._end, run, state, error, cost, to_blame=to_blame))

    async def _run(self, run: Run, *, asked: bool) -> None:
        kind = self._cycles[run.cycle]
        self._tell(self._progress(run, "begun"))
        work = Work(
            run=run,
            schedule=kind.settings,
            settings=self._settings,
            store=self._store,
            clock=self._clock,
            ask=self._ask,
            foreground=self._foreground,
            paused=lambda: run.cycle in self._paused and not asked,
            worked=lambda effects: self._tell(self._progress(run, "worked", effects=effects)),
        )
        try:
            await kind.work(work)
        except BudgetSpent:
            await self._end_when_possible(run, "done", None, work.cost)
        except Paused:
            await self._end_when_possible(run, "abandoned", "paused", work.cost)
        except Fenced:
            logger.warning("a run was taken over by another owner", run=run.id, cycle=run.cycle, epoch=run.epoch)
        except AWAY as error:
            await self._end_in_vain(run, work, error)
        except Exception as error:  # noqa: BLE001 (a cycle fails alone; its error stands in its run and in the log)
            logger.opt(exception=error).error("a cycle failed", run=run.id, cycle=run.cycle)
            await self._end_when_possible(run, "failed", f"{type(error).__name__}: {error}", work.cost)
        else:
            await self._end_when_possible(run, "done", None, work.cost)
        finally:
            self.running.pop(run.cycle, None)
            self._asked.discard(run.cycle)
            async with self._changed:
                self._changed.notify_all()

    async def _end_in_vain(self, run: Run, work: Work, error: Exception) -> None:
        """End a run that got no answer. Where an actor is away the cycle waits for it, however long, and is not blamed."""
        said, away = f"{type(error).__name__}: {error}", await work.away(error)
        if away is not None:
            said = f"{said} ({away} gives no sign of life)"
            logger.warning("a cycle waits for an actor that is away", run=run.id, cycle=run.cycle, away=away)
        else:
            logger.opt(exception=error).error("a cycle failed", run=run.id, cycle=run.cycle)
        await self._end_when_possible(run, "failed", said, work.cost, to_blame=away is None)

    async def _end(self, run: Run, state: RunState, error: str | None, cost: Cost | None, *, to_blame: bool = True) -> None:
        now, settings = self._clock.now(), self._settings
        kind = self._cycles.get(run.cycle)

        def next_due(failures: int) -> datetime:
            if state == "failed":
                return scheduler.after_failure(now, failures, settings.retry_s, settings.retry_limit_s, run.id)
            if kind is None:
                return now + timedelta(seconds=RETRY_S)
            return scheduler.after_run(now, kind.settings, settings.jitter, run.id)

        with contextlib.suppress(Fenced):
            quarantined = await self._store.end(
                run, state, error, now, next_due, cost=cost, quarantine_after=settings.quarantine_after, to_blame=to_blame
            )
            self.ended[run.cycle, state] = self.ended.get((run.cycle, state), 0) + 1
            await self._store.prune(run.cycle, settings.runs_kept)
            oldest = micros(self._clock.steady() - timedelta(days=settings.answers_kept_days))
            await self._store.write(lambda connection: answers.drop_old(connection, oldest))
            logger.info("a run ended", run=run.id, cycle=run.cycle, state=state)
            self._tell(self._progress(run, "ended", state=state, error=error))
            self._note_quarantine(run, quarantined=quarantined)

    def _note_quarantine(self, run: Run, *, quarantined: bool) -> None:
        if not quarantined:
            self.quarantined.discard(run.cycle)
        elif run.cycle not in self.quarantined:
            self.quarantined.add(run.cycle)
            logger.error("a cycle is quarantined: it runs again once it is resumed or asked for", cycle=run.cycle)
            self._tell(self._progress(run, "quarantined"))

    def _progress(self, run: Run, what: Any, **facts: Any) -> Progress:
        return Progress(what=what, cycle=run.cycle, run=run.id, time=self._clock.now(), **facts)
