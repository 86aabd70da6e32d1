"""What a text of several sentences claims: each sentence by itself, whatever stands beside it."""

from datetime import UTC, datetime, timedelta

import pytest

from actors.paradox.classifier.model import Classifier
from actors.paradox.judge import Judge, asserts, parts
from actors.paradox.judging.claims import claims
from actors.paradox.messages import Statement
from tests.paradox.test_judge import verdict

MARCH = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def whole() -> Judge:
    return Judge(Classifier())


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("I live in Prague.", "I moved to Vienna in March. I wish you could see the flat!", "update"),
        ("I'm a vegetarian.", "I had bacon for lunch. I hope they have more tomorrow.", "contradiction"),
        ("I have no siblings.", "My brother called. If he could get time off he would visit.", "contradiction"),
        ("I live in Lisbon. I hope the summer is mild.", "I live in Oslo.", "contradiction"),
    ],
)
def test_a_wish_beside_a_statement_does_not_unsay_it(old: str, new: str, expected: str) -> None:
    assert verdict(old, new) == expected


@pytest.mark.parametrize(
    "after", ["Can you recommend a gym?", "Would you believe it?", "Please remind me to call the bank.", "Thanks!"]
)
@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("I live in Lisbon.", "I live in Oslo.", "contradiction"),
        ("My car is blue.", "My car is red.", "contradiction"),
        ("The meeting is on Tuesday.", "The meeting was moved to Thursday.", "update"),
    ],
)
def test_whoever_tells_something_and_asks_for_something_has_told_it(
    whole: Judge, old: str, new: str, expected: str, after: str
) -> None:
    earlier = Statement(text=old, speaker="user", time=MARCH)
    later = MARCH + timedelta(days=9)

    assert whole.check([earlier], Statement(text=f"{new} {after}", speaker="user", time=later)).verdict == expected
    spoken = Statement(text=f"{old} {after}", speaker="user", time=MARCH)
    assert whole.check([spoken], Statement(text=new, speaker="user", time=later)).verdict == expected


def test_a_change_of_something_else_is_no_sign_of_a_change_of_this() -> None:
    old = Statement(text="I live in Lisbon.", speaker="user", time=MARCH)
    new = Statement(text="I live in Oslo. I quit the choir.", speaker="user", time=MARCH + timedelta(days=9))

    assert not Judge().against([old], new)[0].signed


@pytest.mark.parametrize(
    "text",
    [
        "I'm the king of France. Just kidding.",
        "Imagine we had a boat. I take it to work every day.",
        "I dreamt of Oslo. My flat had no door.",
        'He wrote: "I live in Rome. I hate the noise."',
        "If I were rich? I'd live in Oslo.",
        "I wish I had a cat. Oh well.",
    ],
)
def test_what_is_told_within_a_joke_a_dream_or_a_quotation_is_not_claimed(text: str) -> None:
    assert not any(asserts(part) for part in parts(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I have a flat in Oslo. It's on the third floor.", ["I have a flat in Oslo. It's on the third floor."]),
        ("Do you remember the red car? I sold it.", ["Do you remember the red car? I sold it."]),
        ("Where do I live? Oslo.", ["Where do I live? Oslo."]),
        ("My brother called. What are you up to?", ["My brother called."]),
        ("I live in Oslo. My car is blue.", ["I live in Oslo.", "My car is blue."]),
        ("Is it late?", ["Is it late?"]),
    ],
)
def test_a_sentence_stays_with_what_it_leans_on(text: str, expected: list[str]) -> None:
    assert claims(text) == expected
