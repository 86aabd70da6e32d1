"""Which days a text means."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.memory.search.times import says_time, spans_of

SAID = date(2023, 6, 14)
"""A Wednesday."""


def days(text):
    return [(span.first.isoformat(), span.last.isoformat()) for span in spans_of(text, SAID)]


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("on 9 November, 2022", "2022-11-09", "2022-11-09"),
        ("on May 23rd, 2023", "2023-05-23", "2023-05-23"),
        ("the 5th of May", "2023-05-05", "2023-05-05"),
        ("taken on December 1,2023", "2023-12-01", "2023-12-01"),
        ("2023-05-08T10:00", "2023-05-08", "2023-05-08"),
        ("in May 2021", "2021-05-01", "2021-05-31"),
        ("in May", "2023-05-01", "2023-05-31"),
        ("since December", "2022-12-01", "2022-12-31"),
        ("last May", "2023-05-01", "2023-05-31"),
        ("last June", "2022-06-01", "2022-06-30"),
        ("next February", "2024-02-01", "2024-02-29"),
        ("summer 2021", "2021-06-01", "2021-08-31"),
        ("last summer", "2022-06-01", "2022-08-31"),
        ("in the winter of 2020", "2020-12-01", "2021-02-28"),
        ("in 2019", "2019-01-01", "2019-12-31"),
        ("two weeks ago", "2023-05-28", "2023-06-03"),
        ("a couple of months ago", "2023-04-01", "2023-04-30"),
        ("ten years back", "2013-01-01", "2013-12-31"),
        ("in three days", "2023-06-17", "2023-06-17"),
        ("Yesterday!", "2023-06-13", "2023-06-13"),
        ("the day before yesterday", "2023-06-12", "2023-06-12"),
        ("last night", "2023-06-13", "2023-06-13"),
        ("last Friday", "2023-06-09", "2023-06-09"),
        ("last Wednesday", "2023-06-07", "2023-06-07"),
        ("next Wednesday", "2023-06-21", "2023-06-21"),
        ("last week", "2023-06-05", "2023-06-11"),
        ("this weekend", "2023-06-17", "2023-06-18"),
        ("next month", "2023-07-01", "2023-07-31"),
        ("last year", "2022-01-01", "2022-12-31"),
    ],
)
def test_days_that_are_meant(text, first, last):
    assert days(text) == [(first, last)]
    assert says_time(text)


@pytest.mark.parametrize(
    "text", ["I may go", "they march on", "once upon a time", "room 2023b", "the second half", "", "99 days"]
)
def test_what_is_no_time(text):
    assert days(text) == []
    assert not says_time(text)


def test_several_in_their_order():
    text = "between 3 March 2021 and yesterday"
    assert days(text) == [("2021-03-03", "2021-03-03"), ("2023-06-13", "2023-06-13")]


def test_a_time_without_a_year_says_so():
    (span,) = spans_of("What did she do in May?", SAID)
    assert span.yearly
    assert span.in_year(2020) == (date(2020, 5, 1), date(2020, 5, 31))
    (leap,) = spans_of("on 29 February 2024", SAID)
    assert leap.in_year(2023) is None
    (december,) = spans_of("in December", SAID)
    assert december.in_year(2020) == (date(2020, 12, 1), date(2020, 12, 31))
    assert december.in_year(9999) is None
    assert december.in_year(0) is None


def test_dates_that_there_are_not():
    assert days("on 2023-13-45") == []
    assert days("900 years ago in 31 June") == [("1123-01-01", "1123-12-31")]


@given(st.text(), st.dates())
def test_any_text_on_any_day(text, said):
    for span in spans_of(text, said):
        assert 0 <= span.start < span.stop <= len(text)
        assert span.first <= span.last
