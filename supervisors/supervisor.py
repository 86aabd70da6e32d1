"""The supervisor's process: its actor, its zygote, its children, and whom it finds there when it is itself a replacement."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from loguru import logger

from actors.host import Host
from actors.limits import EXHAUSTED, has_descriptors
from actors.supervision import Child as ChildView
from supervisors import linux
from supervisors.actor import Supervisor
from supervisors.control import Assignment
from supervisors.crashes import open_stacks
from supervisors.fence import hold_off
from supervisors.lines import TOLD_TO_STOP
from supervisors.logs import log_to_file
from supervisors.place import Place
from supervisors.processes import Processes
from supervisors.spec import SupervisorSpec

__all__ = ["GAVE_UP", "run_supervisor"]

GAVE_UP = 3
"""Exit code of a supervisor that has stopped its children because one kept failing. `up` decides what then."""

BEAT_S = 1.0
"""The time between two signs of life to `up`, in seconds."""


def run_supervisor(
    spec: SupervisorSpec,
    *,
    run_dir: Path,
    data_dir: Path,
    zygote_command: Sequence[str],
    listener_fd: int | None,
    up_pid: int,
    assignment: dict[str, Any],
    kept_files: Sequence[str] = (),
) -> int:
    """Supervise until told to stop; returns the exit code. `up` starts this, and starts it again when it dies.

    What happens behind the scenes:

    1. The zygote is started, since its imports take longest.
    2. The actor `supervisor` is started; its lock makes this the only supervisor of the run directory.
    3. Whoever stands in the roster and still runs is adopted; what is missing is started in order.
    4. SIGTERM, or the end of `up`, drains all children in reverse order.

    Args:
        spec: the children and the rules.
        run_dir: sockets, locks, roster.
        data_dir: logs and crash reports.
        zygote_command: starts a process that calls `run_zygote`; `--control FD` is added.
        listener_fd: the listening socket for children that get it.
        up_pid: the process that started this one.
        assignment: handed to every child as `Assignment.settings`.
        kept_files: names of files in the run directory that come back if somebody deletes it.
    """
    linux.adopt_orphans()
    linux.name_process("supervisor")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    log_to_file(Assignment(name="supervisor", incarnation="", epoch=0, run_dir=run_dir, data_dir=data_dir, up_pid=up_pid))
    process = SupervisorProcess(
        spec=spec,
        run_dir=run_dir,
        data_dir=data_dir,
        zygote_command=zygote_command,
        listener_fd=listener_fd,
        up_pid=up_pid,
        settings=assignment,
        kept_files=kept_files,
    )
    return asyncio.run(process.run())


class SupervisorProcess:
    """See `run_supervisor`."""

    def __init__(
        self,
        *,
        spec: SupervisorSpec,
        run_dir: Path,
        data_dir: Path,
        zygote_command: Sequence[str],
        listener_fd: int | None,
        up_pid: int,
        settings: dict[str, Any],
        kept_files: Sequence[str],
    ) -> None:
        self.spec = spec
        self.place = Place(
            name="supervisor",
            run_dir=run_dir,
            data_dir=data_dir,
            zygote_command=zygote_command,
            keeper_pid=up_pid,
            listener_fd=listener_fd,
            settings=settings,
            kept_files=kept_files,
        )
        self.told_all_ready = False
        self.lacks_descriptors = False
        self.stacks = open_stacks(data_dir, "supervisor", 0)

    async def run(self) -> int:
        """See `run_supervisor`."""
        self.loop = asyncio.get_running_loop()
        self.processes = Processes(
            self.spec,
            self.place,
            on_change=self._changed,
            on_report=lambda name, path: say("crash_report", name=name, path=str(path)),
        )
        self.processes.open()
        self.supervision = self.processes.supervision
        self.loop.add_signal_handler(signal.SIGTERM, self._shut_down, TOLD_TO_STOP)

        async with Host(run_dir=self.place.run_dir) as host:
            await host.start_actor(Supervisor, self.supervision, self._begin, data_dir=self.place.data_dir)
            ends: set[asyncio.Future[Any]] = {self.supervision.finished, host.failed}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)

            self.processes.close()
            if self.place.listener_fd is not None:
                # Before its lock, for which another `up` may be waiting that wants the same port.
                os.close(self.place.listener_fd)
            if not self.supervision.finished.done():
                # Its children go on; the next supervisor adopts them.
                reason, trace = host.failed.result()
                logger.error("the supervisor failed", reason=reason, traceback=trace)
                return 1

            # Killed when their time is up, so that this ends.
            await self.processes.leaving.all_gone.wait()

        finish = self.supervision.finished.result()
        logger.info("finished", reason=finish.reason)
        say("finished", reason=finish.reason)
        self.processes.leave_nothing()
        return GAVE_UP if finish.gave_up else 0

    def _look_for_descriptors(self) -> None:
        """Without any it can start nobody, and let nobody in. The next supervisor has those of `up`.

        It is killed: so the zygote lends its spares until the next one has its own.
        """
        lacked, self.lacks_descriptors = self.lacks_descriptors, not has_descriptors()
        if lacked and self.lacks_descriptors:
            logger.error("the supervisor makes way for another", reason=EXHAUSTED)
            os.kill(os.getpid(), signal.SIGKILL)

    def _begin(self) -> None:
        say("supervising", pid=os.getpid())
        self._beat()
        self.processes.start()
        # Not before: where `up` is gone already, who was left by the last supervisor has to be known to be ended.
        self._watch_up()
        self._tell_when_all_are_ready()

    # What is said to `up`, and heard of it

    def _changed(self, child: ChildView) -> None:
        say("child", name=child.name, state=child.state, pid=child.pid, restarts=child.restarts, last_exit=child.last_exit)
        self._tell_when_all_are_ready()

    def _tell_when_all_are_ready(self) -> None:
        if not self.told_all_ready and self.supervision.all_ready:
            self.told_all_ready = True
            say("all_ready")

    def _beat(self) -> None:
        say("beat")
        self._look_for_descriptors()
        hold_off(self.spec.fence_s, self.stacks)
        self.loop.call_later(BEAT_S, self._beat)

    def _watch_up(self) -> None:
        pidfd = linux.open_pidfd(self.place.keeper_pid, self.processes.keeper_started)
        if pidfd is None:
            self._up_ended(None)
        else:
            self.loop.add_reader(pidfd, self._up_ended, pidfd)

    def _up_ended(self, pidfd: int | None) -> None:
        if pidfd is not None:
            self.loop.remove_reader(pidfd)
            os.close(pidfd)

        logger.warning("up is gone: draining all")
        self._shut_down("up is gone")

    def _shut_down(self, reason: str) -> None:
        # At once: those that linger have the same time as the others.
        self.processes.leaving.hurry()
        self.supervision.shutdown(reason)


def say(event: str, **fields: Any) -> None:
    """A line for `up`, which reads this process's standard output. Whether it still does (Ctrl-Z) is its affair."""
    with contextlib.suppress(OSError):
        os.set_blocking(sys.stdout.fileno(), False)
        os.write(sys.stdout.fileno(), json.dumps({"event": event, **fields}).encode() + b"\n")
