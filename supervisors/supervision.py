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
from supervisors.strategy import DOWN, Action, End, Finish, Forget, Start, Stop, Strategy
from transport.errors import Conflict, Invalid, LatticeError, Unavailable

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

    added: ChildSpec | None = None
    """Its spec, where it was added at run time: the supervisor's own does not list it."""

    key: str | None = None
    """Of the call that added it."""


@dataclass(slots=True)
class Wish:
    """An operator who waits for a child to get somewhere."""

    name: str
    state: ChildState
    done: asyncio.Future[ChildView]


class Supervision:
    """Children under one strategy. Lives in one event loop; nothing here blocks.

    Args:
        spec: the children and the rules.
        make_child: builds a child of the kind wanted; it reports back to this object.
        on_change: told of each child whose state has changed.
        on_forget: told the name of each child that is no longer listed.
        on_finish: told once when all children are down for good.
    """

    def __init__(
        self,
        spec: SupervisorSpec,
        make_child: Callable[[ChildSpec, Supervision], Child],
        *,
        on_change: Callable[[ChildView], None] = lambda _: None,
        on_forget: Callable[[str], None] = lambda _: None,
        on_finish: Callable[[Finish], None] = lambda _: None,
        chance: random.Random | None = None,
    ) -> None:
        self.spec = spec
        self.make_child = make_child
        self.on_change = on_change
        self.on_forget = on_forget
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
            return view.model_copy(update={"state": "stopped"})

        return await self._wish(name, "stopped")

    async def restart_child(self, name: str) -> ChildView:
        """Stop a child and start it anew; returns when it is ready.

        Raises:
            NotFound: there is no such child.
            Unavailable: it did not get ready.
        """
        self._perform(self.strategy.restart_child(name))
        return await self._wish(name, "ready")

    async def add_child(self, wanted: ChildSpec | str, *, key: str | None = None) -> ChildView:
        """A new child at the end of the order; returns when it is ready. One that cannot start is not kept.

        Args:
            wanted: its spec, or only its name, see `SupervisorSpec.child`.
            key: of the call. The call that has added a child may be made again, and adds nothing.

        Raises:
            Conflict: there is one of that name.
            Invalid: the supervisor's flags do not allow it.
            Unavailable: it did not get ready.
        """
        try:
            child = self.spec.child(wanted)
        except ValueError as error:
            raise Invalid(str(error)) from None

        record = self.records.get(child.name)
        if key is None or record is None or record.key != key:
            actions = self.strategy.add_child(child)
            self.records[child.name] = Record(self.make_child(child, self), added=child, key=key)
            self._perform(actions)

        return await self._wish(child.name, "ready")

    def remember_child(self, child: ChildSpec, *, key: str | None) -> None:
        """A child that was added under the supervisor before this one. Said before `start`."""
        self.strategy.remember_child(child)
        self.records[child.name] = Record(self.make_child(child, self), added=child, key=key)

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
        return self._view(name, self.strategy.member(name).state, self.records[name])

    @property
    def all_ready(self) -> bool:
        """Whether every child serves."""
        return all(member.state == "ready" for member in self.strategy.members.values())

    def _view(self, name: str, state: ChildState, record: Record) -> ChildView:
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
                record = self.records.pop(name)
                view = self._view(name, "stopped", record)
                if record.seen not in DOWN:
                    self.on_change(view)

                self._fulfil(view)
                self.on_forget(name)
            case Finish():
                self.on_finish(action)

    def _tell_of_changes(self) -> None:
        for name, member in list(self.strategy.members.items()):
            record = self.records[name]
            if record.seen == member.state:
                continue

            record.seen = member.state
            view = self.view(name)
            self.on_change(view)
            self._fulfil(view)

    def _set_timer(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

        if (due := self.strategy.due) is not None:
            delay_s = max(0.0, due - time.monotonic())
            self.timer = asyncio.get_running_loop().call_later(delay_s, lambda: self._perform(self.strategy.wake()))

    async def _wish(self, name: str, state: ChildState) -> ChildView:
        if self.strategy.members[name].state == state:
            return self.view(name)

        wish = Wish(name, state, asyncio.get_running_loop().create_future())
        self.wishes.append(wish)
        try:
            return await wish.done
        finally:
            self.wishes.remove(wish)

    def _fulfil(self, child: ChildView) -> None:
        for wish in self.wishes:
            if wish.name == child.name and wish.state == child.state and not wish.done.done():
                wish.done.set_result(child)

        if child.state in ("stopped", "given_up"):
            self._disappoint(child.name, Conflict(f"{child.name} is {child.state}"))

    def _disappoint(self, name: str, error: LatticeError) -> None:
        for wish in self.wishes:
            if wish.name == name and wish.state == "ready" and not wish.done.done():
                wish.done.set_exception(error)
