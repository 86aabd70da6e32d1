"""How probable each of several statements is to be the one that a new statement is at odds with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from actors.paradox.classifier.model import Opinion
from actors.paradox.judging.pair import Judgement, pair_of
from actors.paradox.judging.reading import read
from actors.paradox.weighing import chances, weigh

MARCH = datetime(2026, 3, 1, tzinfo=UTC)


def odds_after(gap: timedelta | None) -> float:
    """Of two statements of which the classifier is unsure, so much apart; None: nobody knows how much."""
    old = read("I keep bees.", "ana", None if gap is None else MARCH)
    new = read("Honey comes from the shop.", "ana", None if gap is None else MARCH + gap)
    return weigh(pair_of(old, new), judged("unrelated", 0.5), Opinion(0.4, 0.1, 0.3, 0.2)).odds or 0.0


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


def test_what_was_said_long_ago_is_likelier_to_be_at_odds_with_what_is_said_now() -> None:
    told = [odds_after(timedelta(days=days)) for days in (0, 1, 7, 60, 180)]

    assert told == sorted(set(told))


def test_after_half_a_year_more_time_makes_no_difference_and_an_unknown_time_is_a_week() -> None:
    assert odds_after(timedelta(days=180)) == odds_after(timedelta(days=2000))
    assert odds_after(None) == odds_after(timedelta(days=7))


def test_what_is_dated_later_than_the_new_one_counts_as_said_at_once() -> None:
    assert odds_after(timedelta(days=-30)) == odds_after(timedelta(0))


@pytest.mark.parametrize(
    ("old", "new", "speakers", "at_odds"),
    [
        ("I live in Lisbon.", "I live in Oslo.", ("pa", "pb"), False),
        ("My car is blue.", "My van is red.", ("pa", "pb"), False),
        ("I cooked tonight.", "No, I cooked tonight.", ("pa", "pb"), True),  # which answers the other
        ("I live in Lisbon.", "I live in Oslo.", ("pa", "Pa"), True),
        ("I live in Lisbon.", "I live in Oslo.", ("pa", None), True),
        ("The door is open.", "The door is shut.", ("pa", "pb"), True),
    ],
)
def test_two_people_who_speak_of_themselves_are_not_at_odds_however_sure_the_classifier_is(old, new, speakers, at_odds) -> None:
    pair = pair_of(read(old, speakers[0], MARCH), read(new, speakers[1], MARCH))
    weighed = weigh(pair, judged("unrelated", 0.5), Opinion(0.98, 0.01, 0.005, 0.005))

    assert (weighed.verdict == "contradiction") is at_odds
    assert (weighed.odds or 0) > 0 if at_odds else weighed.odds == 0
