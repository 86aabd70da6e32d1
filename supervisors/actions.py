"""What a strategy is told of a child's end, and what it answers: start, stop, forget, finish. Words only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Action", "End", "Finish", "Forget", "Start", "Stop"]


@dataclass(frozen=True, slots=True)
class End:
    """How a child ended.

    normal: by itself, with exit code 0; shutdown: because it was asked to; killed: by SIGKILL from outside, or nobody can
    say (an adopted process); abnormal: anything else, a hung child among them; ignored: it had nothing to do, which it said in
    place of being ready.
    """

    how: Literal["normal", "shutdown", "killed", "abnormal", "ignored"]
    reason: str
    traceback: str | None = None
    pid: int | None = None
    """The process that has ended."""

    held_by: int | None = None
    """It could not start since this other process bears its name."""


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

    traceback: str | None = None
    """The traceback of the child that could not start."""


Action = Start | Stop | Forget | Finish
