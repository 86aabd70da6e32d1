"""What a query asks for besides its topic."""

from datetime import date

import pytest

from actors.memory.search.asks import asks_when, named_in, periods_of

NOW = date(2026, 1, 1)


def periods(text, years=range(2022, 2024)):
    return [(period.first.isoformat(), period.last.isoformat()) for period in periods_of(text, NOW, years)]


def test_a_month_without_a_year_is_that_of_every_year_with_records():
    assert periods("Where did Ana go in May?") == [("2022-05-01", "2022-05-31"), ("2023-05-01", "2023-05-31")]
    assert periods("Where did Ana go in May 2021?") == [("2021-05-01", "2021-05-31")]


def test_from_one_time_to_another():
    expected = [("2023-08-11", "2023-08-15")]
    assert periods("Where was Ben between August 11 and August 15 2023?") == expected
    assert periods("Where was Ben from 11 August 2023 to 15 August?") == expected
    assert periods("between 1 May and 3 May", range(2022, 2023)) == [("2022-05-01", "2022-05-03")]


def test_before_and_after():
    assert periods("What did they plan before May 2023?") == [("0001-01-01", "2023-05-01")]
    assert periods("Who joined after 2022?") == [("2022-01-01", "9999-12-31")]
    assert periods("Who left since March 2023?") == [("2023-03-01", "9999-12-31")]
    assert periods("until 3 June 2022") == [("0001-01-01", "2022-06-03")]


def test_close_before_a_day_is_the_week_up_to_it():
    assert periods("Where was Ana in the week before 16 November 2023?") == [("2023-11-09", "2023-11-16")]
    assert periods("the day after 16 November 2023") == [("2023-11-16", "2023-11-23")]


def test_vague_times_are_none():
    assert periods("What did Ben recently watch?") == []
    assert periods("What did Ben do before the trip?") == []


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("When did Ana move?", True),
        ("What year was it?", True),
        ("In which month was the fair?", True),
        ("How long ago was that?", True),
        ("What did Ana buy?", False),
        ("How long is the bridge?", False),
        ("Whenever", False),
    ],
)
def test_asking_for_a_time(text, asks):
    assert asks_when(text) is asks


def test_names_in_their_order():
    assert named_in("What did ben give Ana?", ["Ana", "Ben", "Be"]) == ["Ben", "Ana"]
    assert named_in("Anabel and C++?", ["Ana", "C++"]) == ["C++"]


def test_long_queries_and_long_histories_are_bounded():
    assert periods("x" * 3000 + " in May 2023") == []
    assert named_in("x" * 3000 + " Ana", ["Ana"]) == []
    many = periods("in May, in June, in July, in August", range(1, 2026))
    assert len(many) == 100
    assert many[-1] == ("2025-06-01", "2025-06-30")
