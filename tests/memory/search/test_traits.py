"""What a text is like, whatever is asked."""

import pytest

from actors.memory.search.traits import NAMES, QUESTION, TELLS_TIME, traits_of


@pytest.mark.parametrize(
    ("text", "traits"),
    [
        ("How about you?", QUESTION),
        ("How about you? [shows a picture of a dog]", QUESTION),
        ("Why? Because I like it.", 0),
        ("I went there last week.", TELLS_TIME),
        ("We moved to Porto.", NAMES),
        ("Hey Ben! Thanks Ana, and you?", QUESTION),
        ('I read "The Trial" again', NAMES),
        ("Were you in Rome yesterday?", QUESTION | TELLS_TIME | NAMES),
        ("", 0),
        ("Is it? " * 1000 + "?", 0),
    ],
)
def test_traits(text, traits):
    assert traits_of(text) == traits
