"""What systemd is told: ready, alive, reloading, stopping. The protocol of sd_notify(3), without its library.

Does nothing where `NOTIFY_SOCKET` is not set, that is where no service manager asked to be told.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress

__all__ = ["Notifier"]


class Notifier:
    """The way to the service manager.

    Args:
        environment: holds `NOTIFY_SOCKET`: a path, or a name in the abstract namespace that begins with "@".
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        self.address = "\0" + address[1:] if address.startswith("@") else address

    def ready(self) -> None:
        """The house serves (again)."""
        self._say("READY=1\nSTATUS=serving")

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

    def _say(self, state: str) -> None:
        if not self.address:
            return

        # Somebody who is not there, or does not read, is no reason to stop or to wait.
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as way:
            way.setblocking(False)
            way.sendto(state.encode(), self.address)
