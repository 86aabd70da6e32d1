"""Aspects in daemon.db: what is held of people and of the assistant itself, each with its evidence. None is held without."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import apsw

from actors.daemon.messages import Aspect, AspectKind, Trait
from actors.moments import moment

__all__ = ["ASSISTANT", "HeldAspect", "Source", "forget_source", "held", "is_drawn_from_other", "profile", "put", "traits"]

ASSISTANT = ""
"""The speaker under which the assistant's own traits stand."""

EVIDENCE = 16
"""Records that are kept as evidence of one aspect, the latest."""


@dataclass(frozen=True, slots=True)
class Source:
    """A record that something was drawn from, and the digest of what it said."""

    memory: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class HeldAspect:
    """An aspect as it is held."""

    value: float
    confidence: float


def held(connection: apsw.Connection, namespace: str, speaker: str) -> dict[tuple[str, str], HeldAspect]:
    """All aspects of a speaker by kind and name."""
    rows: Any = connection.execute(
        "SELECT kind, name, value, confidence FROM aspect WHERE namespace = ? AND speaker = ?", (namespace, speaker)
    ).fetchall()
    return {(kind, name): HeldAspect(value, confidence) for kind, name, value, confidence in rows}


def put(
    connection: apsw.Connection,
    namespace: str,
    speaker: str,
    key: tuple[str, str],
    *,
    new: HeldAspect,
    sources: Iterable[Source],
    now: int,
) -> None:
    """Hold an aspect; the sources are added to its evidence, of which the latest stay."""
    kind, name = key
    row: Any = connection.execute(
        "INSERT INTO aspect (namespace, speaker, kind, name, value, confidence, changed) VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (namespace, speaker, kind, name) DO UPDATE SET"
        " value = excluded.value, confidence = excluded.confidence, changed = excluded.changed RETURNING number",
        (namespace, speaker, kind, name, new.value, new.confidence, now),
    ).fetchone()
    (number,) = row
    connection.executemany(
        "INSERT OR IGNORE INTO evidence VALUES (?, ?, ?, ?)",
        [(number, namespace, source.memory, source.digest) for source in sources],
    )
    # Ids of records grow as they come in.
    connection.execute(
        "DELETE FROM evidence WHERE aspect = ?1 AND memory NOT IN"
        " (SELECT memory FROM evidence WHERE aspect = ?1 ORDER BY memory DESC LIMIT ?2)",
        (number, EVIDENCE),
    )


def keep_surest(connection: apsw.Connection, namespace: str, speaker: str, kind: str, most: int) -> None:
    """Drop all but the surest aspects of a kind, and those of which nothing is left."""
    connection.execute(
        "DELETE FROM aspect WHERE namespace = ?1 AND speaker = ?2 AND kind = ?3 AND (confidence < 0.01 OR number NOT IN"
        " (SELECT number FROM aspect WHERE namespace = ?1 AND speaker = ?2 AND kind = ?3"
        " ORDER BY confidence DESC, changed DESC, name LIMIT ?4))",
        (namespace, speaker, kind, most),
    )


def is_drawn_from_other(connection: apsw.Connection, namespace: str, memory: str, digest: bytes) -> bool:
    """Whether an aspect was drawn from a record when it said something else."""
    row = connection.execute(
        "SELECT 1 FROM evidence WHERE namespace = ? AND memory = ? AND digest <> ? LIMIT 1", (namespace, memory, digest)
    ).fetchone()
    return row is not None


def forget_source(connection: apsw.Connection, namespace: str, memory: str) -> int:
    """Take a record out of all evidence; aspects without any left go. How many pieces of evidence there were."""
    rows: Any = connection.execute(
        "DELETE FROM evidence WHERE namespace = ? AND memory = ? RETURNING aspect", (namespace, memory)
    ).fetchall()
    for (number,) in rows:
        connection.execute(
            "DELETE FROM aspect WHERE number = ?1 AND NOT EXISTS (SELECT 1 FROM evidence WHERE aspect = ?1)", (number,)
        )
    return len(rows)


def profile(connection: apsw.Connection, namespace: str, speaker: str | None) -> dict[str, tuple[Aspect, ...]]:
    """What is held of the people of a namespace, surest first."""
    rows: Any = connection.execute(
        "SELECT speaker, number, kind, name, value, confidence, changed FROM aspect"
        " WHERE namespace = ?1 AND speaker <> '' AND (?2 IS NULL OR speaker = ?2)"
        " ORDER BY speaker, confidence DESC, kind, name LIMIT 1000",
        (namespace, speaker),
    ).fetchall()
    found: dict[str, tuple[Aspect, ...]] = {}
    for person, number, kind, name, value, confidence, changed in rows:
        aspect = Aspect(
            kind=as_kind(kind),
            name=name,
            value=round(value, 4),
            confidence=round(confidence, 4),
            evidence=evidence_of(connection, number),
            changed=moment(changed),
        )
        found[person] = (*found.get(person, ()), aspect)
    return found


def traits(connection: apsw.Connection, namespace: str, baseline: dict[str, float]) -> tuple[Trait, ...]:
    """The assistant's traits that have moved from their baseline, by name."""
    rows: Any = connection.execute(
        "SELECT number, name, value, changed FROM aspect WHERE namespace = ? AND speaker = ? AND kind = 'trait' ORDER BY name",
        (namespace, ASSISTANT),
    ).fetchall()
    return tuple(
        Trait(
            name=name,
            value=round(value, 4),
            baseline=baseline[name],
            evidence=evidence_of(connection, number),
            changed=moment(changed),
        )
        for number, name, value, changed in rows
        if name in baseline
    )


def evidence_of(connection: apsw.Connection, number: int) -> tuple[str, ...]:
    """The ids of the records that speak for an aspect, latest first."""
    rows: Sequence[Any] = connection.execute(
        "SELECT memory FROM evidence WHERE aspect = ? ORDER BY memory DESC", (number,)
    ).fetchall()
    return tuple(str(memory) for (memory,) in rows)


def as_kind(kind: str) -> AspectKind:
    """One of the kinds that there are."""
    match kind:
        case "interest" | "goal" | "relationship" | "style":
            return kind
    raise ValueError(f"daemon.db holds an aspect of kind {kind!r}")
