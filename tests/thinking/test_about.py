"""What a degraded answer quotes, and what it does not."""

from typing import Any

import pytest

from actors.memory.messages import Recollection
from actors.thinking.about import about
from tests.thinking.test_prompt import recollection


def found(text: str, nearness: float | None = None) -> Recollection:
    given: dict[str, Any] = recollection(1, text).model_dump()
    return Recollection(**{**given, "nearness": nearness})


@pytest.mark.parametrize(
    "greeting", ["Hello!", "hi", "Hey hey", "Good morning, how are you?", "Thanks", "OK.", "?", "Hello, are you there?"]
)
def test_a_greeting_asks_for_nothing(greeting: str) -> None:
    assert about(greeting, [found("hello", 1.0), found("My password manager broke yesterday.", 0.3)]) == ()


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("What is my cat called?", "The cat sleeps."),
        ("Tell me about the paintings", "I painted the house."),
        ("Hello! Where are my keys?", "The key is in the drawer."),
        ("Thanks. What did I do this morning?", "This morning I ran."),
        ("¿Dónde vive Ana?", "Ana vive en Oporto"),
    ],
)
def test_a_word_in_common_is_enough(question: str, text: str) -> None:
    assert len(about(question, [found(text, 0.1), found(text)])) == 2


@pytest.mark.parametrize(
    ("question", "text"), [("What is it?", "That was what it is."), ("When is the concert?", "I am allergic to nuts.")]
)
def test_words_that_carry_no_topic_are_not(question: str, text: str) -> None:
    assert about(question, [found(text, 0.3), found(text)]) == ()


def test_what_is_near_in_meaning_is_quoted_without_one_in_the_order_of_recall() -> None:
    near = [found("My cat is called Pim.", 0.66), found("Dinner with Tom.", 0.2), found("I feed the rabbit at noon.", 0.45)]
    assert about("What pets do I have?", near) == (near[0], near[2])
    assert about("What about me?", near) == (near[0], near[2])
