"""From a query to candidates and how well each of them matches, over one namespace's arrays.

Of a small namespace every record that meets the filters is measured. Of a large one those are that the words or the gists speak
for (`survey.py`), and the turns beside them; how far from usual a match is, is judged by a sample. The rest is the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import apsw
import numpy as np
from numpy.typing import NDArray

from actors.memory.embedding.embedders import Question
from actors.memory.search.asks import named_in
from actors.memory.search.candidates import Candidates, Measured, Measures, Spread, Wanted
from actors.memory.search.filters import allowed
from actors.memory.search.lexical import scope_of
from actors.memory.search.matrix import Matrix, Passages, passages_in_tables
from actors.memory.search.maxsim import Asked, asked, best_matches, best_matches_packed, nearness, weighted
from actors.memory.search.shelf import Shelf
from actors.memory.search.shelves import NamespaceArrays
from actors.memory.search.survey import Lexical, best, survey, with_neighbours
from actors.memory.search.window import MEANING, WORDS, around, turns_beside
from actors.memory.tail import Tail

__all__ = ["find"]

TOP = 6.0
"""How many deviations the best BM25 is above nothing in a large namespace: as among some hundred turns of a talk. By the real
deviation, a word that one of many thousands has would outweigh all meaning."""

LEXICAL = 0.15
"""How much BM25 counts beside MaxSim in choosing the hits whose neighbours are measured, as it does in scoring."""

BESIDE = 64
"""Hits whose neighbours are measured: what is answered is among them or beside them."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def find(connection: apsw.Connection, wanted: Wanted, held: NamespaceArrays, tail: Tail, hits: int) -> Measured:
    """Candidates, how well each matches, and which passage of each does.

    Args:
        connection: to read from.
        wanted: what is asked for.
        held: the namespace's arrays.
        tail: what the full-text index has not yet.
        hits: how many are looked for in a large namespace.
    """
    shelf = held.shelf
    mask = allowed(connection, shelf, wanted.message, wanted.now)
    lexical = by_words(connection, held, tail, mask, wanted)
    question = asked_of(held.measure, wanted.question)
    near = None if question is None or shelf.gists is None else nearness(shelf.packed, shelf.gists.values, question.gist)
    spread, gist_spread = (None, None) if held.whole or question is None else usual(held, question, near)
    if held.whole:
        rows, found = mask.nonzero()[0], None
    else:
        chosen = survey(shelf, mask, lexical, near, wanted, hits)
        rows, found = surveyed(connection, held, mask, lexical, question, chosen, spread)
    candidates = candidates_of(shelf, rows)
    turns = turns_beside(candidates.previous, candidates.next)
    present = lexical.present[:, rows].T.astype(np.float64)
    measures = Measures(
        bm25=lexical.relevance[rows],
        bm25_around=(around(present, turns, WORDS) * lexical.idf).sum(1),
        bm25_spread=spread_of(lexical.relevance[mask]) if held.whole else beyond_nothing(lexical),
        dense=np.full(len(rows), np.nan),
        dense_around=np.full(len(rows), np.nan),
        dense_spread=None,
        gist=np.zeros(len(rows)),
        gist_spread=None,
    )
    if question is None or not len(rows):
        return Measured(candidates, measures, lambda _: None)

    found = found or matched(connection, held, rows, question)
    of_rows, known = by_row(found, rows)
    dense = weighted(of_rows, question)
    measures.dense[known] = dense[known]
    measures.dense_around[known] = weighted(around(of_rows, turns, MEANING), question)[known]
    if known.any():
        measures.dense_spread = spread or spread_of(dense[known])
    if known.any() and near is not None:
        measures.gist = near[rows].astype(np.float64)
        measures.gist_spread = gist_spread or spread_of(measures.gist[known])
    return Measured(candidates, measures, spans_of(shelf, found, question).get)


def surveyed(  # noqa: PLR0917 (all that is known of the namespace and the query)
    connection: apsw.Connection,
    held: NamespaceArrays,
    mask: NDArray[np.bool_],
    lexical: Lexical,
    question: Asked | None,
    rows: Integers,
    spread: Spread | None,
) -> tuple[Integers, Matches | None]:
    """The hits of a survey and the turns beside those that match best, and the matches of all of them."""
    if question is None or not len(rows):
        return with_neighbours(held.shelf, mask, rows, rows), None
    found = matched(connection, held, rows, question)
    meaning = weighted(by_row(found, rows)[0], question)
    words = beyond_nothing(lexical).standard(lexical.relevance[rows])
    relevance = (spread or spread_of(meaning)).standard(meaning) + LEXICAL * words
    all_rows = with_neighbours(held.shelf, mask, rows, best(rows, relevance, BESIDE))
    added = np.ones(len(all_rows), bool)
    added[all_rows.searchsorted(rows)] = False
    return all_rows, found.with_more(matched(connection, held, all_rows[added], question))


def by_words(
    connection: apsw.Connection, held: NamespaceArrays, tail: Tail, mask: NDArray[np.bool_], wanted: Wanted
) -> Lexical:
    """Which rows have which of the query's words.

    This is BM25 with k1 = 0: what is said in a turn is said once, and a long turn is rather the answer than a short one. On
    dialogues it does better than other k1 and b. Names of speakers whom the query names are left out, unless nothing else leads
    anywhere: they stand in every other turn, and the terms for speakers know better.
    """
    names = {stem for name in named_in(wanted.message.query, held.shelf.names) for stem in tail.stems(connection, name)}
    by_stems = {tuple(tail.stems(connection, word)): word for word in reversed(wanted.words)}
    words = [word for stems, word in reversed(by_stems.items()) if stems and names.isdisjoint(stems)]
    lexical = looked_up(connection, held, tail, mask, words)
    if len(words) < len(wanted.words) and not len(lexical.named):
        return looked_up(connection, held, tail, mask, wanted.words)
    return lexical


def looked_up(
    connection: apsw.Connection, held: NamespaceArrays, tail: Tail, mask: NDArray[np.bool_], words: Sequence[str]
) -> Lexical:
    """Which rows have which of the words."""
    shelf = held.shelf
    scope = scope_of(connection, shelf.namespace)
    present = np.zeros((len(words), len(shelf)), bool)
    idf = np.empty(len(words))
    relevance = np.zeros(len(shelf))
    count = int(np.count_nonzero(mask))
    for place, word in enumerate(words):
        rows = held.words.rows(connection, tail, word, scope)
        if count < len(mask):
            rows = rows[mask[rows]]
        present[place, rows] = True
        idf[place] = np.log1p((count - len(rows) + 0.5) / (len(rows) + 0.5))
        relevance[rows] += idf[place]
    # Of truths, numpy finds six times as fast which are there as of numbers.
    named = np.flatnonzero(present.any(0))
    return Lexical(present, idf, relevance, named, float(relevance[named].max(initial=0.0)))


def candidates_of(shelf: Shelf, rows: Integers) -> Candidates:
    """What scoring needs to know of these rows, which rise."""
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
        previous=places_in(rows, previous[rows]),
        next=places_in(rows, following[rows]),
    )


def places_in(rows: Integers, wanted: Integers | NDArray[np.int32]) -> Integers:
    """Where each of the wanted rows stands among these; -1 for what does not."""
    if not len(rows):
        return np.empty(0, np.int64)
    places = np.minimum(rows.searchsorted(wanted), len(rows) - 1)
    return np.where(rows[places] == wanted, places, -1)


def asked_of(matrix: Matrix | None, question: Question | None) -> Asked | None:
    """The question's vectors, weighted by how rare its words are; None where they fit none that are there."""
    if question is None or matrix is None or matrix.vectors is None or not question.vectors:
        return None
    tokens = np.frombuffer(question.tokens or b"\0\0", np.uint16)
    vectors = np.frombuffer(question.vectors, np.int8).reshape(len(tokens), -1)
    if vectors.shape[1] != matrix.vectors.values.shape[1]:
        return None
    return asked(vectors, matrix.frequencies[tokens], matrix.records)


@dataclass(frozen=True, slots=True)
class Matches:
    """Passages and their best matches for each of the question's words; those of a row one after another, rows rising."""

    rows: Integers
    spans: Integers
    best: NDArray[np.int32]
    """`[passages, words]`."""

    def with_more(self, more: Matches) -> Matches:
        """With those of other rows."""
        rows = np.concatenate((self.rows, more.rows))
        order = np.argsort(rows, kind="stable")
        spans, matches = np.concatenate((self.spans, more.spans)), np.concatenate((self.best, more.best))
        return Matches(rows[order], spans[order], matches[order])


def matched(connection: apsw.Connection, held: NamespaceArrays, rows: Integers, question: Asked) -> Matches:
    """The matches of these rows, whose vectors come from where they are."""
    if held.all is None:
        passages = passages_in_tables(connection, held.shelf, rows, question.vectors.shape[1])
    else:
        passages = held.all.all() if held.whole else held.all.of(rows)
    return Matches(passages.rows, passages.spans, matches_of(passages, question))


def matches_of(passages: Passages, question: Asked) -> NDArray[np.int32]:
    """`[passages, words]`: see `best_matches`."""
    if passages.packed is None:
        return best_matches(passages.vectors, passages.starts, question)
    return best_matches_packed(passages.packed, passages.vectors, passages.starts, question)


def by_row(found: Matches, rows: Integers) -> tuple[Floats, NDArray[np.bool_]]:
    """`[rows, words]`: each row's best match of each word in any of its passages; and which rows have any."""
    read, best_of_row = by_record(found.rows, found.best)
    if np.array_equal(read, rows):
        return best_of_row.astype(np.float64), np.ones(len(rows), bool)
    places = places_in(rows, read)
    here = places >= 0
    of_rows = np.zeros((len(rows), found.best.shape[1]))
    of_rows[places[here]] = best_of_row[here]
    known = np.zeros(len(rows), bool)
    known[places[here]] = True
    return of_rows, known


def by_record(rows: Integers, matches: NDArray[np.int32]) -> tuple[Integers, NDArray[np.int32]]:
    """Rows that have passages, and the best match of each word in any of these."""
    another = rows[1:] != rows[:-1]
    if another.all():
        return rows, matches
    firsts = np.concatenate(([0], another.nonzero()[0] + 1))
    return rows[firsts], np.maximum.reduceat(matches, firsts)


def beyond_nothing(lexical: Lexical) -> Spread:
    """By what BM25 is measured in a large namespace."""
    return Spread(0.0, lexical.highest / TOP)


def usual(held: NamespaceArrays, question: Asked, near: NDArray[np.int32] | None) -> tuple[Spread | None, Spread | None]:
    """Mean and deviation of MaxSim over a sample, and of how near its gists are."""
    if held.sample is None or held.sample.vectors is None:
        return None, None
    passages = held.sample.all()
    rows, best = by_record(passages.rows, matches_of(passages, question))
    if not len(rows):
        return None, None
    return spread_of(weighted(best, question)), None if near is None else spread_of(near[rows].astype(np.float64))


def spread_of(values: Floats) -> Spread:
    """Mean and deviation of these."""
    if not len(values):
        return Spread(0.0, 0.0)
    # As numpy's own mean and std, to the last bit, in a third of their time for some hundred values.
    mean = np.add.reduce(values) / len(values)
    off = values - mean
    return Spread(float(mean), float(np.sqrt(np.add.reduce(off * off) / len(values))))


def spans_of(shelf: Shelf, found: Matches, question: Asked) -> dict[int, tuple[int, int]]:
    """The best passage of each record that has several, by the record's number."""
    rows = found.rows
    several = np.flatnonzero(rows[1:] == rows[:-1])
    if not len(several):
        return {}
    scores = weighted(found.best, question)
    spans: dict[int, tuple[int, int]] = {}
    bounds = np.flatnonzero(np.r_[True, rows[1:] != rows[:-1], True])
    for first, last in pairwise(bounds.tolist()):
        if last - first > 1:
            start, stop = found.spans[first + int(scores[first:last].argmax())]
            spans[int(shelf.numbers.values[rows[first]])] = int(start), int(stop)
    return spans
