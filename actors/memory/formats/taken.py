"""What every format gives: records, and what could not be one, with where it stands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from pydantic import ValidationError

from actors.memory.messages import Portable

__all__ = ["Broken", "Taken", "digest", "moment_of", "pieces", "taken"]

LONGEST = 262_144
"""Characters of one record."""


SINCE_1970 = re.compile(r"(?:\d{9,10}|\d{13})(?:\.\d+)?", re.ASCII)
"""Digits that count from 1970. Eight of them are a date (20240501), twelve one with a clock."""

MILLISECONDS_FROM = 1e11
"""As seconds this is the year 5138, as milliseconds 1973."""


@dataclass(frozen=True, slots=True)
class Broken:
    """Something that is no record, and why."""

    where: str
    reason: str


Taken = Portable | Broken


def taken(where: str, fields: Mapping[str, Any]) -> Taken:
    """The record of these fields."""
    try:
        return Portable.model_validate({name: value for name, value in fields.items() if value is not None})
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
        field = ".".join(str(step) for step in problem["loc"])
        return Broken(where, f"{field}: {problem['msg'].removeprefix('Value error, ')}" if field else problem["msg"])


def moment_of(value: Any) -> datetime | None:
    """A time as files have it: ISO 8601, or seconds or milliseconds since 1970, also as digits in a text. Else None."""
    try:
        if isinstance(value, str) and SINCE_1970.fullmatch(value):
            value = float(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000 if value >= MILLISECONDS_FROM else value, UTC)
        if isinstance(value, str) and value:
            found = datetime.fromisoformat(value)
            return found if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def pieces(text: str) -> list[str]:
    """A text in records' lengths, without what no record can hold: NUL, and halves of surrogate pairs."""
    clean = text.replace("\0", "").encode("utf-8", "replace").decode()
    return [clean[start : start + LONGEST] for start in range(0, len(clean), LONGEST)]


def digest(*parts: object) -> str:
    """A name for what stands at one place of a file: the same file gives the same."""
    return blake2b(repr(parts).encode("utf-8", "replace"), digest_size=12).hexdigest()
