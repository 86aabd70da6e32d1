"""Erlang's words for what our supervisors are asked, so that the cases read as they are written; see docs/supervision.md.

A `World` is where the test stands, as the parent of supervisors: over processes, or over actors of the test's own.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import itertools
import os
import re
import signal
from pathlib import Path
from typing import Any, Self

import pytest
from loguru import logger

from actors.host import Host
from actors.supervision import (
    AddChild,
    CheckSpecs,
    CountChildren,
    DeleteChild,
    End,
    ListChildren,
    Reconfigure,
    ShowChild,
    ShowSpec,
    StartChild,
    StopChild,
)
from actors.system import SysPing
from supervisors import linux
from supervisors.actor import Supervisor
from supervisors.in_process import InProcessChildren, Stage
from supervisors.spec import ChildSpec, SupervisorSpec
from tests.supervisors.otp.house import Do, spec_of_child, start
from transport.errors import LatticeError

RESTARTING = "restarting"
UNDEFINED = None
OTP = {"escalation": "terminate", "intensity": 2, "period_s": 3600.0}
numbers = itertools.count(1)


@contextlib.contextmanager
def refused(reason: str, *kinds: type[LatticeError]):
    """An error whose `detail` or code says this."""
    with pytest.raises(kinds or LatticeError) as caught:
        yield caught
    assert reason in (caught.value.code, (caught.value.detail or {}).get("reason")), caught.value


class World:
    """The parent of supervisors."""

    root: Path
    host: Host

    def __init__(self) -> None:
        self.number = next(numbers)
        self.sups: list[Sup] = []

    def unique(self, name: str) -> str:
        return f"{name}-{self.number}"

    def verdict(self, child: str, said: str) -> None:
        """How the next starts of this child end: ok, ignore, error, rubbish, wait."""
        fresh = self.root / f"start-{self.unique(child)}.new"
        fresh.write_text(said)
        fresh.rename(fresh.with_suffix(""))

    def starts(self) -> list[str]:
        """Each start of a worker of this test, in order."""
        path = self.root / "starts"
        lines = path.read_text().split() if path.exists() else []
        return [line.rpartition("-")[0] for line in lines if line.endswith(f"-{self.number}")]

    async def sup(self, name: str = "sup", children: Any = (), restart: str = "temporary", **flags: Any) -> Sup:
        """Start a supervisor, as its parent."""
        sup = Sup(self, name)
        self.sups.append(sup)
        spec = supervisor(self, name, children, restart=restart, **flags)
        started = await self.ask("supervisor", AddChild(child=spec))
        sup.ignored = started.child.pid is None
        return sup

    async def ask(self, to: str, message: Any, timeout: float = 60.0) -> Any:
        return await self.host.ref(to).ask(message, timeout=timeout)

    def do(self, child: str, what: str, seconds: float = 0.0) -> None:
        self.host.ref(self.unique(child)).tell(Do(what=what, seconds=seconds))

    async def keep_busy(self, child: str, seconds: float) -> None:
        """Have a child do something that lasts; returns once it has been told."""
        self.do(child, "busy", seconds)
        # Messages keep their order: who answers this has the other one.
        await self.host.ref(self.unique(child)).ask(SysPing())

    async def until(self, met: Any, within_s: float = 15.0) -> Any:
        """Wait until this holds; what it gave."""
        async with asyncio.timeout(within_s):
            while True:
                given = met()
                if inspect.isawaitable(given):
                    given = await given
                if given:
                    return given
                await asyncio.sleep(0.005)

    async def quiet(self) -> None:
        """Long enough for what should not happen to happen."""
        await asyncio.sleep(0.06)

    def exits(self, name: str) -> list[str]:
        """Why each bearer of a name has ended, in Erlang's words."""
        return [reason(how, why) for child, how, why in self.ended() if child == self.unique(name)]

    def order_of_ends(self) -> list[str]:
        mine = f"-{self.number}"
        return [child.removesuffix(mine) for child, _, _ in self.ended() if child.endswith(mine)]

    async def exit_of(self, name: str) -> str:
        """Why this one has ended, once it has."""
        return (await self.until(lambda: self.exits(name)))[-1]

    async def alive(self, name: str) -> bool:
        listed = await self.ask("supervisor", ListChildren())
        return any(child.name == self.unique(name) and child.pid for child in listed.children)


def reason(how: str, why: str) -> str:
    """Erlang's exit reason for one of our ends."""
    if "signal 9" in why or "had not" in why or how == "killed":
        return "killed"
    if how == "shutdown":
        return "other" if "exit 7" in why else "shutdown"
    return "other" if "exit 7" in why else how


class Sup:
    """A supervisor of the test, as a reference to it."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.ref = world.unique(name)
        self.ignored = False

    async def ask(self, message: Any, timeout: float = 60.0) -> Any:
        return await self.world.ask(self.ref, message, timeout)

    # Erlang's calls

    async def start_child(self, spec: Any, **arguments: Any) -> Any:
        """ok: who was started, undefined if it was ignored, or with its extra information where there is some."""
        wanted = self.world.unique(spec) if isinstance(spec, str) else worker(self.world, **spec)
        answer = await self.ask(AddChild(child=wanted, arguments=arguments))
        return await self.given(answer)

    async def restart_child(self, name: str) -> Any:
        return await self.given(await self.ask(StartChild(name=self.world.unique(name))))

    async def given(self, answer: Any) -> Any:
        who = self.world.identity(answer.child)
        return who if answer.extra is None else (who, answer.extra)

    async def terminate_child(self, name: str) -> None:
        await self.ask(StopChild(name=self.world.unique(name)))

    async def delete_child(self, name: str) -> None:
        await self.ask(DeleteChild(name=self.world.unique(name)))

    async def which_children(self) -> list[tuple[str, Any]]:
        """Newest first: name, and who bears it, `RESTARTING` or `UNDEFINED`."""
        listed = await self.ask(ListChildren())
        return [self.entry(child) for child in reversed(listed.children)]

    async def which_child(self, name: str) -> tuple[str, Any]:
        return self.entry((await self.ask(ShowChild(name=self.world.unique(name)))).child)

    def entry(self, child: Any) -> tuple[str, Any]:
        name = child.name.removesuffix(f"-{self.world.number}")
        if child.restarting:
            return name, RESTARTING
        return name, self.world.identity(child) if child.state in ("ready", "draining") else UNDEFINED

    async def types(self) -> set[str]:
        return {child.type for child in (await self.ask(ListChildren())).children}

    async def count_children(self) -> tuple[int, int, int, int]:
        """Specs, active, supervisors, workers."""
        counts = await self.ask(CountChildren())
        return counts.specs, counts.active, counts.supervisors, counts.workers

    async def get_childspec(self, name: str) -> ChildSpec:
        return (await self.ask(ShowSpec(name=self.world.unique(name)))).spec

    async def check_childspecs(self, children: Any, auto_shutdown: str | None = None) -> None:
        specs = tuple(worker(self.world, **child) for child in children)
        await self.ask(CheckSpecs(children=specs, auto_shutdown=auto_shutdown))

    async def reconfigure(self, children: Any = (), **flags: Any) -> None:
        await self.ask(Reconfigure(spec=flags_and_specs(self.world, children, **flags)))

    async def stop(self, timeout: float = 60.0) -> None:
        """Anybody's stop, with reason normal."""
        await self.ask(End(), timeout)

    # What the parent does

    async def shutdown(self) -> str:
        """Ask it to shut down, as its parent; the reason with which it has ended."""
        with contextlib.suppress(LatticeError):
            await self.world.ask("supervisor", StopChild(name=self.ref))
        return await self.world.exit_of(self.name)

    async def exit(self) -> str:
        """Its reason, once it has ended by itself."""
        return await self.world.exit_of(self.name)

    async def alive(self) -> bool:
        await self.world.quiet()
        return await self.world.alive(self.name)

    # What the test does to children

    async def crash(self, name: str) -> None:
        await self.end(name, "crash")

    async def end(self, name: str, what: str) -> None:
        """Let a child end, and wait until its supervisor knows."""
        known = len(self.world.exits(name))
        if what == "kill":
            await self.world.kill(self, name)
        else:
            self.world.do(name, what)
        await self.world.until(lambda: len(self.world.exits(name)) > known)

    async def running(self, name: str, other_than: Any = None) -> Any:
        """Who bears a name, once that is somebody (else)."""

        async def borne() -> Any:
            for known, who in await self.which_children():
                if known == name and who not in (UNDEFINED, RESTARTING, other_than):
                    return who
            return None

        return await self.world.until(borne)


def flags_and_specs(world: World, children: Any = (), **flags: Any) -> SupervisorSpec:
    specs = tuple(child if isinstance(child, ChildSpec) else worker(world, **child) for child in children)
    return SupervisorSpec(**{**OTP, "children": specs, **flags})


def supervisor(world: World, name: str = "sup", children: Any = (), restart: str = "permanent", **options: Any) -> ChildSpec:
    """The child spec of a supervisor; `options` are its flags, and of its own spec `shutdown`, `significant`, `arguments`."""
    own = {key: options.pop(key) for key in ("shutdown", "significant", "arguments") if key in options}
    spec = flags_and_specs(world, children, **options)
    return ChildSpec(name=world.unique(name), restart=restart, supervises=spec, **own)


def worker(world: World, name: str, **rules: Any) -> ChildSpec:
    return ChildSpec(name=world.unique(name), **rules)


class ProcessWorld(World):
    """Supervisors and workers are processes; `parent` runs for all tests."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self.root = root

    async def __aenter__(self) -> Self:
        self.host = Host(run_dir=self.root / "run", bind=False)
        await self.host.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        listed = await self.ask("supervisor", ListChildren())
        for child in listed.children:
            if child.name.endswith(f"-{self.number}") and child.pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child.pid, signal.SIGKILL)
                with contextlib.suppress(LatticeError):
                    await self.ask("supervisor", StopChild(name=child.name))
        await self.host.__aexit__(None, None, None)

    def identity(self, child: Any) -> Any:
        return child.pid

    async def kill(self, sup: Sup | None, name: str) -> None:
        to = sup.ref if sup is not None else "supervisor"
        os.kill((await self.ask(to, ShowChild(name=self.unique(name)))).child.pid, signal.SIGKILL)

    def log(self) -> list[str]:
        lines: list[str] = []
        for path in (self.root / "logs").glob("*.log"):
            if path.stem == "supervisor" or path.stem.endswith(f"-{self.number}"):
                lines += path.read_text().splitlines()
        return sorted(lines)

    def ended(self) -> list[tuple[str, str, str]]:
        found = []
        for line in self.log():
            if (match := re.search(r"child ended (\{.*\})", line)) is not None:
                extra = ast.literal_eval(match[1])
                found.append((extra["child"], extra["how"], extra["reason"]))
        return found

    def pids(self, *idents: Any) -> list[int]:
        return [pid for pid in idents if linux.start_time(pid) is not None and not is_zombie(pid)]


def is_zombie(pid: int) -> bool:
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


class ActorWorld(World):
    """Supervisors and workers are actors of the test's own process."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self.root = root
        self.records: list[tuple[str, str, dict[str, Any]]] = []

    async def __aenter__(self) -> Self:
        self.sink = logger.add(
            lambda message: self.records.append(
                (message.record["level"].name, message.record["message"], dict(message.record["extra"]))
            ),
            level="DEBUG",
        )
        self.host = Host(run_dir=self.root / "run", bind=False)
        await self.host.__aenter__()

        async def start_worker(host: Host, child: ChildSpec) -> Any:
            return await start(host, child.name, child.arguments, self.root, alone=False)

        self.stage = Stage(self.host, self.root, start_worker, spec_of_child)
        self.parent = InProcessChildren(SupervisorSpec(), self.stage)
        await self.host.start_actor(Supervisor, self.parent.supervision)
        self.parent.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.parent.kill()
        await self.host.__aexit__(None, None, None)
        logger.remove(self.sink)

    def identity(self, child: Any) -> Any:
        actor = self.host._post.actors.get(child.name)
        return actor.actor_urn if actor is not None and child.pid else None

    async def kill(self, _: Sup | None, name: str) -> None:
        self.stage.bearers[self.unique(name)].kill()

    def log(self) -> list[str]:
        return [f"{level} | {message}" for level, message, _ in self.records]

    def ended(self) -> list[tuple[str, str, str]]:
        return [
            (extra["child"], extra["how"], extra["reason"]) for _, message, extra in self.records if message == "child ended"
        ]

    def pids(self, *idents: Any) -> list[Any]:
        return [actor.actor_urn for actor in self.host._post.actors.values() if actor.actor_urn in idents]
