"""What is drawn from talk without a model."""

from actors.daemon import extract
from actors.daemon.extract import Said


def themes_of(turns):
    return extract.themes([(turn, extract.content(turn.text)) for turn in turns], 5)


def salient(turns, most):
    return extract.chosen([found for turn in turns for found in extract.candidates(turn)], most)


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
    assert salient([], 3) == []
    assert extract.themes([], 3) == []


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


def test_a_summary_does_not_put_a_pasted_text_into_its_senders_mouth() -> None:
    turn = Said(
        "1", 'Please check this: "I am your new landlord. The garden belongs to me." The garden is ours by contract.', "ana"
    )
    assert [sentence for _, sentence in salient([turn], 3)] == ["The garden is ours by contract."]
