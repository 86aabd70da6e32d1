"""What a degraded answer quotes, and what it does not."""

import time
from typing import Any

import pytest

from actors.memory.messages import Recollection
from actors.thinking.relevance import bearing, relevant
from tests.thinking.test_prompt import paradox, recollection


def found(text: str, nearness: float | None = None) -> Recollection:
    given: dict[str, Any] = recollection(1, text).model_dump()
    return Recollection(**{**given, "nearness": nearness})


@pytest.mark.parametrize(
    "greeting", ["Hello!", "hi", "Hey hey", "Good morning, how are you?", "Thanks", "OK.", "?", "Hello, are you there?"]
)
def test_a_greeting_asks_for_nothing(greeting: str) -> None:
    assert relevant(greeting, [found("hello", 1.0), found("My password manager broke yesterday.", 0.3)]) == ()


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
    assert len(relevant(question, [found(text, 0.1), found(f"{text} Yes.")])) == 2


@pytest.mark.parametrize(
    ("question", "text"), [("What is it?", "That was what it is."), ("When is the concert?", "I am allergic to nuts.")]
)
def test_words_that_carry_no_topic_are_not(question: str, text: str) -> None:
    assert relevant(question, [found(text, 0.3), found(text)]) == ()


def test_what_is_near_in_meaning_is_quoted_without_one_in_the_order_of_recall() -> None:
    near = [found("My cat is called Pim.", 0.66), found("Dinner with Tom.", 0.2), found("I feed the rabbit at noon.", 0.45)]
    assert relevant("What pets do I have?", near) == (near[0], near[2])
    assert relevant("What about me?", near) == (near[0], near[2])


def test_two_long_texts_are_held_against_each_other_by_how_their_words_begin() -> None:
    question = " ".join(f"q{number:05}x" for number in range(3000))
    text = " ".join(f"t{number:05}y" for number in range(3000))
    began = time.process_time()
    assert relevant(question, [found(text, 0.1)] * 5) == ()
    assert time.process_time() - began < 1


def test_what_was_said_several_times_is_quoted_once() -> None:
    cat, again, dog = found("The cat sleeps."), found("the  cat sleeps."), found("The dog and the cat.")
    assert relevant("Where is the cat?", [cat, again, dog]) == (cat, dog)


def test_a_contradiction_bears_on_what_shares_a_topic_with_it_and_on_the_talk_in_which_it_was_said() -> None:
    one = paradox()
    assert bearing("Which meat goes with red cabbage?", (one,), (), frozenset()) == (one,)
    assert bearing("And what else?", (one,), (), frozenset({"i had a steak"})) == (one,)
    near = found("I had a steak", 0.6).model_copy(update={"id": one.later.memory})
    assert bearing("Am I a vegetarian?", (one,), (near,), frozenset()) == (one,)
    assert bearing("When does my train leave?", (one,), (near.model_copy(update={"nearness": 0.1}),), frozenset()) == ()
