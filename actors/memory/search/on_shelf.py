"""Candidates from a shelf: every record that meets the filters, each measured exactly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw
import numpy as np
from numpy.typing import NDArray

from actors.memory.embedding.embedders import Question
from actors.memory.search.candidates import Candidates, Finding, Measures, Spread, Wanted
from actors.memory.search.filters import allowed
from actors.memory.search.lexical import match_of, scope_of
from actors.memory.search.maxsim import Asked, asked, max_sim
from actors.memory.search.shelf import Shelf
from actors.memory.tail import Tail

__all__ = ["asked_of", "find"]

Floats = NDArray[np.float64]


def find(connection: apsw.Connection, wanted: Wanted, tail: Tail, shelf: Shelf) -> Finding:
    """All that meets the filters."""
    rows = np.flatnonzero(allowed(connection, shelf, wanted.message, wanted.now))
    rows = rows[np.argsort(shelf.numbers.values[rows], kind="stable")]
    bm25 = by_words(connection, shelf, tail, wanted.words)[rows]
    dense, of_passages = by_meaning(shelf, wanted.question)
    dense = dense[rows]
    read = dense[~np.isnan(dense)]
    spread = Spread(float(read.mean()), float(read.std())) if len(read) else None
    bm25_spread = Spread(float(bm25.mean()), float(bm25.std())) if len(bm25) else Spread(0.0, 0.0)
    measures = Measures(bm25, bm25_spread, dense, spread)
    return Finding(candidates_of(shelf, rows), measures, lambda number: passage_of(shelf, number, of_passages))


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
        previous=place[previous[rows]],
        next=place[following[rows]],
    )


def by_words(connection: apsw.Connection, shelf: Shelf, tail: Tail, words: Sequence[str]) -> Floats:
    """BM25 of every row, 0 where no word matches."""
    match = match_of(words, scope_of(connection, shelf.namespace))
    found = connection.execute("SELECT rowid, -bm25(search, 0.0, 1.0) FROM search WHERE search MATCH ?", (match,))
    hits: Any = [*found, *tail.hits(connection, shelf.namespace, words).items()]
    scores = np.zeros(len(shelf))
    if hits:
        numbers, relevance = zip(*hits, strict=True)
        rows = shelf.rows(numbers)
        known = rows >= 0
        scores[rows[known]] = np.maximum(np.array(relevance)[known], 0.0)
    return scores


def by_meaning(shelf: Shelf, question: Question | None) -> tuple[Floats, Floats]:
    """MaxSim of every row, that of its best passage, NaN where there are no vectors; and that of every passage."""
    scores = np.full(len(shelf), np.nan)
    asked_for = asked_of(shelf, question)
    if asked_for is None or shelf.vectors is None:
        return scores, np.empty(0)
    of_passages = max_sim(shelf.vectors.values, shelf.starts.values, asked_for)
    owners = shelf.passages.values
    firsts = np.flatnonzero(np.r_[True, owners[1:] != owners[:-1]])
    scores[owners[firsts]] = np.maximum.reduceat(of_passages, firsts)
    return scores, of_passages


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
