"""In what order children go down and come up: in batches, last first and, once all that should be down are down, first first.

A single restart is a batch of one; so several children can be replaced side by side. Decides nothing about who is wanted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from actors.supervision import ChildState
from supervisors.actions import Action, Start, Stop
from supervisors.intensity import Backoff
from supervisors.spec import ChildSpec

__all__ = ["DOWN", "Batch", "Member", "Movement"]

DOWN: tuple[ChildState, ...] = ("stopped", "backing_off", "given_up")
ACTIVE: tuple[ChildState, ...] = ("ready", "draining")


@dataclass(eq=False, slots=True)
class Batch:
    """Children that move together."""

    due: float
    """Nothing of it starts before this time."""

    members: list[Member] = field(default_factory=list)
    """In the order in which they start."""


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

    been_up: bool = False
    """Whether it has been up, under this supervisor or the one that it was taken over from."""

    ready_since: float = 0.0
    batch: Batch | None = None


class Movement:
    """All batches of one supervisor, and how many children are up."""

    def __init__(self) -> None:
        self.touched: dict[str, None] = {}
        """Children whose state may have changed; for who carries the actions out, and clears it."""

        self.up = 0
        self.active = 0
        self._moved: dict[Batch, None] = {}
        """Batches in which something may be to do. To go through all of them at each event would take the longer the more
        children there are."""

        self._waiting: set[Batch] = set()

    @property
    def due(self) -> float | None:
        """When the first batch that waits may go on, on the machine's clock."""
        return min((batch.due for batch in self._waiting), default=None)

    def enter(self, member: Member, state: ChildState) -> None:
        """The one place where a state changes."""
        self.up += (state not in DOWN) - (member.state not in DOWN)
        self.active += (state in ACTIVE) - (member.state in ACTIVE)
        member.state = state
        self.touched[member.spec.name] = None
        if member.batch is not None:
            self._moved[member.batch] = None

    def together(self, members: Iterable[Member], due: float = 0.0, *, revive: bool = True) -> list[Member]:
        """Take these out of their batches into a new one.

        Args:
            members: in the order in which they start.
            due: nothing of it starts before this time; 0.0: at once.
            revive: whether those that wait or were given up count as merely stopped from now on.
        """
        batch = Batch(due)
        moved = list(members)

        for member in moved:
            self.leave(member)
            member.batch = batch
            batch.members.append(member)
            self.touched[member.spec.name] = None
            if member.state in ("backing_off", "given_up") and revive:
                self.enter(member, "stopped")

        self._moved[batch] = None
        if due:
            self._waiting.add(batch)

        return moved

    def hurry(self, batch: Batch) -> None:
        """What this batch waits for is there, or need not be waited for."""
        batch.due = 0.0
        self._waiting.discard(batch)
        self._moved[batch] = None

    def leave(self, member: Member) -> None:
        """Take it out of its batch, if it is in one."""
        if (batch := member.batch) is None:
            return

        member.batch = None
        batch.members.remove(member)
        self._moved[batch] = None
        if not batch.members:
            self._waiting.discard(batch)

    def advance(self, now: float) -> list[Action]:
        """What is to be done now."""
        actions: list[Action] = []
        for batch in [batch for batch in self._waiting if batch.due <= now]:
            self.hurry(batch)

        while self._moved:
            batch = next(iter(self._moved))
            del self._moved[batch]
            if not self._bring_down(batch.members, actions) and not batch.due:
                self._bring_up(batch, actions)

        return actions

    def _bring_down(self, members: list[Member], actions: list[Action]) -> bool:
        """Stop the last that has to go down; whether any is still to go."""
        for member in reversed(members):
            if member.state == "draining":
                return True

            if member.state not in DOWN and (member.recycled or not member.wanted):
                self.enter(member, "draining")
                actions.append(Stop(member.spec.name))
                return True

        return False

    def _bring_up(self, batch: Batch, actions: list[Action]) -> None:
        """Start the first that is down and wanted; a batch that has nothing left to start is over."""
        # Wherever it stands: other rules may have changed their order meanwhile.
        if any(member.state == "starting" for member in batch.members):
            return

        for member in batch.members:
            if member.wanted and member.state in DOWN:
                self.enter(member, "starting")
                actions.append(Start(member.spec.name))
                return

        for member in batch.members:
            member.batch = None
        batch.members.clear()
