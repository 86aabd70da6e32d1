"""`up`: the parent of the house. It starts the supervisor, starts it again when it dies, and outlives whatever is left.

It is kept dull on purpose, since nobody watches it: no asyncio, no ZeroMQ, no actor, one loop over four descriptors.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import resource
import selectors
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from actors.limits import EXHAUSTED, allow_descriptors, wants_descriptors
from supervisors import linux
from supervisors.intensity import Backoff, Intensity
from supervisors.lines import TOLD_TO_STOP, describe
from supervisors.notify import Notifier
from supervisors.reloading import Reloading
from supervisors.service import Service

__all__ = ["run_up"]

STOP = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""The first of these drains the house, the second kills it. A closed terminal is a wish to stop as well."""

INTENSITY = 5
PERIOD_S = 60.0
"""More than this many supervisors that failed by themselves in this time, and the house cannot stand."""

SILENCE_S = 5.0
"""A supervisor that supervises beats every second; one that has not for this long is hung."""

BIRTH_S = 40.0
"""How long a new supervisor may take until it supervises: imports, and the wait for its predecessor's lock."""

BACKOFF_CAP_S = 5.0
"""The longest wait before the next supervisor is started. What systemd's watchdog allows is more than all three together."""

LEFTOVER_S = 10.0
"""How long processes may drain that are left when the supervisor has ended."""


def run_up(
    supervisor_command: Sequence[str],
    *,
    run_dir: Path,
    listener: socket.socket | None,
    on_line: Callable[[str], None],
    on_ready: Callable[[], None] = lambda: None,
    reload_command: Sequence[str] = (),
    before_start: Callable[[], None] = lambda: None,
    inherited: Sequence[int] = (),
) -> int:
    """Run the house until SIGTERM or SIGINT drains it (exit code 0), a second one kills it (1), or it cannot stand (1).

    A supervisor killed from outside, or told to stop by somebody else, is started again at once, always. One that fails by
    itself is started again after a growing wait, up to 5 times a minute. One that ended by its rules, or was asked to by a
    message, ends the house (0).

    Args:
        supervisor_command: starts a process that calls `run_supervisor`; `--up-pid PID` and `--listener FD` are added.
        run_dir: the house's run directory, named in the message when it cannot stand.
        listener: handed on to whichever child gets it.
        on_line: gets a line for each change worth a person's eye.
        on_ready: called once, when all children are ready for the first time.
        reload_command: run at SIGHUP, which then is no wish to stop; what it prints is told, line by line.
        before_start: called before each start of a supervisor, to lay down what it needs.
        inherited: descriptors that each supervisor has until its end, without knowing of them.
    """
    return Up(
        supervisor_command,
        run_dir,
        listener,
        on_line=on_line,
        on_ready=on_ready,
        reload_command=reload_command,
        before_start=before_start,
        inherited=inherited,
    ).run()


class Up:
    """See `run_up`."""

    def __init__(
        self,
        command: Sequence[str],
        run_dir: Path,
        listener: socket.socket | None,
        *,
        on_line: Callable[[str], None],
        on_ready: Callable[[], None],
        reload_command: Sequence[str],
        before_start: Callable[[], None],
        inherited: Sequence[int],
    ) -> None:
        self.inherited = list(inherited)
        self.before_start = before_start
        self.stop_signals = [number for number in STOP if not (reload_command and number == signal.SIGHUP)]
        self.service = Service(Notifier())
        self.command = [*command, "--up-pid", str(os.getpid())]
        if listener is not None:
            self.inherited.append(listener.fileno())
            self.command += ["--listener", str(listener.fileno())]

        self.run_dir = run_dir
        self.on_line = on_line
        self.on_ready: Callable[[], None] | None = on_ready
        self.selector = selectors.DefaultSelector()
        self.reloading = Reloading(reload_command, self.selector, self.service, on_line)
        self.intensity = Intensity(INTENSITY, PERIOD_S)
        self.backoff = Backoff(0.2, 2.0, BACKOFF_CAP_S, random.Random())  # noqa: S311 (jitter, no secret)
        self.signals = 0
        self.reason = ""
        self.pid = 0
        self.descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.strangers = set(linux.children_of(os.getpid()))

    def run(self) -> int:
        """See `run_up`."""
        linux.adopt_orphans()
        self._catch_signals()
        wait_s = 0.0

        while True:
            if self._pause(wait_s):
                self._sweep(LEFTOVER_S)
                return 0

            try:
                status = self._run_supervisor()
            except OSError as error:
                if not (wants_descriptors(error) or linux.has_no_room(error)):
                    raise
                # Its children serve on meanwhile.
                allow_descriptors(self.descriptors)
                wait_s = self.backoff.next()
                reason = EXHAUSTED if wants_descriptors(error) else error.strerror
                self.on_line(f"no supervisor can be started: {reason}; trying again in {wait_s:.1f} s")
                continue
            if self.signals > 1:
                self.on_line("killed at the second signal")
                self._sweep(0.0)
                return 1

            end = linux.end_of(status)
            told_too_soon = not self.supervised and (status.si_code, status.si_status) == (os.CLD_KILLED, signal.SIGTERM)
            strayed = not self.signals and end.how == "normal" and self.reason == TOLD_TO_STOP
            if (end.how == "normal" and not strayed) or (self.signals and told_too_soon):
                self._sweep(LEFTOVER_S)
                return 0

            self.reason = self.reason or end.reason
            if self.signals:
                self.on_line(f"the supervisor ended while it drained ({self.reason})")
                self._sweep(LEFTOVER_S)
                return 1

            if strayed or (self.supervised and end.how == "killed"):
                # It is permanent, as its children are: who is told to stop by a stranger comes back.
                wait_s = 0.0
                self.on_line(f"supervisor ended ({self.reason}); starting it again{'' if strayed else ', its children go on'}")
            elif not self.intensity.allows(time.monotonic()):
                return self._give_up()
            else:
                wait_s = self.backoff.next()
                self.on_line(f"supervisor ended ({self.reason}); starting it again in {wait_s:.1f} s")

    def _run_supervisor(self) -> os.waitid_result:
        """One supervisor from its start to its end."""
        self.reason = ""
        self.supervised = False
        self.deadline = time.monotonic() + BIRTH_S
        self.words = b""
        self.before_start()
        self.service.alive()
        # A session of its own, so that Ctrl-C reaches `up` alone and the house is drained in order.
        process = subprocess.Popen(  # noqa: S603 (the composition root's own command)
            self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, pass_fds=self.inherited, start_new_session=True
        )
        assert process.stdout is not None  # noqa: S101 (for the type checker; it is a pipe)
        pidfd = os.pidfd_open(process.pid)
        self.pid, self.pidfd = process.pid, pidfd
        self.selector.register(pidfd, selectors.EVENT_READ)
        self.selector.register(process.stdout, selectors.EVENT_READ)
        os.set_blocking(process.stdout.fileno(), False)
        if self.signals:
            linux.kill(pidfd, signal.SIGTERM)

        try:
            while True:
                ready = {key.fd for key, _ in self.selector.select(max(0.0, self.deadline - time.monotonic()))}
                self._listen(process.stdout.fileno())
                if self.signal_fd in ready:
                    self._forward_signals()
                self.reloading.hear(ready)
                if pidfd in ready:
                    break
                if time.monotonic() >= self.deadline:
                    self.reason = "it hung" if self.supervised else "it did not get to supervising"
                    self.deadline = time.monotonic() + BIRTH_S
                    linux.kill(pidfd)
        finally:
            self.selector.unregister(pidfd)
            self.selector.unregister(process.stdout)
            process.stdout.close()

        status = os.waitid(os.P_PIDFD, pidfd, os.WEXITED)
        process.returncode = 0
        self.pid = 0
        os.close(pidfd)
        self._reap()
        if status is None:
            raise ChildProcessError("the supervisor ended without an exit status")

        return status

    def _catch_signals(self) -> None:
        theirs, ours = socket.socketpair()
        theirs.setblocking(False)
        ours.setblocking(False)
        signal.set_wakeup_fd(ours.fileno(), warn_on_full_buffer=False)
        for number in (*STOP, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)

        self.signal_ends = (theirs, ours)
        self.signal_fd = theirs.fileno()
        self.selector.register(theirs, selectors.EVENT_READ)

    def _pause(self, seconds: float) -> bool:
        """Wait before the next start; whether a signal to stop came meanwhile."""
        until = time.monotonic() + seconds
        while not self.signals and (left := until - time.monotonic()) > 0:
            ready = {key.fd for key, _ in self.selector.select(left)}
            self._count_signals()
            self.reloading.hear(ready)

        return self.signals > 0

    def _count_signals(self) -> None:
        with contextlib.suppress(BlockingIOError):
            caught = self.signal_ends[0].recv(4096)
            self.signals += sum(number in self.stop_signals for number in caught)
            if signal.SIGHUP in caught:
                self.reloading.want()
            if signal.SIGCHLD in caught:
                self._reap()
        if self.signals:
            self.service.stopping()
        else:
            self.reloading.begin()

    def _forward_signals(self) -> None:
        before = self.signals
        self._count_signals()
        if self.signals == before:
            return

        if self.signals == 1:
            self.on_line("draining; once more to kill")
            linux.kill(self.pidfd, signal.SIGTERM)
        else:
            linux.kill(self.pidfd)

    def _reap(self) -> None:
        """Collect orphans; the supervisor, and children that were here before, are left to those who wait for them."""
        try:
            children = linux.children_of(os.getpid())
        except OSError as error:
            if not wants_descriptors(error):
                raise
            # They wait.
            return

        for pid in children:
            if pid not in (self.pid, self.reloading.pid) and pid not in self.strangers:
                with contextlib.suppress(ChildProcessError):
                    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG)

    def _sweep(self, drain_s: float) -> None:
        """See that nothing is left: whoever still runs may drain for a while, then is killed."""
        self.reloading.end()
        until = time.monotonic() + drain_s
        told: set[int] = set()

        while left := self._left():
            wait_s = until - time.monotonic()
            with selectors.DefaultSelector() as ends:
                for pid, pidfd in left.items():
                    ends.register(pidfd, selectors.EVENT_READ)
                    if wait_s <= 0:
                        linux.kill(pidfd)
                    elif pid not in told:
                        linux.kill(pidfd, signal.SIGTERM)
                        told.add(pid)

                ends.select(wait_s if wait_s > 0 else 1.0)

            for pidfd in left.values():
                os.close(pidfd)

    def _left(self) -> dict[int, int]:
        """Pid and pidfd of each process that descends from this one and has not been reaped."""
        self._reap()
        pids = (pid for pid in linux.descendants(os.getpid()) if pid not in self.strangers)
        return {pid: pidfd for pid in pids if (pidfd := linux.open_pidfd(pid)) is not None}

    def _give_up(self) -> int:
        self.service.gave_up(self.reason)
        self._sweep(LEFTOVER_S)
        self.on_line(
            f"giving up: the supervisor failed more than {INTENSITY} times within {PERIOD_S:g} s; "
            f"the last time: {self.reason}. Its log is supervisor.log in the data directory's logs, "
            f"the run directory is {self.run_dir}. Mend what the newest report in crashes, beside logs, says; then start again."
        )
        return 1

    # What the supervisor says

    def _listen(self, pipe: int) -> None:
        try:
            while chunk := os.read(pipe, 65536):
                self.words += chunk
        except BlockingIOError:
            pass

        *lines, self.words = self.words.split(b"\n")
        for line in lines:
            self._hear(line)

    def _hear(self, line: bytes) -> None:
        try:
            said: dict[str, Any] = json.loads(line)
            event = said.pop("event")
        except (ValueError, TypeError, KeyError, AttributeError):
            self.on_line(line.decode(errors="replace"))
            return

        self.deadline = time.monotonic() + SILENCE_S
        match event:
            case "beat":
                self.service.alive()
            case "supervising":
                self.supervised = True
            case "child":
                self.service.child(said["name"], said["state"])
                if said["state"] != "starting" or said["last_exit"]:
                    self.on_line(describe(**said))
            case "all_ready" if self.on_ready is not None:
                self.service.ready()
                self.on_ready()
                self.on_ready = None
            case "crash_report":
                self.on_line(f"{said['name']:<12} crash report {said['path']}")
            case "finished":
                self.reason = said["reason"]
