"""The same figure in the same words: "19:40" where the earlier statement said "7:40 pm", "80 kilos" for 176 pounds.

Whoever compares the two then sees no difference where there is none. An age that grew with the time between is the same, too,
and so is a figure within what a rough one leaves open: 243 kilos, where the earlier statement said "about 250".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache

from actors.paradox.judging.quantities import TENS, UNITS
from actors.paradox.judging.words import STOPWORDS, stem, words_of
from actors.text.months import MONTHS

__all__ = ["restated", "same_rough"]

CONVERTED = 0.02
"""By so much figures in different units may differ: who converts in his head rounds."""

YEAR = timedelta(days=365.25)

SCALES: dict[str, dict[str, float]] = {
    "metres": {
        "km kms kilometre kilometres kilometer kilometers": 1000,
        "m metre metres meter meters": 1,
        "cm centimetre centimetres centimeter centimeters": 0.01,
        "mm millimetre millimetres millimeter millimeters": 0.001,
        "mile miles": 1609.34,
        "foot feet ft": 0.3048,
        "inch inches": 0.0254,
        "yard yards": 0.9144,
    },
    "grams": {
        "kg kgs kilo kilos kilogram kilograms": 1000,
        "g gram grams": 1,
        "mg milligram milligrams": 0.001,
        "pound pounds lb lbs": 453.592,
        "ounce ounces oz": 28.3495,
        "stone stones": 6350.29,
        "tonne tonnes": 1_000_000,
    },
    "litres": {
        "l litre litres liter liters": 1,
        "ml millilitre millilitres": 0.001,
        "gallon gallons": 3.785,
        "pint pints": 0.568,
    },
    "minutes": {"minute minutes min mins": 1, "hour hours hr hrs": 60},
    "days": {"day days": 1, "week weeks": 7, "fortnight fortnights": 14},
    "months": {"month months": 1, "year years": 12},
    "dollars": {"dollar dollars usd bucks": 1},
    "euros": {"euro euros eur": 1},
    "sterling": {"pound pounds quid gbp": 1},
}
OF_UNIT: dict[str, list[tuple[str, float]]] = {}
for dimension_of_all, scales in SCALES.items():
    for names, scale_of_all in scales.items():
        for name in names.split():
            OF_UNIT.setdefault(name, []).append((dimension_of_all, scale_of_all))
SIGNS = {"$": "dollars", "\u20ac": "euros", "\u00a3": "sterling"}
SPELT_VALUES = {word: value for value, word in enumerate(UNITS)} | TENS
MULTIPLES = {"dozen": 12, "hundred": 100, "thousand": 1000}

W = "|".join(sorted([*SPELT_VALUES, *MULTIPLES], key=len, reverse=True))
DIGITS = r"\d[\d,]*(?:\.\d+)?(?: ?k\b)?"
SPELT = rf"\b(?:{W})(?:[- ](?:{W})|(?:(?<=hundred)|(?<=thousand)) and (?:{W}))*\b"
NUMBER = rf"(?:half a dozen|an? (?:dozen|hundred|thousand)|{DIGITS}|{SPELT})"
UNIT = "|".join(sorted(OF_UNIT, key=len, reverse=True))
AMOUNT = rf"(?:half an?|{NUMBER}|\ban?)(?: and a half)?"
MONTH = "|".join(MONTHS)

MEASURE = re.compile(rf"({AMOUNT})[ -]?({UNIT})\b( and a half)?")
SIGNED = re.compile(rf"([$\u20ac\u00a3]) ?({DIGITS})")
CLOCK = re.compile(r"\b(\d{1,2})(?:[:.](\d{2}))? ?([ap])(?:m\b|\.m\.)|\b(\d{1,2}):(\d{2})\b|\b(noon|midday|midnight)\b")
DATE = re.compile(
    rf"\b(?:the )?(\d{{1,2}})(?:st|nd|rd|th)?(?: of)? ({MONTH})\b|\b({MONTH}) (?:the )?(\d{{1,2}})(?:st|nd|rd|th)?\b(?!:)"
)
COUNT = re.compile(rf"({NUMBER})(?= ([a-z][a-z-]+))")
BARE = re.compile(rf"({NUMBER})(?=[.!;]|$)")
DURATION = re.compile(
    rf"({AMOUNT})[ -]?(?:hours?|hrs?|h) (?:and )?({NUMBER})(?: ?(?:minutes?|mins?))?(?=$|[.,;!?]| (?:and|by|on)\b)"
)
PEOPLE = frozenset(map(stem, words_of("people inhabitants residents souls guests visitors members employees")))
"""Nouns by which the same people may be counted."""

FEW = 20
"""So many are counted roughly; of fewer it has to be said what they are."""

DECADES_OF_LIFE = "decade"
ABOUT = (0.88, 1.12)
LEEWAY = {
    **dict.fromkeys(("about", "around", "roughly", "approximately", "circa", "some", "something like"), ABOUT),
    **dict.fromkeys(("nearly", "almost", "close to", "just under", "not quite"), (0.85, 1.0)),
    **dict.fromkeys(("just over", "a little over", "a bit over"), (1.0, 1.15)),
    **dict.fromkeys(("over", "more than", "at least", "upwards of"), (1.0, 1.5)),
    **dict.fromkeys(("under", "less than", "fewer than", "at most"), (0.5, 1.0)),
}
"""How far the exact figure may be from one that is told roughly, as shares of it, by the words before it."""

ROUGH = re.compile(rf"(?<!\d )\b({'|'.join(sorted(LEEWAY, key=len, reverse=True))}) (?:the )?$")
OR_SO = re.compile(r"^(?: or so\b|-odd\b|-ish\b|, give or take\b)")
VAGUE = {"dozens": (24, 99), "hundreds": (100, 999), "thousands": (1000, 9999)}
SEVERAL = re.compile(rf"\b({'|'.join(VAGUE)})\b(?: of (?=([a-z][a-z-]+)))?")
DECADES = {f"{word.removesuffix('y')}ies": value for word, value in TENS.items()}
DECADE = re.compile(rf"\bin (?:my|his|her|their|the) (?:(?:early|mid|late)[ -])?({'|'.join(DECADES)})\b")
YEARS_OLD = re.compile(
    rf"\b(?:am|'m|is|'s|turned|turns) (?:now |already |only |just )?({NUMBER})(?=$|[.,;!?]| (?:now|years old|on|last)\b)"
)
AGE = re.compile(
    r"\b(?:i am|i'm|he is|he's|she is|she's|(?:my|our|his|her) [\w' ]{2,24}? is) (?:now |already |only )?"
    rf"({NUMBER})(?=$|[.,;!?]| (?:now|years old))"
)


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure and where it stands. `dimension`: of what; `unit` tells whether another was converted."""

    start: int
    end: int
    dimension: str
    value: float
    unit: str = ""
    vague: bool = False
    """A clock time of which the half of the day is not told."""

    leeway: tuple[float, float] | None = None
    """The least and the most that it may be, of a rough one."""


def restated(old: str, new: str, times: tuple[datetime | None, datetime | None] = (None, None)) -> str:
    """The new statement, its figures as the old one writes them wherever they are the same."""
    known = figures(old)
    if not known:
        return new
    before, after = times
    gap = timedelta(0) if before is None or after is None else after - before
    end = len(new)
    for late in sorted(figures(new), key=lambda figure: (-figure.start, -figure.end)):
        if late.end > end:
            continue
        early = next((early for early in known if agree(early, late, gap)), None)
        if early is None or old[early.start : early.end].casefold() == new[late.start : late.end].casefold():
            continue
        new = new[: late.start] + within(old[early.start : early.end], early) + new[late.end :]
        end = late.start
    return new


def same_rough(old: str, new: str) -> bool:
    """Whether a rough figure of the old statement stands in the new one, restated, as well."""
    lowered = new.lower()
    return any(figure.leeway and old[figure.start : figure.end].lower() in lowered for figure in figures(old))


def within(phrase: str, figure: Figure) -> str:
    """The words for a figure as they stand inside a sentence."""
    return phrase[0].lower() + phrase[1:] if figure.leeway else phrase


def agree(early: Figure, late: Figure, gap: timedelta) -> bool:
    if early.leeway or late.leeway:
        return nearly(early, late)
    if early.dimension != late.dimension or early.dimension in ("count", DECADES_OF_LIFE):
        return False
    if early.dimension == "age":
        grown = int(max(gap, timedelta(0)) / YEAR)
        return early.value + grown <= late.value <= early.value + grown + (gap > timedelta(0))
    if early.dimension == "clock" and (early.vague or late.vague):
        return early.value % 720 == late.value % 720
    if early.unit == late.unit:
        return early.value == late.value
    return abs(early.value - late.value) <= CONVERTED * max(early.value, late.value)


def nearly(early: Figure, late: Figure) -> bool:
    """Whether one is within what the other, or both, leave open. Of what is counted may not be said."""
    if early.dimension != late.dimension and not ((bare(early) and counts(late)) or (bare(late) and counts(early))):
        return False
    if bare(early) != bare(late) and min(early.value, late.value) < FEW:
        return False
    (least, most), (lowest, highest) = (one.leeway or (one.value, one.value) for one in (early, late))
    return least <= highest and lowest <= most


def counts(figure: Figure) -> bool:
    return figure.dimension.startswith("count") or figure.dimension in SIGNS.values()


def bare(figure: Figure) -> bool:
    return figure.dimension == "count"


@lru_cache(maxsize=4096)
def figures(text: str) -> tuple[Figure, ...]:
    """All figures that can be compared."""
    lowered = text.lower().replace("\u2019", "'")
    return tuple(roughened(lowered, figure) for figure in found(lowered)) if len(lowered) == len(text) else ()


def roughened(text: str, figure: Figure) -> Figure:
    """With the words that make it rough, if there are any."""
    if figure.leeway or figure.dimension in ("clock", "date", "age", DECADES_OF_LIFE):
        return figure
    before, after = ROUGH.search(text[: figure.start]), OR_SO.search(text[figure.end :])
    if before is None and after is None:
        return figure
    least, most = LEEWAY[before[1]] if before else ABOUT
    return replace(
        figure,
        start=before.start() if before else figure.start,
        end=figure.end + (after.end() if after else 0),
        leeway=(least * figure.value, most * figure.value),
    )


def found(text: str) -> Iterator[Figure]:
    for match in CLOCK.finditer(text):
        minutes, vague = since_midnight(match)
        yield Figure(*match.span(), "clock", minutes, vague=vague)
    for match in DATE.finditer(text):
        number, month = (match[1], match[2]) if match[1] else (match[4], match[3])
        yield Figure(*match.span(), "date", 100 * MONTHS.index(month) + int(number))
    for match in SIGNED.finditer(text):
        yield Figure(*match.span(), SIGNS[match[1]], value(match[2]))
    for match in MEASURE.finditer(text):
        amount = value(match[1]) + (0.5 if match[3] else 0.0)
        for dimension, scale in OF_UNIT[match[2]]:
            yield Figure(*match.span(), dimension, amount * scale, unit_of(dimension, scale))
    for match in AGE.finditer(text):
        yield Figure(*match.span(1), "age", value(match[1]))
    for match in COUNT.finditer(text):
        if match[2] not in STOPWORDS and match[2] not in OF_UNIT:
            yield Figure(*match.span(1), counted(match[2]), value(match[1]))
        elif match[2] == "of":
            yield Figure(*match.span(1), "count", value(match[1]))
    yield from of_no_noun(text)


def of_no_noun(text: str) -> Iterator[Figure]:
    """What is compared with rough figures only, since it does not say of what it is."""
    for match in BARE.finditer(text):
        yield Figure(*match.span(1), "count", value(match[1]))
    for match in DURATION.finditer(text):
        yield Figure(*match.span(), "minutes", 60 * value(match[1]) + value(match[2]))
    for match in SEVERAL.finditer(text):
        least, most = VAGUE[match[1]]
        yield Figure(*match.span(1), counted(match[2]) if match[2] else "count", least, leeway=(least, most))
    for match in DECADE.finditer(text):
        first = DECADES[match[1]]
        yield Figure(*match.span(), DECADES_OF_LIFE, first, leeway=(first, first + 9))
    for match in YEARS_OLD.finditer(text):
        yield Figure(*match.span(1), DECADES_OF_LIFE, value(match[1]))


def counted(noun: str) -> str:
    """Of what a count is."""
    return "count of people" if stem(noun) in PEOPLE else f"count of {stem(noun)}"


def unit_of(dimension: str, scale: float) -> str:
    """What tells one unit from another where converting is not exact."""
    return str(scale) if dimension in ("metres", "grams", "litres") else ""


def since_midnight(match: re.Match[str]) -> tuple[float, bool]:
    """In minutes; and whether it may be twelve hours later."""
    if match[6]:
        return (0.0 if match[6] == "midnight" else 720.0), False
    if match[3]:
        return 60.0 * (int(match[1]) % 12 + 12 * (match[3] == "p")) + int(match[2] or 0), False
    hour = int(match[4])
    return 60.0 * hour + int(match[5]), 1 <= hour <= 12


def value(amount: str) -> float:
    """Of "1,500", "1.5k", "twenty-five", "half a dozen", "one and a half"."""
    half = 0.5 if amount.endswith(" and a half") else 0.0
    amount = amount.removesuffix(" and a half").strip()
    if amount == "half a dozen":
        return 6.0
    if amount.startswith("half a"):
        return 0.5
    if amount[0].isdigit():
        thousands = amount.endswith("k")
        return float(amount.removesuffix("k").strip().replace(",", "")) * (1000 if thousands else 1) + half
    whole = part = 0
    for word in re.split(r"[- ]", amount):
        if word in ("a", "an"):
            part = 1
        elif word in MULTIPLES:
            part = max(part, 1) * MULTIPLES[word]
            if word == "thousand":
                whole, part = whole + part, 0
        elif word != "and":
            part += SPELT_VALUES[word]
    return whole + part + half
