"""Ports that stay free for who comes back to them."""

from __future__ import annotations

import errno
import secrets
import socket
from pathlib import Path

__all__ = ["free_port"]

RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
FIRST = 12_000
"""Below are those of services; a machine whose own range begins lower has some above it."""


def free_port() -> int:
    """One that is free on loopback, outside of those that the kernel gives to who asks for any.

    What is closed and opened again at the same port would find it taken by another process's connection, or by what a test
    beside it listens on.
    """
    low, high = map(int, RANGE.read_text().split())
    ours = range(FIRST, low) if low > 2 * FIRST else range(high + 1, 65_536)
    for _ in range(100):
        port = ours[secrets.randbelow(len(ours))]
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
            else:
                return port
    raise AssertionError("no port is free")
