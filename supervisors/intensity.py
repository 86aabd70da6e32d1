"""How often is too often: Erlang's restart intensity, and the waiting time before a restart. Pure; time is an argument."""

from __future__ import annotations

import random
from collections import deque

__all__ = ["Backoff", "Intensity"]


class Intensity:
    """Counts restarts in a sliding window.

    With intensity N, N restarts within the period are allowed and the next one is not; 0 allows none. A restart leaves the
    window when it is older than the period; at exactly the period it still counts (Erlang/OTP, supervisor:add_restart).
    """

    def __init__(self, intensity: int, period_s: float) -> None:
        self.intensity = intensity
        self.period_s = period_s
        self.times: deque[float] = deque()

    def allows(self, now: float) -> bool:
        """Count a restart at `now` (seconds, monotonic); False when it is one too many."""
        while self.times and now - self.times[0] > self.period_s:
            self.times.popleft()

        if len(self.times) >= self.intensity:
            return False

        self.times.append(now)
        return True


class Backoff:
    """Waiting time before the next restart of one child: none, then `first_s`, growing by `factor` up to `cap_s`.

    A quarter of each is left to chance, so that children that failed together do not come back together.
    """

    def __init__(self, first_s: float, factor: float, cap_s: float, chance: random.Random) -> None:
        self.pace(first_s, factor, cap_s)
        self.chance = chance
        self.failures = 0

    def pace(self, first_s: float, factor: float, cap_s: float) -> None:
        """Wait by these from the next failure on."""
        self.first_s = first_s
        self.factor = factor
        self.cap_s = cap_s

    def reset(self) -> None:
        """The child has been up long enough: its next failure is a first one."""
        self.failures = 0

    def next(self) -> float:
        """Seconds to wait after one more failure."""
        self.failures += 1
        if self.failures == 1:
            return 0.0

        # The exponent is bounded because a float overflows after a thousand failures, which is one night.
        grown = self.first_s * self.factor ** min(self.failures - 2, 64)
        return min(self.cap_s, grown) * (0.75 + 0.25 * self.chance.random())
