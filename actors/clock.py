"""Where the time comes from: the system, or a test that advances it by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

__all__ = ["Clock", "ManualClock", "system_clock"]


class Clock(Protocol):
    """Tells the time of day."""

    def now(self) -> datetime:
        """This moment, with its offset, UTC."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """This moment, UTC."""
        return datetime.now(UTC)


class ManualClock:
    """Stands still until it is advanced."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._now = start

    def now(self) -> datetime:
        """The moment that it was set to."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += timedelta(seconds=seconds)


system_clock: Final = SystemClock()
