"""What the gateway counts of HTTP. Knows no route; /metrics shows it."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

__all__ = ["HttpMetrics"]

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
