"""A pair of readings with what several rules ask of it, and the choice between contradiction and update."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from actors.paradox.judging import change, subject
from actors.paradox.judging.reading import Reading
from actors.paradox.judging.topic import RELATED, overlap

__all__ = ["Judgement", "Pair", "Verdict", "at_odds", "calm", "pair_of"]

Verdict = Literal["contradiction", "update", "compatible", "unrelated"]
SOON = timedelta(hours=12)
"""Within this a correction may lean on what was said before without naming it."""

FRESH = timedelta(hours=48)
"""Within this a pronoun may stand for what was said before."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a pair is, how sure in [0, 1], by which rule, and how much both are about the same."""

    verdict: Verdict
    score: float
    why: str
    overlap: float = 0.0
    probability: float | None = None
    """Calibrated, that the two are at odds; None where the rules judged alone."""

    odds: float | None = None
    """That this statement is at odds, against that none is, where several are compared; None where the rules judged alone."""

    signed: bool = False
    """The later statement itself tells of a change. Without such a sign nothing that was said before may be ended."""

    alone: bool = False
    """Only the network finds the two at odds: no rule bears it out."""


@dataclass(frozen=True, slots=True)
class Pair:
    """An earlier and a new statement."""

    old: Reading
    new: Reading
    overlap: float
    same: bool | None
    """Whether both have the same subject; None where it cannot be told."""

    shared: frozenset[str]
    soon: bool
    fresh: bool
    changed: bool
    """The new statement tells of a change that the old one does not."""

    @property
    def pronoun(self) -> bool:
        """The new statement's pronoun may stand for something in the old one."""
        return self.fresh and self.new.subject.kind == "pronoun" and self.new.subject.head in {"he", "she", "it", "they"}


def pair_of(old: Reading, new: Reading) -> Pair:
    """The two, compared."""
    gap = timedelta(0) if old.time is None or new.time is None else new.time - old.time
    return Pair(
        old,
        new,
        overlap(old, new),
        subject.same(old.subject, new.subject, (old.speaker, new.speaker)),
        old.stems & new.stems,
        timedelta(0) <= gap <= SOON,
        timedelta(0) <= gap <= FRESH,
        change.ended(new.text, old.stems),
    )


def calm(pair: Pair, why: str) -> Judgement:
    """Not at odds whatever else is said."""
    related = pair.overlap >= RELATED
    return Judgement("compatible", 0.8, why) if related else Judgement("unrelated", 0.6, why)


def at_odds(pair: Pair, score: float, why: str) -> Judgement:
    """Contradiction or update: the signs of change in the new statement decide, unless one speaks of a whole life."""
    if change.correction(pair.new.text):
        return Judgement("update", score, f"{why}, taken back")
    if pair.changed and not change.lifelong(pair.new.text) and "never" not in pair.old.words:
        return Judgement("update", score, f"{why}, changed")
    return Judgement("contradiction", score, why)
