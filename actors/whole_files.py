"""A file that has its name only once it is whole and on disk. Until then it is another's that lies beside it.

Knows nothing of what is in it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from transport.errors import Conflict

__all__ = ["part_of", "put_in_place", "sync_directory"]


@contextmanager
def part_of(path: Path) -> Iterator[tuple[IO[bytes], Path]]:
    """`<name>.part` beside `path`, opened at its beginning, and where it is: nobody else writes it meanwhile.

    What was left in it stands there still. Whoever writes it puts it in its place, or removes it, before leaving.

    Raises:
        Conflict: another is writing it.
        OSError: it cannot be opened.
    """
    part = path.with_name(f"{path.name}.part")
    with _alone(part) as file:
        yield file, part


def put_in_place(new: Path, path: Path) -> None:
    """Move a file that nobody writes any more to its place, once it is on disk."""
    descriptor = os.open(new, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    new.rename(path)
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make renames in a directory last over a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _alone(part: Path) -> IO[bytes]:
    while True:
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        file = os.fdopen(descriptor, "r+b")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(part, descriptor):
                return file
        except BlockingIOError:
            file.close()
            raise Conflict(f"another is writing {part}") from None
        # It was put in its place, or removed, between opening and locking.
        file.close()


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False
