"""Carries out what the strategy decides, on children of whatever kind, and keeps what an operator wants to know of them."""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from loguru import logger

from actors.supervision import Child as ChildView
from actors.supervision import ChildState, Lanes
from supervisors.spec import ChildSpec, SupervisorSpec
from supervisors.strategy import Action, End, Finish, Forget, Start, Stop, Strategy
from transport.errors import Conflict, LatticeError, Unavailable

__all__ = ["Child", "Supervision"]


class Child(Protocol):
    """Something that can be started and stopped: an OS process, or an actor in this one. The code above cannot tell.

    Each `start` is followed by `Supervision.ready` or `Supervision.ended`, each `stop` by `ended`, exactly once.
    """

    @property
    def pid(self) -> int | None:
        """Of the process it runs in, while it does."""

    @property
    def incarnation(self) -> str | None:
        """What its answers carry, while it runs."""

    @property
    def stats(self) -> dict[str, Any]:
        """`Host.stats()` of its last heartbeat."""

    def start(self) -> None:
        """Begin to start; does not wait."""

    def stop(self) -> None:
        """Begin to stop, by the rule of its spec; does not wait."""


@dataclass(slots=True)
class Record:
    """One child's past and present."""

    child: Child
    starts: int = 0
    restarts: int = 0
    since: float = 0.0
    """Of the incarnation's start, on the system-wide monotonic clock."""

    last_exit: str | None = None
    seen: ChildState = "stopped"


@dataclass(slots=True)
class Wish:
    """An operator who waits for a child to get somewhere."""

    name: str
    state: ChildState
    done: asyncio.Future[None]


class Supervision:
    """Children under one strategy. Lives in one event loop; nothing here blocks.

    Args:
        spec: the children and the rules.
        make_child: builds a child of the kind wanted; it reports back to this object.
        on_change: told of each child whose state has changed.
        on_finish: told once when all children are down for good.
    """

    def __init__(
        self,
        spec: SupervisorSpec,
        make_child: Callable[[ChildSpec, Supervision], Child],
        *,
        on_change: Callable[[ChildView], None] = lambda _: None,
        on_finish: Callable[[Finish], None] = lambda _: None,
        chance: random.Random | None = None,
    ) -> None:
        self.spec = spec
        self.make_child = make_child
        self.on_change = on_change
        self.on_finish = on_finish
        self.strategy = Strategy(spec, time.monotonic, chance or random.Random())  # noqa: S311 (jitter, no secret)
        self.records = {child.name: Record(make_child(child, self)) for child in spec.children}
        self.wishes: list[Wish] = []
        self.actions: deque[Action] = deque()
        self.performing = False
        self.timer: asyncio.TimerHandle | None = None

    # What children report

    def ready(self, name: str) -> None:
        """The child serves."""
        self._perform(self.strategy.ready(name))

    def ended(self, name: str, end: End) -> None:
        """The child is gone."""
        record = self.records[name]
        record.last_exit = end.reason
        starting = self.strategy.members[name].state == "starting"
        logger.log("INFO" if end.how == "shutdown" else "WARNING", "child ended", child=name, how=end.how, reason=end.reason)

        if starting:
            self._disappoint(name, Unavailable(f"{name} did not start: {end.reason}"))
        self._perform(self.strategy.ended(name, end))

    # What the process around it, and operators, ask for

    def start(self) -> None:
        """Start all, in order."""
        self._perform(self.strategy.start())

    def shutdown(self, reason: str) -> None:
        """Stop all in reverse order; `on_finish` follows."""
        self._perform(self.strategy.shutdown(reason))

    async def start_child(self, name: str) -> ChildView:
        """Start a stopped child; returns when it is ready.

        Raises:
            NotFound: there is no such child.
            Unavailable: it did not get ready.
        """
        self._perform(self.strategy.start_child(name))
        return await self._wish(name, "ready")

    async def stop_child(self, name: str) -> ChildView:
        """Stop a child; returns when it is down.

        Raises:
            NotFound: there is no such child.
        """
        view = self.view(name)
        self._perform(self.strategy.stop_child(name))
        if name not in self.strategy.members:
            return view.model_copy(update={"state": "stopped", "pid": None})

        return await self._wish(name, "stopped")

    async def restart_child(self, name: str) -> ChildView:
        """Stop a child and start it anew; returns when it is ready.

        Raises:
            NotFound: there is no such child.
            Unavailable: it did not get ready.
        """
        self._perform(self.strategy.restart_child(name))
        return await self._wish(name, "ready")

    async def add_child(self, child: ChildSpec) -> ChildView:
        """A new child at the end of the order; returns when it is ready.

        Raises:
            Conflict: there is one of that name.
            ValueError: the supervisor's flags do not allow it.
            Unavailable: it did not get ready.
        """
        actions = self.strategy.add_child(child)
        self.records[child.name] = Record(self.make_child(child, self))
        self._perform(actions)
        return await self._wish(child.name, "ready")

    def delete_child(self, name: str) -> None:
        """Forget a stopped child.

        Raises:
            NotFound: there is no such child.
            Conflict: it is not stopped.
        """
        self._perform(self.strategy.delete_child(name))

    def views(self) -> tuple[ChildView, ...]:
        """All children in the order in which they start."""
        return tuple(self.view(name) for name in self.strategy.members)

    def view(self, name: str) -> ChildView:
        """One child as it is now.

        Raises:
            NotFound: there is no such child.
        """
        state = self.strategy.member(name).state
        record = self.records[name]
        up = state in ("starting", "ready", "draining")
        stats = record.child.stats if up else {}
        return ChildView(
            name=name,
            pid=record.child.pid if up else None,
            incarnation=record.child.incarnation if up else None,
            state=state,
            restarts=record.restarts,
            uptime_s=round(time.monotonic() - record.since, 3) if up else 0.0,
            rss_bytes=stats.get("rss_bytes", 0),
            mailbox=Lanes(**stats.get("mailbox", {})),
            loop_lag_ms=stats.get("loop_lag_ms", 0.0),
            handled=stats.get("handled", 0),
            failed=stats.get("failed", 0),
            dead_letters=stats.get("dead_letters", 0),
            last_exit=record.last_exit,
        )

    @property
    def all_ready(self) -> bool:
        """Whether every child serves."""
        return all(member.state == "ready" for member in self.strategy.members.values())

    def _perform(self, actions: list[Action]) -> None:
        # A child may report while its action is carried out; what follows from that waits its turn.
        self.actions.extend(actions)
        if self.performing:
            return

        self.performing = True
        try:
            while self.actions:
                self._carry_out(self.actions.popleft())
        finally:
            self.performing = False

        self._tell_of_changes()
        self._set_timer()

    def _carry_out(self, action: Action) -> None:
        match action:
            case Start(name):
                record = self.records[name]
                record.starts += 1
                record.restarts += record.starts > 1
                record.since = time.monotonic()
                record.child.start()
            case Stop(name):
                self.records[name].child.stop()
            case Forget(name):
                del self.records[name]
                self._fulfil(name, "stopped")
            case Finish():
                self.on_finish(action)

    def _tell_of_changes(self) -> None:
        for name, member in list(self.strategy.members.items()):
            record = self.records[name]
            if record.seen == member.state:
                continue

            record.seen = member.state
            self.on_change(self.view(name))
            self._fulfil(name, member.state)

    def _set_timer(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

        if (due := self.strategy.due) is not None:
            delay_s = max(0.0, due - time.monotonic())
            self.timer = asyncio.get_running_loop().call_later(delay_s, lambda: self._perform(self.strategy.wake()))

    async def _wish(self, name: str, state: ChildState) -> ChildView:
        if self.strategy.members[name].state != state:
            wish = Wish(name, state, asyncio.get_running_loop().create_future())
            last = self.view(name)
            self.wishes.append(wish)
            try:
                await wish.done
            finally:
                self.wishes.remove(wish)

            if name not in self.strategy.members:
                return last.model_copy(update={"state": "stopped", "pid": None})

        return self.view(name)

    def _fulfil(self, name: str, state: ChildState) -> None:
        for wish in self.wishes:
            if wish.name == name and wish.state == state and not wish.done.done():
                wish.done.set_result(None)

        if state in ("stopped", "given_up"):
            self._disappoint(name, Conflict(f"{name} is {state}"))

    def _disappoint(self, name: str, error: LatticeError) -> None:
        for wish in self.wishes:
            if wish.name == name and wish.state == "ready" and not wish.done.done():
                wish.done.set_exception(error)
