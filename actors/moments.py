"""Times as they stand in databases: whole microseconds since 1970, UTC. Knows no table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

__all__ = ["MICROSECOND", "micros", "moment"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def micros(time: datetime) -> int:
    """Microseconds since 1970."""
    return (time - EPOCH) // MICROSECOND


def moment(value: int) -> datetime:
    """The moment that so many microseconds since 1970 are, UTC."""
    return EPOCH + timedelta(microseconds=value)
