"""What every actor answers: sys.ping, sys.info, sys.metrics, sys.dump.

The host answers for its actors, at once and beside their mailboxes, so that an actor that is busy can still be looked at.
"""

# ruff: noqa: SLF001 (the rooms of the runtime look into each other, and nobody else does)
from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from actors.limits import resident_bytes, used_descriptors
from actors.message import Data, Message, Reply
from actors.metrics import Metric
from transport.errors import UnknownType

if TYPE_CHECKING:
    from actors.delivery import Delivery
    from actors.home import Home
    from actors.runtime import AsyncActor

__all__ = ["SysDump", "SysDumped", "SysInfo", "SysInfoReply", "SysMetrics", "SysMetricsReply", "SysPing", "SysPong", "answer"]

DUMPED: int = 200
"""Messages, calls and dead letters that a dump lists at most, each."""


class SysPong(Reply, type="sys.pong"):
    """The actor is there."""

    name: str
    incarnation: str
    pid: int
    time: float
    """Unix time in seconds, by its own clock."""


class SysPing(Message, type="sys.ping", reply=SysPong, idempotent=True):
    """Asks whether it is there, and which incarnation of it."""


class SysInfoReply(Reply, type="sys.info_given"):
    """What the actor is."""

    name: str
    incarnation: str
    pid: int
    uptime_s: float
    types: tuple[str, ...]
    """Contracts that it handles."""

    concurrency: int
    mailbox_limits: tuple[int, int]
    ready: bool
    why_not_ready: str | None
    draining: bool


class SysInfo(Message, type="sys.info", reply=SysInfoReply, idempotent=True):
    """Asks what it is, which contracts it handles, whether it is ready."""


class Sample(Data):
    """One value of a metric."""

    labels: dict[str, str]
    value: float


class MetricSamples(Data):
    """A metric, in Prometheus's terms."""

    name: str
    kind: Literal["counter", "gauge"]
    help: str
    samples: tuple[Sample, ...]


class SysMetricsReply(Reply, type="sys.metrics_given"):
    """The actor's metrics and its host's."""

    metrics: tuple[MetricSamples, ...]


class SysMetrics(Message, type="sys.metrics", reply=SysMetricsReply, idempotent=True):
    """All figures that it exports."""


class Waiting(Data):
    """A message that waits, or a call that runs. Contents are never shown."""

    type: str
    id: str
    lane: str
    age_s: float
    left_s: float
    caller: str


class Letter(Data):
    """A dead letter."""

    time: float
    reason: str
    to: str | None
    type: str | None
    id: str
    caller: str


class Stall(Data):
    """A moment at which the loop was held, and by what."""

    time: float
    stack: str


class SysDumped(Reply, type="sys.dumped"):
    """The inside of the actor and its host, for people."""

    waiting: tuple[Waiting, ...]
    running: tuple[Waiting, ...]
    kept_calls: int
    kept_bytes: int
    dead_letters: tuple[Letter, ...]
    dead_letter_counts: dict[str, int]
    stalls: tuple[Stall, ...]
    tasks: tuple[str, ...]


class SysDump(Message, type="sys.dump", reply=SysDumped, idempotent=True):
    """What waits, what runs, what died, what held the loop."""


def answer(host: Home, actor: AsyncActor, message: Message) -> Reply:
    """The answer to one of this room's messages.

    Raises:
        UnknownType: it is none of them.
    """
    if isinstance(message, SysPing):
        return SysPong(name=actor.name, incarnation=host.incarnation, pid=os.getpid(), time=time.time())

    if isinstance(message, SysInfo):
        return _info(host, actor)

    if isinstance(message, SysMetrics):
        return _metrics(host, actor)

    if isinstance(message, SysDump):
        return _dump(host, actor)

    raise UnknownType(f"no actor handles {message.contract.type}")


def _info(host: Home, actor: AsyncActor) -> SysInfoReply:
    why_not = host.why_not_ready(actor)

    return SysInfoReply(
        name=actor.name,
        incarnation=host.incarnation,
        pid=os.getpid(),
        uptime_s=time.monotonic() - host.started,
        types=tuple(sorted(actor._handlers)),
        concurrency=actor.concurrency,
        mailbox_limits=actor._mailbox.limits,
        ready=why_not is None,
        why_not_ready=why_not,
        draining=host.draining.is_set(),
    )


def _metrics(host: Home, actor: AsyncActor) -> SysMetricsReply:
    return SysMetricsReply(
        metrics=tuple(
            MetricSamples(
                name=metric.name,
                kind=metric.kind,
                help=metric.help,
                samples=tuple(Sample(labels={"actor": actor.name, **labels}, value=value) for labels, value in metric.samples),
            )
            for metric in (*_own_metrics(host, actor), *actor.metrics())
        )
    )


def _own_metrics(host: Home, actor: AsyncActor) -> Iterator[Metric]:
    mailbox, crew, kept, tally = actor._mailbox, actor._crew, actor._kept, actor._crew.tally

    def by_type(counts: dict[str, float] | dict[str, int]) -> list[tuple[dict[str, str], float]]:
        return [({"type": name}, float(count)) for name, count in sorted(counts.items())]

    yield Metric("lattice_handled_total", "counter", "Messages handled.", by_type(tally.handled))
    yield Metric("lattice_failed_total", "counter", "Messages whose handler raised.", by_type(tally.failed))
    yield Metric("lattice_handler_seconds_total", "counter", "Time in handlers.", by_type(tally.seconds))
    yield Metric(
        "lattice_mailbox_depth",
        "gauge",
        "Messages that wait.",
        [({"lane": "fg"}, float(len(mailbox.foreground))), ({"lane": "bg"}, float(len(mailbox.background)))],
    )
    yield Metric("lattice_running", "gauge", "Handlers that run.", [({}, crew.busy)])
    yield Metric("lattice_overloaded_total", "counter", "Messages refused by a full lane.", [({}, mailbox.overloaded)])
    yield Metric("lattice_kept_calls", "gauge", "Kept calls.", [({}, len(kept))])
    yield Metric("lattice_kept_bytes", "gauge", "Bytes of kept answers.", [({}, kept.size)])
    yield Metric(
        "lattice_dead_letters_total",
        "counter",
        "Messages that could not be delivered or handled.",
        [({"reason": reason}, count) for reason, count in sorted(host.dead_letters.counts.items())],
    )
    yield Metric("lattice_loop_lag_seconds", "gauge", "Longest lag of the last second.", [({}, host.lag.lag_ms / 1000)])
    yield Metric("lattice_loop_held_total", "counter", "Times the loop was held over 100 ms.", [({}, host.lag.stall_count)])
    yield Metric("lattice_resident_bytes", "gauge", "Resident memory.", [({}, resident_bytes())])
    yield from _limit_metrics(host, actor)


def _limit_metrics(host: Home, actor: AsyncActor) -> Iterator[Metric]:
    limits, mailbox, now = host.limits, actor._mailbox, time.monotonic()
    longest = max((now - delivery.arrived for delivery in actor._crew.running), default=0.0)
    used_and_limit = {
        "memory_bytes": (resident_bytes(), limits.memory_mb << 20),
        "descriptors": (used_descriptors(), limits.descriptors),
        "mailbox_fg": (len(mailbox.foreground), mailbox.limits[0]),
        "mailbox_bg": (len(mailbox.background), mailbox.limits[1]),
        "calls": (host.calls, limits.calls),
        "call_seconds": (longest, limits.call_s),
        **actor.bounds(),
    }

    for name, place, help_text in (
        ("lattice_used", 0, "How much of a limit is used."),
        ("lattice_limit", 1, "What one process may use."),
    ):
        samples = [({"resource": resource}, float(pair[place])) for resource, pair in used_and_limit.items()]
        yield Metric(name, "gauge", help_text, samples)


def _dump(host: Home, actor: AsyncActor) -> SysDumped:
    mailbox, crew, kept = actor._mailbox, actor._crew, actor._kept
    letters = list(host.dead_letters.ring)[-DUMPED:]

    return SysDumped(
        waiting=tuple(_waiting(item) for item in mailbox.deliveries()[:DUMPED]),
        running=tuple(_waiting(item) for item in list(crew.running)[:DUMPED]),
        kept_calls=len(kept),
        kept_bytes=kept.size,
        dead_letters=tuple(
            Letter(time=letter.time, reason=letter.reason, to=letter.to, type=letter.type, id=letter.id, caller=letter.caller)
            for letter in letters
        ),
        dead_letter_counts=dict(host.dead_letters.counts),
        stalls=tuple(Stall(time=stall.time, stack=stall.stack) for stall in host.lag.stalls),
        tasks=tuple(sorted(task.get_name() for task in asyncio.all_tasks()))[:DUMPED],
    )


def _waiting(delivery: Delivery) -> Waiting:
    return Waiting(
        type=delivery.contract.type,
        id=delivery.id,
        lane=delivery.lane,
        age_s=time.monotonic() - delivery.arrived,
        left_s=delivery.remaining(),
        caller=delivery.caller,
    )
