"""What the kernel knows of processes: pidfds, start times, reaping, orphans' new parents. Linux 5.4 or newer, no library."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
from contextlib import suppress
from pathlib import Path

from supervisors.actions import End

__all__ = [
    "adopt_orphans",
    "children_of",
    "core_dumped",
    "descendants",
    "end_of",
    "has_no_room",
    "kill",
    "name_process",
    "open_files",
    "open_pidfd",
    "parent_of",
    "reap",
    "start_time",
]

LIBC = ctypes.CDLL(None, use_errno=True)
"""Looked up once: a replacement is named on its way to its first answer."""

PR_SET_NAME = 15
PR_SET_CHILD_SUBREAPER = 36
PARENT_FIELD = 4
STARTTIME_FIELD = 22
"""Of /proc/<pid>/stat, counted from 1 (proc(5)): clock ticks from boot to the process's start. With the pid it is unique."""


def adopt_orphans() -> None:
    """Make this process the parent of whatever its descendants leave behind.

    Raises:
        OSError: the kernel refuses.
    """
    if LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def name_process(name: str) -> None:
    """Set what `ps` and `top` show of this process, 15 bytes at most. To be called by the main thread; opens no descriptor."""
    LIBC.prctl(PR_SET_NAME, f"lattice:{name}"[:15].encode(), 0, 0, 0)


def open_pidfd(pid: int, started: int | None = None) -> int | None:
    """A descriptor that becomes readable when the process ends, or None when it has.

    `started` is its start time as far as known: a process that merely has the same pid is not taken for it.
    """
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return None

    if started is not None and start_time(pid) != started:
        os.close(pidfd)
        return None

    return pidfd


def start_time(pid: int) -> int | None:
    """When the process started, in clock ticks since boot; None when there is none."""
    return _stat(pid, STARTTIME_FIELD)


def open_files(pid: int) -> set[str]:
    """What the descriptors of a process lead to, by their paths; none where it is gone, or somebody else's."""
    links = set()
    with suppress(OSError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                links.add(str(descriptor.readlink()))
    return links


def parent_of(pid: int) -> int | None:
    """The pid of a process's parent; None when there is no such process."""
    return _stat(pid, PARENT_FIELD)


def _stat(pid: int, field: int) -> int | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None

    # The second field, the command's name, may hold any bytes: parentheses, spaces, half a character.
    return int(stat[stat.rindex(b")") + 2 :].split()[field - 3])


def kill(pidfd: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Signal a process that may be gone already."""
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(pidfd, number)


def reap(known: dict[int, os.waitid_result]) -> None:
    """Collect every child that has ended into `known`, by pid."""
    while True:
        try:
            result = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG)
        except ChildProcessError:
            return

        if result is None:
            return

        known[result.si_pid] = result


def end_of(result: os.waitid_result | None) -> End:
    """What an exit status says."""
    if result is None:
        return End("killed", "exit status unknown (it was another supervisor's child)")

    if result.si_code == os.CLD_EXITED:
        return End("normal" if result.si_status == 0 else "abnormal", f"exit {result.si_status}")

    try:
        name = f"signal {result.si_status} ({signal.Signals(result.si_status).name})"
    except ValueError:
        name = f"signal {result.si_status}"

    return End("killed" if result.si_status == signal.SIGKILL else "abnormal", name)


def core_dumped(result: os.waitid_result | None) -> bool:
    """Whether the kernel has kept the process's memory, for a debugger."""
    return result is not None and result.si_code == os.CLD_DUMPED


def has_no_room(error: OSError) -> bool:
    """Whether another process could not be started for want of processes or memory: that passes."""
    return error.errno in (errno.EAGAIN, errno.ENOMEM)


def children_of(pid: int) -> list[int]:
    """Pids of a process's children; none when it is gone."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def descendants(pid: int) -> list[int]:
    """Pids of all that descend from a process, nearest first."""
    found = children_of(pid)
    for child in found:
        found.extend(children_of(child))

    return found
