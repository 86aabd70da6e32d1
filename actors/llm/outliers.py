"""Outlier ejection: who does much worse than its equals is asked after them.

Envoy's idea with one difference: an ejected endpoint is not forbidden but comes last, so that the last one is never ejected,
and what overflows from the others still finds it. When its bad minute has passed it stands among its equals again.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Protocol

from actors.llm.latency import Latest

MINIMUM_CALLS = 20
WORSE_BY = 0.2
"""A failure share that is so much above the median of its equals ejects."""

SLOWER_BY = 3.0
"""An endpoint is also ejected when its median first token takes so many times as long as that of its equals, and longer than
`SLOW_S`."""

SLOW_S = 0.5


class Measured(Protocol):
    """What is looked at of an endpoint."""

    name: str
    latest: Latest


def outliers(equals: Sequence[Measured]) -> set[str]:
    """The names of those that are ejected from among their equals; never all of them."""
    if len(equals) < 2:
        return set()

    shares = {one.name: share for one in equals if (share := one.latest.failure_share(MINIMUM_CALLS)) is not None}
    speeds = {one.name: speed for one in equals if (speed := one.latest.percentile(0.5, MINIMUM_CALLS)) is not None}
    found = {
        name for name, share in shares.items() if (rest := others(shares, name)) is not None and share > rest + WORSE_BY
    } | {
        name
        for name, speed in speeds.items()
        if speed > SLOW_S and (rest := others(speeds, name)) is not None and speed > rest * SLOWER_BY
    }
    return found if len(found) < len(equals) else set()


def others(figures: dict[str, float], name: str) -> float | None:
    """The median of the others' figures; None where there is no other."""
    rest = [figure for other, figure in figures.items() if other != name]
    return median(rest) if rest else None
