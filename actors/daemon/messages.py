"""Contracts of the daemon actor: cycles, their runs, pause and run-now."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from actors.message import Data, Message, Name, Reply, Time

RunState = Literal["running", "done", "failed", "abandoned"]


class Cycle(Data):
    """One kind of background work and its schedule."""

    name: Name
    about: str
    interval_s: float
    paused: bool
    due: Time
    last_run: Name | None
    failures: int
    """In a row; each doubles the wait before the next attempt."""


class Run(Data):
    """One run of a cycle: why it ran, how long, what it did, how it ended."""

    id: Name
    cycle: Name
    cause: str
    state: RunState
    epoch: int
    attempts: int
    started: Time
    ended: Time | None
    effects: dict[str, int]
    error: str | None


class Cycles(Reply, type="daemon.cycles_listed"):
    """All cycles, by name."""

    cycles: tuple[Cycle, ...]


class ListCycles(Message, type="daemon.cycles", reply=Cycles, idempotent=True):
    """All cycles and their state."""


class CycleChanged(Reply, type="daemon.cycle_changed"):
    """The cycle as it is now."""

    cycle: Cycle


class PauseCycle(Message, type="daemon.pause", reply=CycleChanged, idempotent=True):
    """Run it no more on its schedule; a run in progress ends at its next yield point."""

    name: Name


class ResumeCycle(Message, type="daemon.resume", reply=CycleChanged, idempotent=True):
    """Run it on its schedule again."""

    name: Name


class RunStarted(Reply, type="daemon.run_started"):
    """The run's row; ask `daemon.runs` for how it ends."""

    run: Run


class RunCycle(Message, type="daemon.run", reply=RunStarted, idempotent=True):
    """Run a cycle now. The same envelope key gives the same run; `conflict` while one is running."""

    name: Name


class Runs(Reply, type="daemon.runs_listed"):
    """Runs, latest first."""

    runs: tuple[Run, ...]
    next_cursor: str | None


class ListRuns(Message, type="daemon.runs", reply=Runs, idempotent=True):
    """The run history, of one cycle or all; waits up to `wait_ms` until none of them is running."""

    wait_ms: Annotated[int, Field(ge=0, le=30_000)] = 0
    cycle: Name | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    cursor: Name | None = None
