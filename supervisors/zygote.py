"""The zygote: a process that has imported everything and forks spares, so that a replacement costs no imports.

It holds no thread, no loop, no ZeroMQ context and no open database, since none of them survives a fork. A spare is forked
twice: the process between ends at once, so that the kernel makes the supervisor (a subreaper) the spare's parent, who
then learns its exit status. Each spare connects to the supervisor and blocks until it is told who it is.
"""

from __future__ import annotations

import asyncio
import gc
import os
import select
import signal
import socket
import sys
import tempfile
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from loguru import logger

from actors.database import Database
from actors.host import Host
from actors.runtime import AsyncActor
from supervisors import linux
from supervisors.control import Assignment, Control, connect
from supervisors.logs import prepare_logs
from transport.errors import LatticeError

__all__ = ["fork_zygote", "run_zygote"]

SCRATCH = "/dev/shm"  # noqa: S108 (a fresh directory in it, 0700)
"""Where a spare walks through a start beforehand. On a disk that is busy its fsyncs took up to 0.3 s, in which nobody could be
promoted."""

QUIET_S = 0.1
"""How long a spare waits before it warms up, which takes 11 ms: it should not be in the middle of that when it is needed."""


def run_zygote(control_fd: int, become: Callable[[Assignment, Control], int]) -> int:
    """Fork a spare for each `fork {run_dir}` on the control socket until it ends. Call it when all is imported.

    `become` is called in a promoted spare, with the descriptors of its assignment in `control.handed`; what it returns is
    the process's exit code.
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

    while (received := control.receive()) is not None:
        message, _ = received
        between = os.fork()
        if between == 0:
            if os.fork() != 0:
                os._exit(0)

            control.close()
            os._exit(_spare(Path(message["run_dir"]), message["supervisor"], become))

        os.waitpid(between, 0)

    return 0


def fork_zygote(become: Callable[[Assignment, Control], int], control: Control) -> tuple[int, socket.socket]:
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


def _spare(run_dir: Path, supervisor: str, become: Callable[[Assignment, Control], int]) -> int:
    """Wait for an assignment and become it. A spare whose supervisor is gone has nothing to wait for."""
    control = connect(run_dir, supervisor)
    if control is None:
        return 0

    linux.name_process("spare")
    control.send("hello", pid=os.getpid(), state="spare")
    if not select.select([control], [], [], QUIET_S)[0]:
        control.send("warming")
        # A disk that takes nothing makes a cold spare, not none.
        with suppress(OSError, LatticeError):
            asyncio.run(_warm_up())
        control.send("warm")
    received = control.receive()
    if received is None or received[0]["say"] != "assign":
        return 0

    message, control.handed = received
    code = 1
    try:
        code = become(Assignment.model_validate(message["assignment"]), control)
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


async def _warm_up() -> None:
    """Walk the way of a promotion once: what a fork shares is copied when it is first touched, which takes time then."""
    with tempfile.TemporaryDirectory(prefix="lattice-", dir=SCRATCH if os.access(SCRATCH, os.W_OK) else None) as scratch:
        nowhere = Path(scratch)
        nobody = Assignment(name="nobody", incarnation="", epoch=0, run_dir=nowhere, data_dir=nowhere, up_pid=0)
        Assignment.model_validate(nobody.model_dump(mode="json"))
        logger.debug("warm", actor=nobody.name)

        async with Host(run_dir=nowhere) as host:
            await host.start_actor(_Nobody)
            database = Database(nowhere / "nothing.db", ())
            await database.open()
            await database.close()
