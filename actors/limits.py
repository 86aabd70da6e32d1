"""What one process may use: memory, descriptors, waiting messages, calls in flight, time. And how much of it is used.

Knows the process and its host's figures, not what is done when a limit is reached: who does it asks here.
"""

from __future__ import annotations

import errno
import os
import resource
from contextlib import suppress
from pathlib import Path
from typing import Annotated

from pydantic import Field

from actors.message import Data

__all__ = [
    "EXHAUSTED",
    "ProcessLimits",
    "allow_descriptors",
    "forbid_core_dumps",
    "has_descriptors",
    "resident_bytes",
    "set_process_limits",
    "used_descriptors",
    "wants_descriptors",
]

EXHAUSTED = "it may open nothing more: its limit of descriptors is used up, or was lowered from outside"

HEADROOM = 1 << 30
"""Address space beyond the memory limit: stacks and arenas are reserved, mostly never used. It only stops a process
that takes memory faster than its use is looked at."""


class ProcessLimits(Data):
    """`[limits]` in the settings; each holds for every process of the house."""

    memory_mb: Annotated[int, Field(ge=128, le=1 << 24)] = 2048
    """Resident memory. An actor that holds more ends and is replaced: one that grows must not take the machine along."""

    descriptors: Annotated[int, Field(ge=128, le=1 << 20)] = 4096
    """Open files and sockets. The gateway takes one for each connection."""

    mailbox: Annotated[int, Field(ge=1, le=1_000_000)] = 1024
    """Messages that may wait in each lane of an actor, unless it says less itself; then callers are told `overloaded`."""

    calls: Annotated[int, Field(ge=1, le=1_000_000)] = 8192
    """Calls from other processes that may be in flight; each holds its message, and its caller's attention."""

    call_s: Annotated[float, Field(gt=0, le=604_800)] = 3600.0
    """The longest that any call may take, whatever its caller allows."""

    core_dumps: bool = False
    """Whether a crash may leave a core file, with the keys and the texts that the process had in memory. True: as the shell
    or the service manager allows. Read when the house starts."""


def set_process_limits(limits: ProcessLimits) -> None:
    """Let the kernel hold this process to them, where it can: descriptors, and address space as a backstop for memory."""
    allow_descriptors(limits.descriptors)

    _, most = resource.getrlimit(resource.RLIMIT_AS)
    wanted = address_space_bytes() + (limits.memory_mb << 20) + HEADROOM
    # A container that allows less has a limit already.
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (wanted, most))


def forbid_core_dumps() -> None:
    """Have no crash of this process, or of one that it starts, leave a core. Who debugs one may raise the limit (`prlimit`).

    One byte is too little for a file, as none is. Of a program that the kernel would hand the core to (core_pattern, as apport
    has it) it asks no limit but this one: with 0 that program still gets the whole core.
    """
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0 if most == 0 else 1, most))


def allow_descriptors(wanted: int) -> None:
    """Set how many descriptors this process may have, as far as it may say so itself."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY:
        wanted = min(wanted, most)
    if wanted != allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def has_descriptors(limits: ProcessLimits | None = None) -> bool:
    """Whether this process can open one more file or connection.

    Its limit may have been lowered from outside, below what is open already. With `limits` the process raises it again as far
    as it may. Where that does not help, only another process does: it has its parent's limits.
    """
    if limits is not None:
        allow_descriptors(limits.descriptors)
    try:
        os.close(os.open("/", os.O_PATH | os.O_CLOEXEC))
    except OSError as error:
        if not wants_descriptors(error):
            raise
        return False
    return True


def wants_descriptors(error: BaseException | None) -> bool:
    """Whether something has failed since this process may not have another descriptor."""
    return isinstance(error, OSError) and error.errno == errno.EMFILE


def address_space_bytes() -> int:
    """What of the address space is taken now."""
    return int(Path("/proc/self/statm").read_bytes().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def resident_bytes() -> int:
    """Memory of this process that is in RAM."""
    try:
        return int(Path("/proc/self/statm").read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def used_descriptors() -> int:
    """Descriptors that are open. Looking takes one itself; it is not counted."""
    try:
        return len(os.listdir("/proc/self/fd")) - 1  # noqa: PTH208 (names are enough)
    except OSError:
        # Not one is left, not even for looking.
        return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
