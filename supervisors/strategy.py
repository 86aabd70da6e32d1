"""Who is stopped and who is started, in what order, when something happens to a child: Erlang's supervisor, a pure machine.

It is told events (a child is ready, a child has ended, an operator's wish, time has passed) and answers with actions. It knows
no clock but the one it is given, no loop, no process and no actor, so that every rule can be tested without one.

All movement is in batches: children that go down last first and, once all that should be down are down, come up first first,
each waiting for the one before. A single restart is a batch of one; so several children can be replaced side by side.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

from actors.supervision import ChildState
from supervisors.intensity import Backoff, Intensity
from supervisors.spec import ChildSpec, SupervisorSpec
from transport.errors import Conflict, NotFound, Unavailable

__all__ = ["DOWN", "Action", "End", "Finish", "Forget", "Member", "Start", "Stop", "Strategy"]

DOWN: tuple[ChildState, ...] = ("stopped", "backing_off", "given_up")


@dataclass(frozen=True, slots=True)
class End:
    """How a child ended.

    normal: by itself, with exit code 0; shutdown: because it was asked to; killed: by SIGKILL from outside, or nobody can
    say (an adopted process); abnormal: anything else, a hung child among them.
    """

    how: Literal["normal", "shutdown", "killed", "abnormal"]
    reason: str


@dataclass(frozen=True, slots=True)
class Start:
    """Start this child; say `ready` or `ended` later."""

    name: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop this child within its spec's shutdown time; say `ended` later."""

    name: str


@dataclass(frozen=True, slots=True)
class Forget:
    """The child is no longer listed."""

    name: str


@dataclass(frozen=True, slots=True)
class Finish:
    """All children are down and the supervisor is to end."""

    reason: str
    gave_up: bool
    """Because a child kept failing, not because it was told to or a significant child ended."""


Action = Start | Stop | Forget | Finish


@dataclass(eq=False, slots=True)
class Batch:
    """Children that move together."""

    due: float
    """Nothing of it starts before this time."""


@dataclass(eq=False, slots=True)
class Member:
    """What the strategy remembers of a child."""

    spec: ChildSpec
    backoff: Backoff
    state: ChildState = "stopped"
    wanted: bool = False
    recycled: bool = False
    """It is up, and has to go down before it comes up again."""

    by_hand: bool = False
    """An operator, or the supervisor's own start, brings it up: a failure now is an answer, not a restart."""

    fresh: bool = False
    """Added at run time and not ready yet: if it cannot start, it was never there."""

    ready_since: float = 0.0
    batch: Batch | None = None


@dataclass(eq=False)
class Strategy:
    """One supervisor's decisions. Each event returns the actions that it asks for, in order."""

    spec: SupervisorSpec
    clock: Callable[[], float]
    chance: random.Random = field(default_factory=random.Random)

    def __post_init__(self) -> None:
        self.members: dict[str, Member] = {}
        self.intensity = Intensity(self.spec.intensity, self.spec.period_s)
        self.finishing: Finish | None = None
        self.finished = False
        self.first_batch: Batch | None = None

        for child in self.spec.children:
            self._add(child)

    @property
    def due(self) -> float | None:
        """When `wake` wants to be called next, on the machine's clock."""
        return min((member.batch.due for member in self.members.values() if member.batch and member.batch.due), default=None)

    def member(self, name: str) -> Member:
        """A child by its name.

        Raises:
            NotFound: there is none of that name.
        """
        try:
            return self.members[name]
        except KeyError:
            known = ", ".join(self.members) or "none"
            raise NotFound(f"there is no child {name!r}; there are: {known}") from None

    def wake(self) -> list[Action]:
        """Time has passed."""
        return self._advance()

    def adopt(self, name: str, state: Literal["starting", "ready", "draining"]) -> None:
        """A process of this child runs already. Said before `start`; what becomes of it is said later."""
        member = self.members[name]
        member.state = state
        member.ready_since = self.clock()

    def start(self) -> list[Action]:
        """Start all children in order."""
        if self.finishing is not None:
            return self._advance()

        for member in self._in_batches(self.members.values()):
            # What a dynamic child answered to, when it was added, was the last supervisor.
            member.wanted, member.by_hand = True, not self.spec.dynamic
            self.first_batch = member.batch

        return self._advance()

    def ready(self, name: str) -> list[Action]:
        """A child that was started is ready."""
        member = self.members[name]
        if member.state == "starting":
            member.state = "ready"
            member.by_hand = member.fresh = False
            member.ready_since = self.clock()

        return self._advance()

    def ended(self, name: str, end: End) -> list[Action]:
        """A child is gone, asked or not, or could not start."""
        member = self.members[name]
        before, member.state = member.state, "stopped"
        by_hand, member.by_hand = member.by_hand, False
        going, member.recycled = before == "draining" or member.recycled or not member.wanted, False

        if self.finishing is not None or before in DOWN:
            return self._advance()

        if going:
            # It was to go down anyway; that it went by itself, while others were being stopped, is no incident of its own.
            member.by_hand = by_hand
        elif before == "starting":
            self._could_not_start(member, end, by_hand=by_hand)
        else:
            self._ended_by_itself(member, end)

        return self._advance()

    def stop_child(self, name: str) -> list[Action]:
        """Stop a child and leave it stopped. A temporary one is forgotten, and so is one made of the template."""
        member = self.member(name)
        if self.finishing is not None:
            return []

        member.wanted = member.by_hand = False
        self._together([member])
        return self._advance()

    def start_child(self, name: str) -> list[Action]:
        """Start a child that is stopped or given up, or waits to be tried again.

        Raises:
            NotFound: there is none of that name.
            Unavailable: all are being stopped for good.
        """
        member = self.member(name)
        self._refuse_at_the_end()
        if member.state in ("starting", "ready") and member.wanted and not member.recycled:
            return []

        member.wanted = member.by_hand = True
        member.backoff.reset()
        self._together([member])
        return self._advance()

    def restart_child(self, name: str) -> list[Action]:
        """Stop a child where it runs, and start it anew. No failure, so it is not counted.

        Raises:
            NotFound: there is none of that name.
            Unavailable: all are being stopped for good.
        """
        member = self.member(name)
        self._refuse_at_the_end()
        member.recycled = member.state in ("starting", "ready")
        member.wanted = member.by_hand = True
        member.backoff.reset()
        self._together([member])
        return self._advance()

    def add_child(self, child: ChildSpec) -> list[Action]:
        """A new child, started after those that there are. If it cannot start, it is forgotten.

        Args:
            child: what `SupervisorSpec.child` allows.

        Raises:
            Conflict: there is one of that name.
            Unavailable: all are being stopped for good.
        """
        if child.name in self.members:
            raise Conflict(f"there is a child {child.name!r} already; it is {self.members[child.name].state}")
        self._refuse_at_the_end()
        self._add(child)
        self.members[child.name].fresh = True
        return self.start_child(child.name)

    def remember_child(self, child: ChildSpec) -> None:
        """A child that was added under the supervisor before this one. Said before `adopt` and `start`."""
        self._add(child)

    def delete_child(self, name: str) -> list[Action]:
        """Forget a stopped child.

        Raises:
            Conflict: it is not stopped.
        """
        if self.member(name).state not in ("stopped", "given_up"):
            raise Conflict(f"{name} is {self.members[name].state}; stop it first")

        del self.members[name]
        return [Forget(name)]

    def shutdown(self, reason: str) -> list[Action]:
        """Stop all children in reverse order, then finish."""
        self._finish(reason, gave_up=False)
        return self._advance()

    def _finish(self, reason: str, *, gave_up: bool) -> None:
        if self.finishing is not None:
            return

        self.finishing = Finish(reason, gave_up)
        for member in self._in_batches(self.members.values()):
            member.wanted = member.recycled = False

    def _could_not_start(self, member: Member, end: End, *, by_hand: bool) -> None:
        answers = by_hand and (member.fresh or self.spec.escalation == "terminate")
        if not answers and member.spec.restart != "temporary":
            self._restart(member, end, delayed=True)
            return

        member.wanted = False
        if answers and member.batch is self.first_batch:
            self._finish(f"{member.spec.name} could not start: {end.reason}", gave_up=True)

    def _ended_by_itself(self, member: Member, end: End) -> None:
        if self.clock() - member.ready_since >= self.spec.period_s:
            member.backoff.reset()

        if member.spec.restart == "permanent" or (member.spec.restart == "transient" and end.how in ("abnormal", "killed")):
            # Whoever is killed from outside while it served has done nothing wrong, and a replacement costs a fork.
            self._restart(member, end, delayed=end.how != "killed")
            return

        member.wanted = False
        self._together([member])
        others = (other for other in self.members.values() if other is not member and other.spec.significant)
        if member.spec.significant and (
            self.spec.auto_shutdown == "any_significant" or all(other.state in DOWN and not other.wanted for other in others)
        ):
            self._finish(f"the significant child {member.spec.name} has ended: {end.reason}", gave_up=False)

    def _restart(self, failed: Member, end: End, *, delayed: bool) -> None:
        if self.spec.escalation == "terminate":
            delayed = False
            if not self.intensity.allows(self.clock()):
                failed.state = "given_up"
                self._finish(
                    f"{failed.spec.name} ended once more ({end.reason}) after {self.spec.intensity} restarts "
                    f"within {self.spec.period_s:g} s",
                    gave_up=True,
                )
                return

        group = list(self.members.values())
        match self.spec.strategy:
            case "one_for_one" | "simple_one_for_one":
                group = [failed]
            case "rest_for_one":
                group = group[group.index(failed) :]
            case "one_for_all":
                pass

        wait_s = failed.backoff.next() if delayed else 0.0
        for member in self._together(group, due=self.clock() + wait_s if wait_s else 0.0):
            member.wanted = member.spec.restart != "temporary"
            member.recycled = member.wanted and member.state in ("starting", "ready")

        if wait_s:
            failed.state = "backing_off"

    def _in_batches(self, members: Iterable[Member]) -> list[Member]:
        """All in one batch, in their order. Children made of the template have none: each moves by itself."""
        return [self._together([member])[0] for member in members] if self.spec.dynamic else self._together(members)

    def _together(self, members: Iterable[Member], due: float = 0.0) -> list[Member]:
        """Take these out of their batches into a new one."""
        batch = Batch(due)
        moved = list(members)

        for member in moved:
            member.batch = batch
            if member.state in ("backing_off", "given_up") and self.finishing is None:
                member.state = "stopped"

        return moved

    def _advance(self) -> list[Action]:
        actions: list[Action] = []
        batches: dict[Batch, list[Member]] = {}
        for member in self.members.values():
            if member.batch:
                batches.setdefault(member.batch, []).append(member)

        for batch, members in batches.items():
            if batch.due <= self.clock():
                batch.due = 0.0
            if not self._bring_down(members, actions) and not batch.due:
                self._bring_up(members, actions)

        for name in [name for name, member in self.members.items() if self._is_over(member)]:
            del self.members[name]
            actions.append(Forget(name))

        if self.finishing is not None and not self.finished and all(member.state in DOWN for member in self.members.values()):
            self.finished = True
            actions.append(self.finishing)

        return actions

    def _is_over(self, member: Member) -> bool:
        """Whether it is down for good and nobody wants to know of it any more."""
        passing = member.fresh or self.spec.dynamic or member.spec.restart == "temporary"
        return passing and member.state in DOWN and not member.wanted and self.finishing is None

    def _refuse_at_the_end(self) -> None:
        if self.finishing is not None:
            raise Unavailable(f"all children are being stopped: {self.finishing.reason}")

    def _bring_down(self, members: list[Member], actions: list[Action]) -> bool:
        """Stop the last that has to go down; whether any is still to go."""
        going = [
            member
            for member in members
            if member.state == "draining" or (member.state not in DOWN and (member.recycled or not member.wanted))
        ]
        if going and going[-1].state != "draining":
            going[-1].state = "draining"
            actions.append(Stop(going[-1].spec.name))

        return bool(going)

    def _bring_up(self, members: list[Member], actions: list[Action]) -> None:
        """Start the first that is down and wanted; a batch that has nothing left to start is over."""
        for member in members:
            if member.state == "starting":
                return

            if member.wanted and member.state in DOWN:
                member.state = "starting"
                actions.append(Start(member.spec.name))
                return

        for member in members:
            member.batch = None

    def _add(self, child: ChildSpec) -> None:
        spec = self.spec
        backoff = Backoff(spec.backoff_first_s, spec.backoff_factor, spec.backoff_cap_s, self.chance)
        self.members[child.name] = Member(child, backoff)
