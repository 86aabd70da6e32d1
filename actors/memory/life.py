"""The life cycle: raw -> echoed -> crystallized -> archived, and importance that fades meanwhile.

The only place that says which stage a record is in and when it moves on; each step is an event with its cause. Who calls it: a
recall that was noted, whoever judges what is felt, a revision, a compression, and `memory.age`, which the daemon repeats.
docs/memory.md tells it for people.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from actors.memory.cursor import cursor_of, position_of
from actors.memory.messages import Age, Aged, Compress, Compressed
from actors.memory.settings import LifeSettings
from actors.memory.store import remember_one
from actors.memory.transaction import Transaction

__all__ = ["COLUMNS", "Facts", "age", "compress", "echo_of", "faded", "move", "move_on", "stage_next"]

DAY_US = 86_400_000_000
NEUTRAL = 27
"""Where the one label that is no emotion stands in a vector."""

COLUMNS = """number, kind, stage, importance, coalesce(base, importance), coalesce(since, ingested),
    max(ingested, coalesce(recalled, 0)), affect_user, affect_assistant"""


@dataclass(slots=True)
class Facts:
    """What decides about a record's stage."""

    number: int
    kind: str
    stage: str
    importance: float
    base: float
    """Importance at `since`: from there it fades."""

    since: int
    used: int
    """When it came in or was last recalled."""

    affect_user: bytes | None
    affect_assistant: bytes | None
    contexts: int = 0
    """In how many different ones it was recalled, since it was archived if it was."""

    echo: float = 0.0
    """Between 0 and 1; see `echo_of`."""

    @property
    def significance(self) -> float:
        """How much it matters: its importance, or the strongest emotion in it."""
        felt = [vector[:NEUTRAL] for vector in (self.affect_user, self.affect_assistant) if vector is not None]
        return max(self.importance, *(max(vector) / 255 for vector in felt)) if felt else self.importance


def faded(base: float, age_us: int, half_life_days: float, floor: float) -> float:
    """Importance `base` after `age_us` microseconds: halved with each half-life, never below the floor, never above `base`."""
    left = base * 0.5 ** (max(0, age_us) / (half_life_days * DAY_US))
    return float(round(min(base, max(floor, left)), 6))


def echo_of(last: Sequence[int], now: int, life: LifeSettings) -> float:
    """How strongly a record echoes, from when each context last recalled it: 0 for none, half for two of today, towards 1."""
    strength = sum(0.5 ** (max(0, now - time) / (life.echo_half_life_days * DAY_US)) for time in last)
    return float(1 - 0.5 ** (strength / 2))


def stage_next(facts: Facts, now: int, life: LifeSettings) -> tuple[str, str, dict[str, float]] | None:
    """The stage that a record moves on to, the rule, and the figures that decided; None where it stays."""
    if facts.stage in ("raw", "archived") and facts.contexts >= life.echo_contexts:
        return "echoed", "echo", {"contexts": facts.contexts}
    if facts.stage == "echoed" and facts.echo + facts.significance >= life.crystallize_at:
        figures = {"echo": round(facts.echo, 4), "significance": round(facts.significance, 4), "threshold": life.crystallize_at}
        return "crystallized", "significance", figures
    idle_days = (now - facts.used) / DAY_US
    if facts.stage != "archived" and facts.importance <= life.archive_below and idle_days >= life.archive_after_days:
        figures = {"importance": facts.importance, "idle_days": round(idle_days, 1), "base": facts.base, "since": facts.since}
        return "archived", "age", figures
    return None


def move_on(transaction: Transaction, number: int, life: LifeSettings) -> bool:
    """Move a record through as many stages as it is ready for; whether it moved."""
    row: Any = transaction.connection.execute(f"SELECT {COLUMNS} FROM memory WHERE number = ?", (number,)).fetchone()  # noqa: S608 (our own columns)
    return move(transaction, Facts(*row), life)


def move(transaction: Transaction, facts: Facts, life: LifeSettings, echoes: Sequence[int] | None = None) -> bool:
    """As `move_on`, of a record whose columns are known, and perhaps when each context last recalled it."""
    moved = False
    last = echoes_of(transaction, facts.number) if echoes is None else echoes
    weigh_echoes(facts, last, transaction.now, life)
    while (step := stage_next(facts, transaction.now, life)) is not None:
        stage, rule, figures = step
        put(transaction, facts, stage, rule, figures)
        weigh_echoes(facts, last, transaction.now, life)
        moved = True
    return moved


def put(transaction: Transaction, facts: Facts, stage: str, rule: str, figures: dict[str, Any]) -> None:
    """Put a record into a stage. What it had faded to is what it fades from now on: another stage fades at another pace."""
    transaction.connection.execute(
        "UPDATE memory SET stage = ?1, base = importance, since = ?2 WHERE number = ?3", (stage, transaction.now, facts.number)
    )
    transaction.event("staged", facts.number, rule, **{"from": facts.stage, "to": stage}, **figures)
    facts.stage, facts.base, facts.since = stage, facts.importance, transaction.now


def echoes_of(transaction: Transaction, number: int) -> list[int]:
    """When each context last recalled a record."""
    rows: Any = transaction.connection.execute("SELECT last FROM echo WHERE memory = ?", (number,))
    return [time for (time,) in rows]


def weigh_echoes(facts: Facts, last: Sequence[int], now: int, life: LifeSettings) -> None:
    """Take note of the contexts in which a record was recalled; of one that is archived, since then."""
    facts.echo = echo_of(last, now, life)
    facts.contexts = len([time for time in last if time > facts.since]) if facts.stage == "archived" else len(last)


def age(transaction: Transaction, message: Age, *, life: LifeSettings) -> Aged:
    """Let a page of records age."""
    listing = ("age", message.namespace)
    after = 0 if message.cursor is None else position_of(message.cursor, listing, parts=1)[0]
    rows: Any = transaction.connection.execute(
        f"SELECT {COLUMNS} FROM memory WHERE namespace = ? AND number > ? ORDER BY number LIMIT ?",  # noqa: S608 (our own columns)
        (transaction.known_namespace, after, message.limit + 1),
    ).fetchall()
    page = [Facts(*row) for row in rows[: message.limit]]
    for facts in page:
        come_back(transaction, facts)
    return Aged(
        seen=len(page),
        faded=sum([fade(transaction, facts, life) for facts in page]),
        staged=sum([move(transaction, facts, life) for facts in page]),
        next_cursor=cursor_of(listing, page[-1].number) if len(rows) > len(page) else None,
    )


def come_back(transaction: Transaction, facts: Facts) -> None:
    """What was archived at a time that is yet to come was aged by a clock that was ahead: it is again what it was before."""
    if facts.stage != "archived" or facts.since <= transaction.now:
        return
    row: Any = transaction.connection.execute(
        "SELECT detail FROM event WHERE memory = ? AND change = 'staged' ORDER BY seq DESC LIMIT 1", (facts.number,)
    ).fetchone()
    match json.loads(row[0]) if row is not None else None:
        case {"from": "raw" | "echoed" | "crystallized" as stage, "base": float(base), "since": int(since)}:
            # Whole: should it be this clock that is wrong, and behind, it fades from there again.
            facts.stage, facts.base, facts.since = stage, base, since
        case _:
            # What its summary has archived was not aged. What was archived elsewhere came without its figures.
            return
    transaction.connection.execute(
        "UPDATE memory SET stage = ?, base = ?, since = ? WHERE number = ?",
        (facts.stage, facts.base, facts.since, facts.number),
    )
    transaction.event("staged", facts.number, "clock", **{"from": "archived", "to": facts.stage})


def fade(transaction: Transaction, facts: Facts, life: LifeSettings) -> bool:
    """Write what a record's importance has faded to, where it is a step worth writing."""
    half_life = life.half_life_days.get(facts.kind)
    if half_life is None:
        return False
    left = faded(facts.base, transaction.now - facts.since, half_life * life.slower.get(facts.stage, 1.0), life.floor)
    at_the_floor = left == life.floor < facts.importance
    # It may have risen: a clock that was ahead has been set right.
    if abs(facts.importance - left) < life.step and not at_the_floor:
        return False
    transaction.connection.execute(
        "UPDATE memory SET importance = ?, base = ?, since = ? WHERE number = ?", (left, facts.base, facts.since, facts.number)
    )
    facts.importance = left
    return True


def compress(transaction: Transaction, message: Compress, *, importance: float) -> Compressed:
    """Remember a summary and archive what it summarises, unless that is crystallized: what matters stays at hand."""
    summary = remember_one(transaction, message.summary, "compress", importance)
    rows: Any = transaction.connection.execute(
        f"SELECT {COLUMNS} FROM memory WHERE number IN (SELECT target FROM link WHERE source = ? AND relation = 'summarises') "  # noqa: S608 (our own columns)
        "ORDER BY number",
        (transaction.number_of(summary.id),),
    ).fetchall()
    for facts in (Facts(*row) for row in rows):
        if facts.stage in ("raw", "echoed"):
            put(transaction, facts, "archived", "compress", {"by": summary.id})

    archived = transaction.connection.execute(
        "SELECT t.id FROM memory m JOIN link l ON l.source = m.number AND l.relation = 'summarises' "
        "JOIN memory t ON t.number = l.target WHERE m.id = ? AND t.stage = 'archived' ORDER BY t.number",
        (summary.id,),
    )
    return Compressed(id=summary.id, created=summary.created, archived=tuple(name for (name,) in archived))
