"""Times and sides as they stand in paradox.db."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from actors.paradox.messages import Side

__all__ = ["columns", "micros", "moment"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def columns(side: Side) -> Sequence[Any]:
    """Record, text, speaker, time."""
    return (side.memory, side.text, side.speaker, micros(side.time))


def micros(time: datetime) -> int:
    """Microseconds since 1970."""
    return (time - EPOCH) // timedelta(microseconds=1)


def moment(value: int) -> datetime:
    """The moment that so many microseconds since 1970 are, UTC."""
    return EPOCH + timedelta(microseconds=value)
