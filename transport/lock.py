"""Lock: whoever holds it owns a name; the kernel gives it back when its holder dies, however it dies."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import stat
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from transport.errors import Conflict
from transport.foreign import identity, set_aside

__all__ = ["Lock"]

FOREIGN: Final = (errno.ELOOP, errno.EISDIR, errno.ENXIO)
"""Why a link, a directory, and a socket or a pipe are not opened."""

LOOK: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""Without waiting for who writes into a pipe."""

PID_BYTES: Final = 32
"""More than a process id has, also where a shorter one was just written over it."""


class Lock:
    """An exclusive lock on a file, whose content is its holder's process id.

    The file stays when the lock is released: deleting it would let two processes lock two files of one name. What stands in its
    place and is no lock is set aside, unless somebody has locked it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._descriptor is not None

    def fileno(self) -> int:
        """The descriptor of the lock that is held: a process that inherits it holds the lock too, until its end.

        Raises:
            ValueError: the lock is not held.
        """
        if self._descriptor is None:
            raise ValueError(f"{self.path} is not held")

        return self._descriptor

    @property
    def in_place(self) -> bool:
        """Whether what is held is what others would find: the file may have been deleted, or another put in its place."""
        if self._descriptor is None:
            return False

        held = os.fstat(self._descriptor)
        return identity(self.path) == (held.st_dev, held.st_ino)

    @property
    def holder(self) -> int | None:
        """Process id of who holds or last held it; None where nobody has yet."""
        try:
            descriptor = os.open(self.path, LOOK)
        except OSError:
            return None

        try:
            return int(os.read(descriptor, PID_BYTES))
        except (OSError, ValueError):
            return None
        finally:
            os.close(descriptor)

    def try_acquire(self) -> bool:
        """Takes the lock if it is free."""
        descriptor = self._open()

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False

        if not is_lock(descriptor):
            set_aside(self.path)
            os.close(descriptor)
            return self.try_acquire()

        self._hold(descriptor)

        return True

    def take(self) -> None:
        """Takes the lock.

        Raises:
            Conflict: another holds it; the message names the holder.
        """
        if not self.held and not self.try_acquire():
            raise self._taken()

    def held_by_another(self) -> bool:
        """Whether a process holds the lock. Its content stays; several may look at once, and none is taken for the holder.

        Whoever takes the lock in the same moment may find it taken for as long as this looks.
        """
        try:
            descriptor = os.open(self.path, LOOK)
        except OSError as error:
            if error.errno in (*FOREIGN, errno.ENOENT):
                return False
            raise

        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)

        return False

    async def acquire(self, wait_s: float) -> None:
        """Takes the lock, waiting at most that long for its holder to give it back or die.

        Raises:
            Conflict: it was not free in time; the message names the holder.
        """
        if self.try_acquire():
            return

        descriptor = await _Wait(self._open()).result(wait_s)

        if descriptor is None:
            raise self._taken()

        self._hold(descriptor)

    def release(self) -> None:
        """Gives the lock back. Releasing what is not held does nothing."""
        if self._descriptor is not None:
            # Said aloud: closing alone would leave it locked by a child that was forked meanwhile.
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        self.take()

        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def _taken(self) -> Conflict:
        holder = self.holder
        return Conflict(f"{self.path} is held by process {holder}", detail={"pid": holder})

    def _open(self) -> int:
        while True:
            try:
                return os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            except OSError as error:
                if error.errno not in FOREIGN:
                    raise
                set_aside(self.path)

    def _hold(self, descriptor: int) -> None:
        self._descriptor = descriptor
        # The lock is held with or without it: a full disk hinders nobody. Written first, so that its room is not given back.
        with suppress(OSError):
            os.ftruncate(descriptor, os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0))


def is_lock(descriptor: int) -> bool:
    """Whether what is open is a lock's file: empty, or digits."""
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        return False

    content = os.pread(descriptor, PID_BYTES + 1, 0)
    return len(content) <= PID_BYTES and not content.strip(b"0123456789\n")


class _Wait:
    """One wait in the kernel's queue, in a thread that ends with it: neither the loop nor a timer asks again and again."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._loop = asyncio.get_running_loop()
        self._got: asyncio.Future[None] = self._loop.create_future()
        self._guard = threading.Lock()
        self._given_up = False

    async def result(self, wait_s: float) -> int | None:
        """The locked descriptor, or None when the time was up."""
        taken = False
        threading.Thread(target=self._wait, name="lock", daemon=True).start()

        try:
            async with asyncio.timeout(wait_s):
                await self._got
        except TimeoutError:
            return None
        else:
            taken = True
            return self._descriptor
        finally:
            with self._guard:
                self._given_up = not taken

            if not taken and self._got.done() and not self._got.cancelled():
                os.close(self._descriptor)

    def _wait(self) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

        with self._guard:
            if not self._given_up:
                self._loop.call_soon_threadsafe(self._tell)
                return

        os.close(self._descriptor)

    def _tell(self) -> None:
        if self._given_up:
            os.close(self._descriptor)
        elif not self._got.done():
            self._got.set_result(None)
