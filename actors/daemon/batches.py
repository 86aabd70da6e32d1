"""Batches of pending turns: laid down before they are worked on, so that whoever takes over works on the very same turns.

A batch that fails does not keep the others of its run from being worked on; after a few times it is set aside with its error.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import apsw
from loguru import logger

from actors.daemon.messages import SetAside
from actors.daemon.store import Fenced
from actors.daemon.work import BudgetSpent, Paused, Work
from actors.memory.messages import Found, Get, Memory, NewMemory, Remember
from actors.moments import micros, moment
from transport.errors import DeadlineExceeded, NotFound, Overloaded, Unavailable

__all__ = ["Batch", "Outcome", "finish", "groups", "lay", "lay_all", "retry", "set_aside"]

PASSING = (BudgetSpent, Paused, Fenced, Unavailable, Overloaded, DeadlineExceeded)
"""Errors that say nothing about the batch: they end the run, and the batch is worked on again."""


@dataclass(frozen=True, slots=True)
class Batch:
    """A stretch of turns. `id` names the last of them, and with it what is made of the batch."""

    id: str
    namespace: str
    session: str
    memories: tuple[str, ...]


def nothing(_connection: apsw.Connection) -> None:
    """No change of the daemon's own."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is made of a batch."""

    records: list[NewMemory] = field(default_factory=list)
    """To be remembered; with keys, so that a repeat makes none twice."""

    change: Callable[[apsw.Connection], None] = nothing
    """Made in the transaction in which the batch is done."""

    effects: dict[str, int] = field(default_factory=dict)


Handle = Callable[[Work, Batch, list[Memory]], Awaitable[Outcome]]


def groups(connection: apsw.Connection, cycle: str, *, by_session: bool) -> list[tuple[str, str, int, int]]:
    """Pending turns by namespace (and session): namespace, session, how many, when the last came in."""
    key = "namespace, session" if by_session else "namespace"
    shown = "session" if by_session else "''"
    rows = connection.execute(
        f"SELECT namespace, {shown}, count(*), max(ingested) FROM pending WHERE cycle = ? AND batch IS NULL"  # noqa: S608
        f" GROUP BY {key} ORDER BY {key}",
        (cycle,),
    ).fetchall()
    return [(str(row[0]), str(row[1]), int(str(row[2])), int(str(row[3]))) for row in rows]


def lay(connection: apsw.Connection, cycle: str, namespace: str, session: str | None, most: int) -> None:
    """Make a batch of the first `most` pending turns of a namespace (and session)."""
    rows = connection.execute(
        "SELECT seq, memory FROM pending WHERE cycle = ?1 AND namespace = ?2 AND (?3 IS NULL OR session = ?3) AND batch IS NULL"
        " ORDER BY seq LIMIT ?4",
        (cycle, namespace, session, most),
    ).fetchall()
    if not rows:
        return
    last = str(rows[-1][1])
    for seq, _ in rows:
        connection.execute("UPDATE pending SET batch = ? WHERE cycle = ? AND seq = ?", (last, cycle, seq))


def open_batches(connection: apsw.Connection, cycle: str) -> list[Batch]:
    """Batches that are laid down and not done, oldest first."""
    rows = connection.execute(
        "SELECT batch, namespace, session, memory FROM pending WHERE cycle = ? AND batch IS NOT NULL ORDER BY seq", (cycle,)
    ).fetchall()
    found: dict[str, Batch] = {}
    for batch, namespace, session, memory in rows:
        known = found.get(str(batch))
        memories = (*(known.memories if known else ()), str(memory))
        found[str(batch)] = Batch(str(batch), str(namespace), str(session), memories)

    return list(found.values())


def lay_all(connection: apsw.Connection, cycle: str, most: int, *, from_turns: int = 1) -> None:
    """Make a batch of at most `most` turns for every namespace that has `from_turns` pending."""
    for namespace, _, count, _ in groups(connection, cycle, by_session=False):
        if count >= from_turns:
            lay(connection, cycle, namespace, None, most)


async def finish(work: Work, handle: Handle) -> None:
    """Work on every batch that is laid down, and drop it.

    Args:
        work: the run; what it did is counted as its effects.
        handle: makes something of a batch's turns. It may be called again for the same batch.

    Raises:
        Exception: what the first batch that failed raised, once the others are done; unless it has been set aside.
    """
    failure: Exception | None = None
    for batch in await work.read(open_batches, work.run.cycle):
        try:
            await one(work, batch, handle)
        except PASSING:
            raise
        except Exception as error:  # noqa: BLE001 (a batch fails alone: it is raised below, or kept with the batch)
            if not await note_failure(work, batch, error):
                failure = failure or error
        await work.pass_on()
    if failure is not None:
        raise failure


async def one(work: Work, batch: Batch, handle: Handle) -> None:
    """Work on a batch. Should a turn be forgotten meanwhile, it is done without it.

    Raises:
        NotFound: turns kept being forgotten under it.
    """
    tries = 3
    while True:
        turns = await turns_of(work, batch)
        try:
            outcome = await handle(work, batch, turns) if turns else Outcome()
            if outcome.records:
                memories = tuple(outcome.records)
                text = outcome.records[0].text
                await work.write(Remember(namespace=batch.namespace, memories=memories), records=len(memories), text=text)
            await work.commit(
                partial(done, cycle=work.run.cycle, batch=batch, turns=turns, outcome=outcome),
                turns=len(turns),
                **outcome.effects,
            )
        except NotFound:
            tries -= 1
            if not tries:
                raise
        else:
            return


def done(connection: apsw.Connection, *, cycle: str, batch: Batch, turns: list[Memory], outcome: Outcome) -> None:
    """Keep what was made of a batch, unless a turn that it was made of has been let go of since it was read.

    Raises:
        NotFound: one has: what was drawn from it would stay for ever, since nobody says a second time that it is forgotten.
    """
    rows = connection.execute("SELECT memory FROM pending WHERE cycle = ? AND batch = ?", (cycle, batch.id)).fetchall()
    if not {turn.id for turn in turns} <= {memory for (memory,) in rows}:
        raise NotFound("a turn of the batch was forgotten meanwhile")
    drop(connection, cycle, batch.id)
    outcome.change(connection)


async def note_failure(work: Work, batch: Batch, error: Exception) -> bool:
    """Count a batch's failure; whether it is set aside with that."""
    told = f"{type(error).__name__}: {error}"[:500]
    now = micros(work.clock.now())
    aside = await work.commit(
        partial(fail, cycle=work.run.cycle, batch=batch, error=told, most=work.settings.item_attempts, now=now)
    )
    if aside:
        await work.commit(nothing, set_aside=1)
        logger.opt(exception=error).error("a batch is set aside", cycle=work.run.cycle, batch=batch.id)
    return aside


def fail(connection: apsw.Connection, *, cycle: str, batch: Batch, error: str, most: int, now: int) -> bool:
    row: Any = connection.execute(
        "INSERT INTO failing VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET attempts = attempts + 1 RETURNING attempts",
        (cycle, batch.id),
    ).fetchone()
    (attempts,) = row
    if attempts < most:
        return False
    rows = connection.execute(
        "SELECT seq, memory, session, ingested FROM pending WHERE cycle = ? AND batch = ? ORDER BY seq", (cycle, batch.id)
    ).fetchall()
    connection.execute(
        "INSERT OR REPLACE INTO set_aside VALUES (?, ?, ?, ?, ?, ?, ?)",
        (cycle, batch.id, batch.namespace, json.dumps(rows), attempts, error, now),
    )
    drop(connection, cycle, batch.id)
    return True


def set_aside(connection: apsw.Connection, cycle: str | None) -> tuple[SetAside, ...]:
    """What was set aside, oldest first."""
    rows: Any = connection.execute(
        "SELECT cycle, item, namespace, turns, attempts, error, time FROM set_aside WHERE ?1 IS NULL OR cycle = ?1"
        " ORDER BY time, item LIMIT 1000",
        (cycle,),
    ).fetchall()
    return tuple(
        SetAside(
            id=item,
            cycle=named,
            namespace=namespace,
            memories=tuple(turn[1] for turn in json.loads(turns)),
            attempts=attempts,
            error=error,
            time=moment(time),
        )
        for named, item, namespace, turns, attempts, error, time in rows
    )


def retry(connection: apsw.Connection, cycle: str, item: str) -> None:
    """Put what was set aside back among what is pending, as the batch that it was.

    Raises:
        NotFound: there is none.
    """
    row: Any = connection.execute(
        "DELETE FROM set_aside WHERE cycle = ? AND item = ? RETURNING namespace, turns", (cycle, item)
    ).fetchone()
    if row is None:
        raise NotFound(f"id: nothing of {cycle} is set aside under {item!r}", detail={"field": "id"})
    namespace, turns = row
    connection.executemany(
        "INSERT OR IGNORE INTO pending VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(cycle, seq, namespace, session, memory, ingested, item) for seq, memory, session, ingested in json.loads(turns)],
    )


def drop(connection: apsw.Connection, cycle: str, batch: str) -> None:
    """The batch is done with."""
    connection.execute("DELETE FROM pending WHERE cycle = ? AND batch = ?", (cycle, batch))
    connection.execute("DELETE FROM failing WHERE cycle = ? AND item = ?", (cycle, batch))


async def turns_of(work: Work, batch: Batch) -> list[Memory]:
    """The batch's turns as they stand: those that are forgotten or superseded are left out."""
    turns: list[Memory] = []
    for identifier in batch.memories:
        try:
            found: Found = await work.ask(Get(namespace=batch.namespace, id=identifier))
        except NotFound:
            continue
        if found.memory.valid_to is None:
            turns.append(found.memory)

    return turns
