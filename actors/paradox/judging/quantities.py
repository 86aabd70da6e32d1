"""Figures in a text: clock times, days, years, money, percentages, versions, ages, ranks, counts of something."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from actors.paradox.judging.words import STOPWORDS, stem
from actors.text.months import MONTHS

__all__ = ["Quantity", "at_odds", "find"]

UNITS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
NUMBERS = {word: value for value, word in enumerate(UNITS)} | TENS | {"dozen": 12, "couple": 2, "both": 2}
ORDINALS = {
    word: value
    for value, word in enumerate(
        ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth"],
        1,
    )
} | {"last": -1}
MEASURES = frozenset(
    stem(word)
    for word in (
        "kilometres",
        "kilometers",
        "miles",
        "metres",
        "meters",
        "centimetres",
        "feet",
        "inches",
        "kilos",
        "kilograms",
        "grams",
        "pounds",
        "tonnes",
        "litres",
        "degrees",
        "pages",
        "watts",
        "gigabytes",
        "gb",
        "mb",
    )
)
"""Words after a figure that say of what it is, whatever follows: 12 kilometres long."""

N = rf"(\d[\d,]*(?:\.\d+)?|{'|'.join(sorted(NUMBERS, key=len, reverse=True))})"
M = rf"({'|'.join(MONTHS)})"
END = r"(?=$|[.,;!?)]|\s(?:and|or|but|now|today|in the|on|sharp|instead)\b)"
SPELT = re.compile(rf"\b({'|'.join(TENS)})[- ]({'|'.join(UNITS[1:10])})\b")
HUNDREDS = re.compile(rf"\b(a|\d+|{'|'.join(UNITS[1:])}) (hundred|thousand)\b")
ROUGHLY = re.compile(
    r"\b(over|under|about|around|almost|nearly|at least|at most|more than|less than|up to|roughly|some)\s*(?:the\s)?$"
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A figure: its kind, of what (a count's noun), how much, and the word that makes it rough, if any."""

    kind: str
    noun: str
    value: float
    rough: str = ""
    certain: bool = False
    """Of a clock time: which half of the day is told."""


def find(text: str) -> tuple[Quantity, ...]:
    """The figures of a normalised text, each read once, by the first reader below that knows it."""
    text = HUNDREDS.sub(spell_hundreds, text)
    text = SPELT.sub(lambda match: str(TENS[match[1]] + NUMBERS[match[2]]), text)
    found: list[Quantity] = []
    for pattern, reader in READERS:
        kept: list[str] = []
        start = 0
        for match in pattern.finditer(text):
            quantity = reader(match)
            if quantity is None:
                continue
            rough = ROUGHLY.search(text[: match.start()])
            found.append(replace(quantity, rough=rough[1] if rough else ""))
            kept.append(text[start : match.start()])
            start = match.end()

        text = " \u00b7 ".join([*kept, text[start:]])

    return tuple(found)


def at_odds(old: tuple[Quantity, ...], new: tuple[Quantity, ...]) -> tuple[Quantity, Quantity] | None:
    """The first two figures of the same kind that cannot both be right; None when some pair of that kind agrees, or none is."""
    for late in new:
        same_kind = [early for early in old if (early.kind, early.noun) == (late.kind, late.noun)]
        if not same_kind or any(agree(early, late) for early in same_kind):
            continue
        if any(
            agree(early, other) for early in same_kind for other in new if (other.kind, other.noun) == (late.kind, late.noun)
        ):
            continue
        return same_kind[0], late

    return None


def agree(old: Quantity, new: Quantity) -> bool:
    """Whether both may be true: equal, or within what the rough one leaves open."""
    if old.value == new.value:
        return True
    if old.kind == "clock" and not (old.certain and new.certain):
        return old.value % 720 == new.value % 720
    for rough, exact in ((old, new), (new, old)):
        if rough.rough in {"over", "at least", "more than"} and rough.value <= exact.value <= 2 * rough.value:
            return True
        if rough.rough in {"under", "at most", "less than", "up to"} and rough.value / 2 <= exact.value <= rough.value:
            return True
        if rough.rough and abs(rough.value - exact.value) <= 0.12 * max(abs(rough.value), abs(exact.value)):
            return True
    return False


def number(word: str) -> float:
    return float(NUMBERS[word]) if word in NUMBERS else float(word.replace(",", ""))


def spell_hundreds(match: re.Match[str]) -> str:
    first = 1 if match[1] == "a" else int(number(match[1]))
    return str(first * (100 if match[2] == "hundred" else 1000))


def clock(match: re.Match[str]) -> Quantity:
    hour = int(match[1])
    told = "m" in match[0]
    if told:
        hour = hour % 12 + 12 * ("p" in match[0])
    return Quantity("clock", "", 60 * hour + int(match[2] or 0), certain=told or hour > 12)


def named_hour(match: re.Match[str]) -> Quantity:
    return Quantity("clock", "", 0.0 if match[1] == "midnight" else 720.0, certain=True)


def half_past(match: re.Match[str]) -> Quantity:
    return Quantity("clock", "", 60 * number(match[1]) + 30)


def whole_hour(match: re.Match[str]) -> Quantity | None:
    hour = number(match[1])
    return Quantity("clock", "", 60 * hour) if 1 <= hour <= 24 else None


def day(match: re.Match[str]) -> Quantity | None:
    value = float(match[1])
    return Quantity("day", "", value) if 1 <= value <= 31 else None


def rank(match: re.Match[str]) -> Quantity:
    value = ORDINALS[match[1]] if match[1] in ORDINALS else float(re.sub(r"\D", "", match[1]))
    return Quantity("rank", match[2], value)


def count(match: re.Match[str]) -> Quantity | None:
    words = [word for word in match[2].split() if word not in STOPWORDS]
    if words and stem(words[0]) in MEASURES:
        return Quantity("count", stem(words[0]), number(match[1]))
    return Quantity("count", stem(words[-1]), number(match[1])) if words and number(match[1]) != 0 else None


def plain(kind: str) -> Callable[[re.Match[str]], Quantity]:
    return lambda match: Quantity(kind, "", number(next(group for group in match.groups() if group)))


def of_us(match: re.Match[str]) -> Quantity:
    return Quantity("count", match[2], number(match[1]))


READERS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Quantity | None]], ...] = (
    (re.compile(r"\b(\d{1,2}):(\d{2})(?:\s*[ap]\.?m\b)?"), clock),
    (re.compile(r"\b(\d{1,2})()\s?[ap]\.?m\b"), clock),
    (re.compile(r"\b(noon|midday|midnight)\b"), named_hour),
    (re.compile(rf"\bhalf past {N}\b"), half_past),
    (re.compile(rf"\b{N} o'?clock\b"), whole_hour),
    (re.compile(rf"[$\u00a3\u20ac]\s?{N}|\b{N} (?:euros?|dollars?|pounds?|quid|bucks)\b"), plain("money")),
    (re.compile(rf"\b(?:costs?|paid|pay)\b[^.,;\d]{{0,24}}?\b{N}\b(?! (?:of|years?|months?|times?))"), plain("money")),
    (re.compile(rf"\b{N} ?(?:%|percent\b|per cent\b)"), plain("percent")),
    (re.compile(rf"\b(\d+(?:st|nd|rd|th)|{'|'.join(ORDINALS)}) (place|floor|grade|storey|row|round)\b"), rank),
    (re.compile(rf"\b(\d{{1,2}})(?:st|nd|rd|th)?(?: of)? {M}\b"), day),
    (re.compile(rf"\b{M} (?:the )?(\d{{1,2}})(?:st|nd|rd|th)?\b(?!:)"), lambda match: Quantity("day", "", float(match[2]))),
    (re.compile(r"\b(\d{1,2})(?:st|nd|rd|th)\b"), day),
    (re.compile(r"\b((?:19|20)\d\d)\b"), plain("year")),
    (re.compile(r"\b(\d+\.\d+)(?:\.\d+)?\b"), plain("version")),
    (re.compile(rf"\b{N}[- ]years?[- ]old\b"), plain("age")),
    (re.compile(rf"\b(?:(?:my|our|his|her|their) (?:[\w'-]+ ){{1,3}}|he |she )(?:is|was|turned|turns) {N}{END}"), plain("age")),
    (re.compile(rf"\b(?:at|to|until|till|by|from|is|be|says) {N}{END}(?! (?:of|years))"), whole_hour),
    (re.compile(rf"\b(?:am|turned|turning) {N}{END}"), plain("age")),
    (re.compile(rf"^(?:[\w ,]{{0,24}}[ ,])?{N}[.!]?$|^(?:[\w ]{{1,12}}[, ])?{N}[.!] "), plain("bare")),
    (re.compile(rf"\b{N} of (us|them|you)\b"), of_us),
    (re.compile(rf"\b{N} (?:of )?((?:[a-z][\w-]*)(?: (?!and|or|in|on|at|of|is|was|with|from|to|for)[a-z][\w-]*)?)"), count),
)
