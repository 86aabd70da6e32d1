"""In which year something began, as far as a statement says: "I'm thirty-four", "married for twenty years", "here since 2019".

An age, a year of birth, "for ten years", "two years ago" and a silver wedding are all reckoned to the year in which it began,
with what they leave open. Two statements about the same beginning that have no year in common are at odds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from actors.paradox.judging.quantities import NUMBERS, TENS
from actors.paradox.judging.words import stem
from actors.text.months import MONTHS

__all__ = ["Compared", "began", "compared"]

OF_TENS = "|".join(TENS)
ONES = "one|two|three|four|five|six|seven|eight|nine"
TEENS = "ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen"
N = rf"(\d{{1,3}}|(?:{OF_TENS})(?:[- ](?:{ONES}))?|{TEENS}|{ONES}|an?)"
YEAR = r"((?:19|20)\d\d)"
WHO = r"\b(i|he|she|(?:my|our|his|her) (?:[\w-]+ ){0,2}?[\w-]+)"
END = rf"(?=$|[.,;:!?)]| (?:now|years old|today|and|but|tomorrow|on|last|this|next|in (?:{'|'.join(MONTHS)}))\b)"

# Ages and births. The group `who` is whose, `n` an age, `y` a year, `d` a decade of life.
LIVES = tuple(
    re.compile(expression.replace("WHO", WHO.replace("(i|", "(?P<who>i|", 1)))
    for expression in (
        rf"WHO (?:am|is|are) (?:now |already |only |just )?{N.replace('(', '(?P<n>', 1)}(?: years old)?{END}",
        rf"WHO (?:turn|turned|turns|am turning|is turning|have turned|has turned|will be) {N.replace('(', '(?P<n>', 1)}{END}",
        rf"WHO (?:was|were) born (?:\w+ )?(?:in|on) (?:[\w ]+? )?{YEAR.replace('(', '(?P<y>', 1)}",
        rf"WHO (?:am|is) in (?:my|his|her) (?:early |mid-?|late )?(?P<d>{OF_TENS.replace('y', 'ies')})",
    )
)
SCHOOL = (
    (
        re.compile(
            r"\b(?:goes to|is (?:in|at)|attends|starts?) (?:the )?(?:nursery|kindergarten|playgroup)(?! (?:teacher|work))\b"
        ),
        (1, 6),
    ),
    (
        re.compile(
            r"\b(?:starts? school|in (?:her|his) first year at school|first[- ]grader?|(?:goes to|in) primary school)\b"
        ),
        (4, 12),
    ),
    (
        re.compile(r"\b(?:a-levels|finals at school|graduates from high school)\b"),
        (15, 40),
    ),
    (re.compile(r"\b(?:is|am) (?:a )?(?:pensioners?|retired|drawing (?:my|his|her) pension)\b"), (35, 110)),
    (re.compile(r"\b(?:is|am) (?:a )?(?:baby|toddler)\b|\bin nappies\b"), (0, 4)),
)
"""What tells of an age without naming it, and the ages that go with it."""

MEASURES = frozenset(
    [
        "size",
        "weight",
        "number",
        "score",
        "temperature",
        "address",
        "pressure",
        "pulse",
        "grade",
        "mark",
        "limit",
        "budget",
        "rent",
        "salary",
        "room",
        "bus",
        "tram",
        "code",
        "pin",
        "height",
        "handicap",
        "rating",
        "quota",
        "average",
    ]
)
"""What is told in figures that are no ages."""

FOUNDED = r"(?:the|this|my|our) (?:shop|bakery|cafe|restaurant|business|firm|company)"

# What begins once: how it is told as a state that lasts, and as the beginning itself.
BEGINNINGS = {
    "marriage": (r"married|our marriage|husband and wife", r"got married|married|(?:our|my) wedding|tied the knot|wed"),
    "home": (
        r"lived? (?:here|in this (?:house|flat|town|street|village))|been (?:here|in this (?:house|flat))",
        r"moved (?:here|in\b|into this)",
    ),
    "job": (
        r"worked? (?:here|there|at this)|been (?:with|at) (?:the|this) (?:company|firm)",
        r"(?:started|joined|began) (?:here|there|work(?:ing)? here|this job|the (?:company|firm))",
    ),
    "shop": (rf"(?:run|running|had|owned) {FOUNDED}", rf"(?:opened|founded|started|took over) {FOUNDED}"),
    "smoking": (r"not smoked|smoke-free|without a cigarette", r"(?:quit|stopped|gave up) smoking|last cigarette"),
    "sobriety": (
        r"been sober|not (?:drunk|had a drink|touched (?:a drop|alcohol))|been dry",
        r"(?:stopped|gave up|quit) drinking|last drink",
    ),
    "acquaintance": (r"known each other", r"(?:we|they) (?:first )?met(?=$|[.,;]| (?:at|in)\b)"),
}
JUBILEES = {"silver": 25, "pearl": 30, "ruby": 40, "golden": 50, "diamond": 60, "tin": 10}
JUBILEE = re.compile(rf"\bour (?:own )?({'|'.join(JUBILEES)}) (?:wedding|anniversary|jubilee)")
STATES = {
    name: re.compile(
        rf"\b(?:have|has|had|are|am|is|be)(?: \w+)? (?:been )?(?:{state})\b[^.;]*?"
        rf"\bfor (?:over |more than |about |almost |nearly )?{N} years?"
        rf"|\b(?:{state})\b[^.;]{{0,60}}?\bsince {YEAR}"
    )
    for name, (state, _) in BEGINNINGS.items()
}
EVENTS = {
    name: re.compile(
        rf"\b(?:{event})\b[^.;]{{0,40}}?\b(?:(?:in|since) {YEAR}|(?P<n>{N[1:-1]}) years? ago"
        r"|(?:last|this) (?:year|month|week|spring|summer|autumn|winter))"
    )
    for name, (_, event) in BEGINNINGS.items()
}


@dataclass(frozen=True, slots=True)
class Began:
    """What began, whose it is, and the first and last year in which it can have been."""

    what: str
    whose: str
    first: float
    last: float


@dataclass(frozen=True, slots=True)
class Compared:
    """What both tell the beginning of, and whether no year can be the same."""

    what: str
    apart: bool


def compared(one: str, other: str, times: tuple[datetime | None, datetime | None]) -> Compared | None:
    """Two beginnings of the same thing; None where there are none."""
    before, after = times
    if before is None or after is None:
        return None
    found = None
    for early in began(one, before.year):  # Of most texts none, and the other one is not looked at.
        for late in began(other, after.year):
            if (early.what, early.whose) == (late.what, late.whose):
                found = Compared(early.what, early.last < late.first or late.last < early.first)
                if found.apart:
                    return found
    return found


@lru_cache(maxsize=4096)
def began(text: str, now: int) -> tuple[Began, ...]:
    """The beginnings that a normalised text tells of, said in a year."""
    found = [*births(text, now)]
    for name in BEGINNINGS:
        state, event = STATES[name].search(text), EVENTS[name].search(text)
        if name == "marriage" and JUBILEE.search(text):
            continue
        if state:
            years = number(state[1]) if state[1] else None
            first = int(state[2]) if years is None else now - years
            found.append(Began(name, "", first - 1 - (years or 0) // 10, first + (years is not None)))
        elif event:
            first = int(event[1]) if event[1] else now - number(event["n"]) if event["n"] else now
            exact = event[1] is not None
            found.append(Began(name, "", first - (0 if exact else 1), first + (0 if exact else 1)))
    jubilee = JUBILEE.search(text)
    if jubilee:
        found.append(Began("marriage", "", now - JUBILEES[jubilee[1]] - 1, now - JUBILEES[jubilee[1]] + 1))
    return tuple(found)


def births(text: str, now: int) -> list[Began]:
    found = []
    for pattern in LIVES:
        for match in pattern.finditer(text):
            told = match.groupdict()
            if told["who"].split()[-1] in MEASURES:
                continue
            whose = told["who"] if told["who"] in ("i", "he", "she") else stem(told["who"].split()[-1])
            if told.get("y"):
                first = last = int(told["y"])
            elif told.get("d"):
                first, last = now - tens(told["d"]) - 10, now - tens(told["d"])
            else:
                first, last = now - number(told["n"]) - 1, now - number(told["n"]) + 1
            found.append(Began("birth", whose, first, last))
    person = re.match(WHO, text)
    for pattern, (least, most) in SCHOOL:
        # Who says "I" is no pupil of a nursery, but may work in one.
        if person and pattern.search(text) and (person[1] != "i" or most > 12):
            whose = person[1] if person[1] in ("i", "he", "she") else stem(person[1].split()[-1])
            found.append(Began("birth", whose, now - most - 1, now - least))
    return found


def tens(decade: str) -> int:
    return next(value for word, value in TENS.items() if word.replace("y", "ies") == decade)


def number(word: str) -> int:
    """Of "34", "thirty-four", "a"."""
    if word[0].isdigit():
        return int(word)
    return sum(1 if part in ("a", "an") else int(NUMBERS[part]) for part in re.split(r"[- ]", word))
