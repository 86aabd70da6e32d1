"""What people say with a "not" or a "no" that denies nothing, and what does."""

import pytest

from actors.paradox.judging.change import correction
from actors.paradox.judging.polarity import denied
from actors.paradox.judging.words import content, normalise


@pytest.mark.parametrize(
    "text",
    [
        "I can't wait to plant the roses.",
        "I couldn't agree more about the roses.",
        "I can't believe the roses are out.",
        "I can't help smelling the roses.",
        "Don't worry about the roses.",
        "No worries about the roses.",
        "I couldn't be happier with the roses.",
        "I can't recommend those roses enough.",
    ],
)
def test_figures_of_speech_deny_nothing(text: str) -> None:
    assert denied(normalise(text)) == frozenset()


@pytest.mark.parametrize(
    "text", ["I can't grow roses.", "I couldn't find the roses.", "I don't want roses.", "There are no roses."]
)
def test_what_is_denied_is_denied(text: str) -> None:
    assert content(("roses",)) <= denied(normalise(text))


@pytest.mark.parametrize(
    "text",
    [
        "No worries, we've all done it.",
        "No rush, take the later bus.",
        "Sorry to hear about the bus.",
        "Sorry you had to walk.",
    ],
)
def test_a_courtesy_takes_nothing_back(text: str) -> None:
    assert not correction(normalise(text))


@pytest.mark.parametrize(
    "text",
    ["No, it's the later bus.", "No, you have it wrong.", "Sorry, I meant the later bus.", "Sorry, you need the later bus."],
)
def test_a_no_or_a_sorry_before_something_else_takes_back(text: str) -> None:
    assert correction(normalise(text))
