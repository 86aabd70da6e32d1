"""Health: a look at the house. What is not as it should be is reported in the run, counted, and logged."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import ClassVar

from loguru import logger

from actors.daemon.follower import Follower, namespaces
from actors.daemon.settings import HealthSettings
from actors.daemon.work import Work
from actors.memory.messages import GetStats, Stats
from actors.paradox.messages import GetProgress, ProgressTold

__all__ = ["Health"]


class Health:
    """The cycle `health`; `about` says what it does."""

    name: ClassVar[str] = "health"
    about: ClassVar[str] = "Looks at room on the disk, at what waits to be embedded or judged, and at what was set aside."
    needs_model: ClassVar[str] = ""
    follows: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, settings: HealthSettings, _follower: Follower) -> None:
        self.settings = settings

    async def work(self, work: Work) -> None:
        """Look, and say what is wrong."""
        if work.run.effects.get("checks"):
            # It was killed after it had said so: the run is only to be ended.
            return
        problems = [*self._disk(work), *await self._memory(work), *await self._paradoxes(work), *await self._cycles(work)]
        for problem in problems:
            logger.warning(problem, cycle=self.name, run=work.run.id)
        await work.commit(lambda _connection: None, checks=4, problems=len(problems))

    def _disk(self, work: Work) -> list[str]:
        free = shutil.disk_usage(Path(work.store.folder)).free
        if free >= self.settings.free_bytes:
            return []
        return [f"{free >> 20} MiB are free on the data directory's disk; writes are refused when there is no room"]

    async def _memory(self, work: Work) -> list[str]:
        problems = []
        for namespace in await work.read(namespaces):
            stats: Stats = await work.ask(GetStats(namespace=namespace))
            if stats.pending > self.settings.pending:
                problems.append(f"{stats.pending} memories of one namespace wait to be embedded")
            await work.pass_on()
        return problems

    async def _paradoxes(self, work: Work) -> list[str]:
        progress: ProgressTold = await work.ask(GetProgress())
        return [f"{progress.set_aside} changes could not be judged for contradictions"] if progress.set_aside else []

    async def _cycles(self, work: Work) -> list[str]:
        states = await work.store.states()
        return [f"the cycle {name} is quarantined" for name, state in states.items() if state.quarantined] + [
            f"{state.set_aside} items of the cycle {name} are set aside" for name, state in states.items() if state.set_aside
        ]
