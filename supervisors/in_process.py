"""The actors of one supervisor within this process: what `supervisors/processes.py` is for processes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from actors.host import Host
from actors.supervision import Child as ChildView
from supervisors.actor_child import ActorChild
from supervisors.inner import checked, start_inner
from supervisors.spec import ChildSpec, SupervisorSpec
from supervisors.supervision import Supervision

__all__ = ["InProcessChildren", "Stage"]

StartActor = Callable[[Host, ChildSpec], Awaitable[Any]]


class Stage:
    """A host on which supervised actors live, those of all supervisors in it.

    Args:
        host: where they live.
        data_dir: where crash reports go.
        start: starts the actor of a child spec in the host; what it returns is handed to who asked for the start.
        spec_of: the children and rules of one that is a supervisor. May raise `Ignore`.
    """

    def __init__(
        self,
        host: Host,
        data_dir: Path,
        start: StartActor,
        spec_of: Callable[[ChildSpec], SupervisorSpec | None] = lambda child: child.supervises,
    ) -> None:
        self.host = host
        self.data_dir = data_dir
        self.start_actor = start
        self.spec_of = spec_of
        self.bearers: dict[str, ActorChild] = {}
        host.on_actor_failed = lambda name, reason, trace: self.bearers[name].failed(reason, trace)
        host.on_actor_ended = lambda name: self.bearers[name].stopped_by_itself()

    async def start(self, child: ActorChild) -> Any:
        """Start what bears this name, an actor or a supervisor of its own."""
        spec = child.spec
        if spec.supervises is None:
            return await self.start_actor(self.host, spec)

        inner = checked(self.spec_of(spec), self.spec_of)
        child.family = InProcessChildren(inner, self, name=spec.name)
        await start_inner(self.host, spec.name, child.family)
        return None


class InProcessChildren:
    """Children that are actors of this process, under one `Supervision`."""

    def __init__(
        self,
        spec: SupervisorSpec,
        stage: Stage,
        *,
        name: str = "supervisor",
        on_change: Callable[[ChildView], None] = lambda _: None,
        on_forget: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.stage = stage
        self.children: dict[str, ActorChild] = {}
        self.told_of_forgotten = on_forget
        self.supervision = Supervision(spec, self._make_child, name=name, on_change=on_change, on_forget=self._forget)

    def open(self) -> None:
        """Nothing takes long here."""

    def start(self) -> None:
        """Start all in order."""
        self.supervision.start()

    def close(self) -> None:
        """Let nothing be reported to a supervision that is over."""
        self.supervision.close()

    def leave_nothing(self) -> None:
        """Nothing was written down."""

    async def kill(self) -> None:
        """End all at once, and those below them."""
        self.close()
        await asyncio.gather(*(child.end_at_once() for child in self.children.values()))

    def _make_child(self, spec: ChildSpec, supervision: Supervision) -> ActorChild:
        child = ActorChild(spec, supervision, self.stage.host, self.stage.start, self.stage.data_dir)
        self.children[spec.name] = self.stage.bearers[spec.name] = child
        return child

    def _forget(self, name: str) -> None:
        child = self.children.pop(name)
        if self.stage.bearers.get(name) is child:
            del self.stage.bearers[name]
        self.told_of_forgotten(name)
