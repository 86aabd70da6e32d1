"""Which language a text is in, by its smallest words."""

import pytest

from actors.languages import is_english, is_foreign


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
    ],
)
def test_a_text_is_english_or_surely_another_language_or_neither(text, english, foreign) -> None:
    assert (is_english(text), is_foreign(text)) == (english, foreign)
