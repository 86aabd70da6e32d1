"""Mailbox: an actor's bounded inbox with two lanes. Foreground goes first; background gets its turn all the same."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from transport.errors import Overloaded

__all__ = ["Mailbox"]

WEIGHT: Final = 8
"""Foreground messages served for each background one, while both wait."""

RETRY_AFTER_MS: Final = 100


class Mailbox:
    """Two bounded queues; `put` from any thread, `get` on the loop that serves it."""

    def __init__(self, fg: int = 1024, bg: int = 1024) -> None:
        self.limits = {"fg": fg, "bg": bg}
        self.on_put: Callable[[], None] | None = None
        """Called after each put, in the putting thread."""

        self._lanes: dict[str, deque[Any]] = {"fg": deque(), "bg": deque()}
        self._in_a_row = 0
        self._lock = threading.Lock()

    def put(self, envelope: Any, /) -> None:
        """Queue a message in its lane (`envelope.lane`; pykka's own have none and are foreground).

        Raises:
            Overloaded: the lane is full.
        """
        lane = getattr(envelope, "lane", "fg")
        queue = self._lanes[lane]
        with self._lock:
            if len(queue) >= self.limits[lane]:
                raise Overloaded(f"{len(queue)} messages wait in this mailbox", retry_after_ms=RETRY_AFTER_MS)
            queue.append(envelope)
        if self.on_put is not None:
            self.on_put()

    def get(self, *, background: bool = True) -> Any:
        """The next message; without `background` only a foreground one.

        Raises:
            IndexError: there is none.
        """
        with self._lock:
            fg, bg = self._lanes["fg"], self._lanes["bg"]
            if background and bg and (not fg or self._in_a_row >= WEIGHT):
                self._in_a_row = 0
                return bg.popleft()
            self._in_a_row += 1
            return fg.popleft()

    def empty(self) -> bool:
        """Whether nothing waits in either lane."""
        return not (self._lanes["fg"] or self._lanes["bg"])

    def waiting(self) -> dict[str, int]:
        """How many messages wait in each lane."""
        return {lane: len(queue) for lane, queue in self._lanes.items()}

    def peek_types(self) -> list[str]:
        """The types of the messages that wait, foreground first; at most 20."""
        waiting = [*self._lanes["fg"], *self._lanes["bg"]][:20]
        return [str(getattr(envelope, "type", type(envelope.message).__name__)) for envelope in waiting]
