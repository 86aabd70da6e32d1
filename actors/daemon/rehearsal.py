"""A dry run: a cycle works on a copy of daemon.db, reads memory as it is, and writes to nobody."""

from __future__ import annotations

import contextlib
import secrets
import shutil
from pathlib import Path
from typing import Final

from actors.asks import Asks
from actors.clock import Clock
from actors.daemon.foreground import ForegroundWatch
from actors.daemon.messages import Rehearsed
from actors.daemon.settings import DaemonSettings
from actors.daemon.store import Store
from actors.daemon.work import BudgetSpent, Cycle, Work

__all__ = ["clear", "rehearse"]

PREFIX: Final = "rehearsal-"


async def rehearse(
    cycle: Cycle,
    *,
    settings: DaemonSettings,
    store: Store,
    clock: Clock,
    ask: Asks,
    foreground: ForegroundWatch,
    data_dir: Path,
) -> Rehearsed:
    """What a run of the cycle would do now. The copy is gone afterwards; one that a crash leaves goes at the next start."""
    folder = data_dir / f"{PREFIX}{secrets.token_hex(8)}"
    try:
        copy = await store.copy(folder)
        await copy.open()
        try:
            await copy.end_all(clock.now())
            run, _ = await copy.begin(cycle.name, "rehearsed", None, clock.now())
            work = Work(
                run=run,
                schedule=cycle.settings,
                settings=settings,
                store=copy,
                clock=clock,
                ask=ask,
                foreground=foreground,
                dry=True,
            )
            with contextlib.suppress(BudgetSpent):
                await cycle.work(work)
        finally:
            await copy.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Rehearsed(effects=work.effects, writes=work.writes, planned=tuple(work.planned))


def clear(data_dir: Path) -> None:
    """Remove copies that a crash left behind."""
    for folder in data_dir.glob(f"{PREFIX}*"):
        shutil.rmtree(folder, ignore_errors=True)
