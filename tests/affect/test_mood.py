"""A talk's mood: recent turns weigh most, it fades with time, and says why."""

from datetime import UTC, datetime, timedelta

import pytest

from actors.affect.mood import Felt, mood

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def turn(name: str, minutes: int, by_user: bool = True, **labels: float) -> Felt:
    return Felt(name, NOON + timedelta(minutes=minutes), labels, by_user)


def test_nothing_said_is_neutral() -> None:
    told = mood([], NOON)
    assert (told.labels, told.valence, told.strongest, told.because) == ({}, 0.0, "neutral", {})


def test_the_latest_turns_weigh_most() -> None:
    turns = [turn(f"sad{number}", number, sadness=0.9) for number in range(4)]
    turns += [turn(f"glad{number}", 4 + number, joy=0.9) for number in range(4)]
    told = mood(turns, NOON + timedelta(minutes=8))
    assert told.strongest == "joy"
    assert told.labels["joy"] > 1.5 * told.labels["sadness"]
    assert 0 < told.valence < 1


def test_a_mood_is_half_gone_after_three_quiet_hours_and_all_of_it_after_a_night() -> None:
    turns = [turn("angry", 0, anger=0.8)]
    assert mood(turns, NOON).labels["anger"] == pytest.approx(0.8)
    assert mood(turns, NOON + timedelta(hours=3)).labels["anger"] == pytest.approx(0.4)
    assert mood(turns, NOON + timedelta(hours=12)).felt == {}


def test_the_assistants_turns_count_half() -> None:
    turns = [turn("user", 0, sadness=0.8), turn("assistant", 0, by_user=False, caring=0.8)]
    told = mood(turns, NOON)
    assert told.strongest == "sadness"


def test_it_says_which_turns_it_comes_from() -> None:
    turns = [turn("one", 0, fear=0.6), turn("two", 1, neutral=0.9), turn("three", 2, fear=0.9)]
    told = mood(turns, NOON + timedelta(minutes=2))
    assert told.strongest == "fear"
    assert list(told.because) == ["one", "three"]
    assert sum(told.because.values()) == pytest.approx(told.labels["fear"], abs=0.001)


def test_what_is_hardly_felt_is_neither_told_as_the_strongest_nor_makes_a_mood_good_or_bad() -> None:
    told = mood([turn("calm", 0, neutral=0.9, approval=0.08)], NOON)
    assert (told.felt, told.strongest, told.because) == ({}, "neutral", {})
    assert 0 < told.valence < 0.1

    mild = mood([turn("mild", 0, desire=0.4, optimism=0.2)], NOON)
    glad = mood([turn("glad", 0, joy=0.9, love=0.8)], NOON)
    assert 0 < mild.valence < 0.7 < glad.valence <= 1
    assert mood([turn("glad", 0, joy=0.9)], NOON + timedelta(hours=6)).valence < 0.3
