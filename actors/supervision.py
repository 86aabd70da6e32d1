"""Contracts of the supervisor: which children there are, and what an operator may do to them.

They stand among the actors because the gateway speaks to the supervisor and may not import its package.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from actors.message import Data, Message, Name, Reply

ChildName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,25}$")]
"""A child's name is its actor's, and its files' (socket, lock, log). 26 bytes are what a socket's path has room for."""

Seconds = Annotated[float, Field(gt=0)]

ChildState = Literal["starting", "ready", "draining", "stopped", "backing_off", "given_up"]


class ChildTemplate(Data):
    """A child's rules: when it is restarted, how it is stopped, and how long its signs of life may stay out."""

    restart: Literal["permanent", "transient", "temporary"] = "permanent"
    """permanent: always restarted; transient: only after an abnormal end; temporary: never, and forgotten when it ends."""

    shutdown: Literal["brutal", "infinity"] | Annotated[float, Field(ge=0)] = 10.0
    """Seconds to drain before SIGKILL; "brutal" kills at once, "infinity" waits as long as it takes."""

    significant: bool = False
    """Its end by itself may shut the supervisor down, where the supervisor's `auto_shutdown` says so."""

    ready_timeout_s: Seconds = 30.0
    heartbeat_s: Seconds = 1.0
    heartbeats_missed: Annotated[int, Field(ge=1)] = 3
    """A ready child that says nothing for `heartbeat_s * heartbeats_missed` is hung, which is as good as dead."""

    gets_listener: bool = False
    """It is handed the house's listening socket."""

    @property
    def drain_s(self) -> float | None:
        """`shutdown` in seconds; None where it may take as long as it takes."""
        return {"brutal": 0.0, "infinity": None}[self.shutdown] if isinstance(self.shutdown, str) else self.shutdown

    @model_validator(mode="after")
    def _only_what_may_end_is_significant(self) -> Self:
        if self.significant and self.restart == "permanent":
            raise ValueError("a permanent child cannot be significant: it never ends for good")

        return self


class ChildSpec(ChildTemplate):
    """One child: its rules and its name."""

    name: ChildName

    @model_validator(mode="after")
    def _is_not_its_supervisor(self) -> Self:
        if self.name == "supervisor":
            raise ValueError("supervisor is the name of who supervises")

        return self


class Lanes(Data):
    """Messages waiting in a mailbox."""

    fg: int = 0
    bg: int = 0


class Child(Data):
    """A child as the supervisor sees it now. Figures come from its last heartbeat."""

    name: Name
    pid: int | None
    incarnation: str | None
    state: ChildState
    restarts: int
    uptime_s: float
    rss_bytes: int = 0
    mailbox: Lanes = Lanes()
    loop_lag_ms: float = 0.0
    handled: int = 0
    failed: int = 0
    dead_letters: int = 0
    last_exit: str | None = None
    """Why the incarnation before this one ended: "signal 9 (SIGKILL)", "exit 1", "no heartbeat for 3 s" ..."""


class Children(Reply, type="supervisor.children_listed"):
    """All children, in the order in which they start."""

    children: tuple[Child, ...]


class ListChildren(Message, type="supervisor.children", reply=Children, idempotent=True):
    """All children and their state."""


class ChildChanged(Reply, type="supervisor.child_changed"):
    """The child as it is now."""

    child: Child


class RestartChild(Message, type="supervisor.restart", reply=ChildChanged):
    """Drain a child, start it anew, and answer once it is ready."""

    name: Name


class StartChild(Message, type="supervisor.start", reply=ChildChanged, idempotent=True):
    """Start a child that is stopped or given up on, and answer once it is ready."""

    name: Name


class StopChild(Message, type="supervisor.stop", reply=ChildChanged, idempotent=True):
    """Drain a child and leave it stopped."""

    name: Name


class AddChild(Message, type="supervisor.add", reply=ChildChanged):
    """A new child, started after those that there are; answers once it is ready. One that cannot start is not kept.

    Asked again with the same key (or by the same call, when the supervisor was replaced meanwhile) it adds nothing.
    """

    child: ChildSpec | ChildName
    """A name alone means the supervisor's template where it has one, which allows no other rules, else the default ones."""


class ChildDeleted(Reply, type="supervisor.child_deleted"):
    """The child is no longer listed, and its name is free."""

    name: Name


class DeleteChild(Message, type="supervisor.delete", reply=ChildDeleted):
    """Forget a child that is stopped; conflict while it is not."""

    name: Name
