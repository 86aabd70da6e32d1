"""Times as messengers write them before a name, in the order and the words of many countries."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from actors.memory.formats.taken import moment_of

__all__ = ["is_month_first", "time_of"]

DATE: Final = re.compile(r"(?<!\d)(\d{1,4})[./-](\d{1,2})[./-](\d{1,4})(?!\d)")
CLOCK: Final = re.compile(r"(?<!\d)(\d{1,2})[:.](\d\d)(?:[:.](\d\d))?(?!\d)")
MORNING: Final = frozenset({"am", "a", "\u4e0a\u5348", "\u5348\u524d", "\uc624\uc804"})
AFTERNOON: Final = frozenset({"pm", "p", "\u4e0b\u5348", "\u5348\u5f8c", "\uc624\ud6c4"})
"""As iOS and Android write them in English, Spanish, Chinese, Japanese and Korean."""

NO_MATTER: Final = frozenset({"", "utc", "gmt", "z", "klo", "kl", "um", "at", "\u00e0s", "\u00e0", "om"})
"""What may stand beside date and clock and changes nothing: "at", in the languages whose messengers write it."""

CENTURY_TURNS: Final = 69
"""A year of two digits below this is of this century, as POSIX has it."""


def is_month_first(stamps: Iterable[str]) -> bool:
    """Whether a file's dates have the month before the day: one whose second number cannot be a month says so."""
    dates = [found for found in map(DATE.search, stamps) if found is not None and len(found[1]) < 3]
    return any(int(found[2]) > 12 >= int(found[1]) for found in dates)


def time_of(stamp: str, *, month_first: bool) -> datetime | None:
    """The moment that a stamp names, UTC where it names no zone; None where it cannot be read for sure."""
    if not stamp:
        return None
    if (known := moment_of(stamp)) is not None:
        return known

    date = DATE.search(stamp)
    rest = stamp if date is None else f"{stamp[: date.start()]} {stamp[date.end() :]}"
    clock = CLOCK.search(rest)
    if date is None or clock is None:
        return None
    beside = re.sub(r"[\s.,]", "", f"{rest[: clock.start()]}{rest[clock.end() :]}").lower()
    if beside not in MORNING | AFTERNOON | NO_MATTER:
        return None

    hour = int(clock[1])
    if beside in AFTERNOON and hour < 12:
        hour += 12
    elif beside in MORNING and hour == 12:
        hour = 0
    year, month, day = in_order(date, month_first=month_first)
    try:
        return datetime(year, month, day, hour, int(clock[2]), int(clock[3] or 0), tzinfo=UTC)
    except ValueError:
        return None


def in_order(date: re.Match[str], *, month_first: bool) -> tuple[int, int, int]:
    """Year, month and day of a date; its year stands first where it has four digits there, else last."""
    first, second, third = (int(number) for number in date.groups())
    if len(date[1]) > 2:
        return first, second, third
    year = third if len(date[3]) > 2 else third + (2000 if third < CENTURY_TURNS else 1900)
    return (year, first, second) if month_first else (year, second, first)
