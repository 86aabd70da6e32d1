"""Survey: which records of a large namespace are worth measuring. Looks at all of them, at what is cheap to look at.

They are the best by words, the nearest by gists, and those of the time that the query names; and the turns beside them, since
an answer stands beside what its question names. Knows arrays, no database.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from actors.memory.search.asks import names_time, periods_of
from actors.memory.search.candidates import Wanted
from actors.memory.search.columns import once
from actors.memory.search.events import Anchor, fitting
from actors.memory.search.scoring import DAY_US, EPOCH
from actors.memory.search.shelf import Shelf
from actors.moments import moment

__all__ = ["Lexical", "best", "survey", "with_neighbours"]

FAR = 0.5
"""A record that fits the time of an event no better than this is looked for by its words alone."""

NOWHERE = np.iinfo(np.int32).min
"""Further than anything."""

Integers = NDArray[np.int64]
Scores = TypeVar("Scores", NDArray[np.float64], NDArray[np.int32])


@dataclass(frozen=True, slots=True)
class Lexical:
    """How well a namespace's rows match the query's words; what does not meet the filters matches none."""

    present: NDArray[np.bool_]
    """`[words, rows]`: which row has which."""

    idf: NDArray[np.float64]
    relevance: NDArray[np.float64]
    """`[rows]`: BM25."""

    named: Integers
    """Rows that have any of the words, rising."""

    highest: float
    """The best BM25 of any row; 0 where none has a word."""


def survey(  # noqa: PLR0917 (all that is known of the namespace and the query)
    shelf: Shelf, mask: NDArray[np.bool_], lexical: Lexical, near: NDArray[np.int32] | None, wanted: Wanted, hits: int
) -> Integers:
    """Rows that meet the filters and may be answers, or stand beside them; rising.

    Args:
        shelf: the namespace's records.
        mask: which meet the filters.
        lexical: how well each matches the words.
        near: how near each gist is to the query's; None to go by words alone.
        wanted: what is asked for.
        hits: about how many, the turns beside them not counted: half by words, half by gists.
    """
    named = lexical.named
    relevance = lexical.relevance[named]
    chosen = [best(named, relevance, hits // 2)]
    if names_time(wanted.message.query, moment(wanted.now).date()):
        then = within(shelf.times.values[named], wanted, shelf.times.values[mask])
        chosen.append(best(named[then], relevance[then], hits // 2))
    if wanted.anchor is not None:
        then = beside_event(shelf, named, wanted.anchor)
        chosen.append(best(named[then], relevance[then], hits // 2))
    if near is not None:
        chosen.append(nearest(near, mask & shelf.read.values, hits // 2))
    return once(np.concatenate(chosen))


def best(rows: Integers, scores: Scores, count: int) -> Integers:
    """The `count` rows with the best scores, equals in their order; in no order."""
    return rows if len(rows) <= count else rows[best_places(scores, count)]


def best_places(scores: Scores, count: int) -> Integers:
    """Where the `count` best scores stand, of as many at least; equals in their order."""
    least = np.partition(scores, len(scores) - count)[len(scores) - count]
    places: Integers = (scores >= least).nonzero()[0]
    if len(places) == count:
        return places
    found = scores[places]
    equal = places[found == least][: count - np.count_nonzero(found > least)]
    chosen: Integers = np.concatenate((places[found > least], equal))
    return chosen


def nearest(near: NDArray[np.int32], there: NDArray[np.bool_], count: int) -> Integers:
    """The rows with the nearest gists, of those that are there."""
    if not there.all():
        near = np.where(there, near, NOWHERE)
    found = best_places(near, min(count, len(near)))
    return found[there[found]]


def within(times: Integers, wanted: Wanted, all_times: Integers) -> NDArray[np.bool_]:
    """Which of the times lie in those that the query names: the term for these outweighs others, and needs some to weigh."""
    found = np.zeros(len(times), bool)
    if not len(times):
        return found
    years = range(year_of(all_times.min()), year_of(all_times.max()) + 1)
    for period in periods_of(wanted.message.query, moment(wanted.now).date(), years):
        first, last = ((day.toordinal() - EPOCH) * DAY_US for day in (period.first, period.last))
        found |= (times >= first) & (times < last + DAY_US)
    return found


def beside_event(shelf: Shelf, rows: Integers, anchor: Anchor) -> NDArray[np.bool_]:
    """Which of the rows are of the time that the query tells by an event."""
    days = shelf.times.values[rows] // DAY_US + EPOCH
    return fitting(days, shelf.numbers.values[rows], anchor, 1.0) > FAR


def year_of(time: int) -> int:
    """The year of a time in microseconds since 1970."""
    return date.fromordinal(int(time) // DAY_US + EPOCH).year


def with_neighbours(shelf: Shelf, mask: NDArray[np.bool_], rows: Integers, of: Integers) -> Integers:
    """Rows, and the two turns before each of some and the one after, as far as they meet the filters; rising."""
    previous, following = shelf.neighbours()
    before = beside(previous, of)
    all_of_them = once(np.concatenate((rows, before, beside(previous, before), beside(following, of))))
    chosen: Integers = all_of_them[mask[all_of_them]]
    return chosen


def beside(step: NDArray[np.int32], rows: Integers) -> Integers:
    """The rows there; where there is none, it is left out."""
    there = step[rows]
    return there[there >= 0].astype(np.int64)
