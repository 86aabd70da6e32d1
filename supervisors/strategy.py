"""Who is stopped and who is started, in what order, when something happens to a child: Erlang's supervisor, a pure machine.

It is told events (a child is ready, a child has ended, an operator's wish, time has passed) and answers with actions. It knows
no clock but the one it is given, no loop, no process and no actor, so that every rule can be tested without one.

It decides who is wanted; in what order they go down and come up is `supervisors/movement.py`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

from supervisors.actions import Action, End, Finish, Forget
from supervisors.intensity import Backoff, Intensity
from supervisors.movement import DOWN, Batch, Member, Movement
from supervisors.spec import ChildSpec, SupervisorSpec
from transport.errors import Conflict, Invalid, NotFound, Unavailable

__all__ = ["Strategy"]


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
        self.movement = Movement()

        for child in self.spec.children:
            self._add(child)

    @property
    def due(self) -> float | None:
        """When `wake` wants to be called next, on the machine's clock."""
        return self.movement.due

    @property
    def touched(self) -> dict[str, None]:
        """Children whose state may have changed; for who carries the actions out, and clears it."""
        return self.movement.touched

    @property
    def active(self) -> int:
        """How many are up: ready or draining. Takes the same time however many there are."""
        return self.movement.active

    @property
    def settled(self) -> bool:
        """Whether all that was to start has been tried."""
        return not any(
            member.state == "starting" or (member.state == "stopped" and member.wanted) for member in self.members.values()
        )

    def restarting(self, name: str) -> bool:
        """Whether a child is not up, and is brought back without anybody's asking."""
        member = self.members[name]
        return member.wanted and not member.by_hand and member.state in ("starting", "backing_off")

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
        """Time has passed: go on with what was waited for."""
        return self._advance()

    def adopt(self, name: str, state: Literal["starting", "ready", "draining"]) -> None:
        """A process of this child runs already. Said before `start`; what becomes of it is said later."""
        member = self.members[name]
        self.movement.enter(member, state)
        member.been_up = True
        member.ready_since = self.clock()

    def start(self) -> list[Action]:
        """Start all children in order."""
        if self.finishing is not None:
            return self._advance()

        for member in self._in_batches(list(self.members.values())):
            # Whoever added a dynamic child waited for an answer of the last supervisor, and gets none of this one.
            member.wanted, member.by_hand = True, not self.spec.dynamic
            self.first_batch = member.batch

        return self._advance()

    def ready(self, name: str) -> list[Action]:
        """A child that was started is ready."""
        member = self.members[name]
        if member.state == "starting":
            self.movement.enter(member, "ready")
            member.by_hand = member.fresh = False
            member.been_up = True
            member.ready_since = self.clock()

        return self._advance()

    def ended(self, name: str, end: End) -> list[Action]:
        """A child is gone, asked or not, or could not start."""
        member = self.members[name]
        before = member.state
        self.movement.enter(member, "stopped")
        by_hand, member.by_hand = member.by_hand, False
        going, member.recycled = before == "draining" or member.recycled or not member.wanted, False

        if self.finishing is not None or before in DOWN:
            return self._advance()

        if going:
            # It was to go down anyway; that it went by itself, while others were being stopped, is no incident of its own.
            member.by_hand = by_hand
        elif end.how == "ignored":
            member.wanted = False
            member.fresh = member.fresh and self.spec.dynamic
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

        if self.restarting(name) and member.batch is not None:
            # The retry is taken back, and with it what was to come up after this one.
            for other in member.batch.members:
                other.wanted = other.wanted and other.state not in DOWN

        member.wanted = member.by_hand = False
        self._together([member])
        return self._advance()

    def start_child(self, name: str) -> list[Action]:
        """Start a child that is stopped or given up, or is about to be.

        Raises:
            NotFound: there is none of that name.
            Conflict: it runs, or is being restarted already.
            Unavailable: all are being stopped for good.
        """
        member = self.member(name)
        self._refuse_at_the_end()
        if member.wanted and (member.state in ("starting", "ready", "backing_off") or member.recycled):
            raise Conflict(f"{name} is {member.state}; supervisor.restart starts it anew", detail=self._standing(member))

        member.wanted = member.by_hand = True
        self._hurry(member)
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
        self._hurry(member)
        return self._advance()

    def add_child(self, child: ChildSpec) -> list[Action]:
        """A new child, started after those that there are. If it cannot start, it is forgotten.

        Args:
            child: what `SupervisorSpec.child` allows.

        Raises:
            Conflict: there is one of that name.
            Unavailable: all are being stopped for good.
        """
        if (known := self.members.get(child.name)) is not None:
            present = {"reason": "already_started" if known.state in ("ready", "draining") else "already_present"}
            raise Conflict(f"there is a child {child.name!r} already; it is {known.state}", detail=present)
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
        member = self.member(name)
        if member.state not in ("stopped", "given_up") or (member.wanted and member.batch is not None):
            raise Conflict(f"{name} is {member.state}; stop it first", detail=self._standing(member))

        self._forget(member)
        return [Forget(name)]

    def reconfigure(self, spec: SupervisorSpec) -> None:
        """Other flags and specs from now on. Whoever is up stays up; who is new stays down; who is left out stays, last.

        Raises:
            Invalid: one of the two is simple_one_for_one, and the other is not.
        """
        if spec.dynamic != self.spec.dynamic:
            raise Invalid("a supervisor of one template stays one: stop it, and start another")

        self.spec = spec
        self.intensity.intensity, self.intensity.period_s = spec.intensity, spec.period_s
        if spec.template is not None:
            for member in self.members.values():
                member.spec = ChildSpec(**{**dict(spec.template), "name": member.spec.name, "arguments": member.spec.arguments})

        before, self.members = self.members, {}
        for child in spec.children:
            if (known := before.pop(child.name, None)) is None:
                self._add(child)
            else:
                known.spec = child
                self.members[child.name] = known
        self.members.update(before)

        order = {name: place for place, name in enumerate(self.members)}
        for member in self.members.values():
            member.backoff.pace(spec.backoff_first_s, spec.backoff_factor, spec.backoff_cap_s)
            if member.batch is not None:
                member.batch.members.sort(key=lambda other: order[other.spec.name])

    def shutdown(self, reason: str) -> list[Action]:
        """Stop all children in reverse order, then finish."""
        self._finish(reason, gave_up=False)
        return self._advance()

    def _finish(self, reason: str, *, gave_up: bool, traceback: str | None = None) -> None:
        if self.finishing is not None:
            return

        self.finishing = Finish(reason, gave_up, traceback)
        for member in self._in_batches(list(self.members.values())):
            member.wanted = member.recycled = False

    def _could_not_start(self, member: Member, end: End, *, by_hand: bool) -> None:
        answers = by_hand and (member.fresh or self.spec.escalation == "terminate")
        if not answers and member.spec.restart != "temporary":
            self._restart(member, end, delayed=True)
            return

        member.wanted = False
        if answers and member.batch is self.first_batch:
            reason = f"{member.spec.name} could not start: {end.reason}"
            self._finish(reason, gave_up=True, traceback=end.traceback)

    def _ended_by_itself(self, member: Member, end: End) -> None:
        if self.clock() - member.ready_since >= self.spec.period_s:
            member.backoff.reset()

        if member.spec.restart == "permanent" or (member.spec.restart == "transient" and end.how in ("abnormal", "killed")):
            # Whoever is killed from outside while it served has done nothing wrong, and a replacement costs a fork.
            self._restart(member, end, delayed=end.how != "killed")
            return

        member.wanted = False
        self._together([member])
        if member.spec.significant and self._shuts_down(member):
            self._finish(f"the significant child {member.spec.name} has ended: {end.reason}", gave_up=False)

    def _shuts_down(self, ended: Member) -> bool:
        """Whether the end of a significant child is the end of all, by the policy that holds now."""
        match self.spec.auto_shutdown:
            case "never":
                return False
            case "any_significant":
                return True
            case "all_significant":
                others = (other for other in self.members.values() if other is not ended and other.spec.significant)
                return all(other.state in DOWN and not other.wanted for other in others)

    def _restart(self, failed: Member, end: End, *, delayed: bool) -> None:
        if self.spec.escalation == "terminate":
            delayed = False
            if not self.intensity.allows(self.clock()):
                self.movement.enter(failed, "given_up")
                self._finish(
                    f"{failed.spec.name} ended once more ({end.reason}) after {self.spec.intensity} restarts "
                    f"within {self.spec.period_s:g} s",
                    gave_up=True,
                )
                return

        match self.spec.strategy:
            case "one_for_one" | "simple_one_for_one":
                group = [failed]
            case "rest_for_one":
                group = list(self.members.values())
                group = group[group.index(failed) :]
            case "one_for_all":
                group = list(self.members.values())

        wait_s = failed.backoff.next() if delayed else 0.0
        for member in self._together(group, due=self.clock() + wait_s if wait_s else 0.0):
            owed_its_first_start = member.wanted and member.by_hand and member.state in DOWN
            member.wanted = member.spec.restart != "temporary" or owed_its_first_start
            member.recycled = member.wanted and member.state in ("starting", "ready")

        if wait_s:
            self.movement.enter(failed, "backing_off")

    def _in_batches(self, members: Iterable[Member]) -> list[Member]:
        """All in one batch, in their order. Children made of the template have none: each moves by itself."""
        return [self._together([member])[0] for member in members] if self.spec.dynamic else self._together(members)

    def _together(self, members: Iterable[Member], due: float = 0.0) -> list[Member]:
        return self.movement.together(members, due, revive=self.finishing is None)

    def _hurry(self, member: Member) -> None:
        """An operator wants it up: it waits for nobody, but for those that have to be up before it.

        Erlang's supervisor starts one child after the other and hears of nothing else meanwhile; so there a wish comes after
        the start of all. Here it comes at once, and who has not been up yet keeps its place: where those before it wait for
        another attempt, they make it now.
        """
        member.backoff.reset()
        batch = member.batch
        if batch is None or member.state not in ("stopped", "starting") or (batch.due and member.been_up):
            self._together([member])
            return

        self.movement.hurry(batch)
        self.touched[member.spec.name] = None

    def _forget(self, member: Member) -> None:
        self.movement.leave(member)
        del self.members[member.spec.name]

    def _advance(self) -> list[Action]:
        actions = self.movement.advance(self.clock())
        for name in list(self.touched):
            if (member := self.members.get(name)) is not None and self._is_over(member):
                self._forget(member)
                actions.append(Forget(name))

        if self.finishing is not None and not self.finished and not self.movement.up:
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

    def _standing(self, member: Member) -> dict[str, str]:
        """Why something cannot be done now, in Erlang's word."""
        down = member.state in DOWN or self.restarting(member.spec.name)
        return {"reason": "restarting" if down else "running"}

    def _add(self, child: ChildSpec) -> None:
        spec = self.spec
        backoff = Backoff(spec.backoff_first_s, spec.backoff_factor, spec.backoff_cap_s, self.chance)
        self.members[child.name] = Member(child, backoff)
