"""The turns beside a turn help it, word by word."""

import numpy as np

from actors.memory.search.window import WORDS, around, beside, turns_beside

PREVIOUS = np.array([-1, 0, 1, -1])
NEXT = np.array([1, 2, -1, -1])
TURNS = turns_beside(PREVIOUS, NEXT)


def test_a_word_counts_less_the_farther_away_it_was_said():
    matches = np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    got = around(matches, TURNS, {-1: 0.8, -2: 0.7})
    assert got.tolist() == [[1.0, 0.0], [0.8, 0.0], [0.7, 1.0], [0.0, 0.0]]
    assert around(matches, TURNS, WORDS)[:, 1].tolist() == [0.2, 0.4, 1.0, 0.0]


def test_an_own_match_that_is_better_stays():
    matches = np.array([[1.0], [0.9], [0.1], [0.0]])
    assert around(matches, TURNS, {-1: 0.8})[:, 0].tolist() == [1.0, 0.9, 0.9 * 0.8, 0.0]


def test_nothing_and_no_words():
    nothing, nobody = np.empty((0, 3)), np.empty(0, np.int64)
    assert around(nothing, turns_beside(nobody, nobody), WORDS).shape == (0, 3)
    assert around(np.empty((4, 0)), TURNS, WORDS).shape == (4, 0)


def test_the_value_beside():
    assert beside(np.array([5, 6, 7, 8]), PREVIOUS, -1).tolist() == [-1, 5, 6, -1]
