"""What must hold before an address is listened at.

libzmq silently replaces whatever stands at an ipc path, a live socket or a regular file alike, and speaks plain tcp to
anyone. So the path and the reach are looked at first.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from transport.errors import Conflict, Invalid

__all__ = ["PATH_BYTES", "check_ipc", "check_tcp", "umasked"]

PATH_BYTES: Final = 107
"""Longest path of a Unix socket: sun_path has 108 bytes on Linux, the last is NUL."""


def check_ipc(address: str) -> None:
    """Whether an `ipc://` address may be bound by the holder of its lock.

    Raises:
        Invalid: its path is relative or longer than 107 bytes, or its directory is missing or open to others.
        Conflict: what stands at the path is not a socket, not ours, or somebody listens there.
    """
    path = Path(address.removeprefix("ipc://"))

    if not path.is_absolute():
        raise Invalid(f"the path of {address!r} is to be absolute")

    if len(os.fsencode(path)) > PATH_BYTES:
        raise Invalid(f"{path} has {len(os.fsencode(path))} bytes; a socket's path has at most {PATH_BYTES}")

    check_private(path.parent)

    try:
        found = path.lstat()
    except FileNotFoundError:
        return

    if not stat.S_ISSOCK(found.st_mode):
        raise Conflict(f"{path} is not a socket; it is left as it is")

    if found.st_uid != os.geteuid():
        raise Conflict(f"{path} belongs to user {found.st_uid}; it is left as it is")

    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)

        if probe.connect_ex(str(path)) != errno.ECONNREFUSED:
            raise Conflict(f"a process listens at {path}; it is left alone")


def check_private(directory: Path) -> None:
    """Whether a directory is one that only its owner, who is us, can enter.

    Raises:
        Invalid: it is missing, a link, another user's, or open to others.
    """
    try:
        found = directory.lstat()
    except FileNotFoundError:
        raise Invalid(f"there is no directory {directory}") from None

    if not stat.S_ISDIR(found.st_mode):
        raise Invalid(f"{directory} is not a directory")

    if found.st_uid != os.geteuid():
        raise Invalid(f"{directory} belongs to user {found.st_uid}")

    if stat.S_IMODE(found.st_mode) & 0o077:
        raise Invalid(f"{directory} is open to others (mode {stat.S_IMODE(found.st_mode):04o}); make it 0700")


def check_tcp(address: str, *, encrypted: bool) -> None:
    """Whether a `tcp://` address may be bound: without CURVE on loopback only.

    Raises:
        Invalid: it has no literal IP address and port, or reaches beyond loopback without CURVE.
    """
    host, _, port = address.removeprefix("tcp://").rpartition(":")

    if port != "*" and not (port.isdecimal() and int(port) < 65536):
        raise Invalid(f"{address!r} has no port")

    if encrypted and host == "*":
        return

    try:
        ip = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        raise Invalid(f"{address!r} is to have an IP address, so that what it reaches is plain") from None

    if not encrypted and not ip.is_loopback:
        raise Invalid(f"{address} reaches beyond this machine and needs CURVE keys")


@contextmanager
def umasked() -> Iterator[None]:
    """Files made meanwhile are their owner's alone. The mask is the whole process's: keep it short."""
    before = os.umask(0o077)

    try:
        yield
    finally:
        os.umask(before)
