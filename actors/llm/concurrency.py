"""How many calls an endpoint may have in flight: a limit that grows while all goes well and is cut when it is too much for it.

Additive increase, multiplicative decrease, as TCP does it and Netflix's concurrency-limits offer it (AIMDLimit). What speaks of
overload are timeouts and the statuses 429, 503 and 529. A gradient on latency (Netflix's Gradient2, Envoy's filter)
was left out: a model's first token depends on the prompt's length more than on its load. It throttles long prompts, by more
than four fifths in a simulation, and learns little from an endpoint that is full from the start; docs/models.md has figures.
"""

from __future__ import annotations

from collections.abc import Callable

START = 64
"""Enough for a burst of clients at a cold start. The limit soon finds what the endpoint can really take."""

AFTER_OUTAGE = 8
"""Where an endpoint begins that has just come back, so that all that waited for it does not run it over."""

CUT = 0.75


class Concurrency:
    """One endpoint's limit.

    Args:
        most: it never grows beyond.
        now: seconds of a clock that only goes forward.
    """

    def __init__(self, most: int, now: Callable[[], float]) -> None:
        self.most = most
        self.now = now
        self.exact = float(min(most, START))
        self.cut_at = float("-inf")

    @property
    def limit(self) -> int:
        """Calls that may be in flight now, at least 1."""
        return int(self.exact)

    def succeeded(self, in_flight: int) -> None:
        """A call came to its end. Only a limit that is made use of grows: one more for each round of so many calls."""
        if in_flight * 2 >= self.exact:
            self.exact = min(self.exact + 1 / self.exact, float(self.most))

    def overloaded(self, began: float) -> None:
        """A call was too much. Calls that began before the last cut say nothing of what came of it."""
        if began >= self.cut_at:
            self.exact = max(self.exact * CUT, 1.0)
            self.cut_at = self.now()

    def restart(self) -> None:
        """The endpoint was away and is back."""
        self.exact = min(self.exact, float(min(self.most, AFTER_OUTAGE)))
