"""Carries out what the strategy decides, on children of whatever kind, and keeps what an operator wants to know of them."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from loguru import logger

from actors.supervision import Child as ChildView
from actors.supervision import ChildState, Counts
from supervisors.actions import Action, End, Finish, Forget, Start, Stop
from supervisors.movement import DOWN
from supervisors.records import Child, Record
from supervisors.reports import Context, ErrorReport, ProgressReport, of_child
from supervisors.spec import ChildSpec, SupervisorSpec
from supervisors.strategy import Strategy
from supervisors.wishes import Wishes, why_not_started
from transport.errors import Conflict, Invalid

__all__ = ["Supervision"]

LEAST_DRAIN_S = 1.0
"""What each child may take to drain, in seconds, even where those before it took all the time there was. Closing what is open
takes a few ms."""


class Supervision:
    """Children under one strategy. Lives in one event loop; nothing here blocks.

    Args:
        spec: the children and the rules.
        name: of who supervises, for reports.
        make_child: builds a child of the kind wanted; it reports back to this object.
        on_change: told of each child whose state has changed.
        on_forget: told the name of each child that is no longer listed.
    """

    def __init__(
        self,
        spec: SupervisorSpec,
        make_child: Callable[[ChildSpec, Supervision], Child],
        *,
        name: str = "supervisor",
        on_change: Callable[[ChildView], None] = lambda _: None,
        on_forget: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.name = name
        self.make_child = make_child
        self.on_change = on_change
        self.on_forget = on_forget
        self.strategy = Strategy(spec, time.monotonic)
        self.records = {child.name: Record(make_child(child, self)) for child in spec.children}
        self.wishes = Wishes()
        self.actions: deque[Action] = deque()
        self.performing = False
        self.timer: asyncio.TimerHandle | None = None
        self.closed = False
        self.drains_since: float | None = None
        self.settling: list[asyncio.Future[None]] = []
        self.finished: asyncio.Future[Finish] = asyncio.get_running_loop().create_future()
        """Resolves when all children are down for good."""

    @property
    def spec(self) -> SupervisorSpec:
        """The rules as they are now."""
        return self.strategy.spec

    # What children report

    def ready(self, name: str, extra: Any = None) -> None:
        """The child serves. `extra` is what its start said beyond that, for who asked for the start."""
        if self.closed:
            return

        record, member = self.records[name], self.strategy.members[name]
        if member.state == "starting":
            started = ProgressReport(self.name, of_child(member.spec, record.child.pid))
            if not self.spec.dynamic:
                by_call = member.by_hand and name in self.wishes
                logger.log("DEBUG" if by_call else "INFO", "{}", started.text(single_line=True))
            if record.added is not None and member.spec.restart == "temporary" and member.spec.arguments:
                # Nobody will start it again: they would be kept for nothing.
                self._change_spec(name, member.spec.model_copy(update={"arguments": {}}))

        self._perform(self.strategy.ready(name), extra=extra)

    def ended(self, name: str, end: End) -> None:
        """The child is gone."""
        if self.closed:
            return

        record, member = self.records[name], self.strategy.members[name]
        record.last_exit = end.reason
        logger.debug("child ended", child=name, pid=end.pid, how=end.how, reason=end.reason)
        context = self._context(name, end)
        ignored = member.state == "starting" and end.how == "ignored"
        if member.state == "starting" and not ignored:
            self.wishes.disappoint(name, why_not_started(member.spec, end, dynamic=self.spec.dynamic))

        self._perform(self.strategy.ended(name, end), disappoint=not ignored)
        # After the replacement was begun: nobody waits for a report.
        if context is not None:
            failure = ErrorReport(self.name, context, end.reason, of_child(member.spec, end.pid))
            logger.log("ERROR", "{}", failure.text(single_line=True, chars=1000))

    def _context(self, name: str, end: End) -> Context | None:
        """Under which heading an end is reported; None where it is as it should be."""
        member = self.strategy.members[name]
        stopping = member.state == "draining" or self.strategy.finishing is not None or not member.wanted
        quiet = end.how in ("normal", "shutdown")

        if end.how == "ignored":
            return None
        if stopping:
            as_told = (quiet and member.spec.restart != "permanent") or end.how == "shutdown"
            return None if as_told else "shutdown_error"
        if member.state == "starting":
            return None if member.fresh or (member.by_hand and name in self.wishes) else "start_error"

        return None if quiet and member.spec.restart != "permanent" else "child_terminated"

    # What the process around it, and operators, ask for

    def start(self) -> None:
        """Start all, in order."""
        self._perform(self.strategy.start())

    def shutdown(self, reason: str) -> None:
        """Stop all in reverse order; `finished` resolves when they are down."""
        self.drains_since = self.drains_since or time.monotonic()
        self._perform(self.strategy.shutdown(reason))

    def seconds_to_drain(self, child: ChildSpec) -> float | None:
        """How long a child may drain. While all do, those that come later have what the ones before them left."""
        most = self.spec.drain_all_s
        if self.drains_since is None or most is None or child.drain_s is None:
            return child.drain_s

        return min(child.drain_s, max(LEAST_DRAIN_S, self.drains_since + most - time.monotonic()))

    def is_to_come_back(self, name: str) -> bool:
        """Whether a child that is stopped now is started again as soon as it is down."""
        return self.strategy.finishing is None and self.strategy.members[name].wanted

    async def settled(self) -> None:
        """Until all that was to start has been tried, or all are down for good."""
        if not self.strategy.settled and not self.finished.done():
            settling = asyncio.get_running_loop().create_future()
            self.settling.append(settling)
            await settling

    def close(self) -> None:
        """Do nothing more, whatever is reported: who supervised is gone."""
        self.closed = True
        if self.timer is not None:
            self.timer.cancel()

    async def start_child(self, name: str) -> tuple[ChildView, Any]:
        """Start a stopped child; returns it, and what its start said beyond that, when it is ready.

        Raises:
            NotFound: there is no such child.
            Conflict: it runs, or is being restarted already.
            Unavailable: it did not get ready.
        """
        return await self._wish(name, "ready", self.strategy.start_child(name))

    async def stop_child(self, name: str) -> ChildView:
        """Stop a child; returns when it is down.

        Raises:
            NotFound: there is no such child.
        """
        view = self.view(name)
        actions = self.strategy.stop_child(name)
        if name not in self.strategy.members:
            self._perform(actions)
            return view.model_copy(update={"state": "stopped"})

        return (await self._wish(name, "stopped", actions))[0]

    async def restart_child(self, name: str) -> tuple[ChildView, Any]:
        """Stop a child and start it anew; returns it, and what its start said beyond that, when it is ready.

        Raises:
            NotFound: there is no such child.
            Unavailable: it did not get ready.
        """
        return await self._wish(name, "ready", self.strategy.restart_child(name))

    def renew(self, name: str) -> None:
        """Restart a child that asks for it, unless all are being stopped: as `restart_child`, and nobody waits."""
        if self.strategy.finishing is None:
            self._perform(self.strategy.restart_child(name))

    async def add_child(
        self, wanted: ChildSpec | str, *, arguments: dict[str, Any] | None = None, key: str | None = None
    ) -> tuple[ChildView, Any]:
        """A new child at the end of the order; returns it, and what its start said beyond that, when it is ready.

        One that cannot start is not kept.

        Args:
            wanted: its spec, or only its name, see `SupervisorSpec.child`.
            arguments: for its start.
            key: of the call. The call that has added a child may be made again, and adds nothing.

        Raises:
            Conflict: there is one of that name.
            Invalid: the supervisor's flags do not allow it.
            Unavailable: it did not get ready.
        """
        try:
            child = self.spec.child(wanted, arguments)
        except ValueError as error:
            raise Invalid(str(error)) from None

        record = self.records.get(child.name)
        if key is not None and record is not None and record.key == key:
            return await self._wish(child.name, "ready", [])

        try:
            actions = self.strategy.add_child(child)
        except Conflict as error:
            if record is not None and error.detail is not None:
                error.detail["pid"] = record.child.pid
            raise

        self.records[child.name] = Record(self.make_child(child, self), added=child, key=key)
        return await self._wish(child.name, "ready", actions)

    def reconfigure(self, spec: SupervisorSpec) -> None:
        """Other flags and specs from now on; see `Strategy.reconfigure`.

        Raises:
            Invalid: a supervisor of one template stays one.
        """
        self.strategy.reconfigure(spec)
        for name, member in self.strategy.members.items():
            if name not in self.records:
                self.records[name] = Record(self.make_child(member.spec, self))
            self.records[name].child.spec = member.spec

        self._tell_of_changes()

    def _change_spec(self, name: str, spec: ChildSpec) -> None:
        record = self.records[name]
        record.added = spec if record.added is not None else None
        record.child.spec = self.strategy.members[name].spec = spec

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

    def child_spec(self, name: str) -> ChildSpec:
        """A child's rules.

        Raises:
            NotFound: there is no such child.
        """
        return self.strategy.member(name).spec

    def counts(self) -> Counts:
        """How many there are, by kind. Does not walk over children that are made of a template."""
        template, members = self.spec.template, self.strategy.members
        if template is not None:
            supervisors = len(members) if template.type == "supervisor" else 0
            return Counts(specs=1, active=self.strategy.active, supervisors=supervisors, workers=len(members) - supervisors)

        supervisors = sum(member.spec.type == "supervisor" for member in members.values())
        return Counts(
            specs=len(members), active=self.strategy.active, supervisors=supervisors, workers=len(members) - supervisors
        )

    @property
    def all_ready(self) -> bool:
        """Whether every child serves."""
        return all(member.state == "ready" for member in self.strategy.members.values())

    def _view(self, name: str, state: ChildState, record: Record) -> ChildView:
        restarting = name in self.strategy.members and self.strategy.restarting(name)
        return record.view(name, state, restarting=restarting)

    def _perform(self, actions: list[Action], *, extra: Any = None, disappoint: bool = True) -> None:
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

        self._tell_of_changes(extra, disappoint=disappoint)
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

                self.wishes.fulfil(view, None, ignored=True)
                self.on_forget(name)
            case Finish():
                if action.gave_up:
                    failure = ErrorReport(self.name, "shutdown", action.reason, {"nb_children": len(self.records)})
                    logger.log("ERROR", "{}", failure.text(single_line=True, chars=1000))
                self.finished.set_result(action)

    def _tell_of_changes(self, extra: Any = None, *, disappoint: bool = True) -> None:
        while self.strategy.touched:
            name = next(iter(self.strategy.touched))
            del self.strategy.touched[name]
            if (member := self.strategy.members.get(name)) is None:
                continue

            record = self.records[name]
            if record.seen == member.state:
                continue

            record.seen = member.state
            view = self.view(name)
            self.on_change(view)
            self.wishes.fulfil(view, extra, ignored=not disappoint)

        if self.settling and (self.strategy.settled or self.finished.done()):
            for settling in self.settling:
                if not settling.done():
                    settling.set_result(None)
            self.settling.clear()

    def _set_timer(self) -> None:
        due = self.strategy.due
        if self.timer is not None and (due is None or self.timer.when() != self._loop_time(due)):
            self.timer.cancel()
            self.timer = None

        if due is not None and self.timer is None:
            self.timer = asyncio.get_running_loop().call_at(self._loop_time(due), self._wake)

    def _wake(self) -> None:
        self.timer = None
        self._perform(self.strategy.wake())

    def _loop_time(self, due: float) -> float:
        """On the loop's clock, which is the strategy's."""
        return max(due, 0.0)

    async def _wish(self, name: str, state: ChildState, actions: list[Action]) -> tuple[ChildView, Any]:
        """Do this, and wait until the child has got there."""
        if not actions and self.strategy.members[name].state == state:
            self._perform(actions)
            return self.view(name), None

        return await self.wishes.wait(name, state, lambda: self._perform(actions))
