"""Ways of life and what they rule out: a vegetarian and bacon, an only child and a brother, "I can't drive" and a commute.

The table is ways.txt. Whoever lives so (one text) does or has no such thing (the other one): both have to be told of the
same person, and neither may be denied. `holder.py` says of whom a phrase is told, `concepts.py` what counts as what.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from actors.paradox.judging.concepts import CONCEPTS
from actors.paradox.judging.holder import holder

__all__ = ["Exclusion", "blocks", "clause", "expression", "ruled_out"]


@dataclass(frozen=True, slots=True)
class Found:
    """A phrase of a way's state or act in a text, and whom it is told of: "i", a noun's stem, or None."""

    way: int
    who: str | None


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A way of life and what it rules out, whom each is told of, and whether it holds for all of a life."""

    name: str
    state_of: str | None
    act_of: str | None
    always: bool


NAMED = re.compile(r"\{([a-z_]+)\}")


@lru_cache(maxsize=1024)
def expression(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """One expression for several, concepts put in place of their names; made when it is first needed."""
    told = (NAMED.sub(lambda match: within(match[1]), pattern) for pattern in patterns)
    return re.compile(rf"\b(?:{'|'.join(told)})(?!\w)")


def within(name: str) -> str:
    """A concept's words; those that a few words lead to end with a space."""
    return CONCEPTS[name] + (" " if name in ("eat", "ate", "drink") else "")


def blocks(file: str) -> list[list[str]]:
    """The blocks of a table, comments left out."""
    lines = Path(__file__).with_name(file).read_text(encoding="utf-8").splitlines()
    kept = "\n".join(line for line in lines if not line.startswith("#"))
    return [block.splitlines() for block in re.split(r"\n\n+", kept.strip())]


TABLE = blocks("ways.txt")
EXCLUSIONS = tuple(
    (
        block[0],
        tuple(line[2:] for line in block[1:] if line[0] == "="),
        tuple(line[2:] for line in block[1:] if line[0] == "x"),
    )
    for block in TABLE
)
ANY_STATE = tuple(line[2:] for block in TABLE for line in block[1:] if line[0] == "=")
"""Of all texts one in seventy tells of any: one look in place of a hundred and fifty."""

# What is merely named after a food, or looks like one, is none.
SUBSTITUTES = re.compile(
    r"\b(?:vegan|vegetarian|veggie|meatless|mushroom|cauliflower|tofu|soya?|lentil|bean|oat|almond|coconut|rice|lactose-free|gluten-free"
    r"|sugar-free|alcohol-free|non-alcoholic|plant-based|fake|decaf|root|ginger|elder\w+|virgin|dark|cooking|rubbing)[ -]"
    r"(?:\w+ )?(?:burger|steak|sausages?|bacon|milk|cheese|butter|bread|pasta|beer|wine|coffee|chocolate|cake|pizza|meatballs?"
    r"|ham|cream|yogh?urt|schnitzel|mince|espresso|cocktails?|gin)\b"
)
NOT_SO = re.compile(
    r"\b(?:no|not|never|without|if|nobody|neither|nor|hardly|barely|stopped|avoid|used to|would|wish"
    r"|for (?:him|her|them|you)|made (?:him|her|them)|instead of|rather than|until|dream\w*|imagine|miss|hide|kill for"
    r"|allergic|could"
    r"|when i (?:am|have)|like an?|as if|plan\w*|want\w*|hope)\b"
)
NOT_YET = re.compile(r"\b(?:used to|nearly|almost|if|when i was|would|wish|imagine|for an? (?:year|month|week|while)|once)\b")


REPORTED = re.compile(
    r"\b(?:not|never|nobody|no one|hardly|barely|neither|nor|without|think|thinks|thought|believes?|believed|pretend\w*|claims?"
    r"|claimed|wonder\w*|guess\w*|anyone|people|somebody|someone|everyone|those)\b[^,]*$"
)
"""What stands before a way of life that is denied, or told of as what others think, or of nobody in particular."""


@lru_cache(maxsize=4096)
def states(text: str) -> tuple[Found, ...]:
    """The ways of life that a text tells of."""
    if not expression(ANY_STATE).search(text):
        return ()
    told = []
    for number, (_, phrases, _) in enumerate(EXCLUSIONS):
        match = expression(phrases).search(text)
        if match is None or NOT_YET.search(clause(text, match.start(), match.end())):
            continue
        if not REPORTED.search(clause(text, match.start(), match.start())):
            told.append(Found(number, holder(text, match)))
    return tuple(told)


def act(text: str, way: int) -> Found | None:
    """What a text tells that a way of life rules out."""
    text = SUBSTITUTES.sub(" ", text)
    match = expression(EXCLUSIONS[way][2]).search(text)
    if match is None or NOT_SO.search(clause(text, match.start(), match.start())):
        return None
    return Found(way, holder(text, match))


def clause(text: str, start: int, end: int) -> str:
    """What stands in a sentence before a phrase, as far as it may still be denied by it."""
    return re.split(r"[.;!?]|\bbut\b", text[max(0, start - 48) : start])[-1] + text[start:end]


def ruled_out(text: str, other: str) -> Exclusion | None:
    """By which way of life what one text says excludes what the other tells; None if none does."""
    for state in states(text):
        told = act(other, state.way)
        if told:
            name = EXCLUSIONS[state.way][0]
            return Exclusion(name, state.who, told.who, name == "never" or "never" in text)
    return None
