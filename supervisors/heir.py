"""The heir of a process: a second one in the same address space, which does nothing until the first is gone, and then ends.

Of a killed process the kernel takes back the memory first, then closes sockets and frees locks, and tells of the end last: with
100 MB that took 18 ms, in which nobody could take its place. Memory that another process still maps is not taken back, so
the end is told of at once (0.2 ms); the heir's own end takes the memory back, at the lowest priority, when the replacement
answers already. Knows nothing of actors and of supervisors. Where a thing it needs is missing, there is no heir.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

__all__ = ["leave_memory_to_an_heir"]

CLONE_VM = 0x100
IONBF = 2
"""setvbuf(3): no buffer, so that reading from the stream allocates nothing."""

LOWEST = 19
HOLDS_US = 60_000
"""How long an heir keeps the memory: taking back 100 MB is ten milliseconds of a core, in pieces of up to five that even the
lowest priority does not interrupt, and a replacement answers within twenty."""

PIECE_BYTES = 16 * 1024
"""For a stack, and for a context: glibc's has 936 bytes on x86-64 and 4,560 on aarch64."""


class _Context(ctypes.Structure):
    """What stands first in glibc's ucontext_t, on every 64-bit machine; the rest is getcontext's affair."""

    _fields_ = (
        ("flags", ctypes.c_ulong),
        ("link", ctypes.c_void_p),
        ("stack", ctypes.c_void_p),
        ("stack_flags", ctypes.c_int),
        ("stack_bytes", ctypes.c_size_t),
    )


def leave_memory_to_an_heir() -> int | None:
    """Give this process an heir; its pid, or None where there can be none.

    To be called while the process has one thread, and before it opens what the heir must not hold: the heir has its own copy
    of the descriptors that are open now.

    What happens behind the scenes:

    1. A pipe is made, whose writing end this process keeps until it ends.
    2. clone(2) without CLONE_THREAD and without CLONE_FILES starts the heir. It closes its copy of the writing end, waits at
       the reading end in `fgetc`, then a moment more, and exits: four calls of the C library, one behind the other by
       makecontext(3), since what has an interpreter's memory may not run an interpreter.
    3. When this process ends, however and whenever it ends, the pipe does.
    """
    if sys.platform != "linux" or sys.maxsize < 1 << 32:
        return None

    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "makecontext"):
        return None

    libc.fdopen.restype = ctypes.c_void_p
    libc.setvbuf.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_size_t]
    libc.clone.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p]
    libc.getcontext.argtypes = [ctypes.c_void_p]
    libc.makecontext.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int]

    reading, writing = os.pipe2(os.O_CLOEXEC)
    stream = libc.fdopen(reading, b"r")
    libc.setvbuf(stream, None, IONBF, 0)
    calls = (
        (libc.close, ctypes.c_int(writing)),
        (libc.fgetc, ctypes.c_void_p(stream)),
        (libc.usleep, ctypes.c_uint(HOLDS_US)),
        (libc["_exit"], ctypes.c_int(0)),
    )
    memory = mmap.mmap(-1, (2 * len(calls) + 1) * PIECE_BYTES, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    first = _one_after_another(libc, calls, memory)
    top = ctypes.addressof(ctypes.c_char.from_buffer(memory)) + len(memory)
    heir: int = libc.clone(ctypes.cast(libc.setcontext, ctypes.c_void_p), top, CLONE_VM | signal.SIGCHLD, first)

    if heir < 0:
        # Forbidden, as by a container's filter of system calls: the end is told of later, and that is all.
        os.close(writing)
        libc.fclose(ctypes.c_void_p(stream))
        return None

    _KEPT.append(memory)
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, heir, LOWEST)
    return heir


def _one_after_another(libc: Any, calls: Sequence[tuple[Any, Any]], memory: mmap.mmap) -> int:
    """The address of a context that makes these calls in turn, the last of which does not come back; all of it in `memory`."""
    base = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    contexts = [base + 2 * number * PIECE_BYTES for number in range(len(calls))]
    for at, following, (function, argument) in zip(contexts, [*contexts[1:], None], calls, strict=True):
        libc.getcontext(at)
        context = _Context.from_address(at)
        context.link, context.stack, context.stack_bytes = following, at + PIECE_BYTES, PIECE_BYTES
        libc.makecontext(at, ctypes.cast(function, ctypes.c_void_p), 1, argument)
    return contexts[0]


_KEPT: list[mmap.mmap] = []
"""The stacks of heirs, kept for as long as this process lives."""
