"""Answers that have fallen into repeating a phrase, beside those that rightly do."""

import pytest

from actors.llm.failure import Failure
from actors.llm.repetition import Repetition

JACK = "All work and no play makes Jack a dull boy.\n"


def said_before_it_was_noticed(text: str, question: str) -> int | None:
    """Characters of the endless text that went by; None where 100,000 did."""
    repetition = Repetition(2048, question)
    for n in range(100_000 // len(text)):
        try:
            repetition.feed(text.replace("#", str(n * n)))
        except Failure:
            return n * len(text)

    return None


@pytest.mark.parametrize(
    ("text", "question", "least", "most"),
    [
        ("la ", "Hello", 2000, 2304),
        ("x", "Hello", 2000, 2304),
        ("again ", "Hello", 255, 512),
        ("\n", "Hello", 255, 512),
        (JACK, "Who is Jack? I ask for the 12 of us.", 800, 1024),
        (JACK, "Write 'All work and no play makes Jack a dull boy.' down the page.", 32_000, 34_000),
        ("perro ", "Write the Spanish word for dog 500 times.", 32_000, 34_000),
        ("0, ", "A row of 5000 zeros, please", 32_000, 34_000),
        ("grass, ", "A map of 40x40 tiles", 32_000, 34_000),
    ],
)
def test_an_answer_that_only_repeats_itself_is_noticed_late_where_that_was_asked_for(text, question, least, most) -> None:
    said = said_before_it_was_noticed(text, question)
    assert said is not None
    assert least <= said <= most


@pytest.mark.parametrize("text", ["# ", "# is the square of the next number, and "])
def test_an_answer_that_goes_on_is_no_repetition(text) -> None:
    assert said_before_it_was_noticed(text, "Hello") is None
