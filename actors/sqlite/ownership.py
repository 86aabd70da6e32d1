"""Who owns a database file: one process at a time, until its very end.

An actor's name has a lock in the run directory, which can be deleted while a process is stopped that will wake beside its
successor. So the file has a lock of its own, beside it: as long as its owner lives, stopped or not, nobody else opens it.
Knows no SQLite.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from transport.errors import Unavailable
from transport.lock import Lock

__all__ = ["keep_owned", "own", "release"]

WAIT_S = 10.0
"""How long the last owner may take to die."""


@dataclass(slots=True)
class _Owned:
    lock: Lock
    users: int = 0
    """In one process an actor may be opened anew before the one before it has closed."""


_owned: dict[Path, _Owned] = {}


async def own(path: Path) -> None:
    """Be the only process that opens this file, from now until as many calls of `release`.

    Raises:
        Conflict: another process owns it still; the detail has its `pid`.
        Unavailable: the file system refuses the lock's file.
    """
    owned = _owned.setdefault(path, _Owned(Lock(path.with_suffix(".owner"))))
    owned.users += 1
    try:
        if not owned.lock.held:
            path.parent.mkdir(parents=True, exist_ok=True)
            await owned.lock.acquire(WAIT_S)
    except OSError as error:
        release(path)
        raise Unavailable(f"{path.name} cannot be owned: {error.strerror}") from error
    except BaseException:
        release(path)
        raise


def keep_owned(path: Path) -> None:
    """Lock the file anew where the lock's own file has lost its name: the next owner would find no lock.

    Raises:
        Conflict: another process owns the database meanwhile; the detail has its `pid`.
        OSError: the file system refuses.
    """
    if (owned := _owned.get(path)) is None or owned.lock.in_place:
        return

    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = Lock(owned.lock.path)
    new.take()
    owned.lock.release()
    owned.lock = new


def release(path: Path) -> None:
    """Let others have it, once nobody in this process uses it."""
    if (owned := _owned.get(path)) is None:
        return

    owned.users -= 1
    if owned.users == 0:
        owned.lock.release()
        del _owned[path]
