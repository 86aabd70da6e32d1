"""What is drawn from talk without a model."""

import pytest

from actors.daemon import extract
from actors.daemon.extract import Said


def themes_of(turns):
    return extract.themes([(turn, extract.content(turn.text)) for turn in turns], 5)


def salient(turns, most):
    return extract.chosen([found for turn in turns for found in extract.candidates(turn)], most)


def test_facts_are_lasting_first_person_sentences_as_they_were_said() -> None:
    text = "I live in Lisbon. Do you like it? I'm not sure about the weather. My sister works at the port! Nice day."
    assert extract.facts(text) == ["I live in Lisbon.", "My sister works at the port!"]


def test_a_fact_is_whole_and_outlasts_the_day() -> None:
    text = "I work as a nurse at St. Mary's hospital. I'm so exhausted and sad tonight."
    assert extract.facts(text) == ["I work as a nurse at St. Mary's hospital."]


def test_a_summary_keeps_what_the_turns_are_about_in_their_order_and_says_nothing_twice() -> None:
    turns = [
        Said("1", "The marathon in May is my goal. Nice weather.", "ana"),
        Said("2", "Hello.", "bot"),
        Said("3", "The marathon in May is my goal. Marathon training starts at dawn.", "ana"),
        Said("4", "Somebody rang the bell.", "ana"),
    ]
    chosen = salient(turns, 2)
    assert [turn.id for turn, _ in chosen] == sorted(turn.id for turn, _ in chosen)
    assert any("marathon" in sentence.lower() for _, sentence in chosen)
    assert len({sentence for _, sentence in chosen}) == 2


def test_themes_are_words_of_several_turns_weighed_by_importance() -> None:
    turns = [
        Said("1", "The garden needs water.", "ana", 0.1),
        Said("2", "My garden grows.", "ana", 0.1),
        Said("3", "The operation is on Monday.", "ana", 0.9),
        Said("4", "I fear the operation.", "ana", 0.9),
    ]
    assert [(word, count) for word, count, _ in themes_of(turns)] == [("operation", 2), ("garden", 2)]


def test_nothing_said_gives_nothing() -> None:
    assert extract.facts("") == []
    assert salient([], 3) == []
    assert extract.themes([], 3) == []


def test_facts_are_found_whatever_apostrophe_a_phone_writes_and_in_small_letters() -> None:
    assert extract.facts("I\u2019m a nurse in Leeds. I\u2019ve two kids. i work nights") == [
        "I\u2019m a nurse in Leeds.",
        "I\u2019ve two kids.",
        "i work nights",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "I'm so stressed.",
        "I'm nervous as hell lol",
        "I was thinking scales.",
        "I have to go.",
        "I love it, though it is far.",
        'She said: "I live for this band!"',
        "Wir fahren im August nach Valencia.",
        "Nicht alles ist schlecht, die Wohnung im Altbau ist schön.",
    ],
)
def test_moods_quotations_and_other_languages_are_no_facts(text) -> None:
    assert extract.facts(text) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Hi! I'm Mara.", ["I'm Mara."]),
        ("My dog Pepe needs a park. He's a beagle.", ["My dog Pepe needs a park. He's a beagle."]),
        ("Aylin is a midwife.", ["Aylin is a midwife."]),
        ("Aylin! Is she here?", []),
        ("I quit smoking.", ["I quit smoking."]),
        ("I don't eat meat.", ["I don't eat meat."]),
    ],
)
def test_who_somebody_is_and_whom_they_have(text, found) -> None:
    assert extract.facts(text, names=frozenset({"Aylin"})) == found


def test_small_words_of_other_languages_are_no_themes() -> None:
    talk = ("Ich habe das nicht, aber die Wohnung ist schön.", "Die Wohnung ist nicht groß, aber ich habe Zeit.")
    assert [word for word, _, _ in themes_of([Said(str(n), text, "x") for n, text in enumerate(talk)])] == ["wohnung"]
    talk = ("No tengo mucho tiempo, pero me gusta la música.", "La música es mucho, pero no tengo guitarra.")
    assert [word for word, _, _ in themes_of([Said(str(n), text, "x") for n, text in enumerate(talk)])] == ["música"]


def test_a_summary_prefers_what_people_tell_to_questions_and_to_what_the_assistant_says() -> None:
    turns = [
        Said("1", "The harbour concert needs tickets?", "ana"),
        Said("2", "The harbour concert sounds lovely indeed.", "assistant", 0.2),
        Said("3", "The harbour concert starts on Sunday.", "ana"),
    ]
    assert [turn.id for turn, _ in salient(turns, 1)] == ["3"]
