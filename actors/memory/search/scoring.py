"""Scoring: what candidates have to do with a query, as terms that add up. Knows arrays, no database and no encoder.

Relevance is MaxSim and BM25, each in deviations over all that could have been found, so that weights mean the same for every
query. What the shape of a talk says is added to it: neighbouring turns lend relevance, so does the best turn of the session,
and the one speaker whom the query names is preferred. These priors carry half of what is gained over BM25, and only together.

A record that has no vectors yet is judged by its words alone: `bm25_alone` stands in the place of `dense` and `bm25`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from actors.memory.search.asks import asks_when, named_in, names_time, periods_of
from actors.memory.search.candidates import Candidates, Measures, Query
from actors.memory.search.events import fitting
from actors.memory.search.traits import NAMES, QUESTION, TELLS_TIME
from actors.memory.search.window import beside
from actors.memory.settings import MemorySettings, RecallWeights

__all__ = ["Scores", "score"]

DAY_US = 86_400_000_000
EPOCH = date(1970, 1, 1).toordinal()
SEASON = 100
"""Days. What was said after a longer time than a season says nothing of it any more."""

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


def score(
    candidates: Candidates,
    measures: Measures,
    query: Query,
    weights: RecallWeights,
    settings: MemorySettings,
    *,
    feelings: Floats | None = None,
) -> Scores:
    """Score every candidate.

    Args:
        candidates: what may be answered.
        measures: how well each matches.
        query: what is asked.
        weights: how much each term counts.
        settings: half-lives.
        feelings: how much what was felt in each counts, 0 to 1; None where it is not asked for.
    """
    read = ~np.isnan(measures.dense)
    words, with_words = (measures.bm25_spread.standard(values) for values in (measures.bm25, measures.bm25_around))
    meaning, with_meaning = np.zeros((2, len(candidates)))
    if measures.dense_spread is not None:
        meaning[read] = measures.dense_spread.standard(measures.dense[read])
        with_meaning[read] = measures.dense_spread.standard(measures.dense_around[read])
    of_words = np.where(read, weights.bm25, weights.bm25_alone)

    terms = {
        "dense": weights.dense * meaning,
        "bm25": np.where(read, weights.bm25 * words, 0.0),
        "bm25_alone": np.where(read, 0.0, weights.bm25_alone * words),
    }
    relevance = terms["dense"] + terms["bm25"] + terms["bm25_alone"]
    terms["gist"] = np.zeros(len(candidates))
    if measures.gist_spread is not None:
        terms["gist"][read] = weights.gist * measures.gist_spread.standard(measures.gist[read])
    terms["context"] = weights.context * (weights.dense * (with_meaning - meaning) + of_words * (with_words - words))
    earlier = beside(candidates.previous, candidates.previous, -1)
    terms["previous"] = weights.previous * beside(relevance, candidates.previous, 0.0)
    terms["earlier"] = weights.earlier * beside(relevance, earlier, 0.0)
    terms["next"] = weights.next * beside(relevance, candidates.next, 0.0)
    terms["session"] = weights.session * best_of_session(relevance, candidates.sessions)
    speakers = by_named_speakers(candidates, query.text)
    terms["speaker"] = weights.speaker * speakers.only
    terms["subject"] = weights.subject * speakers.first
    periods = within_periods(candidates.times, query, settings.time_half_life_days)
    terms["time"] = weights.time * periods
    terms["event"] = weights.event * beside_event(candidates, query, settings.time_half_life_days)
    terms["when"] = weights.when * has(candidates, TELLS_TIME) * asks_when(query.text)
    terms["names"] = weights.names * has(candidates, NAMES)
    terms["question"] = weights.question * has(candidates, QUESTION)
    age = candidates.times.max() - candidates.times if len(candidates) else candidates.times
    terms["recency"] = weights.recency * 0.5 ** (age / (settings.recency_half_life_days * DAY_US))
    terms["importance"] = weights.importance * candidates.importances
    if feelings is not None:
        terms["affect"] = weights.affect * feelings

    total = np.zeros(len(candidates))
    for values in terms.values():
        total += values
    return Scores(terms, total, found(candidates, measures, read) | (periods == 1.0))


def found(candidates: Candidates, measures: Measures, read: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """See `Scores.found`."""
    hit = measures.bm25 > 0
    return read | hit | beside(hit, candidates.previous, False) | beside(hit, candidates.next, False)


def has(candidates: Candidates, trait: int) -> Floats:
    """1 for those whose text has the trait."""
    return (candidates.traits & trait > 0).astype(np.float64)


def best_of_session(relevance: Floats, sessions: NDArray[np.int64]) -> Floats:
    """For each candidate the best relevance in its session, and no less than 0; 0 for those without a session."""
    if not len(sessions):
        return np.zeros(0)
    order = sessions.argsort(kind="stable")
    together = sessions[order]
    begins = np.ones(len(sessions), bool)
    np.not_equal(together[1:], together[:-1], out=begins[1:])
    best = np.maximum(np.maximum.reduceat(relevance[order], begins.nonzero()[0]), 0.0)
    of_each = np.empty(len(sessions))
    of_each[order] = best[begins.cumsum() - 1]
    return np.where(sessions >= 0, of_each, 0.0)


@dataclass(frozen=True, slots=True)
class Speakers:
    """Who of those who said any of it is named by the query."""

    only: Floats
    """1 for what the only one who is named said."""

    first: Floats
    """1 for what was said by the first of several: in "What did Ana give Ben?" it is Ana who did something."""


def by_named_speakers(candidates: Candidates, text: str) -> Speakers:
    """See `Speakers`."""
    here = {candidates.names[place]: place for place in set(candidates.speakers.tolist()) if place >= 0}
    named = named_in(text, here)
    nobody = np.zeros(len(candidates))
    if not named:
        return Speakers(nobody, nobody)
    first = (candidates.speakers == here[named[0]]).astype(np.float64)
    return Speakers(first, nobody) if len(named) == 1 else Speakers(nobody, first)


def beside_event(candidates: Candidates, query: Query, half_life: float) -> Floats:
    """How well each time fits what the query says of it by something that happened."""
    if query.anchor is None:
        return np.zeros(len(candidates))
    return fitting(candidates.times // DAY_US + EPOCH, candidates.numbers, query.anchor, half_life)


def within_periods(times: NDArray[np.int64], query: Query, half_life: float) -> Floats:
    """How well each time fits what the query says of times: 1 within; after it less, since it is talked about for a while."""
    fits = np.zeros(len(times))
    if not len(times) or not names_time(query.text, query.now.date()):
        return fits
    days = times // DAY_US + EPOCH
    years = range(date.fromordinal(int(days.min())).year, date.fromordinal(int(days.max())).year + 1)
    for period in periods_of(query.text, query.now.date(), years):
        first, last = period.first.toordinal(), period.last.toordinal()
        np.maximum(fits, (days >= first) & (days <= last), out=fits)
        if last - first <= SEASON:
            late = np.maximum(days - last, 0)
            np.maximum(fits, np.where(late > 0, 0.5 ** (late / half_life), 0.0), out=fits)
    return fits
