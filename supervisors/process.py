"""One OS process as the supervisor's loop sees it: a pidfd that tells its end, and a connection that may come and go."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from typing import Any

from supervisors import linux
from supervisors.control import Control

__all__ = ["Process", "Reaper"]


class Reaper:
    """Collects exit statuses of children, known and unknown: as subreaper this process inherits strangers too."""

    def __init__(self) -> None:
        self.statuses: dict[int, os.waitid_result] = {}
        self.watched: set[int] = set()

    @property
    def on_signal(self) -> tuple[signal.Signals, Callable[[], None]]:
        """What the loop's signal handler takes."""
        return signal.SIGCHLD, self.sweep

    def sweep(self) -> None:
        """Collect whatever has ended; of strangers nothing is kept."""
        linux.reap(self.statuses)
        for pid in [pid for pid in self.statuses if pid not in self.watched]:
            del self.statuses[pid]

    def status(self, pid: int) -> os.waitid_result | None:
        """The exit status of a watched process that has ended; None when it was not a child of this process."""
        self.sweep()
        self.watched.discard(pid)
        return self.statuses.pop(pid, None)


class Process:
    """A process by pid and pidfd. `on_message` gets what it says, `on_end` is called once, after the last message."""

    def __init__(self, pid: int, pidfd: int, reaper: Reaper) -> None:
        self.pid = pid
        self.pidfd = pidfd
        self.started = linux.start_time(pid)
        self.reaper = reaper
        self.control: Control | None = None
        self.on_message: Callable[[dict[str, Any]], None] = lambda _: None
        self.on_end: Callable[[os.waitid_result | None], None] = lambda _: None
        self.loop = asyncio.get_running_loop()
        reaper.watched.add(pid)
        self.loop.add_reader(pidfd, self._ended)

    def attach(self, control: Control) -> None:
        """Listen to this connection from now on."""
        self._detach()
        self.control = control
        control.socket.setblocking(False)
        self.loop.add_reader(control.fileno(), self._listen)

    def send(self, say: str, descriptors: list[int] | None = None, **fields: Any) -> bool:
        """Say something; False when it cannot hear."""
        return self.control is not None and self.control.send(say, descriptors or (), **fields)

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Signal it, if it still is."""
        if self.pidfd >= 0:
            linux.kill(self.pidfd, number)

    def let_go(self) -> None:
        """Watch it no longer, whatever it does. Its pid may be another's soon."""
        self._detach()
        self.reaper.watched.discard(self.pid)
        if self.pidfd >= 0:
            self.loop.remove_reader(self.pidfd)
            os.close(self.pidfd)
            self.pidfd = -1

    def _listen(self) -> None:
        while self.control is not None:
            try:
                received = self.control.receive()
            except BlockingIOError:
                return

            if received is None:
                self._detach()
                return

            self.on_message(received[0])

    def _ended(self) -> None:
        # Its last words may still lie in the socket.
        self._listen()
        status = self.reaper.status(self.pid)
        self.let_go()
        self.on_end(status)

    def _detach(self) -> None:
        if self.control is not None:
            self.loop.remove_reader(self.control.fileno())
            self.control.close()
            self.control = None
