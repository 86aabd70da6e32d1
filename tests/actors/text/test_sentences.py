"""Where a sentence ends, for those who read talk by rules."""

import pytest

from actors.text.sentences import sentences, straight, undotted


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("I live here. You do not!  Do they?", ["I live here.", "You do not!", "Do they?"]),
        ("I work at St. Mary's in Leeds. It is big.", ["I work at St. Mary's in Leeds.", "It is big."]),
        ("Dr. Ito and mrs. Bell came.", ["Dr. Ito and mrs. Bell came."]),
        ("I came 1st. Then I left.", ["I came 1st.", "Then I left."]),
        ("one\n\ntwo", ["one", "two"]),
        ("  ", []),
    ],
)
def test_a_text_is_cut_after_each_sentence(text: str, found: list[str]) -> None:
    assert sentences(text) == found


def test_dots_that_end_no_sentence_are_left_out() -> None:
    assert (
        undotted("I ran 3.5 km at St. Mary's, e.g. today. Then I left.") == "I ran 35 km at St Mary's, eg today. Then I left."
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "I have a viewing at 5:30 p.m. in Plagwitz. It is close.",
            ["I have a viewing at 5:30 p.m. in Plagwitz.", "It is close."],
        ),
        ("We met at 5 p.m. We left at six.", ["We met at 5 p.m.", "We left at six."]),
        ("I read J. R. R. Tolkien and Harry S. Truman.", ["I read J. R. R. Tolkien and Harry S. Truman."]),
        ("So did I. We left.", ["So did I.", "We left."]),
        ("It was plan B. We left.", ["It was plan B.", "We left."]),
        ("Ich bin oft weg, z. B. am 3. Mai, ca. eine Woche.", ["Ich bin oft weg, z. B. am 3. Mai, ca. eine Woche."]),
        ("1. Are pets allowed?\n2. Is it warm?", ["1. Are pets allowed?", "2. Is it warm?"]),
        ("I was born in 1990. April is my month.", ["I was born in 1990.", "April is my month."]),
    ],
)
def test_a_dot_within_a_sentence_does_not_end_it(text, found) -> None:
    assert sentences(text) == found


def test_what_phones_write_for_an_apostrophe_is_one_and_everything_keeps_its_place() -> None:
    text = "I\u2019m \u201chere\u201d"
    assert straight(text) == 'I\'m "here"'
    assert len(straight(text)) == len(text)
