"""The supervisor as an actor: its contracts are `actors/supervision.py`."""

from __future__ import annotations

from actors.runtime import AsyncActor, handles
from actors.supervision import (
    AddChild,
    ChildChanged,
    ChildDeleted,
    Children,
    DeleteChild,
    ListChildren,
    RestartChild,
    StartChild,
    StopChild,
)
from supervisors.supervision import Supervision

__all__ = ["Supervisor"]


class Supervisor(AsyncActor):
    """Answers which children there are, and does what an operator wants with them."""

    name = "supervisor"
    concurrency = 16
    """A restart takes as long as its child drains; the list is asked for meanwhile."""

    def __init__(self, supervision: Supervision) -> None:
        super().__init__()
        self.supervision = supervision

    @handles(ListChildren)
    def children(self, message: ListChildren) -> Children:
        """All children in the order in which they start."""
        del message
        return Children(children=self.supervision.views())

    @handles(RestartChild)
    async def restart(self, message: RestartChild) -> ChildChanged:
        """Drain a child and start it anew."""
        return ChildChanged(child=await self.supervision.restart_child(message.name))

    @handles(StartChild)
    async def start_child(self, message: StartChild) -> ChildChanged:
        """Start a child that is stopped."""
        return ChildChanged(child=await self.supervision.start_child(message.name))

    @handles(StopChild)
    async def stop_child(self, message: StopChild) -> ChildChanged:
        """Drain a child and leave it stopped."""
        return ChildChanged(child=await self.supervision.stop_child(message.name))

    @handles(AddChild)
    async def add_child(self, message: AddChild) -> ChildChanged:
        """Start a child that there was not."""
        key = (self.call.key or self.call.id) if self.call else None
        return ChildChanged(child=await self.supervision.add_child(message.child, key=key))

    @handles(DeleteChild)
    def delete_child(self, message: DeleteChild) -> ChildDeleted:
        """Forget a child that is stopped."""
        self.supervision.delete_child(message.name)
        return ChildDeleted(name=message.name)
