"""Recall: the records that say what a query asks for, scored term by term.

FTS5 finds candidates inside the filters (BM25, Porter stems, any of the query's words). What the shape of a talk says is then
added: neighbouring turns lend relevance, so does the best turn of the session, and the one speaker whom the query names is
preferred. Relevance is relative to the best hit of the query, so that the weights mean the same for every query.
"""

from __future__ import annotations

import heapq
import json
import re
from dataclasses import dataclass
from typing import Any

import apsw

from actors.memory.messages import Memory, Recall, Recalled, Recollection
from actors.memory.settings import MemorySettings, RecallWeights
from actors.memory.stopwords import STOPWORDS
from actors.memory.store import Transaction, canonical, micros, namespace_number, records, weight_of
from transport.errors import Invalid

__all__ = ["note_recall", "recall", "words_of"]

DAY_US = 86_400_000_000
WORDS = 64
"""Most words of a query that are looked for."""

WORD = re.compile(r"[^\W_]+")


LEXICAL = """
    SELECT m.number, -bm25(search, 0.0, 1.0) AS relevance
    FROM search CROSS JOIN memory m ON m.number = search.rowid
    WHERE search MATCH :match
"""

PREVIOUS = """(
    SELECT max(p.number) FROM memory p WHERE p.session = m.session AND p.number < m.number AND p.chain IS NOT NULL
)"""
NEXT = """(
    SELECT min(p.number) FROM memory p WHERE p.session = m.session AND p.number > m.number AND p.chain IS NOT NULL
)"""
NEAR = f"""
    WITH hit AS (
        SELECT m.number, iif(m.chain IS NULL, NULL, m.session) AS session
        FROM json_each(:hits) j JOIN memory m ON m.number = j.value
    ), near AS (
        SELECT number FROM hit
        UNION SELECT {PREVIOUS} FROM hit m
        UNION SELECT {NEXT} FROM hit m
    )
    SELECT m.number, m.session, m.speaker, m.time, m.importance,
        iif(m.chain IS NULL, NULL, {PREVIOUS}), iif(m.chain IS NULL, NULL, {NEXT})
    FROM near CROSS JOIN memory m ON m.number = near.number
"""  # noqa: S608 (made of what stands above)


@dataclass(slots=True)
class Candidate:
    """What scoring needs to know of a record."""

    number: int
    session: int | None
    speaker: str | None
    time: int
    importance: float
    previous: int | None
    next: int | None


def recall(connection: apsw.Connection, message: Recall, now: int, settings: MemorySettings) -> Recalled:
    """The best `k` records; none when the query has no words.

    Args:
        connection: to read from.
        message: what to look for.
        now: microseconds since 1970; what is valid then is found, unless the message has `as_of`.
        settings: weights and limits.

    Raises:
        Invalid: a weight that there is not.
    """
    weights = weights_of(message, settings)
    words = words_of(message.query)
    namespace = namespace_number(connection, message.namespace)
    if not words or namespace is None:
        return Recalled(memories=())

    clause, values = filters(message, namespace, now)
    hits = lexical(connection, match_of(words, namespace), clause, values, settings.candidates)
    if not hits:
        return Recalled(memories=())

    candidates = with_neighbours(connection, hits, clause, values)
    scoring = Scoring(candidates, hits, message.query, weights, settings)
    found = sorted(
        ((scoring.score(number), memory, scoring.terms(number)) for number, memory in best(connection, scoring, message.k)),
        key=lambda hit: (-hit[0], hit[1].id),
    )
    return Recalled(memories=told(found, message, settings.page_bytes))


def words_of(query: str) -> list[str]:
    """The query's words without those that carry no topic, unless it has no others. Everything but words is left out."""
    words = list(dict.fromkeys(WORD.findall(query.lower())))
    return ([word for word in words if word not in STOPWORDS] or words)[:WORDS]


def weights_of(message: Recall, settings: MemorySettings) -> RecallWeights:
    """The settings' weights with the message's in their place."""
    for name in message.weights or {}:
        if name not in RecallWeights.model_fields:
            known = ", ".join(RecallWeights.model_fields)
            raise Invalid(f"weights.{name}: no such term; there are {known}", detail={"field": f"weights.{name}"})
    return settings.weights.model_copy(update=message.weights or {})


def filters(message: Recall, namespace: int, now: int) -> tuple[str, dict[str, Any]]:
    """The conditions that every record found must meet, and their values."""
    values: dict[str, Any] = {
        "namespace": namespace,
        "at": now if message.as_of is None else micros(message.as_of),
        "kinds": json.dumps(message.kinds),
        "session": message.session,
        "speaker": message.speaker,
        "since": None if message.since is None else micros(message.since),
        "until": None if message.until is None else micros(message.until),
        "exclude": json.dumps(message.exclude),
    }
    clauses = ["m.namespace = :namespace", "(m.valid_to IS NULL OR m.valid_to > :at)"]
    if message.as_of is not None:
        clauses.append("m.valid_from <= :at")
    clauses.append("m.kind <> 'tool'" if message.kinds is None else "m.kind IN (SELECT value FROM json_each(:kinds))")
    if message.session is not None:
        clauses.append("m.session = (SELECT number FROM session WHERE namespace = :namespace AND name = :session)")
    if message.speaker is not None:
        clauses.append("m.speaker = :speaker")
    if message.since is not None:
        clauses.append("m.time >= :since")
    if message.until is not None:
        clauses.append("m.time <= :until")
    if message.exclude:
        clauses.append("m.id NOT IN (SELECT value FROM json_each(:exclude))")
    for place, (key, value) in enumerate((message.metadata or {}).items()):
        values[f"key{place}"] = key
        condition, values[f"value{place}"] = equal_to(value, f":value{place}")
        clauses.append(f"EXISTS (SELECT 1 FROM json_each(m.metadata) j WHERE j.key = :key{place} AND {condition})")  # noqa: S608
    return " AND ".join(clauses), values


def equal_to(value: Any, parameter: str) -> tuple[str, Any]:
    """The condition that a row of `json_each` has this value, and the parameter's own value."""
    if value is None or isinstance(value, bool):
        return f"j.type = {parameter}", {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return f"j.type = 'text' AND j.value = {parameter}", value
    if isinstance(value, int | float):
        return f"j.type IN ('integer', 'real') AND j.value = {parameter}", value
    return f"j.type IN ('array', 'object') AND j.value = {parameter}", canonical(value)


def lexical(connection: apsw.Connection, match: str, clause: str, values: dict[str, Any], limit: int) -> dict[int, float]:
    """The best lexical hits by number, with their BM25."""
    rows = connection.execute(
        f"{LEXICAL} AND {clause} ORDER BY relevance DESC, m.number LIMIT :limit",
        {**values, "match": match, "limit": limit},
    )
    return {int(row[0]): float(row[1]) for row in rows.fetchall()}  # type: ignore[arg-type]


def match_of(words: list[str], namespace: int) -> str:
    """FTS5's expression for any of the words, in one namespace."""
    return f'scope : "n{namespace}" AND text : (' + " OR ".join(f'"{word}"' for word in words) + ")"


def with_neighbours(
    connection: apsw.Connection, hits: dict[int, float], clause: str, values: dict[str, Any]
) -> dict[int, Candidate]:
    """The hits and the turns beside them in their talks, as far as they meet the filters."""
    rows: Any = connection.execute(f"{NEAR} WHERE {clause}", {**values, "hits": json.dumps(list(hits))})
    return {row[0]: Candidate(*row) for row in rows}


class Scoring:
    """What a query's candidates have to do with it. Scores are made for all of them, terms for the few that are told."""

    def __init__(
        self,
        candidates: dict[int, Candidate],
        hits: dict[int, float],
        query: str,
        weights: RecallWeights,
        settings: MemorySettings,
    ) -> None:
        top = max(hits.values()) or 1.0
        self.candidates = candidates
        self.weights = weights
        self.relevance: dict[int | None, float] = {number: max(0.0, value / top) for number, value in hits.items()}
        self.best_of: dict[int | None, float] = {}
        for number, candidate in candidates.items():
            if candidate.session is not None:
                relevance = self.relevance.get(number, 0.0)
                self.best_of[candidate.session] = max(self.best_of.get(candidate.session, 0.0), relevance)

        self.named = named_speaker(candidates, query)
        self.newest = max(candidate.time for candidate in candidates.values())
        self.half_life = settings.recency_half_life_days * DAY_US

    def score(self, number: int) -> float:
        """The sum of the candidate's terms."""
        return sum(self.values(self.candidates[number]))

    def terms(self, number: int) -> dict[str, float]:
        """The candidate's terms by name, those that add nothing left out."""
        values = zip(RecallWeights.model_fields, self.values(self.candidates[number]), strict=True)
        return {name: value for name, value in values if value != 0.0}

    def values(self, candidate: Candidate) -> tuple[float, ...]:
        """The terms in the order of `RecallWeights`."""
        weights, relevance = self.weights, self.relevance
        return (
            weights.bm25 * relevance.get(candidate.number, 0.0),
            weights.previous * relevance.get(candidate.previous, 0.0),
            weights.next * relevance.get(candidate.next, 0.0),
            weights.session * self.best_of.get(candidate.session, 0.0),
            weights.speaker if self.named is not None and candidate.speaker == self.named else 0.0,
            weights.recency * 0.5 ** ((self.newest - candidate.time) / self.half_life),
            weights.importance * candidate.importance,
        )


def named_speaker(candidates: dict[int, Candidate], query: str) -> str | None:
    """The speaker whom the query names, if it names just one of those who said what was found."""
    speakers = {candidate.speaker for candidate in candidates.values() if candidate.speaker}
    named = [name for name in speakers if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", query, re.IGNORECASE)]
    return named[0] if len(named) == 1 else None


def best(connection: apsw.Connection, scoring: Scoring, k: int) -> list[tuple[int, Memory]]:
    """The records of the `k` best scores. Numbers part equals as ids do: both grow as records come in."""
    scores = {number: scoring.score(number) for number in scoring.candidates}
    numbers = heapq.nsmallest(k, scores, key=lambda number: (-scores[number], number))
    return list(records(connection, "WHERE m.number IN (SELECT value FROM json_each(?))", (json.dumps(numbers),)))


def told(found: list[tuple[float, Memory, dict[str, float]]], message: Recall, page_bytes: int) -> tuple[Recollection, ...]:
    """As many of the best as fit one answer."""
    memories: list[Recollection] = []
    left = page_bytes
    for score, memory, terms in found:
        left -= weight_of(memory)
        if memories and left < 0:
            break
        memories.append(
            Recollection(**dict(memory), score=score, explain=terms if message.explain else None),
        )
    return tuple(memories)


def note_recall(transaction: Transaction, ids: list[str], context: str, kept: int) -> None:
    """Write down that records were recalled: their count, and the latest of it in their histories."""
    for memory_id in ids:
        row = transaction.connection.execute(
            "UPDATE memory SET recalls = recalls + 1, recalled = ? WHERE id = ? RETURNING number",
            (transaction.now, memory_id),
        ).fetchone()
        if row is None:
            continue
        number = row[0]
        transaction.event("recalled", number, "recall", context=context)
        transaction.connection.execute(
            "DELETE FROM event WHERE memory = ?1 AND change = 'recalled' AND seq <= (SELECT seq FROM event "
            "WHERE memory = ?1 AND change = 'recalled' ORDER BY seq DESC LIMIT 1 OFFSET ?2)",
            (number, kept),
        )
