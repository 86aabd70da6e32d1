"""The same figure in other words is the same figure; another one stays another one."""

from datetime import UTC, datetime, timedelta

import pytest

from actors.paradox.classifier.model import Classifier
from actors.paradox.judge import Judge
from actors.paradox.judging.restated import restated
from actors.paradox.messages import Statement

MARCH = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def whole() -> Judge:
    return Judge(Classifier())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("My train leaves at 7:40 pm.", "My train leaves at 19:40."),
        ("My flight lands at noon.", "My flight lands at 12:00."),
        ("The trail is 42 kilometres long.", "The trail is 26 miles long."),
        ("I weigh 80 kilos.", "I weigh around 176 pounds."),
        ("My birthday is the 3rd of May.", "My birthday is on May 3."),
        ("We paid $1.5k for the sofa.", "We paid 1,500 dollars for the sofa."),
        ("We have half a dozen chickens.", "We have six chickens."),
        ("The talk lasts 90 minutes.", "The talk lasts an hour and a half."),
        ("The choir has two hundred and fifty members.", "The choir has 250 members."),
    ],
)
def test_one_figure_written_in_two_ways_is_no_conflict(whole: Judge, old: str, new: str) -> None:
    earlier = Statement(text=old, speaker="user", time=MARCH)
    found = whole.check([earlier], Statement(text=new, speaker="user", time=MARCH + timedelta(days=9)))

    assert found.verdict in ("compatible", "unrelated")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("My flight leaves at 7 am.", "My flight leaves at 7 pm."),
        ("The trail is 42 kilometres long.", "The trail is 42 miles long."),
        ("My birthday is the 3rd of May.", "My birthday is on June 3."),
        ("The rent is 900 euros.", "The rent is 900 dollars."),
        ("The guests sit in rows two and three.", "The guests sit in row three."),
        ("My flight lands at noon.", "My flight lands at midnight."),
    ],
)
def test_another_figure_stays_as_it_was_written(old: str, new: str) -> None:
    assert restated(old, new) == new


@pytest.mark.parametrize(
    ("days", "age", "expected"), [(400, "eight", "seven"), (2, "eleven", "eleven"), (800, "seven", "seven")]
)
def test_an_age_grows_with_the_time_between(days: int, age: str, expected: str) -> None:
    times = (MARCH, MARCH + timedelta(days=days))

    assert restated("My daughter is seven.", f"My daughter is {age}.", times) == f"My daughter is {expected}."


def test_a_child_that_is_a_year_older_after_a_year_is_no_conflict(whole: Judge) -> None:
    earlier = Statement(text="My daughter is seven.", speaker="user", time=MARCH)
    later = Statement(text="My daughter is eight.", speaker="user", time=MARCH + timedelta(days=400))

    assert whole.check([earlier], later).verdict == "compatible"
