"""How values stand in the database: times as microseconds since 1970, JSON in one form, emotions as a byte for each label.

Knows no table.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from actors.memory.messages import EMOTIONS

__all__ = ["MICROSECOND", "canonical", "felt_from", "felt_in", "micros", "moment"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def micros(time: datetime) -> int:
    """Microseconds since 1970."""
    return (time - EPOCH) // MICROSECOND


def moment(time: int) -> datetime:
    """The moment that so many microseconds since 1970 are, UTC."""
    return EPOCH + timedelta(microseconds=time)


def canonical(value: Any) -> str:
    """JSON in one form only, so that equal values are equal texts."""
    return ENCODER.encode(value)


def felt_in(felt: Mapping[str, float] | None) -> bytes | None:
    """A vector over `EMOTIONS`, a byte for each: 0 to 255 for 0 to 1. None stays None."""
    return None if felt is None else bytes(round(255 * felt.get(label, 0.0)) for label in EMOTIONS)


def felt_from(vector: bytes | None) -> dict[str, float] | None:
    """The emotions in a vector, those that are not felt left out."""
    if vector is None:
        return None
    return {label: round(strength / 255, 4) for label, strength in zip(EMOTIONS, vector, strict=True) if strength}
