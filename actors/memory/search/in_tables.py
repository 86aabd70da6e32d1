"""Candidates from the tables, for a namespace that has too many records to measure all.

They are the best hits of two cheap searches, by the rarest words and by gists, and the turns beside them, read one by one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any

import apsw
import numpy as np

from actors.memory.search.asks import periods_of
from actors.memory.search.candidates import Candidates, Finding, Measures, Spread, Wanted
from actors.memory.search.filters import conditions
from actors.memory.search.gists import Gists
from actors.memory.search.lexical import match_of, scope_of
from actors.memory.search.maxsim import Asked, best_matches, max_sim, weighted
from actors.memory.search.on_shelf import asked_of
from actors.memory.search.shelf import KINDS, PLACES, Shelf
from actors.memory.search.traits import LONGEST, traits_of
from actors.memory.search.window import MEANING, around
from actors.memory.settings import MemorySettings
from actors.memory.stored import moment
from actors.memory.tail import Tail

__all__ = ["find"]

PREVIOUS = """(
    SELECT max(p.number) FROM memory p WHERE p.session = m.session AND p.number < m.number AND p.chain IS NOT NULL
)"""
NEXT = """(
    SELECT min(p.number) FROM memory p WHERE p.session = m.session AND p.number > m.number AND p.chain IS NOT NULL
)"""
FACTS = (
    "m.number, coalesce(m.session, -1), coalesce(m.speaker, ''), m.time, m.importance, m.kind, "
    f"substr(m.text, 1, {LONGEST + 1})"
)

DAY_US = 86_400_000_000
EPOCH = date(1970, 1, 1).toordinal()

THEN = "EXISTS (SELECT 1 FROM json_each(:ranges) r WHERE m.time >= r.value ->> 0 AND m.time < r.value ->> 1)"

TOP = 6.0
"""How many deviations the best BM25 is above nothing: as among some hundred turns of a talk, where all are measured."""

LOOKED_AT = 400
"""Of the nearest gists at first: half of them may fail the filters."""

ROWS = 3000
"""Hits that a lexical search may have, about: 2 ms."""


@dataclass(frozen=True, slots=True)
class Held:
    """What is held of the database."""

    tail: Tail
    """What the full-text index has not yet."""

    sample: Shelf
    """Some of the namespace's records: by them it is judged how rare a word is and how far from usual a match."""

    gists: Gists | None
    """None where there are no vectors, or the question has none."""


def find(connection: apsw.Connection, wanted: Wanted, held: Held, settings: MemorySettings) -> Finding:
    """Candidates, how well each matches, and which passage of each does."""
    clause, values = conditions(wanted.message, wanted.namespace, wanted.now)
    values["limit"] = settings.candidates // 2
    words = rarest(connection, held.tail, wanted.words)
    match = match_of(words, scope_of(connection, wanted.namespace))
    fresh = json.dumps([*held.tail.hits(connection, wanted.namespace, words).items()])
    hits = lexical(connection, match, clause, {**values, "fresh": fresh})
    if ranges := ranges_of(wanted, held.sample):
        # The term for times outweighs others, and needs something to weigh.
        known = {hit[0] for hit in hits}
        then = lexical(connection, match, f"{clause} AND {THEN}", {**values, "fresh": fresh, "ranges": json.dumps(ranges)})
        hits += [hit for hit in then if hit[0] not in known]
    asked_for = asked_of(held.sample, wanted.question)
    if asked_for is not None and held.gists is not None:
        known = {hit[0] for hit in hits}
        hits += [hit for hit in near(connection, held.gists, asked_for, clause, values) if hit[0] not in known]

    facts, beside = with_neighbours(connection, hits, clause, values)
    candidates = as_candidates(facts, beside)
    relevance = {hit[0]: max(0.0, hit[7]) for hit in hits}
    bm25 = np.array([relevance.get(int(number), 0.0) for number in candidates.numbers])
    spread = Spread(0.0, bm25.max(initial=0.0) / TOP)
    unread = np.full((2, len(candidates)), np.nan)
    measures = Measures(bm25, bm25, spread, unread[0], unread[1], None)
    spans = read(connection, candidates, measures, held.sample, asked_for)
    return Finding(candidates, measures, spans.get)


def near(connection: apsw.Connection, gists: Gists, question: Asked, clause: str, values: dict[str, Any]) -> list[Any]:
    """The records whose gists are nearest to the question's and that meet the filters, as `lexical` gives its hits.

    Where the filters leave too few of the nearest, more are looked at, up to all.
    """
    gist = np.rint(question.vectors[:, : len(question.weights)] @ question.weights).astype(np.float32)
    count = LOOKED_AT
    while True:
        nearest = gists.nearest(gist, count)
        rows: Any = connection.execute(
            f"""
            WITH hit AS MATERIALIZED (
                SELECT m.number, j.key AS rank FROM json_each(:near) j CROSS JOIN memory m ON m.number = j.value
                WHERE {clause} ORDER BY rank LIMIT :limit
            )
            SELECT {FACTS}, 0.0, iif(m.chain IS NULL, NULL, {PREVIOUS}), iif(m.chain IS NULL, NULL, {NEXT})
            FROM hit CROSS JOIN memory m ON m.number = hit.number
            """,  # noqa: S608 (made of what stands here)
            {**values, "near": json.dumps(nearest.tolist())},
        ).fetchall()
        if len(rows) >= values["limit"] or len(nearest) < count:
            return list(rows)
        count *= 8


def rarest(connection: apsw.Connection, tail: Tail, words: Sequence[str]) -> list[str]:
    """The words that fewest records have, as many as together lead to about `ROWS`; one at least.

    BM25 of a common word costs a search most and tells it least: beside vectors, names and rare words are what it is there for.
    """
    having = [(records_with(connection, tail, word), place) for place, word in enumerate(words)]
    kept: list[int] = []
    total = 0
    for count, place in sorted(having):
        total += count
        if kept and total > ROWS:
            break
        kept.append(place)
    return [words[place] for place in sorted(kept)]


def records_with(connection: apsw.Connection, tail: Tail, word: str) -> int:
    """How many records the index has with a word, in any of its forms."""
    counts = []
    for stem in tail.stems(connection, word):
        row: Any = connection.execute("SELECT doc FROM vocabulary WHERE term = ?", (stem,)).fetchone()
        counts.append(row[0] if row else 0)
    return min(counts, default=0)


def lexical(connection: apsw.Connection, match: str, clause: str, values: dict[str, Any]) -> list[Any]:
    """The best lexical hits: facts, relevance, the turns before and after."""
    rows: Any = connection.execute(
        # The best are cut off first, and only then are their neighbours looked up.
        f"""
        WITH hit AS MATERIALIZED (
            SELECT m.number, h.relevance FROM (
                SELECT rowid AS number, -bm25(search, 0.0, 1.0) AS relevance FROM search WHERE search MATCH :match
                UNION ALL SELECT value ->> 0, value ->> 1 FROM json_each(:fresh)
            ) h CROSS JOIN memory m ON m.number = h.number
            WHERE {clause} ORDER BY h.relevance DESC, m.number LIMIT :limit
        )
        SELECT {FACTS}, hit.relevance, iif(m.chain IS NULL, NULL, {PREVIOUS}), iif(m.chain IS NULL, NULL, {NEXT})
        FROM hit CROSS JOIN memory m ON m.number = hit.number
        """,  # noqa: S608 (made of what stands here)
        {**values, "match": match},
    )
    return list(rows)


def ranges_of(wanted: Wanted, sample: Shelf) -> list[tuple[int, int]]:
    """The times that the query names, in microseconds since 1970: from each beginning up to its end."""
    times = sample.times.values
    if not len(times):
        return []
    years = range(year_of(times.min()), year_of(times.max()) + 1)
    periods = periods_of(wanted.message.query, moment(wanted.now).date(), years)
    return [((one.first.toordinal() - EPOCH) * DAY_US, (one.last.toordinal() - EPOCH + 1) * DAY_US) for one in periods]


def year_of(time: int) -> int:
    """The year of a time in microseconds since 1970."""
    return date.fromordinal(int(time) // DAY_US + EPOCH).year


def with_neighbours(
    connection: apsw.Connection, hits: list[Any], clause: str, values: dict[str, Any]
) -> tuple[dict[int, Sequence[Any]], dict[int, tuple[int | None, int | None]]]:
    """The hits' facts and those of the turns beside them that meet the filters, by number; and who stands beside whom."""
    facts: dict[int, Sequence[Any]] = {hit[0]: hit[:7] for hit in hits}
    near = {number for hit in hits for number in hit[8:10] if number is not None} - facts.keys()
    rows: Any = connection.execute(
        f"SELECT {FACTS} FROM json_each(:near) j CROSS JOIN memory m ON m.number = j.value WHERE {clause}",  # noqa: S608
        {**values, "near": json.dumps(list(near))},
    )
    facts.update((row[0], row) for row in rows)
    beside: dict[int, tuple[int | None, int | None]] = {}
    for hit in hits:
        number, previous, following = hit[0], hit[8], hit[9]
        known = beside.get(number, (None, None))
        beside[number] = (previous or known[0], following or known[1])
        if previous is not None:
            beside[previous] = (beside.get(previous, (None, None))[0], number)
        if following is not None:
            beside[following] = (number, beside.get(following, (None, None))[1])
    return facts, beside


def as_candidates(facts: dict[int, Sequence[Any]], beside: dict[int, tuple[int | None, int | None]]) -> Candidates:
    """In the order of their numbers."""
    numbers = sorted(facts)
    row_of = {number: row for row, number in enumerate(numbers)}
    names = sorted({facts[number][2] for number in numbers} - {""})
    place_of = {name: place for place, name in enumerate(names)}
    columns = [facts[number] for number in numbers]
    return Candidates(
        numbers=np.array(numbers, np.int64),
        sessions=np.array([row[1] for row in columns], np.int64),
        speakers=np.array([place_of.get(row[2], -1) for row in columns], np.int64),
        names=names,
        times=np.array([row[3] for row in columns], np.int64),
        importances=np.array([row[4] for row in columns], np.float64),
        kinds=np.array([KINDS.index(row[5]) for row in columns], np.int64),
        traits=np.array([traits_of(row[6]) for row in columns], np.int64),
        previous=np.array([row_of.get(beside.get(number, (None, None))[0] or 0, -1) for number in numbers], np.int64),
        next=np.array([row_of.get(beside.get(number, (None, None))[1] or 0, -1) for number in numbers], np.int64),
    )


def read(
    connection: apsw.Connection, candidates: Candidates, measures: Measures, sample: Shelf, asked_for: Asked | None
) -> dict[int, tuple[int, int]]:
    """Add to the measures how well the meaning of each candidate matches; returns the best passage of each that has several."""
    if asked_for is None or not len(candidates):
        return {}

    rows: Any = connection.execute(
        "SELECT v.place, v.start, v.stop, v.vectors FROM json_each(?) j "
        "CROSS JOIN vectors v ON v.place BETWEEN j.value * 2048 AND j.value * 2048 + 2047 "
        "WHERE v.place & 1 = ? AND v.vectors <> x'' ORDER BY v.place",
        (json.dumps(candidates.numbers.tolist()), sample.side),
    ).fetchall()
    if not rows:
        return {}
    dimensions = asked_for.vectors.shape[0]
    counts = np.array([len(row[3]) // dimensions for row in rows])
    vectors = np.frombuffer(b"".join(row[3] for row in rows), np.int8).reshape(-1, dimensions)
    of_passages = best_matches(vectors, np.cumsum(counts) - counts, asked_for)

    owners = np.searchsorted(candidates.numbers, [row[0] // PLACES for row in rows])
    firsts = np.flatnonzero(np.r_[True, owners[1:] != owners[:-1]])
    known = owners[firsts]
    matches = np.zeros((len(candidates), of_passages.shape[1]))
    matches[known] = np.maximum.reduceat(of_passages, firsts)
    measures.dense[known] = weighted(matches, asked_for)[known]
    measures.dense_around[known] = weighted(around(matches, candidates.previous, candidates.next, MEANING), asked_for)[known]
    measures.dense_spread = usual_of(sample, asked_for)

    scores = weighted(of_passages, asked_for)
    spans: dict[int, tuple[int, int]] = {}
    for first, last in pairwise([*firsts.tolist(), len(rows)]):
        if last - first > 1:
            best = first + int(scores[first:last].argmax())
            spans[rows[best][0] // PLACES] = rows[best][1], rows[best][2]
    return spans


def usual_of(sample: Shelf, question: Asked) -> Spread:
    """Mean and deviation of MaxSim over the sample."""
    assert sample.vectors is not None  # noqa: S101 (asked_of has seen to it)
    scores = max_sim(sample.vectors.values, sample.starts.values, question)
    return Spread(float(scores.mean()), float(scores.std()))
