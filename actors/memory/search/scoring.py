"""Scoring: what candidates have to do with a query, as terms that add up. Knows arrays, no database and no encoder.

Relevance is MaxSim and BM25, each in deviations over all that could have been found, so that weights mean the same for every
query. What the shape of a talk says is added to it: neighbouring turns lend relevance, so does the best turn of the session,
and the one speaker whom the query names is preferred. These priors carry half of what is gained over BM25, and only together.

A record that has no vectors yet is judged by its words alone: `bm25_alone` stands in the place of `dense` and `bm25`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from actors.memory.search.candidates import Candidates, Measures, Query
from actors.memory.settings import MemorySettings, RecallWeights

__all__ = ["Scores", "score"]

DAY_US = 86_400_000_000

Floats = NDArray[np.float64]


@dataclass(slots=True)
class Scores:
    """A score for each candidate, and the terms that it is the sum of."""

    terms: dict[str, Floats]
    total: Floats
    """The sum of the terms, added in their order."""

    found: NDArray[np.bool_]
    """Which candidates may be answered. Without vectors, what shares no word with the query and stands beside nothing that
    does, is not found."""

    def best(self, k: int, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows of the `k` best, best first, equals in the order of their numbers."""
        rows = np.flatnonzero(self.found)
        if len(rows) > 4 * k:
            least = np.partition(self.total[rows], len(rows) - k)[len(rows) - k]
            rows = rows[self.total[rows] >= least]
        order = np.lexsort((numbers[rows], -self.total[rows]))
        return rows[order[:k]]

    def explain(self, row: int) -> dict[str, float]:
        """A candidate's terms by name, those that add nothing left out."""
        return {name: float(values[row]) for name, values in self.terms.items() if values[row] != 0.0}


def score(candidates: Candidates, measures: Measures, query: Query, weights: RecallWeights, settings: MemorySettings) -> Scores:
    """Score every candidate.

    Args:
        candidates: what may be answered.
        measures: how well each matches.
        query: what is asked.
        weights: how much each term counts.
        settings: half-lives.
    """
    words = measures.bm25_spread.standard(measures.bm25)
    read = ~np.isnan(measures.dense)
    meaning = np.zeros(len(candidates))
    if measures.dense_spread is not None:
        meaning[read] = measures.dense_spread.standard(measures.dense[read])

    terms = {
        "dense": weights.dense * meaning,
        "bm25": np.where(read, weights.bm25 * words, 0.0),
        "bm25_alone": np.where(read, 0.0, weights.bm25_alone * words),
    }
    relevance = terms["dense"] + terms["bm25"] + terms["bm25_alone"]
    terms["previous"] = weights.previous * beside(relevance, candidates.previous)
    terms["next"] = weights.next * beside(relevance, candidates.next)
    terms["session"] = weights.session * best_of_session(relevance, candidates.sessions)
    terms["speaker"] = weights.speaker * by_named_speaker(candidates, query.text)
    age = candidates.times.max() - candidates.times if len(candidates) else candidates.times
    terms["recency"] = weights.recency * 0.5 ** (age / (settings.recency_half_life_days * DAY_US))
    terms["importance"] = weights.importance * candidates.importances

    total = np.zeros(len(candidates))
    for values in terms.values():
        total += values
    return Scores(terms, total, found(candidates, measures, read))


def found(candidates: Candidates, measures: Measures, read: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """See `Scores.found`."""
    hit = measures.bm25 > 0
    return read | hit | (beside(hit.astype(float), candidates.previous) > 0) | (beside(hit.astype(float), candidates.next) > 0)


def beside(values: Floats, rows: NDArray[np.int64]) -> Floats:
    """The value at each row; 0 where there is none."""
    return np.where(rows >= 0, values[rows], 0.0) if len(values) else values


def best_of_session(relevance: Floats, sessions: NDArray[np.int64]) -> Floats:
    """For each candidate the best relevance in its session, and no less than 0; 0 for those without a session."""
    _, places = np.unique(sessions, return_inverse=True)
    best = np.zeros(places.max(initial=-1) + 1)
    np.maximum.at(best, places, relevance)
    return np.where(sessions >= 0, best[places], 0.0)


def by_named_speaker(candidates: Candidates, text: str) -> Floats:
    """1 for what was said by the speaker whom the query names, if it names just one of those who said any of it."""
    here = [int(place) for place in np.unique(candidates.speakers) if place >= 0]
    named = [place for place in here if names(text, candidates.names[place])]
    return (candidates.speakers == named[0]).astype(float) if len(named) == 1 else np.zeros(len(candidates))


def names(text: str, name: str) -> bool:
    """Whether the text has the name as a word of its own."""
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE) is not None
