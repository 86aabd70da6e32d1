"""The supervisor as an actor: its contracts are `actors/supervision.py`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from actors.child_specs import SupervisorSpec
from actors.message import invalid
from actors.runtime import AsyncActor, handles
from actors.supervision import (
    AddChild,
    Checked,
    CheckSpecs,
    ChildChanged,
    ChildDeleted,
    Children,
    ChildSpecGiven,
    CountChildren,
    Counts,
    Crashes,
    CrashReport,
    DeleteChild,
    End,
    Ended,
    ListChildren,
    ListCrashes,
    Reconfigure,
    Reconfigured,
    RestartChild,
    ShowChild,
    ShowSpec,
    StartChild,
    StopChild,
)
from supervisors.crashes import read_reports
from supervisors.supervision import Supervision

__all__ = ["Supervisor"]


class Supervisor(AsyncActor):
    """Answers which children there are, and does what an operator wants with them."""

    name = "supervisor"
    concurrency = 16
    """A restart takes as long as its child drains; the list is asked for meanwhile."""

    def __init__(
        self, supervision: Supervision, begin: Callable[[], None] = lambda: None, *, data_dir: Path | None = None
    ) -> None:
        super().__init__()
        self.supervision = supervision
        self.data_dir = data_dir
        """Where crash reports are."""

        self.begin = begin
        """Begins to supervise: the name's lock is held by then, and no message has been handled."""

    def on_start(self) -> Any:
        """Know who is there before anybody asks."""
        self.begin()

    @handles(ListChildren)
    def children(self, message: ListChildren) -> Children:
        """All children in the order in which they start."""
        del message
        return Children(children=self.supervision.views())

    @handles(ShowChild)
    def child(self, message: ShowChild) -> ChildChanged:
        """One child."""
        return ChildChanged(child=self.supervision.view(message.name))

    @handles(ShowSpec)
    def spec(self, message: ShowSpec) -> ChildSpecGiven:
        """One child's rules."""
        return ChildSpecGiven(spec=self.supervision.child_spec(message.name))

    @handles(CountChildren)
    def count(self, message: CountChildren) -> Counts:
        """How many there are, by kind."""
        del message
        return self.supervision.counts()

    @handles(CheckSpecs)
    def check(self, message: CheckSpecs) -> Checked:
        """Whether these children could be started under such flags. Each by itself was looked at when the message was read."""
        significant = any(child.significant for child in message.children)
        policy = message.auto_shutdown or ("any_significant" if significant else "never")
        try:
            SupervisorSpec(children=message.children, auto_shutdown=policy)
        except ValidationError as error:
            raise invalid(error, "supervisor.check") from error

        return Checked()

    @handles(Reconfigure)
    def reconfigure(self, message: Reconfigure) -> Reconfigured:
        """Other flags and specs from now on."""
        if message.spec is not None:
            self.supervision.reconfigure(message.spec)
        return Reconfigured(children=tuple(self.supervision.strategy.members))

    @handles(End)
    async def end(self, message: End) -> Ended:
        """Stop all, and end. That the caller waits no longer changes nothing."""
        del message
        self.supervision.shutdown("told to end")
        await asyncio.shield(self.supervision.finished)
        return Ended()

    @handles(ListCrashes)
    async def crashes(self, message: ListCrashes) -> Crashes:
        """The newest crash reports of one child."""
        if self.data_dir is None:
            return Crashes(crashes=())

        reports = await self.in_thread(read_reports, self.data_dir, message.name, message.limit)
        return Crashes(crashes=tuple(CrashReport.model_validate(report) for report in reports))

    @handles(RestartChild)
    async def restart(self, message: RestartChild) -> ChildChanged:
        """Drain a child and start it anew."""
        child, extra = await self.supervision.restart_child(message.name)
        return ChildChanged(child=child, extra=extra)

    @handles(StartChild)
    async def start_child(self, message: StartChild) -> ChildChanged:
        """Start a child that is stopped."""
        child, extra = await self.supervision.start_child(message.name)
        return ChildChanged(child=child, extra=extra)

    @handles(StopChild)
    async def stop_child(self, message: StopChild) -> ChildChanged:
        """Drain a child and leave it stopped."""
        return ChildChanged(child=await self.supervision.stop_child(message.name))

    @handles(AddChild)
    async def add_child(self, message: AddChild) -> ChildChanged:
        """Start a child that there was not."""
        key = (self.call.key or self.call.id) if self.call else None
        child, extra = await self.supervision.add_child(message.child, arguments=message.arguments, key=key)
        return ChildChanged(child=child, extra=extra)

    @handles(DeleteChild)
    def delete_child(self, message: DeleteChild) -> ChildDeleted:
        """Forget a child that is stopped."""
        self.supervision.delete_child(message.name)
        return ChildDeleted(name=message.name)
