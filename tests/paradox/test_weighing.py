"""How probable each of several statements is to be the one that a new statement is at odds with."""

from __future__ import annotations

import pytest

from actors.paradox.judging.pair import Judgement
from actors.paradox.weighing import chances


def judged(verdict: str, score: float, odds: float | None = None) -> Judgement:
    return Judgement(verdict, score, "a test", odds=odds)


def test_the_chances_and_that_of_none_add_up_to_one() -> None:
    told = chances([judged("contradiction", 0.9, 6.0), judged("compatible", 0.8, 1.0), judged("unrelated", 1.0, 0.0)])

    assert told == pytest.approx([6 / 8, 1 / 8, 0])


def test_a_rival_takes_away_from_a_chance() -> None:
    alone, among = (chances([judged("update", 0.9, 3.0)] * count)[0] for count in (1, 3))

    assert alone == pytest.approx(0.75)
    assert among == pytest.approx(0.3)


def test_what_the_rules_alone_found_counts_with_its_score() -> None:
    assert chances([judged("contradiction", 0.8), judged("compatible", 0.9)]) == pytest.approx([0.8, 0])


def test_a_score_of_one_is_still_a_probability() -> None:
    assert 0.98 < chances([judged("contradiction", 1.0)])[0] < 1
