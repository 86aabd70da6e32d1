"""What systemd is told: ready, alive, reloading, stopping, what to keep open. sd_notify(3) without its library.

Does nothing where `NOTIFY_SOCKET` is not set, that is where no service manager asked to be told.
"""

from __future__ import annotations

import os
import select
import socket
import time
from array import array
from collections.abc import Mapping
from contextlib import suppress

__all__ = ["Notifier"]

BARRIER_S = 5.0
"""How long a manager that does not read is waited for."""


class Notifier:
    """The way to the service manager.

    Args:
        environment: holds `NOTIFY_SOCKET`: a path, or a name in the abstract namespace that begins with "@".
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        self.address = "\0" + address[1:] if address.startswith("@") else address

    def ready(self, line: str = "serving") -> None:
        """The house serves (again); `line` says how."""
        self._say(f"READY=1\nSTATUS={line}")

    def alive(self) -> None:
        """The supervisor supervises; the manager's watchdog counts from now on again."""
        self._say("WATCHDOG=1")

    def reloading(self) -> None:
        """The settings are being read again; `ready` follows."""
        self._say(
            f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}\nSTATUS=reading its settings"
        )

    def stopping(self) -> None:
        """It drains."""
        self._say("STOPPING=1\nSTATUS=draining")

    def status(self, line: str) -> None:
        """One line for `systemctl status`."""
        self._say("STATUS=" + line.replace("\n", " "))

    def keep(self, descriptor: int, name: str) -> None:
        """Have a descriptor kept open and handed to the next start, after a kill too (`FileDescriptorStoreMax`)."""
        self._say(f"FDSTORE=1\nFDNAME={name}\nFDPOLL=0", descriptor)

    def let_go(self, name: str) -> None:
        """Have what was kept under this name closed; returns when it is."""
        self._say(f"FDSTOREREMOVE=1\nFDNAME={name}")
        # sd_notify_barrier(3): the manager closes what comes with this once it has done all that was said before.
        reading, writing = os.pipe2(os.O_CLOEXEC)
        try:
            self._say("BARRIER=1", writing)
        finally:
            os.close(writing)
        select.select([reading], [], [], BARRIER_S)
        os.close(reading)

    def _say(self, state: str, *descriptors: int) -> None:
        if not self.address:
            return

        # Somebody who is not there, or does not read, is no reason to stop or to wait.
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as way:
            way.setblocking(False)
            handed = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", descriptors))] if descriptors else []
            way.sendmsg([state.encode()], handed, 0, self.address)
