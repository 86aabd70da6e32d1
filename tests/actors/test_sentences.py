"""Where a sentence ends, for those who read talk by rules."""

import pytest

from actors.sentences import sentences, undotted


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
