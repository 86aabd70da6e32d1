"""The heir of a process: a second one in the same address space, which does nothing until the first is gone, and then ends.

Of a killed process the kernel takes back the memory first, then closes sockets and frees locks, and tells of the end last: with
100 MB that took 18 ms, in which nobody could take its place. Memory that another process still maps is not taken back, so
the end is told of at once (0.2 ms); the heir's own end takes the memory back, at the lowest priority, while the replacement
starts already. Knows nothing of actors and of supervisors. Where a thing it needs is missing, there is no heir.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import signal
import socket
import sys
from contextlib import suppress

__all__ = ["leave_memory_to_an_heir"]

CLONE_VM = 0x100
STACK_BYTES = 64 * 1024
IONBF = 2
"""setvbuf(3): no buffer, so that reading from the stream allocates nothing."""

LOWEST = 19


def leave_memory_to_an_heir() -> int | None:
    """Give this process an heir; its pid, or None where there can be none.

    To be called while the process has one thread, and before it opens what the heir must not hold: the heir has its own copy
    of the descriptors that are open now.

    What happens behind the scenes:

    1. A pipe is made, and its writing end sent away, into a socket: so the heir gets no copy of it.
    2. clone(2) without CLONE_THREAD and without CLONE_FILES starts the heir in `fgetc`, which waits at the reading end.
    3. This process takes the writing end out of the socket again. When it ends, however it ends, the pipe does; `fgetc`
       returns, and the heir exits.
    """
    if sys.platform != "linux":
        return None

    libc = ctypes.CDLL(None, use_errno=True)
    libc.fdopen.restype = ctypes.c_void_p
    libc.setvbuf.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_size_t]
    libc.clone.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p]

    reading, writing = os.pipe2(os.O_CLOEXEC)
    here, there = socket.socketpair()
    with here, there:
        socket.send_fds(here, [b"w"], [writing])
        os.close(writing)
        stream = libc.fdopen(reading, b"r")
        libc.setvbuf(stream, None, IONBF, 0)
        stack = mmap.mmap(-1, STACK_BYTES, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        top = ctypes.addressof(ctypes.c_char.from_buffer(stack)) + STACK_BYTES
        heir: int = libc.clone(ctypes.cast(libc.fgetc, ctypes.c_void_p), top, CLONE_VM | signal.SIGCHLD, stream)
        held = socket.recv_fds(there, 1, 1)[1][0]

    if heir < 0:
        # Forbidden, as by a container's filter of system calls: the end is told of later, and that is all.
        os.close(held)
        return None

    _KEPT.append(stack)
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, heir, LOWEST)
    return heir


_KEPT: list[mmap.mmap] = []
"""Stacks that heirs stand on."""
