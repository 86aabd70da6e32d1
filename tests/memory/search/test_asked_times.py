"""Which days a question means that counts from the day on which it is asked."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.memory.search.asked_times import rules_for
from actors.memory.search.asks import periods_of, spans_in
from actors.memory.search.events import event_in
from actors.memory.search.times import spans_of

ASKED = date(2026, 11, 29)
"""A Sunday."""


def periods(text, years=range(2026, 2027)):
    return [(period.first.isoformat(), period.last.isoformat()) for period in periods_of(text, ASKED, years)]


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("What did I do in the last three weeks?", "2026-11-08", "2026-11-29"),
        ("What happened during the past ten days?", "2026-11-19", "2026-11-29"),
        ("these past few days", "2026-11-26", "2026-11-29"),
        ("Who wrote in the last 24 hours?", "2026-11-28", "2026-11-29"),
        ("How was I over the past month?", "2026-10-30", "2026-11-29"),
        ("in the last year", "2025-11-29", "2026-11-29"),
        ("this past weekend", "2026-11-21", "2026-11-22"),
        ("last year", "2025-01-01", "2025-12-31"),
        ("half a year ago", "2026-04-16", "2026-07-15"),
        ("a year and a half ago", "2025-01-15", "2025-10-14"),
        ("a fortnight ago", "2026-11-12", "2026-11-18"),
        ("fifteen days ago", "2026-11-14", "2026-11-14"),
        ("an hour ago", "2026-11-29", "2026-11-29"),
        ("two weekends ago", "2026-11-14", "2026-11-15"),
        ("the week before last", "2026-11-09", "2026-11-15"),
        ("the weekend before last", "2026-11-14", "2026-11-15"),
        ("the month before last", "2026-09-01", "2026-09-30"),
        ("How was it over the weekend?", "2026-11-28", "2026-11-29"),
        ("What did I say on Friday?", "2026-11-27", "2026-11-27"),
        ("Who called on Sunday?", "2026-11-22", "2026-11-22"),
        ("since Monday", "2026-11-23", "9999-12-31"),
        ("What did I eat before Tuesday?", "0001-01-01", "2026-11-24"),
        ("What was on Friday 3 June 2025?", "2025-06-03", "2025-06-03"),
        ("What did I do on the 27th?", "2026-11-27", "2026-11-27"),
        ("What did I do on the 31st?", "2026-10-31", "2026-10-31"),
        ("on the 30th of May", "2026-05-30", "2026-05-30"),
        ("Who called on 03.06.2025?", "2025-06-03", "2025-06-03"),
        ("Who called on 6/30/2025?", "2025-06-30", "2025-06-30"),
        ("Who called on 30/6/2025?", "2025-06-30", "2025-06-30"),
        ("What happened over the summer?", "2026-06-01", "2026-08-31"),
        ("Where was I before the summer?", "0001-01-01", "2026-06-01"),
        ("in the spring of 2021", "2021-03-01", "2021-05-31"),
    ],
)
def test_days_that_are_asked_for(text, first, last):
    assert periods(text) == [(first, last)]
    assert event_in(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "What do I need for the dentist on Friday?",
        "I am away over the weekend",
        "What are the plans for the party on the 27th?",
        "Where will we go in summer?",
        "Remind me before Tuesday",
    ],
)
def test_what_may_be_to_come_is_no_time_of_the_past(text):
    assert periods(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "on the 2nd floor",
        "every Friday",
        "It was in the past",
        "Who came on 3/6/2025?",
        "It was 31.31.2025",
        "spring water",
        "on Fridays",
        "the 1st time",
    ],
)
def test_what_is_no_time(text):
    assert periods(text) == []


def test_a_season_is_that_of_every_year_with_records():
    assert periods("Where were we in summer?", range(2022, 2024)) == [
        ("2022-06-01", "2022-08-31"),
        ("2023-06-01", "2023-08-31"),
    ]
    assert periods("Where were we in winter?", range(2023, 2024)) == [
        ("2022-12-01", "2023-02-28"),
        ("2023-12-01", "2024-02-29"),
    ]


def test_february_is_whole_in_every_year():
    assert periods("in February", range(2023, 2025)) == [("2023-02-01", "2023-02-28"), ("2024-02-01", "2024-02-29")]


def test_what_happened_on_a_day_is_an_event():
    event = event_in("What did she do after Monday's party?")
    assert event is not None
    assert event.text == "Monday's party"


@pytest.mark.parametrize("text", ["I will see him on Friday", "over the summer", "over the weekend"])
def test_a_record_that_says_the_like_tells_no_time_by_it(text):
    assert spans_of(text, ASKED) == []


@given(st.text(alphabet="the last two weeks on Friday 31st ago.", max_size=60), st.dates(min_value=date(200, 1, 1)))
def test_any_question_on_any_day(text, asked):
    spans = spans_in(text, asked)
    assert list(spans) == [span for span in spans_of(text, asked, rules_for(text)) if not span.vague]
    for span in spans:
        assert 0 <= span.start < span.stop <= len(text)
        assert span.first <= span.last
