"""Which language a text is in, by its smallest words."""

import pytest

from actors.text.languages import is_english, is_foreign


@pytest.mark.parametrize(
    ("text", "english", "foreign"),
    [
        ("I live in Lisbon with my sister.", True, False),
        ("Allergic to nuts.", True, False),
        ("Married, two kids.", False, False),
        ("I was in Die Hard as an extra.", True, False),
        ("Ich wohne in Köln.", False, True),
        ("Vivo en Madrid.", False, True),
        ("J'habite à Lyon avec ma sœur.", False, True),
        ("Mieszkam w Krakowie.", False, False),
        ("", True, False),
        ("The old man will die.", False, False),
        ("Anna drives a van.", False, False),
        ("Bob plays solo.", False, False),
        ("Lives alone near Las Palmas.", False, False),
        ("Ana de la Cruz called.", False, False),
        ("Ben loves Los Angeles, hates Las Vegas.", False, False),
        ("Vegetarian since 2010, la dolce vita.", False, False),
        ("Ben quit Le Monde.", False, False),
        ("El perro de Ana es negro.", False, True),
        ("Gestern war ich im Kino.", False, True),
        ("Je ne mange pas de viande.", False, True),
    ],
)
def test_a_text_is_english_or_surely_another_language_or_neither(text, english, foreign) -> None:
    assert (is_english(text), is_foreign(text)) == (english, foreign)
