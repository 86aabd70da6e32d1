"""How values stand in the database: JSON in one form, emotions as a byte for each label. Times: `actors.moments`.

Knows no table.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from actors.memory.messages import EMOTIONS

__all__ = ["canonical", "felt_from", "felt_in"]

ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


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
