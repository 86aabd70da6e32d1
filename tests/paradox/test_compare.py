"""What becomes of a pair that the network alone finds at odds: most in a talk have nothing to do with each other."""

import pytest

from actors.paradox.compare import is_guess
from actors.paradox.judging.pair import Judgement
from actors.paradox.settings import ParadoxSettings
from tests.paradox.house import followed, found, house, say

CAR = ("My car is electric.", "I filled up the car with petrol on the way home.")
COURTESIES = ("I'm happy to hear that you slept well, Ada.", "I'm sorry that you slept so badly, Ada.")


@pytest.mark.parametrize(
    ("alone", "overlap", "score", "role", "guess"),
    [
        (True, 0.5, 0.9, "user", False),
        (True, 0.5, 0.7, "user", True),
        (True, 0.0, 0.9, "user", True),
        (True, 0.5, 0.9, "assistant", True),
        (False, 0.0, 0.6, "user", False),
        (False, 0.5, 0.6, "assistant", False),
    ],
)
def test_the_network_alone_is_believed_where_it_is_sure_and_people_share_a_word(alone, overlap, score, role, guess) -> None:
    judgement = Judgement("contradiction", score, "why", overlap, alone=alone)
    assert is_guess(judgement, CAR, role, ParadoxSettings()) is guess


@pytest.mark.parametrize(("words", "alone", "guess"), [(30, True, False), (31, True, True), (31, False, False)])
def test_the_network_alone_is_not_believed_of_long_texts(words, alone, guess) -> None:
    judgement = Judgement("contradiction", 0.9, "why", 0.5, alone=alone)
    assert is_guess(judgement, (CAR[0], " ".join(["word"] * words)), "user", ParadoxSettings()) is guess


async def test_what_the_network_is_sure_of_is_kept_and_courtesies_are_not(short_dir) -> None:
    async with house(short_dir, classifier="onnx") as host:
        await say(host, *CAR)
        await say(host, *COURTESIES, speaker="assistant", role="assistant", day=5)
        await followed(host)
        assert [pair[1:] for pair in await found(host)] == [CAR]


async def test_the_same_words_of_a_person_are_kept(short_dir) -> None:
    # What the test before relies on: that the network takes them for at odds.
    async with house(short_dir, classifier="onnx") as host:
        await say(host, *COURTESIES, speaker="user")
        await followed(host)
        assert [pair[1:] for pair in await found(host)] == [COURTESIES]
