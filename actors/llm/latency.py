"""First-token times and outcomes of an endpoint's latest calls: for hedging, for outliers, for those who look."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

WINDOW_S = 60.0
KEPT = 256


class Latest:
    """The latest calls of one endpoint.

    Args:
        now: seconds of a clock that only goes forward.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.first_tokens: deque[tuple[float, float]] = deque(maxlen=KEPT)
        self.outcomes: deque[tuple[float, bool]] = deque(maxlen=KEPT)

    def first_token(self, seconds: float) -> None:
        """A first token came after so long."""
        self.first_tokens.append((self.now(), seconds))

    def ended(self, *, success: bool) -> None:
        """A call has ended, by no doing of the caller's."""
        self.outcomes.append((self.now(), success))

    def percentile(self, share: float, minimum_calls: int = 1) -> float | None:
        """Seconds within which this share of first tokens came (nearest rank); None where too few calls are known."""
        known = sorted(seconds for when, seconds in self.first_tokens if when > self.now() - WINDOW_S)
        if len(known) < minimum_calls:
            return None

        return known[max(math.ceil(share * len(known)) - 1, 0)]

    def failure_share(self, minimum_calls: int) -> float | None:
        """The share of calls that failed; None where too few are known."""
        known = [success for when, success in self.outcomes if when > self.now() - WINDOW_S]
        return known.count(False) / len(known) if len(known) >= minimum_calls else None
