"""Dead letters: what could not be delivered or handled. Counted, logged, and the last of them kept for `sys.dump`."""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass
from typing import Final, Literal

from loguru import logger

__all__ = ["DeadLetter", "DeadLetters", "Reason"]

Reason = Literal["unknown_actor", "unknown_type", "invalid", "overloaded", "deadline", "refused", "stopped", "failed"]

RING: Final = 256
LINES_PER_SECOND: Final = 10
"""More dead letters than these are only counted: a flood of them must not become a flood of lines."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """What is kept of one: never its contents."""

    time: float
    """Unix time in seconds."""

    reason: Reason
    to: str | None
    type: str | None
    id: str
    caller: str


class DeadLetters:
    """The dead letters of one host."""

    def __init__(self) -> None:
        self.ring: deque[DeadLetter] = deque(maxlen=RING)
        self.counts: Counter[Reason] = Counter()
        self._second = 0
        self._lines = 0

    def __len__(self) -> int:
        return self.counts.total()

    def add(self, reason: Reason, *, to: str | None, type: str | None, id: str, caller: str) -> None:  # noqa: A002 (the wire's own words)
        """Counts, keeps and logs one."""
        now = time.time()
        self.counts[reason] += 1
        self.ring.append(DeadLetter(now, reason, to, type, id, caller))

        if int(now) != self._second:
            self._second, self._lines = int(now), 0

        self._lines += 1

        if self._lines <= LINES_PER_SECOND:
            logger.warning("dead letter", reason=reason, to=to, type=type, id=id, caller=caller)
