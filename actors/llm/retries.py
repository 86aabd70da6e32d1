"""The retry budget: how many calls upstream may be made beyond one a request, so that a failure never becomes a storm.

As with gRPC's retry throttling (gRFC A6) and Finagle's budget. It knows no endpoint.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from actors.llm.settings import RetrySettings

WINDOW_S = 10
"""Of the requests of so many seconds a share may be asked again, as with Finagle."""


class RetryBudget:
    """Counts requests and retries in a rolling window.

    Args:
        settings: the share and the least rate.
        now: seconds of a clock that only goes forward.
    """

    def __init__(self, settings: RetrySettings, now: Callable[[], float]) -> None:
        self.settings = settings
        self.now = now
        self.requests: deque[list[float]] = deque()
        """By second: when, how many requests, how many retries of the share."""

        self.latest: deque[float] = deque(maxlen=settings.at_least_per_s)
        self.refused = 0

    def request(self) -> None:
        """A request has come."""
        self.present()[1] += 1

    def take(self) -> bool:
        """Whether one more retry may be made now; it is counted as made."""
        present = self.present()
        if not self.has_room():
            self.refused += 1
            return False

        present[2] += 1
        self.latest.append(self.now())
        return True

    def has_room(self) -> bool:
        """Whether one more retry might be made now."""
        self.present()
        requests = sum(second[1] for second in self.requests)
        retries = sum(second[2] for second in self.requests)
        if retries + 1 <= requests * self.settings.share:
            return True

        least = self.settings.at_least_per_s
        return least > 0 and (len(self.latest) < least or self.latest[0] <= self.now() - 1)

    def present(self) -> list[float]:
        """The counts of this second; those that are too old are forgotten."""
        second = float(int(self.now()))
        while self.requests and self.requests[0][0] <= second - WINDOW_S:
            self.requests.popleft()

        if not self.requests or self.requests[-1][0] != second:
            self.requests.append([second, 0, 0])

        return self.requests[-1]
