"""A house of two small actors, composed as run.py composes the real one. Run as a command by the tests."""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import socket
import sqlite3
import sys
import threading
import time
from pathlib import Path
from typing import Literal

from actors.host import Host
from actors.limits import ProcessLimits
from actors.message import Message, Reply
from actors.runtime import AsyncActor, handles
from actors.sqlite import damage
from supervisors.child import run_child
from supervisors.single import run_single
from supervisors.spec import ChildSpec, SupervisorSpec
from supervisors.supervisor import run_supervisor
from supervisors.zygote import run_zygote
from tests.supervisors.echo_up import command, line


class Said(Reply, type="echo.said"):
    text: str
    pid: int
    listener: bool = False


class Say(Message, type="echo.say", reply=Said, idempotent=True):
    text: str = ""
    wait_s: float = 0.0
    through_other: bool = False


class Break(Message, type="echo.break"):
    """Told, so that its failure is the actor's."""


class Spin(Message, type="echo.spin"):
    """Holds the loop for good."""


class Toil(Message, type="echo.toil", reply=Said, idempotent=True):
    """Have the loop run so many callbacks in one turn, each as long; with `then_spin` the last never ends."""

    callbacks: int
    each_s: float
    then_spin: bool = False


class Deadlock(Message, type="echo.deadlock"):
    """Has a thread take what the loop then waits for: a lock, or the interpreter itself."""

    what: Literal["lock", "interpreter"]


class Note(Message, type="echo.note", reply=Said):
    """Write a row, once for each call, in a transaction that is held open until `go` stands in the house's folder."""

    text: str


class Take(Message, type="echo.take", reply=Said, idempotent=True):
    """Take memory or descriptors, and keep them."""

    mib: int = 0
    descriptors: int = 0
    untouched_gib: int = 0


class SayOther(Message, type="other.say", reply=Said, idempotent=True):
    text: str = ""


class Lift(Message, type="worker.lift", reply=Said, idempotent=True):
    """For any worker; addressed by the worker's own name."""

    text: str = ""


class Leave(Message, type="worker.leave"):
    """Told, and the worker stops by itself."""


class Collapse(Message, type="worker.collapse"):
    """Told, so that its failure is the worker's."""


class Worker(AsyncActor):
    """Borne under many names. It starts unless `broken-<name>` stands in the house's folder; `slow-<name>` never stops."""

    def __init__(self, root):
        super().__init__()
        self.root = root

    def on_start(self):
        if (self.root / f"broken-{self.name}").exists():
            raise RuntimeError(f"{self.name} is broken on purpose")

    @handles(Lift)
    def lift(self, message: Lift) -> Said:
        return Said(text=message.text, pid=os.getpid())

    @handles(Leave)
    def leave(self, _: Leave) -> None:
        self.stop()

    @handles(Collapse)
    def collapse(self, _: Collapse) -> None:
        raise RuntimeError("told to collapse")

    async def on_stop(self):
        if (self.root / f"slow-{self.name}").exists():
            await asyncio.Event().wait()


class Echo(AsyncActor):
    name = "echo"
    concurrency = 8

    def __init__(self, listener=None, broken=None):
        super().__init__()
        self.listener = listener
        self.broken = broken
        self.taken = []

    async def on_start(self):
        if self.broken is not None and self.broken.exists():
            raise RuntimeError("echo is broken on purpose")
        while self.broken is not None and self.broken.with_name("slow").exists():  # noqa: ASYNC110 (a file can be taken away from outside)
            await asyncio.sleep(0.02)

        if self.broken is None:
            return
        with damage.at_work(self.broken.with_name("echo.db"), "echo.db is being recovered"):
            while self.broken.with_name("recovering").exists():  # noqa: ASYNC110 (as above)
                await asyncio.sleep(0.02)

    @handles(Say)
    async def say(self, message: Say) -> Said:
        if message.wait_s:
            await asyncio.sleep(message.wait_s)
        if message.through_other:
            await self.ask(SayOther())
        return Said(text=message.text, pid=os.getpid(), listener=self.listener is not None)

    @handles(Deadlock)
    async def deadlock(self, message: Deadlock) -> None:
        if message.what == "lock":
            lock = threading.Lock()
            lock.acquire()
            threading.Thread(target=wait_for_ever, args=(lock,), name="first in line", daemon=True).start()
            lock.acquire()
        else:
            # A library that waits and does not let the interpreter go meanwhile.
            sleep = ctypes.PyDLL(None).sleep
            threading.Thread(target=sleep, args=(600,), name="keeps the interpreter", daemon=True).start()

    @handles(Note)
    async def note(self, message: Note) -> Said:
        return await self.in_thread(write_a_note, self.broken.parent, self.call.key, message.text)

    @handles(Take)
    async def take(self, message: Take) -> Said:
        self.taken += [b"x" * (1 << 20) for _ in range(message.mib)]
        self.taken += [bytes(1 << 30) for _ in range(message.untouched_gib)]
        self.taken += [socket.socket() for _ in range(message.descriptors)]
        return Said(text="taken", pid=os.getpid())

    @handles(Break)
    async def fail(self, _: Break) -> None:
        raise RuntimeError("told to break")

    @handles(Toil)
    async def toil(self, message: Toil) -> Said:
        loop = asyncio.get_running_loop()
        for _ in range(message.callbacks):
            loop.call_soon(spin_for, message.each_s)
        if message.then_spin:
            loop.call_soon(spin_for, 1e9)
        await asyncio.sleep(0)
        return Said(text="done", pid=os.getpid())

    @handles(Spin)
    async def spin(self, _: Spin) -> None:
        while True:
            pass


class Other(AsyncActor):
    name = "other"

    @handles(SayOther)
    async def say(self, message: SayOther) -> Said:
        return Said(text=message.text, pid=os.getpid())


def spin_for(seconds):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass


def wait_for_ever(lock):
    with lock:
        pass


def write_a_note(root: Path, key: str, text: str) -> Said:
    connection = sqlite3.connect(root / "notes.db", timeout=30, isolation_level=None)
    connection.execute("CREATE TABLE IF NOT EXISTS note (key TEXT UNIQUE, text TEXT, pid INTEGER)")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT OR IGNORE INTO note VALUES (?, ?, ?)", (key, text, os.getpid()))
    (root / f"writing-{os.getpid()}").touch()
    while not (root / "go").exists():
        time.sleep(0.005)
    connection.execute("COMMIT")
    connection.close()
    return Said(text=text, pid=os.getpid())


async def start(host: Host, name: str, root: Path, listener=None) -> None:
    if name == "echo":
        await host.start_actor(Echo, listener, root / "broken")
    elif name == "other":
        await host.start_actor(Other)
    else:
        await host.start_actor(type(name, (Worker,), {"name": name}), root)


def main() -> int:
    what, root = sys.argv[1], Path(sys.argv[2])
    options = dict(zip(sys.argv[3::2], sys.argv[4::2], strict=True))
    run_dir = root / "run"
    run_dir.mkdir(mode=0o700, exist_ok=True)
    settings = json.loads((root / "spec.json").read_text()) if (root / "spec.json").exists() else {}
    children = (
        ChildSpec(name="other", **settings.get("other", {})),
        ChildSpec(name="echo", gets_listener=True, **settings.get("echo", {})),
    )
    spec = SupervisorSpec(**{"children": children, **settings.get("supervisor", {})})

    if what == "supervise":
        return run_supervisor(
            spec,
            run_dir=run_dir,
            data_dir=root,
            zygote_command=command("zygote", root),
            listener_fd=int(options["--listener"]),
            up_pid=int(options["--up-pid"]),
            assignment={"root": str(root)},
        )
    if what == "zygote":
        while (root / "imports-slowly").exists():
            time.sleep(0.01)

        async def populate(host, assignment, sockets):
            await start(host, assignment.name, Path(assignment.settings["root"]), *sockets)

        def make_host(assignment):
            limits = ProcessLimits(**settings.get("limits", {}))
            return Host(run_dir=assignment.run_dir, incarnation=assignment.incarnation, limits=limits)

        return run_zygote(int(options["--control"]), lambda a, c: run_child(a, c, make_host, populate))
    return run_single(
        spec,
        run_dir=run_dir,
        data_dir=root,
        make_host=lambda: Host(run_dir=run_dir),
        start=lambda host, child: start(host, child.name, root),
        on_line=line,
        on_ready=lambda: line("ALL READY"),
    )


if __name__ == "__main__":
    sys.exit(main())
