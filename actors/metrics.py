"""Metric: a figure that an actor exports, in the terms of Prometheus's text format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["Metric"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One name with its samples."""

    name: str
    kind: Literal["counter", "gauge"]
    help: str
    samples: Sequence[tuple[dict[str, str], float]]
    """Labels and value; the actor's name is added to the labels by the host."""
