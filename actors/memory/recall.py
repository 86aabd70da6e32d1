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

from actors.memory.messages import UNSAID, Recall, Recalled, Recollection
from actors.memory.settings import MemorySettings, RecallWeights
from actors.memory.stopwords import STOPWORDS
from actors.memory.store import rows_of, weight_of
from actors.memory.stored import canonical, micros
from actors.memory.tail import Tail
from actors.memory.transaction import namespace_number
from transport.errors import Invalid

__all__ = ["recall", "words_of"]

DAY_US = 86_400_000_000
WORDS = 64
"""Most words of a query that are looked for."""

WORD = re.compile(r"[^\W_]+")


PREVIOUS = """(
    SELECT max(p.number) FROM memory p WHERE p.session = m.session AND p.number < m.number AND p.chain IS NOT NULL
)"""
NEXT = """(
    SELECT min(p.number) FROM memory p WHERE p.session = m.session AND p.number > m.number AND p.chain IS NOT NULL
)"""
FACTS = "m.number, m.session, m.speaker, m.time, m.importance"


@dataclass(slots=True)
class Candidate:
    """What scoring needs to know of a record."""

    number: int
    session: int | None
    speaker: str | None
    time: int
    importance: float
    relevance: float = 0.0
    """Between 0 and 1: of the best hit's. 0 for what is no hit itself."""

    previous: int | None = None
    """The turn before, if this or that is a hit."""

    next: int | None = None


def recall(connection: apsw.Connection, message: Recall, now: int, settings: MemorySettings, tail: Tail) -> Recalled:
    """The best `k` records; none when the query has no words.

    Args:
        connection: to read from.
        message: what to look for.
        now: microseconds since 1970; what is valid then is found, unless the message has `as_of`.
        settings: weights and limits.
        tail: the reader's.

    Raises:
        Invalid: a weight that there is not.
    """
    weights = weights_of(message, settings)
    words = words_of(message.query)
    namespace = namespace_number(connection, message.namespace)
    if not words or namespace is None:
        return Recalled(memories=())

    clause, values = filters(message, namespace, now)
    tail.refresh(connection)
    fresh = tail.hits(connection, namespace, words)
    match = match_of(words, scope_of(connection, namespace))
    candidates = lexical(connection, match, clause, values, limit=settings.candidates, fresh=fresh)
    if not candidates:
        return Recalled(memories=())

    add_neighbours(connection, candidates, clause, values)
    scoring = Scoring(candidates, message.query, weights, settings)
    return Recalled(memories=told(connection, scoring, message, settings.page_bytes))


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
    clauses = ["m.namespace = :namespace", "m.withheld = 0", "(m.valid_to IS NULL OR m.valid_to > :at)"]
    if message.as_of is not None:
        clauses.append("m.valid_from <= :at")
    clauses.append(f"m.kind NOT IN {UNSAID}" if message.kinds is None else "m.kind IN (SELECT value FROM json_each(:kinds))")
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


def lexical(
    connection: apsw.Connection, match: str, clause: str, values: dict[str, Any], *, limit: int, fresh: dict[int, float]
) -> dict[int, Candidate]:
    """The best lexical hits by number, those of the tail (`fresh`) among them."""
    rows: Any = connection.execute(
        # The best are cut off first, and only then are their neighbours looked up.
        f"""
        WITH m AS MATERIALIZED (
            SELECT {FACTS}, -bm25(search, 0.0, 1.0) AS relevance, m.chain IS NOT NULL AS placed
            FROM search CROSS JOIN memory m ON m.number = search.rowid
            WHERE search MATCH :match AND {clause}
            UNION ALL
            SELECT {FACTS}, j.value, m.chain IS NOT NULL
            FROM json_each(:fresh) j CROSS JOIN memory m ON m.number = CAST(j.key AS INTEGER) WHERE {clause}
            ORDER BY relevance DESC, number LIMIT :limit
        )
        SELECT {FACTS}, m.relevance, iif(m.placed, {PREVIOUS}, NULL), iif(m.placed, {NEXT}, NULL) FROM m
        """,  # noqa: S608 (made of what stands here)
        {**values, "match": match, "limit": limit, "fresh": json.dumps(fresh)},
    )
    hits = [Candidate(*row) for row in rows]
    top = max((hit.relevance for hit in hits), default=0.0) or 1.0
    for hit in hits:
        hit.relevance = max(0.0, hit.relevance / top)
    return {hit.number: hit for hit in hits}


def scope_of(connection: apsw.Connection, namespace: int) -> str:
    """The part of FTS5's expression that keeps to one namespace. Where there is only one, it would slow the search in vain."""
    alone = connection.execute("SELECT count(*) FROM namespace").fetchone() == (1,)
    return "" if alone else f'scope : "n{namespace}" AND '


def match_of(words: list[str], scope: str) -> str:
    """FTS5's expression for any of the words."""
    return f"{scope}text : (" + " OR ".join(f'"{word}"' for word in words) + ")"


def add_neighbours(connection: apsw.Connection, candidates: dict[int, Candidate], clause: str, values: dict[str, Any]) -> None:
    """Add the turns beside the hits in their talks, as far as they meet the filters."""
    hits = list(candidates.values())
    near = {number for hit in hits for number in (hit.previous, hit.next) if number is not None} - candidates.keys()
    rows: Any = connection.execute(
        f"SELECT {FACTS} FROM json_each(:near) j CROSS JOIN memory m ON m.number = j.value WHERE {clause}",  # noqa: S608
        {**values, "near": json.dumps(list(near))},
    )
    candidates.update((row[0], Candidate(*row)) for row in rows)
    for hit in hits:
        if (before := candidates.get(hit.previous or 0)) is not None:
            before.next = hit.number
        if (after := candidates.get(hit.next or 0)) is not None:
            after.previous = hit.number


class Scoring:
    """What a query's candidates have to do with it. Scores are made for all of them, terms for the few that are told."""

    def __init__(self, candidates: dict[int, Candidate], query: str, weights: RecallWeights, settings: MemorySettings) -> None:
        self.candidates = candidates
        self.weights = weights
        self.best_of: dict[int | None, float] = {None: 0.0}
        """The best relevance of each session."""

        for candidate in candidates.values():
            if candidate.session is not None and candidate.relevance > self.best_of.get(candidate.session, 0.0):
                self.best_of[candidate.session] = candidate.relevance

        self.named = named_speaker(candidates, query)
        self.newest = max(candidate.time for candidate in candidates.values())
        self.half_life = settings.recency_half_life_days * DAY_US

    def best(self, k: int) -> list[tuple[float, int]]:
        """The `k` best scores and their numbers. Numbers part equals as ids do: both grow as records come in."""
        scores = ((sum(self.values(candidate)), number) for number, candidate in self.candidates.items())
        return heapq.nsmallest(k, scores, key=lambda hit: (-hit[0], hit[1]))

    def terms(self, number: int) -> dict[str, float]:
        """The candidate's terms by name, those that add nothing left out."""
        values = zip(RecallWeights.model_fields, self.values(self.candidates[number]), strict=True)
        return {name: value for name, value in values if value != 0.0}

    def values(self, candidate: Candidate) -> tuple[float, ...]:
        """The terms in the order of `RecallWeights`."""
        weights = self.weights
        return (
            weights.bm25 * candidate.relevance,
            weights.previous * self.relevance(candidate.previous),
            weights.next * self.relevance(candidate.next),
            weights.session * self.best_of.get(candidate.session, 0.0),
            weights.speaker if self.named is not None and candidate.speaker == self.named else 0.0,
            weights.recency * 0.5 ** ((self.newest - candidate.time) / self.half_life),
            weights.importance * candidate.importance,
        )

    def relevance(self, number: int | None) -> float:
        """A turn's relevance; 0 where there is none, or it is no hit."""
        candidate = self.candidates.get(number or 0)
        return 0.0 if candidate is None else candidate.relevance


def named_speaker(candidates: dict[int, Candidate], query: str) -> str | None:
    """The speaker whom the query names, if it names just one of those who said what was found."""
    speakers = {candidate.speaker for candidate in candidates.values() if candidate.speaker}
    named = [name for name in speakers if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", query, re.IGNORECASE)]
    return named[0] if len(named) == 1 else None


def told(connection: apsw.Connection, scoring: Scoring, message: Recall, page_bytes: int) -> tuple[Recollection, ...]:
    """As many of the best as fit one answer."""
    best = scoring.best(message.k)
    numbers = json.dumps([number for _, number in best])
    rows = dict(rows_of(connection, "WHERE m.number IN (SELECT value FROM json_each(?))", (numbers,)))
    memories: list[Recollection] = []
    left = page_bytes
    for score, number in best:
        explain = scoring.terms(number) if message.explain else None
        memory = Recollection(**rows[number], score=score, explain=explain)
        left -= weight_of(memory)
        if memories and left < 0:
            break
        memories.append(memory)
    return tuple(memories)
