"""A child that is an OS process: promoted from a spare, watched by pidfd and heartbeat, adopted where it already runs."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from loguru import logger

from supervisors import linux
from supervisors.actions import End
from supervisors.control import Assignment, Control
from supervisors.crashes import remove_stacks, write_report
from supervisors.held_sockets import HeldSockets
from supervisors.leaving import Leaving
from supervisors.place import Place
from supervisors.process import Process
from supervisors.roster import Entry
from supervisors.spares import Spares
from supervisors.spec import ChildSpec
from supervisors.standbys import Standbys
from supervisors.supervision import Supervision

__all__ = ["ProcessChild", "Shared"]

REPORT_AFTER_S = 0.03
TAKES = 2
"""How many times the silence by which a hung actor is known a spare may take to say that it has its assignment."""

STACK_WAIT_S = 0.05
"""How long a hung process may take to write its stacks before it is killed. Five threads took 2 ms."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What all children of one supervisor share."""

    place: Place
    spares: Spares
    standbys: Standbys
    held_sockets: HeldSockets
    leaving: Leaving
    save: Callable[[str], None]
    """Writes who bears a name now. Called before a process is told who it is, so that none is ever without an entry."""

    on_report: Callable[[str, Path], None]
    """Told of each crash report: whose, and where it is."""


class ProcessChild:
    """One name, borne by one process after another."""

    def __init__(self, spec: ChildSpec, supervision: Supervision, shared: Shared) -> None:
        self.spec = spec
        self.supervision = supervision
        self.shared = shared
        self.epoch = 0
        self.incarnation: str | None = None
        self.process: Process | None = None
        self.stats: dict[str, Any] = {}
        self.serves = False
        self.verdict: str | None = None
        """Why this supervisor kills it; None while it does not."""

        self.failure: dict[str, Any] = {}
        self.unfinished = ""
        """What still ran when its time to drain was up."""

        self.exhausted_at: float | None = None
        """When one of this name has last had no descriptors left."""

        self.reports: list[dict[str, Any]] = []
        self.stopping = False
        self.ignored = False
        self.last_sign = 0.0
        self.timer: asyncio.TimerHandle | None = None

    @property
    def pid(self) -> int | None:
        """Of the process that bears the name now."""
        return self.process.pid if self.process else None

    def start(self) -> None:
        """Promote its standby, or a spare as soon as there is one."""
        self._forget_the_last()
        self._set_timer(self.spec.ready_timeout_s, self._not_ready)
        standby = self.shared.standbys.take(self.spec.name)
        if standby is not None:
            self._promote(standby)
        else:
            self.shared.spares.take(self._promote)

    def stop(self) -> None:
        """Ask it to drain, and kill it when its time is up."""
        self.stopping = True
        # Whoever is started after this may have other settings.
        self.shared.standbys.dismiss(self.spec.name)

        if self.process is None:
            self.shared.spares.withdraw(self._promote)
            asyncio.get_running_loop().call_soon(self._ended, None)
        elif self.spec.shutdown == "brutal":
            self.process.kill()
        else:
            seconds = self.supervision.seconds_to_drain(self.spec)
            lingers_s = self.spec.lingers_s if self.supervision.is_to_come_back(self.spec.name) else 0.0
            if not self.process.send("drain", timeout_s=seconds, lingers_s=lingers_s):
                self.process.kill(signal.SIGTERM)

            self._set_timer(seconds, lambda: self._condemn(f"had not drained within {seconds:g} s"))

    def adopt(self, process: Process, entry: Entry, *, wait_s: float) -> None:
        """Take over a process of this name that the last supervisor left; it has `wait_s` to say hello."""
        self._take_over(process, entry)
        self._set_timer(wait_s, lambda: self._condemn(f"did not say hello to the new supervisor within {wait_s:g} s"))

    def see_off(self, process: Process, entry: Entry) -> None:
        """A process of this name that belongs to a house that is gone: have it drain, then kill it."""
        self._take_over(process, entry)
        self.stop()

    def hello(self, control: Control, message: dict[str, Any]) -> bool:
        """It has connected (again); False when that is not the process that bears the name."""
        if self.process is None or (control.peer_pid(), message.get("epoch")) != (self.process.pid, self.epoch):
            return False

        self.process.attach(control)
        if self.stopping:
            self.stop()
        elif message["state"] == "ready":
            self._serve(message)
        else:
            self._set_timer(self.spec.ready_timeout_s, self._not_ready)
        return True

    def entry(self) -> Entry:
        """What the roster keeps of it."""
        process = self.process
        return Entry(
            name=self.spec.name,
            pid=process.pid if process else None,
            started=process.started if process else None,
            incarnation=self.incarnation,
            epoch=self.epoch,
        )

    def _promote(self, process: Process) -> None:
        self.epoch += 1
        self.incarnation = secrets.token_hex(8)
        self._bear(process)
        self.shared.save(self.spec.name)
        place = self.shared.place
        held = self.shared.held_sockets.of(self.spec.name) if self._is_counted_on else None
        assignment = self._assignment(self.epoch, self.incarnation, has_socket=held is not None)
        listener = place.listener_fd if self.spec.gets_listener else None
        descriptors = [descriptor for descriptor in (held, listener) if descriptor is not None]
        if process.send("assign", descriptors, assignment=assignment.model_dump(mode="json")):
            within_s = TAKES * self._silence_s
            self._set_timer(within_s, lambda: self._condemn(f"had not taken its name within {within_s:g} s"))
        else:
            self._condemn("could not be told who it is")

    @property
    def _is_counted_on(self) -> bool:
        """Whether others count on somebody of this name being there: neither temporary nor one of many."""
        return self.spec.restart != "temporary" and not self.supervision.spec.dynamic

    def _assignment(self, epoch: int, incarnation: str, *, has_socket: bool = False) -> Assignment:
        spec, place = self.spec, self.shared.place
        return Assignment(
            name=spec.name,
            incarnation=incarnation,
            epoch=epoch,
            run_dir=place.run_dir,
            data_dir=place.data_dir,
            up_pid=place.keeper_pid,
            supervisor=place.name,
            supervises=spec.supervises,
            arguments=spec.arguments,
            zygote_command=tuple(place.zygote_command) if spec.supervises else (),
            heartbeat_s=spec.heartbeat_s,
            drain_s=spec.drain_s,
            drains_after=self._later_children(),
            has_socket=has_socket,
            orphan_grace_s=self.supervision.spec.orphan_grace_s,
            fence_s=self.supervision.spec.fence_s,
            settings=place.settings,
        )

    def _later_children(self) -> tuple[str, ...]:
        if self.supervision.spec.dynamic:
            return ()

        names = list(self.supervision.strategy.members)
        return tuple(names[names.index(self.spec.name) + 1 :])

    def _take_over(self, process: Process, entry: Entry) -> None:
        self._forget_the_last()
        self.epoch, self.incarnation = entry.epoch, entry.incarnation
        self.serves = entry.state == "ready"
        self._bear(process)

    def _bear(self, process: Process) -> None:
        self.process = process
        process.on_message = self._on_message
        process.on_end = self._ended

    def _on_message(self, message: dict[str, Any]) -> None:
        self.last_sign = time.monotonic()

        match message["say"]:
            case "taken" if not self.serves and not self.stopping:
                self._set_timer(self.spec.ready_timeout_s, self._not_ready)
            case "ready":
                self._serve(message)
            case "beat":
                self.stats = message["stats"]
            case "at_work":
                self._wait_for_its_work()
            case "failed":
                self.failure = message
            case "unfinished":
                self.unfinished = f"{message['count']} still running: {', '.join(message['what'])}"
            case "ignored":
                self.ignored = True
            case "exhausted" if self.serves and not self.stopping and not self.verdict:
                self._replace(message["reason"])
            case "left" if self.stopping:
                self._left()

    def _serve(self, message: dict[str, Any]) -> None:
        self.serves = True
        self.last_sign = time.monotonic()
        self.incarnation = message.get("incarnation") or self.incarnation
        if not self.stopping:
            self._set_timer(self._silence_s, self._listen_for_life)
            if self.spec.supervises is None and self._is_counted_on:
                self.shared.standbys.want(self.spec.name, lambda: self._assignment(0, ""))
        self.supervision.ready(self.spec.name, message.get("extra"))

    @property
    def _silence_s(self) -> float:
        return self.spec.heartbeat_s * self.spec.heartbeats_missed

    def _listen_for_life(self) -> None:
        left_s = self.last_sign + self._silence_s - time.monotonic()
        if left_s > 0:
            self._set_timer(left_s, self._listen_for_life)
            return

        if self.process is not None:
            # Registered with faulthandler in the child; one that is stopped writes nothing.
            self.process.kill(signal.SIGUSR1)
        self.verdict = f"no heartbeat for {self._silence_s:g} s"
        self._set_timer(STACK_WAIT_S, lambda: self._condemn(self.verdict or ""))

    def _not_ready(self) -> None:
        self._condemn(f"not ready within {self.spec.ready_timeout_s:g} s")

    def _wait_for_its_work(self) -> None:
        since = self.supervision.records[self.spec.name].since
        if not self.serves and not self.stopping and time.monotonic() - since < self.spec.recovery_timeout_s:
            self._set_timer(self.spec.ready_timeout_s, self._not_ready)

    def _replace(self, reason: str) -> None:
        """It can open nothing more. Who may finish what runs beside its successor does so, unless that comes too often."""
        now = time.monotonic()
        last, self.exhausted_at = self.exhausted_at, now
        if self.spec.lingers_s and (last is None or now - last > self.supervision.spec.period_s):
            logger.error("a child is replaced", child=self.spec.name, reason=reason)
            self.supervision.renew(self.spec.name)
        else:
            self._condemn(reason)

    def _condemn(self, verdict: str) -> None:
        self.verdict = verdict
        self._set_timer(None, self._not_ready)

        if self.process is not None:
            self.process.kill()
        else:
            self.shared.spares.withdraw(self._promote)
            self._ended(None)

    def _ended(self, result: os.waitid_result | None) -> None:
        self._set_timer(None, self._not_ready)
        process, self.process = self.process, None
        if self.stopping:
            self.shared.held_sockets.close(self.spec.name)
        end = linux.end_of(result) if process else End("normal", "had no process yet")

        if self.ignored and end.how == "normal" and not self.serves:
            end = End("ignored", "ignored its start")
        elif self.stopping:
            end = End("shutdown", ", ".join(filter(None, (end.reason, self.verdict, self.unfinished))))
        elif self.verdict:
            end = End("abnormal", self.verdict)
        elif self.failure:
            failure = self.failure
            reason = f"{end.reason}: {failure['reason']}"
            end = End("abnormal", reason, traceback=failure.get("traceback"), held_by=failure.get("held_by"))

        incident = end.how not in ("normal", "ignored") or self.spec.restart == "permanent"
        if process and (self.verdict or not self.stopping) and incident:
            # After the replacement, which should have the cores for itself: nobody waits for a report.
            asyncio.get_running_loop().call_later(REPORT_AFTER_S, self.write_reports)
            self.reports.append(self._facts(process.pid, end, core_dumped=linux.core_dumped(result)))
        else:
            remove_stacks(self.shared.place.data_dir, self.spec.name, self.epoch)
        self.supervision.ended(self.spec.name, replace(end, pid=process.pid if process else None))

    def _left(self) -> None:
        """It has given its name back, and is watched elsewhere until it has finished what runs."""
        process, self.process = self.process, None
        if process is None:
            return

        self._set_timer(None, self._not_ready)
        self.shared.held_sockets.close(self.spec.name)
        remove_stacks(self.shared.place.data_dir, self.spec.name, self.epoch)
        self.shared.leaving.watch(self.spec.name, process, self.spec.lingers_s + (self.spec.drain_s or 0.0))
        self.supervision.ended(self.spec.name, End("shutdown", "left its name to the next", pid=process.pid))

    def _facts(self, pid: int, end: End, *, core_dumped: bool) -> dict[str, Any]:
        return {
            "pid": pid,
            "incarnation": self.incarnation,
            "epoch": self.epoch,
            "how": end.how,
            "reason": end.reason,
            "was_ready": self.serves,
            "restarts": self.supervision.records[self.spec.name].restarts,
            "uptime_s": round(time.monotonic() - self.supervision.records[self.spec.name].since, 3),
            "core_dumped": core_dumped,
            "last_heartbeat": self.stats,
            "traceback": self.failure.get("traceback"),
        }

    def write_reports(self) -> None:
        """Write the crash reports that wait; called after a while, and before the supervisor ends."""
        name, data_dir = self.spec.name, self.shared.place.data_dir
        waiting, self.reports = self.reports, []

        for facts in waiting:
            try:
                path = write_report(data_dir, name, facts, keep=self.supervision.spec.crash_reports)
            except OSError as error:
                logger.error("no crash report could be written", child=name, error=str(error))
            else:
                self.shared.on_report(name, path)
                remove_stacks(data_dir, name, facts["epoch"])

    def _forget_the_last(self) -> None:
        self.stats, self.failure = {}, {}
        self.serves = self.stopping = self.ignored = False
        self.verdict = self.incarnation = None
        self.unfinished = ""

    def _set_timer(self, seconds: float | None, function: Callable[[], None]) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

        if seconds is not None:
            self.timer = asyncio.get_running_loop().call_later(seconds, function)
