"""What is supervised and how: the words of Erlang's child specs and supervisor flags, as frozen models.

Knows neither processes nor actors; the strategy reads it, and so does whoever writes a house down.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from actors.message import Name

__all__ = ["ChildSpec", "SupervisorSpec"]

Seconds = Annotated[float, Field(gt=0)]


class Spec(BaseModel):
    """Frozen, and strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ChildSpec(Spec):
    """One child: when it is restarted, how it is stopped, and how long its signs of life may stay out."""

    name: Name

    restart: Literal["permanent", "transient", "temporary"] = "permanent"
    """permanent: always restarted; transient: only after an abnormal end; temporary: never, and forgotten when it ends."""

    shutdown: Literal["brutal", "infinity"] | Annotated[float, Field(ge=0)] = 10.0
    """Seconds to drain before SIGKILL; "brutal" kills at once, "infinity" waits as long as it takes."""

    significant: bool = False
    """Its end by itself may shut the supervisor down, see `SupervisorSpec.auto_shutdown`."""

    ready_timeout_s: Seconds = 30.0
    heartbeat_s: Seconds = 1.0
    heartbeats_missed: Annotated[int, Field(ge=1)] = 3
    """A ready child that says nothing for `heartbeat_s * heartbeats_missed` is hung, which is as good as dead."""

    gets_listener: bool = False
    """It is handed the house's listening socket."""

    @model_validator(mode="after")
    def _only_what_may_end_is_significant(self) -> Self:
        if self.significant and self.restart == "permanent":
            raise ValueError("a permanent child cannot be significant: it never ends for good")

        return self


class SupervisorSpec(Spec):
    """All children in the order in which they start, and what the end of one means for the others.

    `escalation` says what happens when a child keeps failing. "terminate" is Erlang's rule: more than `intensity` restarts
    within `period_s`, counted over all children, and the supervisor stops them all and ends itself. "back_off", the default,
    never ends the house: the first restart comes at once, each further failure waits longer, up to `backoff_cap_s`, until the
    child has been up for `period_s`. A house whose paradox actor cannot start should still talk and remember; whoever wants
    the stricter rule, for a test or an inner supervisor, says so.
    """

    strategy: Literal["one_for_one", "one_for_all", "rest_for_one"] = "one_for_one"
    intensity: Annotated[int, Field(ge=0)] = 1
    period_s: Seconds = 5.0
    escalation: Literal["terminate", "back_off"] = "back_off"
    auto_shutdown: Literal["never", "any_significant", "all_significant"] = "never"
    children: tuple[ChildSpec, ...] = ()

    backoff_first_s: Seconds = 0.1
    backoff_factor: Annotated[float, Field(ge=1)] = 2.0
    backoff_cap_s: Seconds = 15.0

    spares: Annotated[int, Field(ge=1)] = 1
    """Forked processes that wait to be told who they are. One is enough for one death at a time; each costs a few MB."""

    orphan_grace_s: Seconds = 5.0
    """How long a child whose supervisor is gone serves on and knocks for a new one."""

    fence_s: Seconds = 30.0
    """A child whose loop has not run for this long ends itself, supervised or not."""

    crash_reports: Annotated[int, Field(ge=1)] = 100
    """How many crash reports are kept; the oldest go first."""

    @model_validator(mode="after")
    def _children_fit_together(self) -> Self:
        names = [child.name for child in self.children]
        if len(set(names)) != len(names):
            raise ValueError("two children have the same name")

        for child in self.children:
            self.check(child)

        return self

    def check(self, child: ChildSpec) -> None:
        """Refuse a child that these flags do not allow.

        Raises:
            ValueError: the child is significant, which says nothing where auto_shutdown is "never".
        """
        if child.significant and self.auto_shutdown == "never":
            raise ValueError(f"{child.name} is significant, but auto_shutdown is never")
