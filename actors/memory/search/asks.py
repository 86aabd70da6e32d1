"""What a query asks for besides its topic: a time, something of a certain time, something by somebody. Knows no record."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from actors.memory.search.asked_times import may_ask_for_time, rules_for
from actors.memory.search.times import WEEKDAYS, Days, Span, spans_of

__all__ = ["Period", "asks_when", "named_in", "names_time", "periods_of", "spans_in"]

WHEN = re.compile(
    r"\b(?:when|how long ago|(?:what|which) (?:exact )?(?:date|day|month|year|season|week|time))\b", re.IGNORECASE
)
BETWEEN = re.compile(r"\b(?:between|from)\s*$", re.IGNORECASE)
JOINED = re.compile(r"\s*(?:and|to|until|till|-)\s*", re.IGNORECASE)
NEAR = rf"(?P<near>days?|week|weekend|night|{'|'.join(WEEKDAYS)})"
BEFORE = re.compile(rf"(?:\b{NEAR}\s+)?\b(?P<side>before|after|since|until|till)\s*$", re.IGNORECASE)
CLOSE = timedelta(7)

LONGEST = 2000
"""Characters of a query that are looked at: whoever sends a page as a query gives it no date to be found by."""

YEARS = 50
"""Latest years for which a time without a year may stand."""

MOST = 100
"""Periods of a query."""


@dataclass(frozen=True, slots=True)
class Period:
    """A time that a query asks about: days, both ends included."""

    first: date
    last: date


def asks_when(text: str) -> bool:
    """Whether the answer is a time."""
    return WHEN.search(text, 0, LONGEST) is not None


def named_in(text: str, names: Iterable[str]) -> list[str]:
    """Which of the names the text has as words of their own, in the order in which it has them."""
    text = text[:LONGEST]
    lower = text.lower()
    possible = [name for name in names if name.lower() in lower]
    found = ((re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE), name) for name in possible)
    return [name for _, name in sorted((match.start(), name) for match, name in found if match)]


def names_time(text: str, now: date) -> bool:
    """Whether the text says anything of times."""
    return bool(spans_in(text[:LONGEST], now))


def periods_of(text: str, now: date, years: range) -> list[Period]:
    """The times that a query asks about.

    A month or a day without a year is meant in whatever year there is something to find: in each of `years`.

    Args:
        text: the query.
        now: the day on which it is asked.
        years: in which there are records.
    """
    text, years = text[:LONGEST], years[-YEARS:]
    spans = spans_in(text, now)
    periods: list[Period] = []
    place = 0
    while place < len(spans):
        span = spans[place]
        following = spans[place + 1] if place + 1 < len(spans) else None
        if following and JOINED.fullmatch(text, span.stop, following.start) and BETWEEN.search(text, 0, span.start):
            periods += between(span, following, years)
            place += 2
            continue
        periods += [beside(text, span, first, last) for first, last in dated(span, years)]
        place += 1
    return periods[:MOST]


@lru_cache(maxsize=64)
def spans_in(text: str, now: date) -> tuple[Span, ...]:
    """What the text says of times, vague words left out. Asked several times in one recall."""
    if not may_ask_for_time(text):
        return ()
    return tuple(span for span in spans_of(text, now, rules_for(text)) if not span.vague)


def dated(span: Span, years: range) -> list[tuple[date, date]]:
    """The span's days; those of every year, where it names none. A winter may have begun in the year before."""
    if not span.yearly:
        return [(span.first, span.last)]
    years = range(years.start - (span.last.year - span.first.year), years.stop)
    return [days for year in years if (days := span.in_year(year))]


def between(span: Span, following: Span, years: range) -> list[Period]:
    """From the first to the second; what has no year takes it from the other."""
    pairs: list[tuple[Days | None, Days | None]]
    if span.yearly and not following.yearly:
        pairs = [(span.in_year(following.first.year), (following.first, following.last))]
    elif span.yearly:
        pairs = [(span.in_year(year), following.in_year(year)) for year in years]
    else:
        later = following.in_year(span.first.year) if following.yearly else (following.first, following.last)
        pairs = [((span.first, span.last), later)]
    return [Period(first[0], last[1]) for first, last in pairs if first and last]


def beside(text: str, span: Span, first: date, last: date) -> Period:
    """The period itself, or what lies before or after it, as the word in front of it says."""
    front = BEFORE.search(text, 0, span.start) or BEFORE.search(text, 0, span.stop - len(bare(text, span)))
    if front is None:
        return Period(first, last)
    side, near = front["side"].lower(), front["near"]
    if side in ("before", "until", "till"):
        return Period(first - CLOSE, last) if near else Period(date.min, last if side != "before" else first)
    if near:
        return Period(first, last + CLOSE)
    return Period(first, date.max)


def bare(text: str, span: Span) -> str:
    """The span's words without the preposition that it begins with."""
    words = text[span.start : span.stop]
    return re.sub(r"^(?:before|after|since|until|till)\s+", "", words, flags=re.IGNORECASE)
