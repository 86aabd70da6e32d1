"""Contracts that every actor answers: `sys.ping`, `sys.info`, `sys.metrics`, `sys.dump`. Its host answers for it."""

from __future__ import annotations

from pydantic import JsonValue

from actors.message import Data, Message, Reply, Time
from actors.metrics import Metric

__all__ = ["DeadLetter", "Dump", "Dumped", "GetInfo", "GetMetrics", "Info", "Metrics", "Ping", "Pong"]


class Pong(Reply, type="sys.pong"):
    """The actor's process lives, and its loop runs."""

    name: str
    incarnation: str
    pid: int
    time: Time


class Ping(Message, type="sys.ping", reply=Pong, idempotent=True):
    """Are you there?"""


class Info(Reply, type="sys.info_told"):
    """What the actor is: the types it handles, whether it is ready, its figures."""

    name: str
    incarnation: str
    pid: int
    python: str
    types: tuple[str, ...]
    ready: bool
    why_not_ready: str | None
    stats: dict[str, JsonValue]


class GetInfo(Message, type="sys.info", reply=Info, idempotent=True):
    """What are you?"""


class Metrics(Reply, type="sys.metrics_told"):
    """The host's and the actor's metrics."""

    metrics: tuple[Metric, ...]


class GetMetrics(Message, type="sys.metrics", reply=Metrics, idempotent=True):
    """How are you?"""


class DeadLetter(Data):
    """A message that was not delivered or not handled. Its contents stay out."""

    time: Time
    to: str
    type: str
    reason: str


class Dumped(Reply, type="sys.dumped"):
    """What is going on inside: calls in flight, what waits, dead letters."""

    running: tuple[dict[str, JsonValue], ...]
    waiting: dict[str, int]
    waiting_types: tuple[str, ...]
    dead_letters: tuple[DeadLetter, ...]


class Dump(Message, type="sys.dump", reply=Dumped, idempotent=True):
    """Show what is going on inside."""
