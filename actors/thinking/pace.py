"""Pace: how long a model call is to be expected to take, from those that were seen."""

from __future__ import annotations

from typing import Final

__all__ = ["Pace"]

WEIGHT: Final = 0.3
"""The weight of the latest call. After three calls they make two thirds of the estimate."""


class Pace:
    """A moving average, slow to get faster and quick to get slower: an answer that comes late is worse than a step left out."""

    def __init__(self, first_s: float) -> None:
        self.seconds = first_s

    def took(self, seconds: float) -> None:
        """A call took so long."""
        weight = 2 * WEIGHT if seconds > self.seconds else WEIGHT
        self.seconds += weight * (seconds - self.seconds)
