"""A child that is an actor in this process: started and stopped in the host, which says when it fails or ends by itself."""

from __future__ import annotations

import asyncio
import os
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from loguru import logger

from actors.host import Host
from supervisors.crashes import write_report
from supervisors.spec import ChildSpec
from supervisors.strategy import End
from supervisors.supervision import Supervision

__all__ = ["ActorChild"]


class ActorChild:
    """One name, borne by one actor after another.

    Args:
        spec: its rules. Heartbeats mean nothing here: a loop that hangs takes the supervisor with it.
        supervision: what it reports to.
        host: where the actor lives.
        start: starts the actor of a name in the host.
        data_dir: where crash reports go.
    """

    def __init__(
        self,
        spec: ChildSpec,
        supervision: Supervision,
        host: Host,
        start: Callable[[Host, str], Awaitable[None]],
        data_dir: Path,
    ) -> None:
        self.spec = spec
        self.supervision = supervision
        self.host = host
        self.start_actor = start
        self.data_dir = data_dir
        self.pid: int | None = os.getpid()
        self.task: asyncio.Task[None] | None = None
        self.serves = False
        self.early: tuple[End, str | None] | None = None
        """How it ended before it was known to serve."""

    @property
    def incarnation(self) -> str | None:
        """The host's: its actors are replaced in place."""
        return self.host.incarnation

    @property
    def stats(self) -> dict[str, Any]:
        """The host's."""
        return self.host.stats()

    def start(self) -> None:
        """Start the actor."""
        self.early = None
        self.task = asyncio.get_running_loop().create_task(self._start(), name=f"start {self.spec.name}")

    def stop(self) -> None:
        """Stop the actor; one that does not within its time is left behind."""
        self.task = asyncio.get_running_loop().create_task(self._stop(self.task), name=f"stop {self.spec.name}")

    def failed(self, reason: str, trace: str | None) -> None:
        """The host says that the actor has failed."""
        self._is_over(End("abnormal", reason), trace)

    def stopped_by_itself(self) -> None:
        """The host says that the actor has stopped, which nobody had asked for."""
        self._is_over(End("normal", "stopped by itself"), None)

    async def _start(self) -> None:
        try:
            async with asyncio.timeout(self.spec.ready_timeout_s):
                await self.start_actor(self.host, self.spec.name)
        except TimeoutError:
            await self.host.stop_actor(self.spec.name)
            self._end(End("abnormal", f"not ready within {self.spec.ready_timeout_s:g} s"), None)
        except Exception as error:  # noqa: BLE001 (whatever it is, it is the strategy's to decide)
            self._end(End("abnormal", f"{type(error).__name__}: {error}"), traceback.format_exc())
        else:
            if self.early:
                self._end(*self.early)
                return

            self.serves = True
            self.supervision.ready(self.spec.name)

    async def _stop(self, starting: asyncio.Task[None] | None) -> None:
        self.serves = False
        if starting is not None and not starting.done():
            starting.cancel()
            await asyncio.wait({starting})

        try:
            async with asyncio.timeout(self.spec.drain_s):
                await self.host.stop_actor(self.spec.name)
        except TimeoutError:
            self.supervision.ended(self.spec.name, End("shutdown", f"had not stopped within {self.spec.drain_s:g} s"))
        else:
            self.supervision.ended(self.spec.name, End("shutdown", "stopped"))

    def _is_over(self, end: End, trace: str | None) -> None:
        if not self.serves:
            self.early = (end, trace)
            return

        self.serves = False
        self._end(end, trace)

    def _end(self, end: End, trace: str | None) -> None:
        if end.how != "normal" or self.spec.restart == "permanent":
            self._report(end, trace)

        self.supervision.ended(self.spec.name, end)

    def _report(self, end: End, trace: str | None) -> None:
        facts = {"pid": self.pid, "how": end.how, "reason": end.reason, "traceback": trace}
        try:
            write_report(self.data_dir, self.spec.name, facts, keep=self.supervision.spec.crash_reports)
        except OSError as error:
            logger.error("no crash report could be written", child=self.spec.name, error=str(error))
