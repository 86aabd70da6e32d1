"""/metrics: the figures of every actor, and the gateway's own, in Prometheus's text form."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from actors.system import MetricSamples, SysMetrics, SysMetricsReply
from gateway.health import ACTORS
from gateway.incoming import Incoming
from gateway.route import Routes
from transport.errors import LatticeError

__all__ = ["HttpMetrics", "routes"]

routes = Routes("Health", access="operator")

ASKED: Final = (*ACTORS, "gateway", "supervisor")
BUCKETS: Final = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)


class HttpMetrics:
    """What the gateway counts of HTTP."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        labels = ("actor", "method", "route", "status")
        self.requests = Counter("lattice_http_requests", "Requests by how they were answered.", labels, registry=self.registry)
        self.seconds = Histogram(
            "lattice_http_request_seconds",
            "From a request's head to the end of its answer.",
            ("actor", "route"),
            buckets=BUCKETS,
            registry=self.registry,
        )
        gauge = Gauge("lattice_http_in_flight", "Requests being handled.", ("actor",), registry=self.registry)
        self.in_flight = gauge.labels("gateway")
        # A family of its own: no route was looked for, and a refusal's time would make all others look quick.
        shed = Counter(
            "lattice_http_shed", "Requests refused by their head: the house was full.", ("actor",), registry=self.registry
        )
        self.shed = shed.labels("gateway")

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self.requests.labels("gateway", method, route, str(status)).inc()
        self.seconds.labels("gateway", route).observe(seconds)


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
