"""Contracts of the supervisor: which children there are, and what an operator may do to them.

They stand among the actors because the gateway speaks to the supervisor and may not import its package.
"""

from __future__ import annotations

from typing import Literal

from actors.message import Data, Message, Name, Reply

ChildState = Literal["starting", "ready", "draining", "stopped", "backing_off", "given_up"]


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
