"""Times that a question counts from the day on which it is asked: "in the last three weeks", "on Friday", "half a year ago".

A record that says the like means another time ("on Friday" is often still to come): these rules are for questions alone, beside
those of `times.py`. A weekday, a weekend, a day of a month and a season without a year are over where the question's verb is in
the past; else they may be to come, and are left alone. English, by rules; knows no record.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta

from actors.memory.search.times import (
    COUNT,
    COUNTED,
    MONTHS,
    SEASONS,
    WEEKDAYS,
    Days,
    Parts,
    Resolve,
    Rule,
    ago,
    compiled,
    count_of,
    has_sign,
    months_from,
    on_weekday,
    three_months,
    whole_year,
)

__all__ = ["asks_time_in", "may_ask_for_time", "rules_for"]

TEENS = ("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty")
TENS = {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "ninety": 90, "hundred": 100, "a hundred": 100}
LARGER = {word: number for number, word in enumerate(TEENS, 13)} | TENS
NUMBER = rf"(?P<count>{'|'.join(LARGER)}|{COUNTED})"
LAST = r"(?:last|past|previous)"
UNIT = r"(?P<unit>hour|day|week|month|year)s?"
ONE = r"(?P<unit>hour|day|week|month|year)"
BACK = r"(?:ago|back|earlier)"
LENGTHS = {"hour": 1, "day": 1, "week": 7, "month": 30, "year": 365}
"""Days of a unit, where no month or year of the calendar is meant."""

SEASON = r"(?P<season>spring|summer|autumn|winter)"
NO_YEAR = r"(?!\s+(?:of\s+)?(?:19|20)\d\d)"
NO_DATE = rf"(?!['\u2019]s|,?\s+(?:the\s+|before\s+|after\s+)?(?:\d|(?:{'|'.join(MONTHS)})[a-z]*\s+\d))"
DAY_NUMBER = r"(?P<day>3[01]|[12]\d|[1-9])(?:st|nd|rd|th)"
BEHIND = "(?:" + "|".join(f"(?<={word} )" for word in ("on", "since", "before", "after", "until", "till", "by", "from")) + ")"


def number_of(words: str) -> int:
    """As `count_of`, of larger numbers too."""
    return LARGER.get(words) or count_of(words)


def until_now(parts: Parts, asked: date) -> Days:
    """The last so many units, up to the day itself."""
    count = number_of(parts.get("count") or "one")
    days = -(-count // 24) if parts["unit"] == "hour" else count * LENGTHS[parts["unit"] or ""]
    return asked - timedelta(days), asked


def many_ago(parts: Parts, asked: date) -> Days:
    """So many units back."""
    return ago({**parts, "count": str(number_of(parts["count"] or ""))}, asked)


def halves_ago(parts: Parts, asked: date) -> Days:
    """Half a unit back, or some and a half; right to within a quarter."""
    halves = 2 * count_of(parts["count"] or "") + 1 if "count" in parts else 1
    return about(asked, halves * LENGTHS[parts["unit"] or ""] // 2)


def fortnight_ago(_parts: Parts, asked: date) -> Days:
    """Two weeks back; right to within a quarter."""
    return about(asked, 14)


def about(asked: date, days: int) -> Days:
    """So many days back; right to within a quarter."""
    return asked - timedelta(days + days // 4), asked - timedelta(days - days // 4)


def this_day(_parts: Parts, asked: date) -> Days:
    """Hours or minutes back."""
    return asked, asked


def before_last(parts: Parts, asked: date) -> Days:
    """The week, weekend, month or year before the last."""
    if parts["unit"] == "year":
        return whole_year(asked.year - 2)
    if parts["unit"] == "month":
        return months_from(asked, -2)
    monday = asked - timedelta(14 + asked.weekday())
    return monday + timedelta(5 if parts["unit"] == "weekend" else 0), monday + timedelta(6)


def weekends_ago(parts: Parts, asked: date) -> Days:
    """So many weekends back. One that has begun is this one."""
    saturday = asked - timedelta(asked.weekday() + 2 + 7 * (count_of(parts["count"] or "") - 1))
    return saturday, saturday + timedelta(1)


def at_the_weekend(_parts: Parts, asked: date) -> Days:
    """The latest one that has begun."""
    saturday = asked - timedelta((asked.weekday() - 5) % 7)
    return saturday, saturday + timedelta(1)


def latest_weekday(parts: Parts, asked: date) -> Days:
    """The last day of that name; a week ago, if this day has it."""
    return on_weekday({**parts, "which": "last"}, asked)


def latest_day(parts: Parts, asked: date) -> Days:
    """The day of this month, or else of the latest month that has it."""
    number = int(parts["day"] or 0)
    first = asked.replace(day=1)
    if number > asked.day:
        first = (first - timedelta(1)).replace(day=1)
    while (first + timedelta(number - 1)).month != first.month:
        first = (first - timedelta(1)).replace(day=1)
    day = first + timedelta(number - 1)
    return day, day


def in_numbers(parts: Parts, _asked: date) -> Days:
    """A date in numbers: with dots the day is first; with strokes it is known by a number that no month has."""
    first, second, year = (int(parts[name] or 0) for name in ("first", "second", "year"))
    if parts["mark"] == "/" and first <= 12 and second <= 12 and first != second:
        raise ValueError("either may be the month")
    day = date(year, first, second) if parts["mark"] == "/" and second > 12 else date(year, second, first)
    return day, day


def latest_season(parts: Parts, asked: date) -> Days:
    """The latest that has begun."""
    begins = SEASONS[parts["season"] or ""]
    return three_months(asked.year - (date(asked.year, begins, 1) > asked), begins)


RULES: tuple[tuple[str, Resolve], ...] = (
    (rf"{LAST}\s+{NUMBER}\s+{UNIT}", until_now),
    (rf"(?:in|over|during|within)\s+(?:the\s+)?{LAST}\s+{ONE}", until_now),
    (rf"(?:the|this)\s+past\s+{ONE}", until_now),
    (rf"half\s+an?\s+{ONE}\s+{BACK}", halves_ago),
    (rf"{COUNT}\s+{UNIT}\s+and\s+a\s+half\s+{BACK}", halves_ago),
    (rf"a\s+fortnight\s+{BACK}", fortnight_ago),
    (rf"{COUNT}\s+(?:hour|minute)s?\s+{BACK}", this_day),
    (rf"{COUNT}\s+weekends?\s+{BACK}", weekends_ago),
    (rf"(?P<count>{'|'.join(LARGER)})\s+{UNIT}\s+{BACK}", many_ago),
    (r"the\s+(?P<unit>week|weekend|month|year)\s+before\s+last", before_last),
    (r"(?P<first>\d{1,2})(?P<mark>[./])(?P<second>\d{1,2})(?P=mark)(?P<year>(?:19|20)\d\d)", in_numbers),
)

OF_THE_PAST: tuple[tuple[str, Resolve], ...] = (
    (r"(?:at|on|over|during)\s+the\s+weekend", at_the_weekend),
    (rf"(?:in|over|during|since|by|until|till|before|after)\s+(?:the\s+)?{SEASON}{NO_YEAR}", latest_season),
    (rf"{BEHIND}(?P<weekday>{'|'.join(WEEKDAYS)}){NO_DATE}", latest_weekday),
    (rf"{BEHIND}the\s+{DAY_NUMBER}(?=\s*(?:[?.!,;]|$))", latest_day),
)

PAST = re.compile(
    r"\b(?:did(?:n['\u2019]t)?|was|were|wasn['\u2019]t|weren['\u2019]t|had|been|happened|since|said|told|went|came|got|saw|ate|bought|met|"
    r"(?!hundred\b)\w+[^\We]ed)\b",
    re.IGNORECASE,
)
"""Verbs by which a question is of the past: "need", "feed" and "agreed" are none, which loses the last."""

SIGNS = frozenset({*WEEKDAYS, "weekend", "weekends", "fortnight", "hours", "minutes", "st", "nd", "rd", "th"})

ALWAYS = tuple((compiled(rule), resolve) for rule, resolve in RULES)
IN_THE_PAST = ALWAYS + tuple((compiled(rule), resolve) for rule, resolve in OF_THE_PAST)


def rules_for(text: str) -> Sequence[Rule]:
    """The rules that hold for a question."""
    return IN_THE_PAST if PAST.search(text) else ALWAYS


def may_ask_for_time(text: str) -> bool:
    """Whether the text has a word of which every time expression has one: most questions have none."""
    return has_sign(text, SIGNS)


def asks_time_in(text: str, start: int, stop: int) -> bool:
    """Whether a part of a question is of such a time, or a part of one."""
    matches = (match for pattern, _ in rules_for(text) for match in pattern.finditer(text))
    return any(match.start() < stop and start < match.end() for match in matches)
