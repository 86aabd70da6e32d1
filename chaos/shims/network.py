"""A machine without free ports: while a row says `ports`, no process of the house can connect to anywhere by TCP.

That is what exhausted ephemeral ports look like from within. To take all of a machine's would hurt others than the house.
"""

from __future__ import annotations

import errno
import socket
from typing import Any

from chaos.shims.house import start
from chaos.shims.told import told

__all__: list[str] = []

machine_connect = socket.socket.connect


def connect(self: socket.socket, address: Any) -> None:
    """In place of `socket.connect`."""
    if self.family in {socket.AF_INET, socket.AF_INET6} and told() == "ports":
        raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
    machine_connect(self, address)


if __name__ == "__main__":
    socket.socket.connect = connect  # type: ignore[method-assign, assignment]
    start("chaos.shims.network")
