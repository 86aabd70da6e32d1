"""How children are supervised: the words of Erlang's supervisor flags, as a frozen model.

A child's own rules stand with the contracts, since children can be added by message.
Knows neither processes nor actors; the strategy reads it, and so does whoever writes a house down.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from actors.supervision import ChildSpec, ChildTemplate, Seconds

__all__ = ["ChildSpec", "ChildTemplate", "SupervisorSpec"]


class Spec(BaseModel):
    """Frozen, and strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SupervisorSpec(Spec):
    """All children in the order in which they start, and what the end of one means for the others.

    `escalation` says what happens when a child keeps failing. "terminate" is Erlang's rule: more than `intensity` restarts
    within `period_s`, counted over all children, and the supervisor stops them all and ends itself. "back_off", the default,
    never ends the house: the first restart comes at once, each further failure waits longer, up to `backoff_cap_s`, until the
    child has been up for `period_s`. A house whose paradox actor cannot start should still talk and remember; whoever wants
    the stricter rule, for a test or an inner supervisor, says so.
    """

    strategy: Literal["one_for_one", "one_for_all", "rest_for_one", "simple_one_for_one"] = "one_for_one"
    """simple_one_for_one: all children are made of `template`, by name and at run time; they have no order among them."""

    intensity: Annotated[int, Field(ge=0)] = 1
    period_s: Seconds = 5.0
    escalation: Literal["terminate", "back_off"] = "back_off"
    auto_shutdown: Literal["never", "any_significant", "all_significant"] = "never"
    children: tuple[ChildSpec, ...] = ()
    template: ChildTemplate | None = None

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
            self._check(child)

        return self

    @model_validator(mode="after")
    def _template_fits(self) -> Self:
        if self.dynamic != (self.template is not None):
            raise ValueError("simple_one_for_one has a template, and no other strategy has")
        if self.dynamic and self.children:
            raise ValueError("simple_one_for_one has no child at its start; they are added by name")
        if self.dynamic and self.auto_shutdown != "never":
            raise ValueError("the children of simple_one_for_one come and go: none is significant")
        if self.template is not None and self.template.significant:
            raise ValueError("the template is significant, but auto_shutdown is never")

        return self

    @property
    def dynamic(self) -> bool:
        """Whether all children are made of the template, at run time."""
        return self.strategy == "simple_one_for_one"

    def child(self, wanted: ChildSpec | str) -> ChildSpec:
        """The spec of a child that is to be added, from its name where that is all that is said.

        Raises:
            ValueError: these flags do not allow it.
        """
        if self.template is None:
            child = ChildSpec(name=wanted) if isinstance(wanted, str) else wanted
        elif isinstance(wanted, str):
            child = ChildSpec(name=wanted, **dict(self.template))
        else:
            raise ValueError("children are made of the template here: give a name, and nothing else")

        self._check(child)
        return child

    def _check(self, child: ChildSpec) -> None:
        if child.significant and self.auto_shutdown == "never":
            raise ValueError(f"{child.name} is significant, but auto_shutdown is never")
