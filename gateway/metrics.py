"""/metrics: the figures of every actor, and the gateway's own, in Prometheus's text form."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from actors.system import MetricSamples, SysMetrics, SysMetricsReply
from gateway.health import ACTORS
from gateway.incoming import Incoming
from gateway.route import Routes
from transport.errors import LatticeError

__all__ = ["routes"]

routes = Routes("Health", access="operator")

ASKED: Final = (*ACTORS, "gateway", "supervisor")


class Gathered(Collector):
    """What the actors told, as families with the actor as a label. An actor that told nothing in time is `lattice_up` 0."""

    def __init__(self, told: dict[str, tuple[MetricSamples, ...] | None]) -> None:
        self.told = told

    def collect(self) -> Iterable[Family]:
        """Each family once, with the samples of all actors."""
        up = GaugeMetricFamily("lattice_up", "Whether the actor told its figures in time.", labels=("actor",))
        families: dict[str, Family] = {up.name: up}

        for actor, metrics in self.told.items():
            up.add_metric((actor,), 0.0 if metrics is None else 1.0)
            for metric in metrics or ():
                name = metric.name.removesuffix("_total") if metric.kind == "counter" else metric.name
                family = families.get(name)
                if family is None:
                    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
                    family = families[name] = kind(name, metric.help)
                sample = f"{name}_total" if metric.kind == "counter" else name
                for value in metric.samples:
                    family.add_sample(sample, {"actor": actor, **value.labels}, value.value)

        return families.values()


@routes.get("/metrics", media="text/plain")
async def metrics(call: Incoming) -> web.Response:
    """The figures of every actor, for Prometheus; `lattice_up` is 0 for one that did not tell its own in time."""
    told = await asyncio.gather(*(ask(call, name) for name in ASKED))
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Gathered(dict(zip(ASKED, told, strict=True))))
    text = generate_latest(call.metrics.registry) + generate_latest(registry)
    return web.Response(body=text, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})


async def ask(call: Incoming, name: str) -> tuple[MetricSamples, ...] | None:
    """What one actor tells; None when it does not in time."""
    try:
        told: SysMetricsReply = await call.probe(SysMetrics(), to=name)
    except LatticeError:
        return None

    return told.metrics
