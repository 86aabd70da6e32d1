"""The verdict on a new statement against several earlier ones. Stateless; shared by `paradox.check` and the follower."""

from __future__ import annotations

from collections.abc import Sequence

from actors.paradox.judging import change
from actors.paradox.judging.pair import Judgement
from actors.paradox.judging.reading import read
from actors.paradox.judging.rules import judge
from actors.paradox.messages import Checked, Conflict, Statement

__all__ = ["asserts", "check", "judge_pair"]

NEAR_BEST = 0.1
"""Conflicts that score this close to the best one are told as well; further ones are more often wrong than right."""

CONFLICT_FROM = 0.45
"""Scores below this are doubts, not conflicts."""


def asserts(text: str) -> bool:
    """Whether a new statement can be at odds with anything: a question, a wish, a joke or a bare "Yes." cannot."""
    new = read(text)
    return new.mood is None and bool(new.stems or new.quantities or change.correction(new.text))


def judge_pair(old: Statement, new: Statement) -> Judgement:
    """The verdict on `new` against `old` alone."""
    return judge(read(old.text, old.speaker, old.time), read(new.text, new.speaker, new.time))


def check(statements: Sequence[Statement], new: Statement) -> Checked:
    """The verdict on `new` against all `statements`, conflicts best first; among equals the later statement comes first."""
    late = read(new.text, new.speaker, new.time)
    judged = [judge(read(old.text, old.speaker, old.time), late) for old in statements]
    found = [
        (judgement.score, index, judgement)
        for index, judgement in enumerate(judged)
        if judgement.verdict in ("contradiction", "update") and judgement.score >= CONFLICT_FROM
    ]
    found.sort(key=lambda entry: (-entry[0], -entry[1]))
    conflicts = tuple(
        Conflict(index=index, verdict=judgement.verdict, score=score, why=judgement.why)
        for score, index, judgement in found
        if score >= found[0][0] - NEAR_BEST
    )
    if conflicts:
        return Checked(verdict=conflicts[0].verdict, score=conflicts[0].score, conflicts=conflicts)

    related = [judgement.score for judgement in judged if judgement.verdict == "compatible"]
    if related:
        return Checked(verdict="compatible", score=max(related), conflicts=())
    return Checked(verdict="unrelated", score=min((judgement.score for judgement in judged), default=1.0), conflicts=())
