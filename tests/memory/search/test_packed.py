"""Packed vectors: the same products as without packing, whatever has changed meanwhile."""

from __future__ import annotations

import numpy as np
import pytest

from actors.memory.search.maxsim import Asked, best_matches, best_matches_packed, nearness
from actors.memory.search.packed import BLOCK, Packed

RANDOM = np.random.default_rng(1)


def vectors(count: int) -> np.ndarray:
    return RANDOM.integers(-127, 128, (count, 128)).astype(np.int8)


def question(words: int) -> Asked:
    return Asked(vectors(words), np.full(words, 1 / words))


@pytest.mark.parametrize("words", [1, 3, 4, 5, 8, 11])
@pytest.mark.parametrize("count", [1, 17, BLOCK, 2 * BLOCK + 5])
def test_matches_are_those_that_products_of_whole_numbers_give(words, count):
    asked, many = question(words), vectors(count)
    starts = np.unique(np.append(RANDOM.integers(0, count, count // 9), 0))
    products = many.astype(np.int32) @ asked.vectors.astype(np.int32).T
    wanted = np.maximum.reduceat(products, starts, axis=0)

    assert (best_matches(many, starts, asked) == wanted).all()
    assert (best_matches_packed(Packed(), many, starts, asked) == wanted).all()


def test_a_passage_may_be_longer_than_a_block():
    asked, many = question(5), vectors(3 * BLOCK)
    starts = np.array([0, 100, 2 * BLOCK + 100])

    assert (best_matches_packed(Packed(), many, starts, asked) == best_matches(many, starts, asked)).all()


def test_what_was_added_is_there_and_what_was_dropped_is_gone():
    packed, gists, gist = Packed(), vectors(BLOCK + 10), vectors(1)[0]
    assert (nearness(packed, gists, gist) == gists.astype(np.int32) @ gist.astype(np.int32)).all()

    gists = np.concatenate((gists, vectors(BLOCK)))
    gists[3] = 0
    packed.drop([3])

    assert (nearness(packed, gists, gist) == gists.astype(np.int32) @ gist.astype(np.int32)).all()
    assert packed.nbytes >= gists.nbytes
    packed.drop(range(len(gists)))
    assert packed.nbytes == 0
