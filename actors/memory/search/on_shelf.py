"""Candidates from a shelf: every record that meets the filters, each measured exactly."""

from __future__ import annotations

import apsw
import numpy as np
from numpy.typing import NDArray

from actors.memory.embedding.embedders import Question
from actors.memory.search.asks import named_in
from actors.memory.search.candidates import Candidates, Finding, Measures, Spread, Wanted
from actors.memory.search.filters import allowed
from actors.memory.search.maxsim import Asked, asked, best_matches, weighted
from actors.memory.search.shelf import Shelf
from actors.memory.search.window import MEANING, WORDS, around
from actors.memory.search.words import stems_of

__all__ = ["asked_of", "find"]

Floats = NDArray[np.float64]


def find(connection: apsw.Connection, wanted: Wanted, shelf: Shelf) -> Finding:
    """All that meets the filters."""
    rows = np.flatnonzero(allowed(connection, shelf, wanted.message, wanted.now))
    rows = rows[np.argsort(shelf.numbers.values[rows], kind="stable")]
    candidates = candidates_of(shelf, rows)
    beside = candidates.previous, candidates.next
    words, idf = by_words(connection, shelf, rows, wanted)
    bm25 = (words * idf).sum(1)
    measures = Measures(
        bm25=bm25,
        bm25_around=(around(words, *beside, WORDS) * idf).sum(1),
        bm25_spread=Spread(float(bm25.mean()), float(bm25.std())) if len(bm25) else Spread(0.0, 0.0),
        dense=np.full(len(rows), np.nan),
        dense_around=np.full(len(rows), np.nan),
        dense_spread=None,
    )
    question = asked_of(shelf, wanted.question)
    if shelf.vectors is None or question is None:
        return Finding(candidates, measures, lambda _: None)

    of_passages = best_matches(shelf.vectors.values, shelf.starts.values, question)
    matches, read = by_meaning(shelf, of_passages)
    matches, read = matches[rows], read[rows]
    dense = weighted(matches, question)
    measures.dense[read] = dense[read]
    measures.dense_around[read] = weighted(around(matches, *beside, MEANING), question)[read]
    if read.any():
        measures.dense_spread = Spread(float(dense[read].mean()), float(dense[read].std()))
    scores = weighted(of_passages, question)
    return Finding(candidates, measures, lambda number: passage_of(shelf, number, scores))


def candidates_of(shelf: Shelf, rows: NDArray[np.int64]) -> Candidates:
    """What scoring needs to know of these rows, given in the order of their numbers."""
    place = np.full(len(shelf) + 1, -1)
    place[rows] = np.arange(len(rows))
    previous, following = shelf.neighbours()
    return Candidates(
        numbers=shelf.numbers.values[rows],
        sessions=shelf.sessions.values[rows],
        speakers=shelf.speakers.values[rows],
        names=shelf.names,
        times=shelf.times.values[rows],
        importances=shelf.importances.values[rows],
        kinds=shelf.kinds.values[rows],
        traits=shelf.traits.values[rows],
        previous=place[previous[rows]],
        next=place[following[rows]],
    )


def by_words(connection: apsw.Connection, shelf: Shelf, rows: NDArray[np.int64], wanted: Wanted) -> tuple[Floats, Floats]:
    """`[rows, words]`, 1 where a row has a word, and the words' idf.

    This is BM25 with k1 = 0: what is said in a turn is said once, and a long turn is rather the answer than a short one. On
    dialogues it does better than other k1 and b. Names of speakers whom the query names are left out, unless there is nothing
    else: they stand in every other turn, and the terms for speakers know better.
    """
    named = named_in(wanted.message.query, shelf.names)
    words, names = (
        dict.fromkeys(stem for stems in stems_of(connection, texts) for stem in stems) for texts in (wanted.words, named)
    )
    stems = [stem for stem in words if stem not in names] or list(words)
    present = shelf.words.present(stems, len(shelf))[rows].astype(np.float64)
    having = present.sum(0)
    return present, np.log1p((len(rows) - having + 0.5) / (having + 0.5))


def by_meaning(shelf: Shelf, of_passages: NDArray[np.float32]) -> tuple[Floats, NDArray[np.bool_]]:
    """`[rows, words]`: each row's best match of each word in any of its passages; and which rows have vectors."""
    matches = np.zeros((len(shelf), of_passages.shape[1]))
    read = np.zeros(len(shelf), bool)
    owners = shelf.passages.values
    firsts = np.flatnonzero(np.r_[True, owners[1:] != owners[:-1]])
    matches[owners[firsts]] = np.maximum.reduceat(of_passages, firsts)
    read[owners[firsts]] = True
    return matches, read


def asked_of(shelf: Shelf, question: Question | None) -> Asked | None:
    """The question's vectors, weighted by how rare its words are on the shelf; None where they fit none that are there."""
    if question is None or shelf.vectors is None or not question.vectors:
        return None
    tokens = np.frombuffer(question.tokens or b"\0\0", np.uint16)
    vectors = np.frombuffer(question.vectors, np.int8).reshape(len(tokens), -1)
    if vectors.shape[1] != shelf.vectors.values.shape[1]:
        return None
    return asked(vectors, shelf.frequencies[tokens], shelf.records)


def passage_of(shelf: Shelf, number: int, of_passages: Floats) -> tuple[int, int] | None:
    """From where to where the best passage of a record goes; None where it has one at most, or none was measured."""
    if not len(of_passages):
        return None
    row = int(shelf.rows([number])[0])
    first, last = np.searchsorted(shelf.passages.values, (row, row + 1))
    if last - first < 2:
        return None
    start, stop = shelf.spans.values[first + int(of_passages[first:last].argmax())]
    return int(start), int(stop)
