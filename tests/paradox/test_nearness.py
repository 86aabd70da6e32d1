"""Which of many statements the classifier's time is spent on: those whose words are near."""

from __future__ import annotations

import struct
from datetime import UTC, datetime

import numpy as np
import pytest

from actors.neural_network import NetworkMissing
from actors.paradox.classifier.model import Classifier, Opinion
from actors.paradox.classifier.nearness import Nearness, word_vectors
from actors.paradox.judge import LEAST_CLASSIFIED, Judge
from actors.paradox.messages import Statement

MARCH = datetime(2026, 3, 1, 9, tzinfo=UTC)
STREETS = ["The street lamps are new.", "A fox ran past the bins.", "My scarf is too long.", "The printer is out of ink."]


class Watched:
    """The classifier, and what it was asked to read."""

    def __init__(self) -> None:
        self.classifier = Classifier()
        self.read_pairs: list[tuple[str, str]] = []

    def read(self, pairs: list[tuple[str, str]]) -> list[Opinion]:
        self.read_pairs += pairs
        return self.classifier.read(pairs)

    def near(self, texts: list[str], other: str) -> list[float]:
        return self.classifier.near(texts, other)


@pytest.fixture(scope="module")
def watched() -> Watched:
    return Watched()


@pytest.fixture
def judge(watched) -> Judge:
    watched.read_pairs.clear()
    return Judge(watched)


def statements(*texts: str) -> list[Statement]:
    return [Statement(text=text, speaker="user", time=MARCH) for text in texts]


def test_words_of_one_topic_are_nearer_than_others_though_none_is_shared(watched) -> None:
    near = watched.near(["The violin needs a string.", *STREETS], "I play the cello.")

    assert near.index(max(near)) == 0


def test_the_same_text_is_as_near_as_can_be_and_small_words_alone_are_near_nothing(watched) -> None:
    same, empty = watched.near(["I play the cello.", "It is not."], "I play the cello.")

    assert same == pytest.approx(1, abs=1e-5)
    assert empty == 0


def test_of_many_statements_few_are_read_and_the_nearest_is_among_them(judge, watched) -> None:
    judge.check(statements(*STREETS, "The violin needs a string.", *STREETS), statements("I play the cello.")[0])

    assert len(watched.read_pairs) == LEAST_CLASSIFIED
    assert "The violin needs a string." in [old for old, _ in watched.read_pairs]


def test_what_a_rule_finds_at_odds_is_read_though_its_words_are_far(judge, watched) -> None:
    new = statements("The fox and I shared my bacon by the bins.")[0]
    judge.check(statements(*STREETS, "I'm a vegetarian.", *STREETS), new)

    assert "I'm a vegetarian." in [old for old, _ in watched.read_pairs]


def test_vectors_are_read_from_the_file(tmp_path) -> None:
    table = np.array([[1, 0], [0, 2], [3, 3]], np.float32)
    header = b'{"embeddings.word_embeddings.weight":{"dtype":"F32","shape":[3,2],"data_offsets":[0,24]}}'
    path = tmp_path / "words.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + table.tobytes())
    rows = {"cello": 0, "violin": 1, "viola": 2}
    nearness = Nearness(lambda text: [(word, rows[word]) for word in text.split()], word_vectors(path))

    assert nearness.near(["cello", "violin", "viola"], "cello") == pytest.approx([1, 0, 2**-0.5])


@pytest.mark.parametrize("content", [b"", b"\x02\0\0\0\0\0\0\0{}", b"\xff\xff"])
def test_a_file_without_vectors_is_refused_by_name(tmp_path, content: bytes) -> None:
    path = tmp_path / "words.safetensors"
    path.write_bytes(content)

    with pytest.raises(NetworkMissing, match=r"words\.safetensors"):
        word_vectors(path)
