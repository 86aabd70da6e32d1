"""Foreign files: what stands where a lock, a socket or another file of ours belongs, and is none.

The run directory is ours alone, so the place is taken back: what is no socket is set aside beside it, never deleted, and said
in the log; a socket holds nothing, and gives way. Knows no actor.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from loguru import logger

__all__ = [
    "Identity",
    "are_set_aside",
    "identity",
    "make_way_for_directory",
    "make_way_for_file",
    "make_way_for_socket",
    "put_file",
    "set_aside",
]

MARK: Final = ".set-aside-"

Identity = tuple[int, int] | None
"""Device and inode of what stands at a path itself, no link followed; None: nothing does."""


def identity(path: Path) -> Identity:
    """What stands at a path, by which it is known again."""
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino


def set_aside(path: Path) -> None:
    """Rename what stands there to `<name>.set-aside-<time>`, and say so.

    Raises:
        OSError: it cannot be renamed, as where something is mounted there.
    """
    aside = path.with_name(f"{path.name}{MARK}{time.time_ns()}")
    try:
        path.rename(aside)
    except FileNotFoundError:
        # Whoever wants the same place was quicker.
        return
    logger.error("a foreign file stood in the run directory: it is set aside", path=str(path), now=aside.name)


def are_set_aside(directory: Path) -> list[str]:
    """Names of what was set aside in a directory, and not taken away since."""
    return sorted(entry.name for entry in directory.iterdir() if MARK in entry.name)


def make_way_for_socket(path: Path) -> None:
    """See that nothing stands where a socket is to be bound. The caller holds the lock of the name that it belongs to.

    Raises:
        OSError: what stands there can be neither removed nor renamed.
    """
    try:
        found = path.lstat()
    except FileNotFoundError:
        return

    if not stat.S_ISSOCK(found.st_mode):
        set_aside(path)
        return

    if (pid := who_listens(path)) is not None:
        # Who bears the name holds its lock, and so does the caller: a stranger, or one of us who is about to see that.
        logger.error("a stranger listened in the run directory: its socket was removed", path=str(path), pid=pid)
    path.unlink(missing_ok=True)


def make_way_for_directory(path: Path) -> None:
    """See that a directory stands there, or nothing.

    Raises:
        OSError: what stands there cannot be renamed.
    """
    make_way(path, stat.S_ISDIR)


def make_way_for_file(path: Path) -> None:
    """See that a regular file stands there, or nothing.

    Raises:
        OSError: what stands there cannot be renamed.
    """
    make_way(path, stat.S_ISREG)


def put_file(path: Path, content: bytes) -> None:
    """Write a file of ours anew, for its owner alone: what was there before is there, or all of this.

    Raises:
        OSError: the file system refuses.
    """
    fresh = path.with_name(f"{path.name}.new")
    for place in (fresh, path):
        make_way_for_file(place)
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        fresh.replace(path)
    except OSError:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise


def make_way(path: Path, is_one: Callable[[int], bool]) -> None:
    with suppress(FileNotFoundError):
        if not is_one(path.lstat().st_mode):
            set_aside(path)


def who_listens(path: Path) -> int | None:
    """The process that listens at a socket; None where nobody does."""
    for kind in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET):
        with socket.socket(socket.AF_UNIX, kind) as probe:
            probe.setblocking(False)
            try:
                probe.connect(str(path))
            except OSError as error:
                if error.errno == errno.EPROTOTYPE:
                    # It is of the other kind.
                    continue
                return None
            credentials = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            return int(struct.unpack("3i", credentials)[0])
    return None
