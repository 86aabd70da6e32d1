"""The children of the cases, whose behaviour the test writes into files; the same in processes and within one.

`python -m tests.supervisors.otp.house supervise ROOT PARENT_PID` runs the processes' parent: a supervisor without children.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any, Literal

from actors.host import Host
from actors.message import Message
from actors.runtime import AsyncActor, handles
from supervisors.child import run_child
from supervisors.ignore import Ignore
from supervisors.inner import run_inner_supervisor
from supervisors.spec import SupervisorSpec
from supervisors.supervisor import run_supervisor
from supervisors.zygote import run_zygote

LOCK_WAIT_S = 0.3
"""How long a name's former bearer may take; one that is no child at all keeps it."""


class Do(Message, type="worker.do"):
    """Told: the worker's end, or what keeps it from ending."""

    what: Literal["crash", "normal", "shutdown", "detail", "busy", "unlink"]
    seconds: float = 0.0


class Worker(AsyncActor):
    """Borne under many names. `arguments`: `stop` ("other": fails while it stops), `stop_s`: how long it takes to,
    `stop_when`: the file for which it waits."""

    concurrency = 4

    def __init__(self, arguments: dict[str, Any], *, alone: bool) -> None:
        super().__init__()
        self.arguments = arguments
        self.alone = alone

    @handles(Do)
    async def do(self, message: Do) -> None:
        match message.what:
            case "crash":
                raise RuntimeError("told to crash")
            case "normal":
                self.stop()
            case "shutdown" | "detail" if self.alone:
                os.kill(os.getpid(), signal.SIGTERM)
            case "shutdown" | "detail":
                self.actor_ref.stop(block=False)
            case "busy":
                await asyncio.sleep(message.seconds)
            case "unlink":
                self.unlink()

    def may_stop(self) -> bool:
        return "stop_when" not in self.arguments or Path(self.arguments["stop_when"]).exists()

    def unlink(self) -> None:
        """Cut every tie to the supervisor that a child can cut."""
        if not self.alone:
            self.host.on_actor_failed = self.host.on_actor_ended = None
            return

        for descriptor in seqpackets():
            os.close(descriptor)

    async def on_stop(self) -> None:
        await asyncio.sleep(self.arguments.get("stop_s", 0.0))
        while not self.may_stop():  # noqa: ASYNC110 (the test tells by a file)
            await asyncio.sleep(0.005)
        if self.arguments.get("stop") == "other":
            if self.alone:
                os._exit(7)
            raise RuntimeError("exit 7")


def seqpackets() -> list[int]:
    """This process's sockets to its supervisor."""
    found = []
    for entry in list(Path("/proc/self/fd").iterdir()):
        try:
            name = entry.readlink().name
        except FileNotFoundError:
            continue
        if name.startswith("socket:"):
            with socket.socket(fileno=os.dup(int(entry.name))) as copy:
                if copy.type == socket.SOCK_SEQPACKET:
                    found.append(int(entry.name))
    return found


def verdict(root: Path, name: str) -> str:
    """What the test wants of this start: ok, ignore, error, rubbish, wait; each may end in ":seconds" of delay."""
    try:
        return (root / f"start-{name}").read_text() or "ok"
    except FileNotFoundError:
        return "ok"


async def start(host: Host, name: str, arguments: dict[str, Any], root: Path, *, alone: bool) -> Any:
    """Start a worker, by the test's verdict."""
    with (root / "starts").open("a") as starts:
        starts.write(f"{name}\n")

    while (said := verdict(root, name)) == "wait":  # noqa: ASYNC110 (the test answers by a file)
        await asyncio.sleep(0.005)

    said, _, delay = said.partition(":")
    await asyncio.sleep(float(delay or 0))
    match said:
        case "ignore":
            raise Ignore
        case "error":
            raise RuntimeError("R1")
        case "rubbish":
            return object()
        case "missing":
            return nothing_of_that_name()  # noqa: F821 (the case is about a name that there is not)

    borne = arguments.get("claims", name)
    await host.start_actor(type(borne, (Worker,), {"name": borne}), arguments, alone=alone)
    return arguments.get("extra")


def spec_of(supervises: SupervisorSpec | None, arguments: dict[str, Any]) -> Any:
    """The init callback of a supervisor."""
    match arguments.get("init"):
        case "ignore":
            raise Ignore
        case "fail":
            raise RuntimeError("fail")
        case "rubbish":
            return "invalid"
        case _:
            return supervises


def spec_of_assignment(assignment: Any) -> Any:
    return spec_of(assignment.supervises, assignment.arguments)


def spec_of_child(child: Any) -> Any:
    return spec_of(child.supervises, child.arguments)


def command(what: str, root: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "tests.supervisors.otp.house", what, str(root), *more]


def make_host(assignment: Any) -> Host:
    return Host(run_dir=assignment.run_dir, incarnation=assignment.incarnation, lock_wait_s=LOCK_WAIT_S)


async def populate(host: Host, assignment: Any, _: Any) -> Any:
    return await start(host, assignment.name, assignment.arguments, Path(assignment.settings["root"]), alone=True)


def become(assignment: Any, control: Any) -> int:
    if assignment.supervises is not None:
        return run_inner_supervisor(assignment, control, make_host, become, spec_of_assignment)

    return run_child(assignment, control, make_host, populate)


def main() -> int:
    what, root = sys.argv[1], Path(sys.argv[2])
    if what == "zygote":
        return run_zygote(int(sys.argv[4]), become)

    return run_supervisor(
        SupervisorSpec(spares=2),
        run_dir=root / "run",
        data_dir=root,
        zygote_command=command("zygote", root),
        listener_fd=None,
        up_pid=int(sys.argv[3]),
        assignment={"root": str(root)},
    )


if __name__ == "__main__":
    sys.exit(main())
