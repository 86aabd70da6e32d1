"""A child that is an actor in this process: started and stopped in the host, which says when it fails or ends by itself."""

from __future__ import annotations

import asyncio
import os
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from loguru import logger

from actors.host import Host
from actors.sqlite import damage
from supervisors.actions import End
from supervisors.control import packable
from supervisors.crashes import write_report
from supervisors.ignore import Ignore
from supervisors.spec import ChildSpec
from supervisors.supervision import Supervision
from transport.errors import Conflict

if TYPE_CHECKING:
    from supervisors.inner import Family

__all__ = ["ActorChild"]

KILL_S: Final = 5.0
"""How long what is cancelled may take to end before it is left behind."""


class ActorChild:
    """One name, borne by one actor after another.

    Args:
        spec: its rules. Heartbeats mean nothing here: a loop that hangs takes the supervisor with it.
        supervision: what it reports to.
        host: where the actor lives.
        start: starts the actor in the host; what it returns is handed to who asked for the start.
        data_dir: where crash reports go.
    """

    def __init__(
        self,
        spec: ChildSpec,
        supervision: Supervision,
        host: Host,
        start: Callable[[ActorChild], Awaitable[Any]],
        data_dir: Path,
    ) -> None:
        self.spec = spec
        self.supervision = supervision
        self.host = host
        self.start_actor = start
        self.data_dir = data_dir
        self.pid: int | None = os.getpid()
        self.family: Family | None = None
        """Its own children, where it is a supervisor."""

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
        """Its own, beside the host's memory and lag."""
        return self.host.stats(self.spec.name)

    def start(self) -> None:
        """Start the actor."""
        self.early = None
        self.task = asyncio.get_running_loop().create_task(self._start(), name=f"start {self.spec.name}")

    def stop(self) -> None:
        """Stop the actor; one that does not within its time is left behind."""
        self.task = asyncio.get_running_loop().create_task(self._stop(self.task), name=f"stop {self.spec.name}")

    def kill(self) -> None:
        """End the actor at once, as `kill -9` ends a process."""
        self.task = asyncio.get_running_loop().create_task(self._kill(self.task), name=f"kill {self.spec.name}")

    def failed(self, reason: str, trace: str | None) -> None:
        """The host says that the actor has failed."""
        self._is_over(End("abnormal", reason), trace)

    def stopped_by_itself(self) -> None:
        """The host says that the actor has stopped, which nobody had asked for."""
        self._is_over(End("normal", "stopped by itself"), None)

    async def _start(self) -> None:
        try:
            async with asyncio.timeout(self.spec.ready_timeout_s) as allowed, self._work_is_waited_for(allowed):
                extra = packable(await self.start_actor(self))
        except Ignore:
            self._end(End("ignored", "ignored its start"), None)
        except Exception as error:  # noqa: BLE001 (whatever it is, it is the strategy's to decide)
            if self._is_left_behind():
                return

            if allowed.expired():
                await self.end_at_once()
                self._end(End("abnormal", f"not ready within {self.spec.ready_timeout_s:g} s"), None)
                return

            held_by = error.detail.get("pid") if isinstance(error, Conflict) and error.detail else None
            trace = traceback.format_exc()
            self._end(End("abnormal", f"{type(error).__name__}: {error}", trace, held_by=held_by), trace)
        else:
            if self._is_left_behind():
                await self.end_at_once()
                return

            if self.early:
                self._end(*self.early)
                return

            self.serves = True
            self.supervision.ready(self.spec.name, extra)

    @asynccontextmanager
    async def _work_is_waited_for(self, allowed: asyncio.Timeout) -> AsyncIterator[None]:
        """Have a start's time begin anew while it does something about its database, as `recovery_timeout_s` allows."""
        loop = asyncio.get_running_loop()
        latest = loop.time() + self.spec.recovery_timeout_s

        async def extend() -> None:
            while loop.time() < latest:
                await asyncio.sleep(min(self.spec.heartbeat_s, self.spec.ready_timeout_s / 2))
                if damage.work() is not None:
                    allowed.reschedule(loop.time() + self.spec.ready_timeout_s)

        extending = loop.create_task(extend(), name=f"wait for {self.spec.name}")
        try:
            yield
        finally:
            extending.cancel()

    async def _stop(self, starting: asyncio.Task[None] | None) -> None:
        self.serves = False
        drain_s = self.supervision.seconds_to_drain(self.spec)
        try:
            async with asyncio.timeout(drain_s):
                await _cancelled(starting)
                await self.host.stop_actor(self.spec.name)
        except TimeoutError:
            await self.end_at_once()
            self.supervision.ended(self.spec.name, End("shutdown", f"had not stopped within {drain_s:g} s"))
        else:
            # What it raised while it stopped.
            failed = self.early[0].reason if self.early else None
            self.supervision.ended(self.spec.name, End("shutdown", f"stopped: {failed}" if failed else "stopped"))

    async def _kill(self, before: asyncio.Task[None] | None) -> None:
        self.serves = False
        await _cancelled(before)
        await self.end_at_once()
        self._end(End("killed", "killed"), None)

    def _is_left_behind(self) -> bool:
        """Whether this start did not end when it was cancelled, and something else has been done to the child since."""
        return asyncio.current_task() is not self.task

    async def end_at_once(self) -> None:
        """Leave nothing of it, without a word to anybody."""
        self.serves = False
        await self.host.kill_actor(self.spec.name)
        if self.family is not None:
            await self.family.kill()

    def _is_over(self, end: End, trace: str | None) -> None:
        if not self.serves:
            self.early = (end, trace)
            return

        self.serves = False
        self._end(end, trace)

    def _end(self, end: End, trace: str | None) -> None:
        if end.how not in ("normal", "ignored") or self.spec.restart == "permanent":
            self._report(end, trace)

        self.supervision.ended(self.spec.name, end)

    def _report(self, end: End, trace: str | None) -> None:
        facts = {"pid": self.pid, "how": end.how, "reason": end.reason, "traceback": trace}
        try:
            write_report(self.data_dir, self.spec.name, facts, keep=self.supervision.spec.crash_reports)
        except OSError as error:
            logger.error("no crash report could be written", child=self.spec.name, error=str(error))


async def _cancelled(task: asyncio.Task[None] | None) -> None:
    """Cancel what runs; what goes on all the same is left behind."""
    if task is not None and not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=KILL_S)
