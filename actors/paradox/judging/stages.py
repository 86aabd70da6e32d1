"""States that follow each other: engaged, married, divorced; pregnant, a mother; ill, well again; awaited, arrived.

The table is stages.txt. One is in one stage of such a course at a time, so that two stages told of the
same one are at odds: an update where the later statement is further on, else a contradiction. The same stage told in other
words is the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from actors.paradox.judging.holder import holder
from actors.paradox.judging.ways import blocks, clause, expression
from actors.paradox.judging.words import STOPWORDS, stem, tokens

__all__ = ["Reached", "reached", "turned"]

Stage = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Course:
    """Stages in their order.

    `about`: what is in these stages: "person" is whoever is spoken of; of a "thing" both statements have to name it.
    `again`: one goes through it more than once, so that an earlier stage may come back in time: one is well, and falls ill.
    `excluding`: which two stages exclude each other, earlier and later; all of them where none are named.
    """

    name: str
    about: str
    stages: tuple[Stage, ...]
    excluding: tuple[tuple[int, int], ...] = ()
    again: bool = False


def course(block: list[str]) -> Course:
    """A block of the table."""
    name, about, *excluding = block[0].split(" | ")
    numbers = sorted({line.split()[0] for line in block[1:]})
    found = tuple(tuple(line.split(" ", 1)[1] for line in block[1:] if line.split()[0] == number) for number in numbers)
    pairs = (pair.split("-") for pair in " ".join(excluding).split())
    excluded = tuple((int(one), int(other)) for one, other in pairs)
    return Course(name, about.split()[0], found, excluded, again="again" in about.split())


COURSES = tuple(course(block) for block in blocks("stages.txt"))


@dataclass(frozen=True, slots=True)
class Reached:
    """A stage of a course that a text tells of, and of whom; `rest` are the stems that stand beside it.

    `bare`: nothing beside it denies it, counts or weighs it.
    """

    course: int
    stage: int
    who: str | None
    rest: frozenset[str]
    bare: bool


@dataclass(frozen=True, slots=True)
class Turned:
    """Two stages of one course, whether they exclude each other, and whether the later one follows."""

    name: str
    about: str
    of: tuple[str | None, str | None]
    excluding: bool
    onwards: bool
    again: bool
    """It may have begun anew in between."""

    same: bool
    """Both tell the same stage, and little else."""


ANY_STAGE = tuple(phrase for course in COURSES for stage in course.stages for phrase in stage)
DENIED = re.compile(
    r"\b(?:not|never|no longer|used to|nearly|almost|if|would|wish|was|were|had|until|before|when|hope|want"
    r"|who|nobody|without|for an? \w+)\b[^,]*$"
)


WEIGHED = re.compile(r"\b(?:not|never|no|without|fed up|miserable|another|since|at|for|happy|glad|sorry)\b|\d")
"""What is told of a stage beyond its being so."""


@lru_cache(maxsize=4096)
def reached(text: str) -> tuple[Reached, ...]:
    """The stages that a text tells of, the last one of each course."""
    told: list[Reached] = []
    if not expression(ANY_STAGE).search(text):
        return ()
    for number, known in enumerate(COURSES):
        for place in reversed(range(len(known.stages))):
            match = expression(known.stages[place]).search(text)
            if match and not DENIED.search(clause(text, match.start(), match.start())):
                around = f"{text[: match.start()]} {text[match.end() :]}"
                beside = frozenset(stem(word) for word in tokens(around) if word not in STOPWORDS)
                told.append(Reached(number, place, holder(text, match), beside, WEIGHED.search(around) is None))
                break
    return tuple(told)


def turned(old: str, new: str) -> list[Turned]:
    """The courses of which both tell a stage."""
    known = reached(old)
    late = {one.course: one for one in reached(new)} if known else {}
    return [
        Turned(
            COURSES[early.course].name,
            COURSES[early.course].about,
            (early.who, late[early.course].who),
            excludes(COURSES[early.course], early.stage, late[early.course].stage),
            early.stage < late[early.course].stage,
            COURSES[early.course].again,
            early.stage == late[early.course].stage
            and len(early.rest | late[early.course].rest) <= 1
            and early.bare
            and late[early.course].bare,
        )
        for early in known
        if early.course in late
    ]


def excludes(course: Course, one: int, other: int) -> bool:
    if one == other:
        return False
    return not course.excluding or (min(one, other), max(one, other)) in course.excluding
