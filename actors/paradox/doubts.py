"""What is in doubt, as rows: pairs just too improbable to be kept, the questions that a model is asked, and how many it was.

Functions over the writer's connection, called inside a transaction of the store. Knows no rule and no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import apsw

from actors.moments import micros, moment
from actors.paradox.effects import Doubt, Finding
from actors.paradox.messages import Side

__all__ = ["Question", "add", "charge", "columns", "dropped", "next_question", "refund", "taken"]

MOST: Final = 1000
"""Doubts that wait at once, of all namespaces: of more, the least probable go."""

DAY: Final = timedelta(days=1) // timedelta(microseconds=1)

SIDES = (
    "earlier, earlier_text, earlier_speaker, earlier_time, later, later_text, later_speaker, later_time, score, importance, why"
)


@dataclass(frozen=True, slots=True)
class Question:
    """What a model is asked: two sides, and how probable it is without it that they are at odds."""

    id: str
    namespace: str
    earlier: Side
    later: Side
    probability: float


def add(connection: apsw.Connection, doubt: Doubt, now: int) -> None:
    """Keep a doubt until a model was asked, or room is wanted for another."""
    finding = doubt.finding
    if connection.execute("SELECT 1 FROM paradox WHERE id = ?", (finding.id,)).fetchall():
        return
    connection.execute(
        f"INSERT OR REPLACE INTO doubt (id, namespace, found, verdict, type, {SIDES}) VALUES ({', '.join('?' * 16)})",  # noqa: S608
        (
            finding.id,
            finding.namespace,
            now,
            finding.verdict,
            finding.type,
            *columns(finding.earlier),
            *columns(finding.later),
            finding.score,
            finding.importance,
            finding.why,
        ),
    )
    connection.execute(
        "DELETE FROM doubt WHERE id IN (SELECT id FROM doubt ORDER BY score * importance DESC, id LIMIT -1 OFFSET ?)", (MOST,)
    )


def dropped(connection: apsw.Connection, namespace: str, memory: str) -> bool:
    """Let go of what quotes a record; whether anything did."""
    connection.execute("DELETE FROM doubt WHERE namespace = ?1 AND (earlier = ?2 OR later = ?2)", (namespace, memory))
    return connection.changes() > 0


def taken(connection: apsw.Connection, identifier: str) -> Doubt | None:
    """A doubt, which is one no longer."""
    rows: Any = connection.execute(
        f"DELETE FROM doubt WHERE id = ? RETURNING namespace, verdict, type, {SIDES}",  # noqa: S608 (fixed columns)
        (identifier,),
    ).fetchall()
    if not rows:
        return None
    namespace, verdict, kind, *sides, score, importance, why = rows[0]
    earlier, later = sides_of(sides)
    return Doubt(
        Finding(
            namespace=namespace,
            earlier=earlier,
            later=later,
            verdict=verdict,
            type=kind,
            score=score,
            importance=importance,
            why=why,
        )
    )


def next_question(connection: apsw.Connection, before: int, now: int, low: float, high: float) -> Question | None:
    """What a model is to be asked next, of what was found before a moment: of greatest weight first.

    What a clock that was ahead has dated after `now` has waited long enough.
    """
    rows: Any = connection.execute(
        f"SELECT id, namespace, {SIDES}, tension AS weight FROM paradox"  # noqa: S608 (fixed columns)
        " WHERE state IN ('fresh', 'processing') AND consulted = 0 AND score BETWEEN ?2 AND ?3"
        " AND touched NOT BETWEEN ?1 + 1 AND ?4"
        f" UNION ALL SELECT id, namespace, {SIDES}, score * importance FROM doubt WHERE found NOT BETWEEN ?1 + 1 AND ?4"
        " ORDER BY weight DESC, id LIMIT 1",
        (before, low, high, now),
    ).fetchall()
    if not rows:
        return None
    identifier, namespace, *rest = rows[0]
    earlier, later = sides_of(rest[:8])
    return Question(identifier, namespace, earlier, later, rest[8])


def charge(connection: apsw.Connection, now: int, per_day: int) -> int | None:
    """Count a call that is about to be made; None where the day's are used up."""
    connection.execute("DELETE FROM asked WHERE time <= ?", (now - DAY,))
    # A clock that was ahead would leave its calls counted until that time has come.
    connection.execute("UPDATE asked SET time = ?1 WHERE time > ?1", (now,))
    rows: Any = connection.execute(
        "INSERT INTO asked (time) SELECT ?1 WHERE (SELECT count(*) FROM asked) < ?2 RETURNING number", (now, per_day)
    ).fetchall()
    return int(rows[0][0]) if rows else None


def refund(connection: apsw.Connection, number: int) -> None:
    """The call was not made: no model was there."""
    connection.execute("DELETE FROM asked WHERE number = ?", (number,))


def columns(side: Side) -> Sequence[Any]:
    """Record, text, speaker, time: a side as it stands in the tables."""
    return (side.memory, side.text, side.speaker, micros(side.time))


def sides_of(row: Sequence[Any]) -> tuple[Side, Side]:
    earlier, earlier_text, earlier_speaker, earlier_time, later, later_text, later_speaker, later_time = row
    return (
        Side(memory=earlier, text=earlier_text, speaker=earlier_speaker, time=moment(earlier_time)),
        Side(memory=later, text=later_text, speaker=later_speaker, time=moment(later_time)),
    )
