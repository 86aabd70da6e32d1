"""Clock: where actors get the time of day from, so that tests need not wait for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol

__all__ = ["Clock", "ManualClock", "SystemClock", "system_clock"]


class Clock(Protocol):
    """Tells the time of day. Deadlines are measured on the loop's own clock, never on this."""

    def now(self) -> datetime:
        """The moment, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The moment, aware, in UTC."""
        return datetime.now(UTC)


class ManualClock:
    """A clock for tests that stands still until it is moved."""

    def __init__(self, start: datetime = datetime(2024, 1, 1, tzinfo=UTC)) -> None:
        self._now = start

    def now(self) -> datetime:
        """The moment it was last moved to."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Moves it forward."""
        self._now += timedelta(seconds=seconds)


system_clock: Clock = SystemClock()
