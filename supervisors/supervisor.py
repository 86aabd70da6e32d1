"""The supervisor's process: its actor, its zygote, its children, and whom it finds there when it is itself a replacement."""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import json
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from loguru import logger

from actors.host import Host
from actors.supervision import Child as ChildView
from supervisors import linux
from supervisors.actor import Supervisor
from supervisors.control import Assignment, Control, bind
from supervisors.crashes import stack_path
from supervisors.logs import log_to_file
from supervisors.process import Process, Reaper
from supervisors.process_child import House, ProcessChild
from supervisors.roster import Entry, Roster
from supervisors.spares import Spares
from supervisors.spec import ChildSpec, SupervisorSpec
from supervisors.strategy import Finish
from supervisors.supervision import Supervision

__all__ = ["GAVE_UP", "run_supervisor"]

GAVE_UP = 3
"""Exit code of a supervisor that has stopped its children because one kept failing. `up` decides what then."""

BEAT_S = 1.0
"""Between two signs of life to `up`."""


def run_supervisor(
    spec: SupervisorSpec,
    *,
    run_dir: Path,
    data_dir: Path,
    zygote_command: Sequence[str],
    listener_fd: int | None,
    up_pid: int,
    assignment: dict[str, Any],
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
    ) -> None:
        self.spec = spec
        self.run_dir = run_dir
        self.data_dir = data_dir
        self.zygote_command = zygote_command
        self.up_pid = up_pid
        self.up_started = linux.start_time(up_pid)
        self.listener_fd = listener_fd
        self.settings = settings
        self.reaper = Reaper()
        self.children: dict[str, ProcessChild] = {}
        self.told_all_ready = False
        (data_dir / "logs").mkdir(mode=0o700, exist_ok=True)
        self.stacks = stack_path(data_dir, "supervisor", 0).open("w")

    async def run(self) -> int:
        """See `run_supervisor`."""
        self.loop = asyncio.get_running_loop()
        self.finished: asyncio.Future[Finish] = self.loop.create_future()
        self.loop.add_signal_handler(signal.SIGCHLD, self.reaper.sweep)
        self.spares = Spares(self.zygote_command, self.run_dir, self.spec.spares, self.reaper)
        self.spares.open()
        self.house = House(
            run_dir=self.run_dir,
            data_dir=self.data_dir,
            up_pid=self.up_pid,
            listener_fd=self.listener_fd,
            settings=self.settings,
            spares=self.spares,
            save=self._save_roster,
            on_report=lambda name, path: say("crash_report", name=name, path=str(path)),
        )
        self.supervision = Supervision(
            self.spec,
            self._make_child,
            on_change=self._changed,
            on_forget=self._forget,
            on_finish=self.finished.set_result,
        )
        self.loop.add_signal_handler(signal.SIGTERM, self.supervision.shutdown, "told to stop")

        async with Host(run_dir=self.run_dir) as host:
            await host.start_actor(Supervisor, self.supervision)
            listener = bind(self.run_dir)
            self.loop.add_reader(listener.fileno(), self._accept, listener)
            self._watch_up()
            self._adopt_children()
            self.spares.expect(sum(child.process is None for child in self.children.values()))
            say("supervising", pid=os.getpid())
            self._beat()
            self.supervision.start()
            self._tell_when_all_are_ready()
            ends: set[asyncio.Future[Any]] = {self.finished, host.failed}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)

            self.loop.remove_reader(listener.fileno())
            listener.close()
            self.spares.close()
            if self.listener_fd is not None:
                # Before its lock, for which another `up` may be waiting that wants the same port.
                os.close(self.listener_fd)
            for child in self.children.values():
                child.write_reports()
            if not self.finished.done():
                # Its children go on; the next supervisor adopts them.
                reason, trace = host.failed.result()
                logger.error("the supervisor failed", reason=reason, traceback=trace)
                return 1

        finish = self.finished.result()
        logger.info("finished", reason=finish.reason)
        say("finished", reason=finish.reason)
        (self.run_dir / "supervisor.ctl").unlink(missing_ok=True)
        (self.run_dir / "children.json").unlink(missing_ok=True)
        return GAVE_UP if finish.gave_up else 0

    def _make_child(self, spec: ChildSpec, supervision: Supervision) -> ProcessChild:
        child = self.children[spec.name] = ProcessChild(spec, supervision, self.house)
        return child

    def _forget(self, name: str) -> None:
        self.children.pop(name).write_reports()
        self._save_roster()

    # Who is there already

    def _adopt_children(self) -> None:
        roster = Roster.read(self.run_dir / "children.json")
        ours = roster.of_house(self.up_pid, self.up_started)

        for entry in roster.children:
            process = self._process_of(entry)
            if ours and entry.added and entry.name not in self.children and (process or entry.added.restart != "temporary"):
                self.supervision.remember_child(entry.added, key=entry.key)

            child = self.children.get(entry.name)
            if child is None:
                self._end_stranger(entry, process)
                continue

            child.epoch = entry.epoch
            record = self.supervision.records[entry.name]
            if ours:
                record.starts, record.restarts = entry.starts, entry.restarts
                record.since, record.last_exit = entry.since, entry.last_exit

            if process is None:
                continue

            if ours:
                child.adopt(process, entry, wait_s=child.spec.heartbeat_s * child.spec.heartbeats_missed)
                self.supervision.strategy.adopt(entry.name, "ready" if entry.state == "ready" else "starting")
            else:
                child.see_off(process, entry)
                self.supervision.strategy.adopt(entry.name, "draining")
            logger.info("found a child", child=entry.name, pid=entry.pid, ours=ours)

        # What the last supervisor of this house had forgotten stays forgotten.
        listed = {entry.name for entry in roster.children}
        for name in [name for name in self.children if ours and name not in listed]:
            self.supervision.delete_child(name)

    def _process_of(self, entry: Entry) -> Process | None:
        pidfd = linux.open_pidfd(entry.pid, entry.started) if entry.pid and entry.started else None
        if pidfd is None or entry.pid is None:
            return None

        return Process(entry.pid, pidfd, self.reaper)

    def _end_stranger(self, entry: Entry, process: Process | None) -> None:
        if process is not None:
            logger.warning("a child that is no longer in the spec is ended", child=entry.name, pid=entry.pid)
            process.kill(signal.SIGTERM)
            process.let_go()

    def _save_roster(self) -> None:
        entries = []
        for name, child in self.children.items():
            if (record := self.supervision.records.get(name)) is not None:
                entries.append(
                    child.entry().model_copy(
                        update={
                            "state": record.seen,
                            "starts": record.starts,
                            "restarts": record.restarts,
                            "since": record.since,
                            "last_exit": record.last_exit,
                            "added": record.added,
                            "key": record.key,
                        }
                    )
                )

        Roster(up_pid=self.up_pid, up_started=self.up_started, children=tuple(entries)).write(self.run_dir / "children.json")

    # Who connects

    def _accept(self, listener: socket.socket) -> None:
        try:
            connection, _ = listener.accept()
        except OSError:
            return

        connection.setblocking(False)
        control = Control(connection)
        self.loop.add_reader(control.fileno(), self._hello, control)

    def _hello(self, control: Control) -> None:
        self.loop.remove_reader(control.fileno())
        try:
            received = control.receive()
        except BlockingIOError:
            received = None

        message = received[0] if received else {}
        if message.get("say") != "hello":
            control.close()
        elif message["state"] == "spare":
            self._spare(control)
        else:
            child = self.children.get(message.get("name", ""))
            if child is None or not child.hello(control, message):
                logger.warning("a process that bears no name here is sent away", claims=message.get("name"))
                control.send("begone")
                control.close()

    def _spare(self, control: Control) -> None:
        pid = control.peer_pid()
        pidfd = linux.open_pidfd(pid)
        if pidfd is None:
            control.close()
            return

        process = Process(pid, pidfd, self.reaper)
        process.attach(control)
        self.spares.arrived(process)

    # What is said to `up`, and heard of it

    def _changed(self, child: ChildView) -> None:
        self._save_roster()
        say("child", name=child.name, state=child.state, pid=child.pid, restarts=child.restarts, last_exit=child.last_exit)
        self._tell_when_all_are_ready()

    def _tell_when_all_are_ready(self) -> None:
        if not self.told_all_ready and self.supervision.all_ready:
            self.told_all_ready = True
            say("all_ready")

    def _beat(self) -> None:
        say("beat")
        faulthandler.dump_traceback_later(self.spec.fence_s, exit=True, file=self.stacks)
        self.loop.call_later(BEAT_S, self._beat)

    def _watch_up(self) -> None:
        pidfd = linux.open_pidfd(self.up_pid, self.up_started)
        if pidfd is None:
            self._up_ended(None)
        else:
            self.loop.add_reader(pidfd, self._up_ended, pidfd)

    def _up_ended(self, pidfd: int | None) -> None:
        if pidfd is not None:
            self.loop.remove_reader(pidfd)
            os.close(pidfd)

        logger.warning("up is gone: draining all")
        self.supervision.shutdown("up is gone")


def say(event: str, **fields: Any) -> None:
    """A line for `up`, which reads this process's standard output. Whether it still does (Ctrl-Z) is its affair."""
    with contextlib.suppress(OSError):
        os.set_blocking(sys.stdout.fileno(), False)
        os.write(sys.stdout.fileno(), json.dumps({"event": event, **fields}).encode() + b"\n")
