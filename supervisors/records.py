"""What is known of a child, whatever its kind: its past, its present, and how it is shown."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Protocol

from actors.supervision import Child as ChildView
from actors.supervision import ChildState, Lanes
from supervisors.spec import ChildSpec

__all__ = ["Child", "Record"]


class Child(Protocol):
    """Something that can be started and stopped: an OS process, or an actor in this one. The code above cannot tell.

    Each `start` is followed by `Supervision.ready` or `Supervision.ended`, each `stop` by `ended`, exactly once.
    """

    spec: ChildSpec
    """Its rules as they are now."""

    @property
    def pid(self) -> int | None:
        """Of the process it runs in, while it does."""

    @property
    def incarnation(self) -> str | None:
        """What its answers carry, while it runs."""

    @property
    def stats(self) -> dict[str, Any]:
        """`Host.stats()` of its last heartbeat."""

    def start(self) -> None:
        """Begin to start; does not wait."""

    def stop(self) -> None:
        """Begin to stop, by the rule of its spec; does not wait."""


@dataclass(slots=True)
class Record:
    """One child's past and present."""

    child: Child
    starts: int = 0
    restarts: int = 0
    since: float = 0.0
    """When the incarnation started, on the system-wide monotonic clock."""

    last_exit: str | None = None
    seen: ChildState = "stopped"

    added: ChildSpec | None = None
    """Its spec, where it was added at run time: the supervisor's own does not list it."""

    key: str | None = None
    """The key of the call that added it."""

    def view(self, name: str, state: ChildState, *, restarting: bool) -> ChildView:
        """As operators see it."""
        up = state in ("starting", "ready", "draining")
        stats = self.child.stats if up else {}
        return ChildView(
            name=name,
            type=self.child.spec.type,
            restarting=restarting,
            pid=self.child.pid if up else None,
            incarnation=self.child.incarnation if up else None,
            state=state,
            restarts=self.restarts,
            uptime_s=round(time.monotonic() - self.since, 3) if up else 0.0,
            rss_bytes=stats.get("rss_bytes", 0),
            mailbox=Lanes(**stats.get("mailbox", {})),
            loop_lag_ms=stats.get("loop_lag_ms", 0.0),
            handled=stats.get("handled", 0),
            failed=stats.get("failed", 0),
            dead_letters=stats.get("dead_letters", 0),
            last_exit=self.last_exit,
        )
