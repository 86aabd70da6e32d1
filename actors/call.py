"""Call: under which circumstances something is being done: until when, for whom, in which lane.

What a handler asks while it handles a call inherits the call's deadline, lane and trace through a context variable.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from secrets import token_hex

from actors.fair_queue import Flow

__all__ = ["Call", "calling", "current_call", "next_id"]


class Call:
    """What is known of a call besides its message.

    Args:
        id: names the call for its caller; `cancel` and `credit` carry it.
        key: idempotency key, or None.
        lane: "fg" or "bg".
        deadline: loop time (`time.monotonic()`) until which the answer is of use.
        trace: W3C traceparent, or None.
        caller: who asks, for people: an actor's name, or a connection.
    """

    __slots__ = ("caller", "deadline", "id", "key", "lane", "trace")

    def __init__(  # noqa: PLR0917 (one is made for each message: keywords cost)
        self,
        id: str,  # noqa: A002 (the wire's own word)
        key: str | None,
        lane: str,
        deadline: float,
        trace: str | None,
        caller: str,
    ) -> None:
        self.id = id
        self.key = key
        self.lane = lane
        self.deadline = deadline
        self.trace = trace
        self.caller = caller

    @property
    def flow(self) -> Flow:
        """Between which calls turns are taken where they wait: whose it is, and about which namespace."""
        return self.caller, None

    def remaining(self) -> float:
        """Seconds left until the deadline, never below 0."""
        return max(0.0, self.deadline - time.monotonic())


current_call: ContextVar[Call | None] = ContextVar("current_call", default=None)
"""The call being handled by the running task, if any."""


@contextmanager
def calling(*, timeout: float, lane: str = "fg", trace: str | None = None, caller: str = "") -> Iterator[Call]:
    """Makes all that is asked in the block share a deadline, a lane and a trace.

    For who begins a chain of calls: a request that came over HTTP, a cycle that is due. A handler is in its call already.

    Args:
        timeout: seconds from now until the common deadline.
        lane: "fg" or "bg".
        trace: W3C traceparent that is passed on.
        caller: who begins, for logs.
    """
    call = Call(next_id(), None, lane, time.monotonic() + timeout, trace, caller)
    token = current_call.set(call)

    try:
        yield call
    finally:
        current_call.reset(token)


_prefix = token_hex(8)
_count = 0


def _begin_anew() -> None:
    """A process forked from another must not go on with its ids."""
    global _prefix, _count
    _prefix, _count = token_hex(8), 0


os.register_at_fork(after_in_child=_begin_anew)


def next_id() -> str:
    """An id that no other call bears."""
    global _count  # noqa: PLW0603 (the count is this function's own)
    _count += 1

    return f"{_prefix}.{_count:x}"
