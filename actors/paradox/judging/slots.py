"""Exclusive slots: of where one lives, what one is called, was born, holds, likes best, there is one answer at a time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from actors.paradox.judging.lexicon import COUNTRIES
from actors.paradox.judging.words import STOPWORDS, stem, tokens

__all__ = ["Slot", "at_odds", "find"]

VALUE_END = r"(?=$|[.,;:!?)]|\s(?:and|but|with|since|because|right|near|now|for|in|at|on|by|who|which|where|from|so)\b)"
VALUE = rf"((?:[\w'-]+ ?){{1,4}}?){VALUE_END}"
OWNER = r"(my|our|his|her|their|the|your) ((?:[\w-]+ ){0,2}?[\w-]+)"


@dataclass(frozen=True, slots=True)
class Slot:
    """One thing's one answer: `residence` of `i` is `porto`."""

    name: str
    owner: str
    value: frozenset[str]


@dataclass(frozen=True, slots=True)
class Pattern:
    """How a slot is said. `owner` and `value` are groups of the expression; an owner given by name stands as it is."""

    name: str
    expression: re.Pattern[str]
    owner: int | str
    value: int


def said(name: str, expression: str, owner: int | str, value: int) -> Pattern:
    return Pattern(name, re.compile(expression), owner, value)


PATTERNS = (
    said(
        "residence",
        rf"\b(i|we) (?:now |still |currently |have )?(?:live|am living|are living|lived all my life"
        rf"|am based|are based|reside) in {VALUE}",
        "i",
        2,
    ),
    said("residence", rf"\b(i|we) (?:have |just |finally |recently )*(?:moved|relocated) (?:house )?to {VALUE}", "i", 2),
    said("residence", rf"\b(?:my|our|the|a) new (?:flat|house|home|place) in {VALUE}", "i", 1),
    said("origin", rf"\bi (?:am|come) (?:originally )?from {VALUE}", "i", 1),
    said("birthplace", rf"\bi was born (?:and raised )?in {VALUE}", "i", 1),
    said("name", rf"\b{OWNER}(?: name)? is (?:called|named) {VALUE}", 2, 3),
    said("name", rf"\b{OWNER}(?:'s)? name is {VALUE}", 2, 3),
    said("name", rf"\b(?:my name is|i am called|call me) {VALUE}", "i", 1),
    said(
        "workplace",
        rf"\bi (?:now |still |currently )?(?:work|am working|started working|have a job) (?:at|in|for) {VALUE}",
        "i",
        1,
    ),
    said("workplace", rf"\bfirst (?:day|week|month) (?:at|in) {VALUE}", "i", 1),
    said("profession", rf"\bi (?:now |still )?work as (?:an? )?{VALUE}", "i", 1),
    said("favourite", rf"\bmy favou?rite ([\w-]+(?: [\w-]+)?) (?:is|are|has always been) {VALUE}", 1, 2),
    said("role", rf"\b{OWNER} is {VALUE}", 2, 3),
    said(
        "role",
        r"\b([\w-]+) is (?:my|our|the) (?:new )?((?:team |project |flat|room)?[\w-]+(?: of (?:the|our|my) [\w-]+)?)"
        r"(?=$|[.,;!?])",
        2,
        1,
    ),
    said("birthday", rf"\bmy birthday is (?:on |in )?{VALUE}", "i", 1),
    said("place", rf"\b(?:the|my|our) ([\w-]+) (?:is|are) (?:kept |stored |located )?(?:in|at|on|under) {VALUE}", 1, 2),
)
ROLES = frozenset(
    stem(word)
    for word in [
        "boss",
        "manager",
        "lead",
        "teacher",
        "doctor",
        "dentist",
        "landlord",
        "wife",
        "husband",
        "girlfriend",
        "boyfriend",
        "partner",
        "captain",
        "chair",
        "chairman",
        "director",
        "head",
        "president",
        "mayor",
        "ceo",
        "cto",
        "editor",
        "supervisor",
        "flatmate",
        "roommate",
        "neighbour",
        "coach",
        "trainer",
    ]
)


@lru_cache(maxsize=4096)
def find(text: str) -> tuple[Slot, ...]:
    """The slots that a normalised text fills."""
    found: list[Slot] = []
    for pattern in PATTERNS:
        for match in pattern.expression.finditer(text):
            owner = match[pattern.owner] if isinstance(pattern.owner, int) else pattern.owner
            value = frozenset(stem(word) for word in tokens(match[pattern.value]) if word not in STOPWORDS)
            # "Our head of department" is a head, not a department.
            head = "i" if owner == "i" else stem(owner.split(" of ")[0].split()[-1].removesuffix("'s"))
            if match[pattern.value].startswith("not "):
                continue
            if value and (pattern.name != "role" or head in ROLES):
                found.append(Slot(pattern.name, head, value))

    return tuple(found)


def at_odds(old: tuple[Slot, ...], new: tuple[Slot, ...]) -> tuple[Slot, Slot] | None:
    """The first slot that both fill with answers that exclude each other."""
    for late in new:
        for early in old:
            if (
                (early.name, early.owner) == (late.name, late.owner)
                and not (early.value & late.value)
                and not contains(early, late)
            ):
                return early, late

    return None


def contains(one: Slot, other: Slot) -> bool:
    """One is a country and the other is not: a town and its country are both where one lives."""
    return bool(one.value & COUNTRIES) != bool(other.value & COUNTRIES)
