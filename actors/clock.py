"""Clock: where actors get the time of day from, so that tests need not wait for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

LEAP: Final = timedelta(hours=1)
"""What a clock is ahead of the time that has passed, and has jumped: daylight saving and leap seconds are no matter of UTC."""

DOUBTED_S: Final = 86_400.0
"""For how long a clock that has jumped ahead is not believed. One that was wrong is set right within minutes, mostly."""

__all__ = ["Clock", "ManualClock", "SystemClock", "system_clock"]


class Clock(Protocol):
    """Tells the time of day. Deadlines are measured on the loop's own clock, never on this."""

    def now(self) -> datetime:
        """The moment, aware, in UTC."""
        ...

    def steady(self) -> datetime:
        """The moment by which things are thrown away for their age: as `now`, but a jump ahead counts a day later only.

        What was thrown away does not come back when the clock does.
        """
        ...


def seconds_since_boot() -> float:
    """A clock that only goes forwards, also while the machine sleeps, where it tells that."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class SystemClock:
    """The machine's clock.

    Made once, in the process that forks all others, so that a jump is one also for who is started after it. That process
    looks at it before each fork: who is started later doubts it no longer than that one does.
    """

    def __init__(self, passed: Callable[[], float] = seconds_since_boot) -> None:
        self._passed = passed
        self._believed = self.now(), passed()
        self._doubted_since: float | None = None

    def now(self) -> datetime:
        """The moment, aware, in UTC."""
        return datetime.now(UTC)

    def steady(self) -> datetime:
        """See `Clock`."""
        now, passed = self.now(), self._passed()
        then, at = self._believed
        expected = then + timedelta(seconds=passed - at)
        if now - expected > LEAP:
            self._doubted_since = passed if self._doubted_since is None else self._doubted_since
            if passed - self._doubted_since < DOUBTED_S:
                return expected
        self._believed, self._doubted_since = (now, passed), None
        return now


class ManualClock:
    """A clock for tests that stands still until it is moved."""

    def __init__(self, start: datetime = datetime(2024, 1, 1, tzinfo=UTC)) -> None:
        self._now = start

    def now(self) -> datetime:
        """The moment it was last moved to."""
        return self._now

    def steady(self) -> datetime:
        """The same: who moves it means it."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Moves it forward."""
        self._now += timedelta(seconds=seconds)


system_clock: Clock = SystemClock()
