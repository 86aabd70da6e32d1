"""Contracts of the supervisor: which children there are, and what an operator may do to them.

They stand among the actors because the gateway speaks to the supervisor and may not import its package.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field

from actors.child_specs import ChildName, ChildSpec, SupervisorSpec
from actors.message import Data, Message, Name, Reply

ChildState = Literal["starting", "ready", "draining", "stopped", "backing_off", "given_up"]


class Lanes(Data):
    """Messages waiting in a mailbox."""

    fg: int = 0
    bg: int = 0


class Child(Data):
    """A child as the supervisor sees it now. Figures come from its last heartbeat."""

    name: Name
    type: Literal["worker", "supervisor"] = "worker"
    pid: int | None
    incarnation: str | None
    state: ChildState
    restarting: bool = False
    """It is not up, and the supervisor tries by itself to bring it back."""

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
    """The child as it is now. One that had nothing to do (it ignored its start) is stopped."""

    child: Child
    extra: Any = None
    """What its start said beyond that it is ready."""


class ShowChild(Message, type="supervisor.child", reply=ChildChanged, idempotent=True):
    """One child and its state."""

    name: Name


class ChildSpecGiven(Reply, type="supervisor.spec_given"):
    """A child's rules as they are now. Forgotten arguments are empty."""

    spec: ChildSpec


class ShowSpec(Message, type="supervisor.spec", reply=ChildSpecGiven, idempotent=True):
    """A child's rules, complete with defaults."""

    name: Name


class Counts(Reply, type="supervisor.counted"):
    """How many there are."""

    specs: int
    """Child specs; 1 where all are made of one template."""

    active: int
    """Children that are up."""

    supervisors: int
    workers: int


class CountChildren(Message, type="supervisor.count", reply=Counts, idempotent=True):
    """How many children there are, by kind. Under a template this takes the same time however many they are."""


class Checked(Reply, type="supervisor.checked"):
    """Nothing is wrong with them."""


class CheckSpecs(Message, type="supervisor.check", reply=Checked, idempotent=True):
    """Whether these children could be started under such flags: invalid, which names the field, where not. Starts nothing."""

    children: tuple[ChildSpec, ...]
    auto_shutdown: Literal["never", "any_significant", "all_significant"] | None = None
    """None: any, so that significance is held against the restart type alone."""


class CrashReport(Data):
    """What was known of an incarnation when it died; the file `<data dir>/crashes/<time>-<name>.json` holds the same."""

    model_config = ConfigDict(extra="ignore")

    time: str
    name: str
    reason: str
    how: str = ""
    pid: int | None = None
    incarnation: str | None = None
    epoch: int = 0
    was_ready: bool = True
    restarts: int = 0
    uptime_s: float = 0.0
    core_dumped: bool = False
    last_heartbeat: dict[str, Any] = Field(default_factory=dict)
    """Its figures, and the types of the last messages that it took, newest last."""

    traceback: str | None = None
    stacks: tuple[str, ...] = ()
    log: tuple[str, ...] = ()


class Crashes(Reply, type="supervisor.crashes_listed"):
    """Crash reports, newest first; fewer than were asked for where one message does not hold as many."""

    crashes: tuple[CrashReport, ...]


class ListCrashes(Message, type="supervisor.crashes", reply=Crashes, idempotent=True):
    """The newest crash reports of one child. It need not be there any more."""

    name: ChildName
    limit: int = Field(10, ge=1, le=100)


class RestartChild(Message, type="supervisor.restart", reply=ChildChanged):
    """Drain a child, start it anew, and answer once it is ready. One that waits to be tried again is tried at once."""

    name: Name


class StartChild(Message, type="supervisor.start", reply=ChildChanged):
    """Start a child that is stopped or given up on, and answer once it is ready; conflict where it runs or is restarting."""

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

    arguments: dict[str, Any] = Field(default_factory=dict)
    """For its start, beside those of its spec or of the template."""


class ChildDeleted(Reply, type="supervisor.child_deleted"):
    """The child is no longer listed, and its name is free."""

    name: Name


class DeleteChild(Message, type="supervisor.delete", reply=ChildDeleted):
    """Forget a child that is stopped; conflict while it is not."""

    name: Name


class Reconfigured(Reply, type="supervisor.reconfigured"):
    """The flags and specs that hold from now on."""

    children: tuple[Name, ...]
    """In the order in which they start; those that the new spec does not name come last."""


class Reconfigure(Message, type="supervisor.reconfigure", reply=Reconfigured, idempotent=True):
    """Other flags and specs from now on, without a restart: whoever runs runs on.

    Children that the spec adds stay down until `supervisor.start`; those that it leaves out stay, too, until they are stopped
    and deleted. What is wrong with the spec is answered, and nothing changes.
    """

    spec: SupervisorSpec | None = None
    """None: leave all as it is."""


class Ended(Reply, type="supervisor.ended"):
    """All children are down."""


class End(Message, type="supervisor.end", reply=Ended, idempotent=True):
    """Stop all children in reverse order and end. A caller that waits no longer changes nothing about it."""
