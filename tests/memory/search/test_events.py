"""What a query says of a time by something that happened then, and how well times fit it."""

from datetime import date

import numpy as np
import pytest

from actors.memory.search.events import Anchor, Event, event_in, fitting

DAY = date(2025, 6, 10).toordinal()


@pytest.mark.parametrize(
    ("query", "event"),
    [
        ("What did Ana buy before the trip to Rome?", Event("before", "the trip to Rome")),
        ("After the fire, where did Bo live?", Event("after", "the fire")),
        ("What has she done since her surgery?", Event("after", "her surgery")),
        ("Who looked after the cat while Ana was in Rome?", Event("during", "Ana was in Rome")),
        ("How did she feel when she won the race?", Event("during", "she won the race")),
        ("What helps Ana when travelling?", Event("during", "travelling")),
        ("When did they meet after returning from Oslo?", Event("after", "returning from Oslo")),
        ("What broke two weeks after the concert?", Event("after", "the concert", 14, 3)),
        ("What did he say the day before the wedding?", Event("before", "the wedding", 3, 4)),
    ],
)
def test_the_event_is_found(query, event):
    assert event_in(query) == event


@pytest.mark.parametrize(
    "query",
    [
        "When did they meet?",
        "Since when has the cat been ill?",
        "Did it snow before?",
        "What did Ana do after that?",
        "Where was she before 16 November 2023?",
        "What did she read during the last week?",
        "Who said when exactly it begins?",
        "",
    ],
)
def test_what_names_no_event_has_none(query):
    assert event_in(query) is None


def test_a_query_full_of_times_costs_no_more_than_a_few_looks():
    assert event_in("after today " * 3 + "after the fire") == Event("after", "the fire")
    assert event_in("after today " * 160 + "after the fire") is None


def fits(event, days):
    days = np.array(days)
    return fitting(DAY + days, np.arange(len(days)), Anchor(event, DAY, DAY, 2), 5.0).round(3).tolist()


def test_what_comes_after_fits_the_less_the_later_it_is():
    assert fits(Event("after", "it"), [-9, 0, 0, 0, 30, 60]) == [0, 0, 0, 1, 0.5, 0.25]


def test_what_comes_before_fits_the_less_the_earlier_it_is():
    assert fits(Event("before", "it"), [-30, 0, 0, 0, 30]) == [0.5, 1, 0, 0, 0]


def test_what_went_on_meanwhile_fits_and_what_is_told_soon_after_it_does_somewhat():
    assert fits(Event("during", "it"), [-1, 0, 0, 5, 10]) == [0, 1, 1, 0.5, 0.25]


def test_a_distance_is_kept_to_within_what_it_may_be_wrong():
    assert fits(Event("after", "it", 14, 3), [0, -1, 1, 11, 14, 17, 22]) == [0, 0, 0.25, 1, 1, 1, 0.5]
