"""What is drawn from talk without a model."""

from actors.daemon import extract
from actors.daemon.extract import Said


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
    chosen = extract.salient(turns, 2)
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
    assert [(word, count) for word, count, _ in extract.themes(turns, 5)] == [("operation", 2), ("garden", 2)]


def test_nothing_said_gives_nothing() -> None:
    assert extract.facts("") == []
    assert extract.salient([], 3) == []
    assert extract.themes([], 3) == []
