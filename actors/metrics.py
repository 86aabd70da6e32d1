"""Metric: what an actor adds to `sys.metrics`, in Prometheus's terms."""

from __future__ import annotations

from typing import Literal

from actors.message import Data

__all__ = ["Metric", "Sample"]


class Sample(Data):
    """One value and the labels that tell it from its siblings."""

    labels: dict[str, str] = {}
    value: float


class Metric(Data):
    """A family of samples. Counters end in `_total`."""

    name: str
    kind: Literal["counter", "gauge"]
    help: str
    samples: tuple[Sample, ...]
