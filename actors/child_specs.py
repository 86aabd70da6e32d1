"""Child specs and supervisor flags: the words of Erlang's supervisor, as frozen models that may travel in messages.

Knows neither processes nor actors; the strategy reads it, and so does whoever writes a house down.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from actors.message import Data

__all__ = ["ChildName", "ChildSpec", "ChildTemplate", "Seconds", "SupervisorSpec"]

ChildName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,25}$")]
"""A child's name is its actor's, and its files' (socket, lock, log). 26 bytes are what a socket's path has room for."""

Seconds = Annotated[float, Field(gt=0)]


class ChildTemplate(Data):
    """A child's rules: when it is restarted, how it is stopped, and how long its signs of life may stay out."""

    type: Literal["worker", "supervisor"] = "worker"
    """What it is counted as. One with `supervises` is a supervisor."""

    restart: Literal["permanent", "transient", "temporary"] = "permanent"
    """permanent: always restarted; transient: only after an abnormal end; temporary: never, and forgotten when it ends."""

    shutdown: Literal["brutal", "infinity"] | Annotated[float, Field(ge=0)] = 5.0
    """Seconds to drain before SIGKILL; "brutal" kills at once, "infinity" waits as long as it takes, which is the default for
    supervisors: their own children have times of their own."""

    significant: bool = False
    """Its end by itself may shut the supervisor down, where the supervisor's `auto_shutdown` says so."""

    supervises: SupervisorSpec | None = None
    """Children and rules of its own. They end with it, and are made anew with it."""

    arguments: dict[str, Any] = Field(default_factory=dict)
    """For whoever starts it. Of a temporary child that was added at run time they are forgotten once it has started."""

    ready_timeout_s: Seconds = 30.0
    recovery_timeout_s: Seconds = 900.0
    """In place of `ready_timeout_s`, for a child that says what it is doing about its database: bringing a large one up to
    date, or recovering what can be read of a damaged one, 2,000 records a second."""

    heartbeat_s: Seconds = 1.0
    heartbeats_missed: Annotated[int, Field(ge=1)] = 3
    """A ready child that says nothing for `heartbeat_s * heartbeats_missed` is hung, which is as good as dead."""

    lingers_s: Annotated[float, Field(ge=0)] = 0.0
    """How long it may finish what runs after it has given its name to its successor, when somebody wishes it restarted. 0: its
    successor waits for its end. For a child without state that two processes could spoil, whose callers cannot ask another
    process again: they have a connection to this one."""

    gets_listener: bool = False
    """It is handed the house's listening socket."""

    @property
    def drain_s(self) -> float | None:
        """`shutdown` in seconds; None where it may take as long as it takes."""
        return {"brutal": 0.0, "infinity": None}[self.shutdown] if isinstance(self.shutdown, str) else self.shutdown

    @model_validator(mode="before")
    @classmethod
    def _supervisors_have_time(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given

        given = dict(given)
        if given.get("supervises") is not None:
            given.setdefault("type", "supervisor")
        if given.get("type") == "supervisor":
            given.setdefault("shutdown", "infinity")

        return given

    @model_validator(mode="after")
    def _only_what_may_end_is_significant(self) -> Self:
        if self.significant and self.restart == "permanent":
            raise ValueError("a permanent child cannot be significant: it never ends for good")
        if self.supervises is not None and self.type != "supervisor":
            raise ValueError("a worker supervises nobody")

        return self


class ChildSpec(ChildTemplate):
    """One child: its rules and its name."""

    name: ChildName

    @model_validator(mode="after")
    def _is_not_its_supervisor(self) -> Self:
        if self.name == "supervisor":
            raise ValueError("supervisor is the name of who supervises")

        return self


class SupervisorSpec(Data):
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

    standbys: bool = False
    """Whether each child that serves has a spare of its own, which has prepared for its part: 10 MB each."""

    orphan_grace_s: Seconds = 60.0
    """How long a child whose supervisor is gone serves on and looks for a new one: longer than a busy machine takes to make
    one. Where `up` is gone as well, the child drains at once."""

    drain_all_s: Seconds | None = None
    """How long all children together may drain when all are stopped; what one leaves the next have. Erlang's rule is None: each
    has its own time."""

    fence_s: Seconds = 30.0
    """A child whose loop has not run for this long ends itself, supervised or not."""

    crash_reports: Annotated[int, Field(ge=1)] = 100
    """How many crash reports are kept; the oldest go first."""

    @model_validator(mode="after")
    def _children_fit_together(self) -> Self:
        names: set[str] = set()
        for child in self.children:
            if child.name in names:
                raise ValueError(f"two children have the same name: {child.name}")

            names.add(child.name)
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

    def child(self, wanted: ChildSpec | str, arguments: dict[str, Any] | None = None) -> ChildSpec:
        """The spec of a child that is to be added, from its name where that is all that is said.

        Args:
            wanted: its spec, or its name.
            arguments: for its start, beside those that the template has.

        Raises:
            ValueError: these flags do not allow it.
        """
        if self.template is None:
            child = ChildSpec(name=wanted) if isinstance(wanted, str) else wanted
        elif isinstance(wanted, str):
            child = ChildSpec(name=wanted, **dict(self.template))
        else:
            raise ValueError("children are made of the template here: give a name, and nothing else")

        if arguments:
            child = child.model_copy(update={"arguments": {**child.arguments, **arguments}})
        self._check(child)
        return child

    def _check(self, child: ChildSpec) -> None:
        if child.significant and self.auto_shutdown == "never":
            raise ValueError(f"{child.name} is significant, but auto_shutdown is never")
