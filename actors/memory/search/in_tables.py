"""Candidates from the tables, for a namespace that has too many records to measure all.

They are the best hits of a cheap search and the turns beside them, read one by one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import apsw
import numpy as np
from numpy.typing import NDArray

from actors.memory.embedding.embedders import Question
from actors.memory.embedding.vectors import active
from actors.memory.search.candidates import Candidates, Finding, Measures, Spread, Wanted
from actors.memory.search.filters import conditions
from actors.memory.search.lexical import match_of, scope_of
from actors.memory.search.shelf import KINDS
from actors.memory.settings import MemorySettings
from actors.memory.tail import Tail

__all__ = ["find"]

PREVIOUS = """(
    SELECT max(p.number) FROM memory p WHERE p.session = m.session AND p.number < m.number AND p.chain IS NOT NULL
)"""
NEXT = """(
    SELECT min(p.number) FROM memory p WHERE p.session = m.session AND p.number > m.number AND p.chain IS NOT NULL
)"""
FACTS = "m.number, coalesce(m.session, -1), coalesce(m.speaker, ''), m.time, m.importance, m.kind"

SAMPLE = 512
"""Records by which it is judged how far from usual a MaxSim is."""


def find(connection: apsw.Connection, wanted: Wanted, tail: Tail, settings: MemorySettings) -> Finding:
    """Candidates, how well each matches, and which passage of each does."""
    clause, values = conditions(wanted.message, wanted.namespace, wanted.now)
    match = match_of(wanted.words, scope_of(connection, wanted.namespace))
    fresh = tail.hits(connection, wanted.namespace, wanted.words)
    hits = lexical(connection, match, clause, {**values, "limit": settings.candidates, "fresh": json.dumps([*fresh.items()])})
    facts, beside = with_neighbours(connection, hits, clause, values)
    candidates = as_candidates(facts, beside)
    relevance = {hit[0]: max(0.0, hit[6]) for hit in hits}
    bm25 = np.array([relevance.get(int(number), 0.0) for number in candidates.numbers])
    records = count(connection, wanted.namespace)
    dense, spread, spans = by_meaning(connection, candidates.numbers, wanted.question)
    return Finding(candidates, Measures(bm25, spread_among(bm25, records), dense, spread), spans.get)


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


def with_neighbours(
    connection: apsw.Connection, hits: list[Any], clause: str, values: dict[str, Any]
) -> tuple[dict[int, Sequence[Any]], dict[int, tuple[int | None, int | None]]]:
    """The hits' facts and those of the turns beside them that meet the filters, by number; and who stands beside whom."""
    facts: dict[int, Sequence[Any]] = {hit[0]: hit[:6] for hit in hits}
    near = {number for hit in hits for number in hit[7:9] if number is not None} - facts.keys()
    rows: Any = connection.execute(
        f"SELECT {FACTS} FROM json_each(:near) j CROSS JOIN memory m ON m.number = j.value WHERE {clause}",  # noqa: S608
        {**values, "near": json.dumps(list(near))},
    )
    facts.update((row[0], row) for row in rows)
    beside: dict[int, tuple[int | None, int | None]] = {}
    for hit in hits:
        number, previous, following = hit[0], hit[7], hit[8]
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
        previous=np.array([row_of.get(beside.get(number, (None, None))[0] or 0, -1) for number in numbers], np.int64),
        next=np.array([row_of.get(beside.get(number, (None, None))[1] or 0, -1) for number in numbers], np.int64),
    )


def by_meaning(
    connection: apsw.Connection, numbers: NDArray[np.int64], question: Question | None
) -> tuple[NDArray[np.float64], Spread | None, dict[int, tuple[int, int]]]:
    """MaxSim of each candidate, how it is spread over the namespace's latest records, and the best passage of long texts."""
    dense = np.full(len(numbers), np.nan)
    in_use = active(connection)
    if question is None or in_use is None or in_use.name != question.name or not question.vectors or not len(numbers):
        return dense, None, {}
    return dense, None, {}


def spread_among(values: NDArray[np.float64], records: int) -> Spread:
    """Mean and deviation over all records, where those that are no candidates have 0."""
    records = max(records, len(values), 1)
    mean = float(values.sum()) / records
    return Spread(mean, max(0.0, float((values**2).sum()) / records - mean**2) ** 0.5)


def count(connection: apsw.Connection, namespace: int) -> int:
    """How many records a namespace has."""
    row: Any = connection.execute("SELECT coalesce(sum(count), 0) FROM tally WHERE namespace = ?", (namespace,)).fetchone()
    records: int = row[0]
    return records
