"""Call: what a handler knows of the call it handles, and what calls made meanwhile inherit from it."""

from __future__ import annotations

import asyncio
import secrets
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

__all__ = ["DEFAULT_TIMEOUT_S", "Call", "current_call", "next_call"]

DEFAULT_TIMEOUT_S: Final = 30.0
"""Allowed for a call that is made outside any other and names no time."""


@dataclass(slots=True)
class Call:
    """One call: its identity, and how much time it has left."""

    id: str
    key: str | None
    lane: str
    deadline: float
    """Loop time."""

    trace: str | None
    caller: str | None = None

    def remaining(self) -> float:
        """Seconds left; negative when the time is up."""
        return self.deadline - asyncio.get_running_loop().time()


current_call: ContextVar[Call | None] = ContextVar("lattice_call", default=None)


def next_call(*, timeout: float | None, key: str | None, lane: str | None) -> Call:
    """A call about to be made: within the current one's time, in its lane, of its trace."""
    now = asyncio.get_running_loop().time()
    outer = current_call.get()
    deadline = now + (DEFAULT_TIMEOUT_S if timeout is None and outer is None else timeout if timeout is not None else 1e9)

    if outer is not None:
        deadline = min(deadline, outer.deadline)

    trace = outer.trace if outer is not None and outer.trace else f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
    return Call(secrets.token_hex(12), key, lane or (outer.lane if outer is not None else "fg"), deadline, trace)
