"""Time expressions in a text, resolved against the day on which it was said. English, by rules; knows no record and no query.

"last May", "on 9 November 2022", "two weeks ago" become spans of days. What is too vague to be of use ("once", "soon") is left
alone, and so is a weekday without "last" or "next": whether it is past or to come, only the verb says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

__all__ = [
    "COUNT",
    "COUNTED",
    "MONTHS",
    "SEASONS",
    "UNIT",
    "WEEKDAYS",
    "Days",
    "Parts",
    "Resolve",
    "Rule",
    "Span",
    "ago",
    "compiled",
    "count_of",
    "has_sign",
    "months_from",
    "on_weekday",
    "says_time",
    "spans_of",
    "three_months",
    "whole_year",
]

MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|"
    r"nov(?:ember)?|dec(?:ember)?)"
)
DAY = r"(?P<day>3[01]|[12]\d|0?[1-9])(?:st|nd|rd|th)?(?!\d)"
YEAR = r"(?P<year>(?:19|20)\d\d)(?!\d)"
COUNTED = (
    r"\d{1,3}|an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|"
    r"(?:a )?few|(?:a )?couple(?: of)?|several"
)
COUNT = rf"(?P<count>{COUNTED})"
UNIT = r"(?P<unit>day|week|month|year)s?"
WHICH = r"(?P<which>(?:the )?(?:last|past|previous)|this past|this|(?:the )?next)"
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
COUNTS = {word: number for number, word in enumerate(WORDS, 1)} | {"a": 1, "an": 1, "couple": 2, "few": 3, "several": 4}
NEAR = {
    "today": (0, 0),
    "tonight": (0, 0),
    "this morning": (0, 0),
    "this afternoon": (0, 0),
    "this evening": (0, 0),
    "yesterday": (-1, -1),
    "last night": (-1, -1),
    "the day before yesterday": (-2, -2),
    "tomorrow": (1, 1),
    "the other day": (-7, -1),
    "recently": (-30, 0),
    "lately": (-30, 0),
}
VAGUE = frozenset({"recently", "lately", "the other day"})

Days = tuple[date, date]
Parts = dict[str, str | None]


@dataclass(frozen=True, slots=True)
class Span:
    """Days, both ends included, and where in the text they are named."""

    first: date
    last: date
    start: int
    stop: int
    yearly: bool = False
    """Whether the text names no year ("in May", "on 3 June"): then the year is a guess."""

    vague: bool = False
    """Whether it only says that it was not long ago."""

    def in_year(self, year: int) -> Days | None:
        """The same days of another year, whole months as such; None where that has no such day or is no year."""
        try:
            if self.first.day == 1 and (self.last + timedelta(1)).day == 1:
                months = (self.last.year - self.first.year) * 12 + self.last.month - self.first.month
                first = date(year, self.first.month, 1)
                return first, months_from(first, months)[1]
            return self.first.replace(year=year), self.last.replace(year=year + self.last.year - self.first.year)
        except (ValueError, OverflowError):
            return None


def spans_of(text: str, said: date, before: Sequence[Rule] = ()) -> list[Span]:
    """What a text says of times, in its order.

    Args:
        text: what was said.
        said: when.
        before: rules that come before those of this file.
    """
    found: list[Span] = []
    for pattern, resolve in (*before, *PATTERNS):
        for match in pattern.finditer(text):
            if any(match.start() < span.stop and span.start < match.end() for span in found):
                continue
            parts: Parts = {name: value and value.lower() for name, value in match.groupdict().items()}
            try:
                first, last = resolve(parts, said)
            except (ValueError, OverflowError):  # 31 June, or the year 10000: no time that could be meant
                continue
            named = ("month" in parts or "season" in parts) and not parts.get("year") and not parts.get("which")
            found.append(Span(first, last, *match.span(), yearly=named, vague=parts.get("near") in VAGUE))
    return sorted(found, key=lambda span: span.start)


def says_time(text: str) -> bool:
    """Whether the text has any time expression."""
    return has_sign(text) and ANY.search(text) is not None


def has_sign(text: str, more: frozenset[str] = frozenset()) -> bool:
    """Whether the text has one of the words of which every time expression has one; `more` are others."""
    words = WORD.findall(text.lower())
    return not (SIGNS.isdisjoint(words) and more.isdisjoint(words))


def on_day(parts: Parts, said: date) -> Days:
    """A day of a month. Without a year: of the year in which it is nearest, rather before than after."""
    month, day = month_of(parts), int(parts["day"] or 0)
    if parts["year"]:
        known = date(int(parts["year"]), month, day)
        return known, known
    nearest = min((date(said.year + step, month, day) for step in (-1, 0, 1)), key=lambda one: abs((one - said).days + 60))
    return nearest, nearest


def in_month(parts: Parts, said: date) -> Days:
    """A month. Without a year: the last one that has begun, or as "last" and "next" say."""
    month, which = month_of(parts), parts.get("which") or ""
    if parts.get("year"):
        return whole_month(int(parts["year"] or 0), month)
    if which.endswith("next"):
        return whole_month(said.year + (month <= said.month), month)
    if which == "this":
        return whole_month(said.year, month)
    return whole_month(said.year - (month >= said.month if which else month > said.month), month)


def in_season(parts: Parts, said: date) -> Days:
    """A season, by the northern half's calendar, three whole months."""
    begins = SEASONS[parts["season"] or ""]
    if parts["year"]:
        return three_months(int(parts["year"]), begins)
    which = parts["which"] or ""
    year = said.year
    if which.endswith(("last", "past", "previous")) and three_months(year, begins)[1] >= said:
        year -= 1
    if which.endswith("next") and date(year, begins, 1) <= said:
        year += 1
    return three_months(year, begins)


def ago(parts: Parts, said: date) -> Days:
    """So many days, weeks, months or years back."""
    return away(parts, said, -1)


def hence(parts: Parts, said: date) -> Days:
    """So many days, weeks, months or years ahead."""
    return away(parts, said, 1)


def away(parts: Parts, said: date, sign: int) -> Days:
    """What a count of units leads to: weeks to within three days, months and years as wholes."""
    count = sign * count_of(parts["count"] or "")
    if parts["unit"] == "year":
        return whole_year(said.year + count)
    if parts["unit"] == "month":
        return months_from(said, count)
    if parts["unit"] == "week":
        return said + timedelta(7 * count - 3), said + timedelta(7 * count + 3)
    return said + timedelta(count), said + timedelta(count)


def count_of(words: str) -> int:
    """How many "a couple of", "three" or "12" are."""
    word = words.removeprefix("a ").removesuffix(" of")
    return int(word) if word.isdigit() else COUNTS[word]


def on_weekday(parts: Parts, said: date) -> Days:
    """Last, this or next Monday."""
    place, which = WEEKDAYS.index(parts["weekday"] or ""), parts["which"] or ""
    if which.endswith("next"):
        day = said + timedelta((place - said.weekday() - 1) % 7 + 1)
    elif which == "this":
        day = said + timedelta(place - said.weekday())
    else:
        day = said - timedelta((said.weekday() - place - 1) % 7 + 1)
    return day, day


def in_unit(parts: Parts, said: date) -> Days:
    """Last, this or next week, weekend, month or year."""
    which = parts["which"] or ""
    step = 1 if which.endswith("next") else 0 if which == "this" else -1
    if parts["unit"] == "year":
        return whole_year(said.year + step)
    if parts["unit"] == "month":
        return months_from(said, step)
    monday = said + timedelta(7 * step - said.weekday())
    first = monday + timedelta(5) if parts["unit"] == "weekend" else monday
    return first, monday + timedelta(6)


def nearby(parts: Parts, said: date) -> Days:
    """Yesterday, tonight and the like."""
    first, last = NEAR[parts["near"] or ""]
    return said + timedelta(first), said + timedelta(last)


def in_year(parts: Parts, _said: date) -> Days:
    """The year that is named."""
    return whole_year(int(parts["year"] or 0))


def by_number(parts: Parts, _said: date) -> Days:
    """A date in ISO 8601's order."""
    day = date(int(parts["year"] or 0), int(parts["number"] or 0), int(parts["day"] or 0))
    return day, day


def month_of(parts: Parts) -> int:
    """The number of the month that is named."""
    return MONTHS.index((parts["month"] or "")[:3]) + 1


def whole_year(year: int) -> Days:
    """From its first day to its last."""
    return date(year, 1, 1), date(year, 12, 31)


def whole_month(year: int, month: int) -> Days:
    """From its first day to its last."""
    following = date(year + month // 12, month % 12 + 1, 1)
    return date(year, month, 1), following - timedelta(1)


def months_from(said: date, count: int) -> Days:
    """The whole month that lies so many months away."""
    months = said.year * 12 + said.month - 1 + count
    return whole_month(months // 12, months % 12 + 1)


def three_months(year: int, month: int) -> Days:
    """Three whole months from this one on."""
    return date(year, month, 1), months_from(date(year, month, 1), 2)[1]


def compiled(pattern: str) -> re.Pattern[str]:
    """As whole words, in any case."""
    return re.compile(rf"(?<!\w)(?:{pattern})(?!\w)", re.IGNORECASE)


Resolve = Callable[[Parts, date], Days]
Rule = tuple[re.Pattern[str], Resolve]

RULES: tuple[tuple[str, Resolve], ...] = (
    (r"(?P<year>(?:19|20)\d\d)-(?P<number>\d\d)-(?P<day>\d\d)(?:T[\d:.]+Z?)?", by_number),
    (rf"{DAY}\s+(?:of\s+)?{MONTH}\.?(?:,?\s+{YEAR})?", on_day),
    (rf"{MONTH}\.?\s+(?:the\s+)?{DAY}(?:,?\s*{YEAR})?", on_day),
    (rf"{MONTH},?\s+(?:of\s+)?{YEAR}", in_month),
    (rf"{WHICH}\s+{MONTH}", in_month),
    # "may" and "march" are words of their own: without a preposition they are no months.
    (rf"(?:in|during|since|by|until|till|before|after|early|late|mid|of)[\s-]+{MONTH}", in_month),
    (rf"{WHICH}\s+(?P<season>spring|summer|autumn|fall|winter)(?P<year>(?!))?", in_season),
    (rf"(?P<which>(?!))?(?P<season>spring|summer|autumn|fall|winter)\s+(?:of\s+)?{YEAR}", in_season),
    (rf"{COUNT}\s+{UNIT}\s+(?:ago|back|earlier)", ago),
    (rf"in\s+{COUNT}\s+{UNIT}", hence),
    (rf"{COUNT}\s+{UNIT}\s+from\s+now", hence),
    (rf"{WHICH}\s+(?P<weekday>{'|'.join(WEEKDAYS)})", on_weekday),
    (rf"{WHICH}\s+(?P<unit>weekend|week|month|year)", in_unit),
    (rf"(?P<near>{'|'.join(sorted(NEAR, key=len, reverse=True))})", nearby),
    (rf"(?:in|during|since|by|until|till|before|after|of|early|late|from)\s+{YEAR}", in_year),
)

PATTERNS = tuple((compiled(rule), resolve) for rule, resolve in RULES)
ANY = compiled("|".join(re.sub(r"\(\?P<\w+>", "(?:", rule) for rule, _ in RULES))

WORD = re.compile(r"[a-z]+|(?:19|20)\d\d")
NEARNESS = ("last", "past", "previous", "this", "next", "ago", "back", "earlier", "now", "other", "night", "recently", "lately")
UNITS = ("day", "week", "month", "year", "days", "weeks", "months", "years", "today", "tonight", "yesterday", "tomorrow")
LONG = "january february march april june july august sept september october november december"
SIGNS = frozenset([*NEARNESS, *UNITS, *LONG.split(" "), *MONTHS, *SEASONS, *map(str, range(1900, 2100))])
"""One of these is in every time expression: most of what is said has none, and need not be held against the rules."""
