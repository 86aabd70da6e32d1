"""Operators who wait until a child has got somewhere: what they are told, and when."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from actors.supervision import Child as ChildView
from actors.supervision import ChildState
from supervisors.actions import End
from supervisors.reports import of_child
from supervisors.spec import ChildSpec
from transport.errors import Conflict, LatticeError, Unavailable

__all__ = ["Wishes", "why_not_started"]


@dataclass(slots=True)
class Wish:
    """An operator who waits for a child to get somewhere."""

    state: ChildState
    done: asyncio.Future[tuple[ChildView, Any]]


class Wishes:
    """All who wait, by the child's name."""

    def __init__(self) -> None:
        self.waiting: dict[str, list[Wish]] = {}

    def __contains__(self, name: str) -> bool:
        return name in self.waiting

    async def wait(self, name: str, state: ChildState, begin: Callable[[], None]) -> tuple[ChildView, Any]:
        """Begin something, and wait until the child has got there; returns it, and what its start said beyond that.

        Raises:
            LatticeError: it will not get there.
        """
        wish = Wish(state, asyncio.get_running_loop().create_future())
        self.waiting.setdefault(name, []).append(wish)
        try:
            begin()
            return await wish.done
        finally:
            waiting = self.waiting[name]
            waiting.remove(wish)
            if not waiting:
                del self.waiting[name]

    def fulfil(self, child: ChildView, extra: Any, *, ignored: bool) -> None:
        """A child has got where it is now. `ignored`: one that is down then ignored its start, and that was no failure."""
        for wish in self.waiting.get(child.name, ()):
            reached = wish.state == child.state or (ignored and child.state == "stopped")
            if reached and not wish.done.done():
                wish.done.set_result((child, extra))

        if child.state in ("stopped", "given_up"):
            self.disappoint(child.name, Conflict(f"{child.name} is {child.state}"))

    def disappoint(self, name: str, error: LatticeError) -> None:
        """The child does not get ready."""
        for wish in self.waiting.get(name, ()):
            if wish.state == "ready" and not wish.done.done():
                wish.done.set_exception(error)


def why_not_started(spec: ChildSpec, end: End, *, dynamic: bool) -> LatticeError:
    """What who asked for a start is told when it failed; `dynamic`: the child is one of many that are made of a template."""
    if end.held_by is not None:
        already = {"reason": "already_started", "pid": end.held_by}
        return Conflict(f"{spec.name} is borne by another process, {end.held_by}", detail=already)

    detail: dict[str, Any] = {"reason": end.reason}
    if end.traceback:
        detail["traceback"] = end.traceback[-16000:]
    if not dynamic:
        detail["child"] = of_child(spec, None)
    return Unavailable(f"{spec.name} did not start: {end.reason}", detail=detail)
