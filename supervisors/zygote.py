"""The zygote: a process that has imported everything and forks spares, so that a replacement costs no imports.

It holds no thread, no loop, no ZeroMQ context and no open database, since none of them survives a fork. A spare is forked
twice: the process between ends at once, so that the kernel makes the supervisor (a subreaper) the spare's parent, who
then learns its exit status. Each spare connects to the supervisor and blocks until it is told who it is.

The zygote of a house outlives a supervisor that is killed, and forks for the next one until that one's own has imported:
whoever dies meanwhile need not wait for that.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
import os
import resource
import select
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from loguru import logger

from actors.clock import system_clock
from actors.host import Host
from actors.runtime import AsyncActor
from actors.sqlite.database import Database
from supervisors import linux
from supervisors.control import Assignment, Control, connect
from supervisors.heir import leave_memory_to_an_heir
from supervisors.logs import prepare_logs
from transport.errors import LatticeError

__all__ = ["Become", "Walk", "clear_scratch", "fork_zygote", "run_zygote", "scratch_of"]

QUIET_NICE = 10
"""At which priority a spare walks: a tenth of a core where others want all of them, all that is left where they do not."""

SCRATCH = "/dev/shm"  # noqa: S108 (a fresh directory in it, 0700)
"""Where a spare walks through a start beforehand. On a disk that is busy its fsyncs took up to 0.3 s, in which nobody could be
promoted."""

KNOCK_S = 0.05
"""How often a zygote whose supervisor was killed looks whether there is another, in seconds."""

ORPHAN_GRACE_S = 60.0
"""How long it goes on looking, in seconds."""

Become = Callable[[Assignment, Control], int]
"""What a promoted spare does, with the descriptors of its assignment in `control.handed`; returns the process's exit code."""

Walk = Callable[[str, Path], Coroutine[Any, Any, None]]
"""Starts the actor of that name for nobody, and ends it, in a directory that is thrown away."""


def run_zygote(control_fd: int, become: Become, walk: Walk | None = None) -> int:
    """Fork a spare for each `fork {run_dir}` on the control socket until the house ends. Call it when all is imported.

    Args:
        control_fd: the connection to the supervisor.
        become: called in a spare that is promoted, or is to prepare for that.
        walk: what a spare does to prepare for an actor's part.
    """
    control = Control(socket.socket(fileno=control_fd))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    prepare_logs()
    # A loop's first run imports and compiles; it is closed again, since a loop does not survive a fork.
    asyncio.run(asyncio.sleep(0))
    # What is here now is here for good: without this, a collection in a spare would copy every page it walks over.
    gc.collect()
    gc.freeze()
    linux.name_process("zygote")
    control.send("hello")
    find_next: Callable[[], Control | None] | None = None
    allowed = descriptors_allowed()

    while True:
        if (received := control.receive()) is None:
            control.close()
            following = None if find_next is None else find_next()
            if following is None:
                return 0
            control = following
            continue

        message, _ = received
        if message["say"] == "begone":
            return 0

        if descriptors_allowed() != allowed:
            # Whatever it forks would have this one's limit.
            return 1

        run_dir, supervisor = Path(message["run_dir"]), message["supervisor"]
        if find_next is None:
            clear_scratch(run_dir, supervisor)
            find_next = _finder(run_dir, supervisor, message["keeper"])
        # Else each that it forks would doubt a jump for a day of its own, and who is replaced daily for ever.
        system_clock.steady()
        between = os.fork()
        if between == 0:
            if os.fork() != 0:
                os._exit(0)

            control.close()
            os._exit(_spare(run_dir, supervisor, become, walk))

        os.waitpid(between, 0)


def descriptors_allowed() -> int:
    """The most that this process, and whoever it forks, may ever set their limits to."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def _finder(run_dir: Path, supervisor: str, keeper: int | None) -> Callable[[], Control | None]:
    """What finds the supervisor that `keeper` starts when the present one is killed; nobody, where there is no keeper."""
    started = None if keeper is None else linux.start_time(keeper)

    def find_next() -> Control | None:
        pidfd = None if keeper is None else linux.open_pidfd(keeper, started)
        if pidfd is None:
            return None

        until = time.monotonic() + ORPHAN_GRACE_S
        try:
            while time.monotonic() < until and not select.select([pidfd], [], [], KNOCK_S)[0]:
                control = connect(run_dir, supervisor)
                if control is not None and control.send("hello", pid=os.getpid(), state="zygote", keeper=keeper):
                    return control
        finally:
            os.close(pidfd)
        return None

    return find_next


def fork_zygote(become: Become, control: Control) -> tuple[int, socket.socket]:
    """Fork a zygote off a spare that has just been told to be a supervisor, and has no loop yet; its pid and its socket.

    Its own spares cost no imports either, and are children of the process that calls this, not of the house's supervisor.

    Args:
        become: see `run_zygote`.
        control: this process's connection to its supervisor, which is not the zygote's.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pid = os.fork()
    if pid:
        theirs.close()
        return pid, ours

    ours.close()
    control.close()
    for descriptor in control.handed:
        os.close(descriptor)
    os._exit(run_zygote(theirs.detach(), become))


def _spare(run_dir: Path, supervisor: str, become: Become, walk: Walk | None) -> int:
    """Wait for an assignment and become it. A spare whose supervisor is gone has nothing to wait for."""
    linux.name_process("heir")
    leave_memory_to_an_heir()
    control = connect(run_dir, supervisor)
    if control is None:
        return 0

    linux.name_process("spare")
    control.send("hello", pid=os.getpid(), state="spare")
    while (received := control.receive()) is not None and received[0]["say"] == "warm_up":
        _go(_walk_of_nobody, "nobody", *scratch_of(run_dir, supervisor))
        control.send("warm")
    if received is None or received[0]["say"] not in ("assign", "rehearse"):
        return 0

    message, control.handed = received
    code = 1
    try:
        assignment = Assignment.model_validate(message["assignment"])
        if message["say"] == "rehearse":
            _go(walk or _walk_of_nobody, assignment.name, *scratch_of(run_dir, supervisor))
            # What is here now stays, until it ends: no collection need walk over it.
            gc.freeze()
        code = become(assignment, control)
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 1
    except BaseException as error:  # noqa: BLE001 (the last frame of this process: what is not said here is lost)
        control.send("failed", reason=f"{type(error).__name__}: {error}"[:2000], traceback=traceback.format_exc()[-32000:])
        traceback.print_exc()

    sys.stdout.flush()
    sys.stderr.flush()
    return code


class _Nobody(AsyncActor):
    name: ClassVar[str] = "nobody"


def scratch_of(run_dir: Path, supervisor: str) -> tuple[Path, str]:
    """Where the scratch directories of a supervisor's spares lie, and what their names begin with."""
    digest = hashlib.sha256(os.fsencode(run_dir / supervisor)).hexdigest()[:12]
    return Path(SCRATCH if os.access(SCRATCH, os.W_OK) else tempfile.gettempdir()), f"lattice-{os.geteuid()}-{digest}-"


def clear_scratch(run_dir: Path, supervisor: str) -> None:
    """Remove what spares left behind that were killed while they warmed up, since it lies in memory.

    A spare that is warming up now stays cold.
    """
    place, prefix = scratch_of(run_dir, supervisor)
    for left in place.glob(f"{prefix}*"):
        shutil.rmtree(left, ignore_errors=True)


def _go(walk: Walk, name: str, place: Path, prefix: str) -> None:
    """Walk through a start once, so that a promotion is quick later.

    Memory that a fork shares is copied when it is first touched, and code is slow the first time it runs: both are over then.

    It is done in a thread, since a thread's low priority ends with it, and a process may not raise its own again. A disk that
    takes nothing makes a cold spare, not none.
    """

    def go() -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), QUIET_NICE)
        with (
            suppress(OSError, LatticeError),
            tempfile.TemporaryDirectory(prefix=prefix, dir=place) as scratch,
        ):
            asyncio.run(walk(name, Path(scratch)))
        gc.collect()

    thread = threading.Thread(target=go, name="walk")
    thread.start()
    thread.join()


async def _walk_of_nobody(_: str, scratch: Path) -> None:
    nobody = Assignment(name="nobody", incarnation="", epoch=0, run_dir=scratch, data_dir=scratch, up_pid=0)
    Assignment.model_validate(nobody.model_dump(mode="json"))
    logger.debug("warm", actor=nobody.name)

    async with Host(run_dir=scratch) as host:
        await host.start_actor(_Nobody)
        database = Database(scratch / "nothing.db", ())
        await database.open()
        await database.close()
