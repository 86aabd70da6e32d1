"""Batches of pending turns: laid down before they are worked on, so that whoever takes over works on the very same turns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import apsw

from actors.daemon.work import Work
from actors.memory.messages import Found, Get, Kind, Memory, NewMemory, Remember
from transport.errors import NotFound

__all__ = ["Batch", "finish", "groups", "lay"]


@dataclass(frozen=True, slots=True)
class Batch:
    """A stretch of turns. `id` names the last of them, and with it what is made of the batch."""

    id: str
    namespace: str
    session: str
    memories: tuple[str, ...]


Compose = Callable[[Batch, list[Memory]], list[NewMemory]]


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


def drop(connection: apsw.Connection, cycle: str, batch: str) -> None:
    """The batch is done."""
    connection.execute("DELETE FROM pending WHERE cycle = ? AND batch = ?", (cycle, batch))


async def finish(work: Work, compose: Compose, kinds: dict[Kind, str]) -> None:
    """Work on every batch that is laid down: remember what is made of it, and drop it.

    Args:
        work: the run; what it did is counted as its effects.
        compose: what is made of a batch's turns.
        kinds: what the effects call the records that are made, by kind.
    """
    cycle = work.run.cycle
    for batch in await work.read(open_batches, cycle):
        turns, records = await write(work, batch, compose)
        made = {name: sum(record.kind == kind for record in records) for kind, name in kinds.items()}
        await work.commit(partial(drop, cycle=cycle, batch=batch.id), turns=len(turns), **made)
        await work.pass_on(len(records))


async def write(work: Work, batch: Batch, compose: Compose) -> tuple[list[Memory], list[NewMemory]]:
    """Remember what `compose` makes of the batch's turns; both. Should a turn be forgotten meanwhile, it is made without it.

    Raises:
        NotFound: turns kept being forgotten under it.
    """
    tries = 3
    while True:
        turns = await turns_of(work, batch)
        records = compose(batch, turns)
        try:
            if records:
                await work.ask(Remember(namespace=batch.namespace, memories=tuple(records)))
        except NotFound:
            tries -= 1
            if not tries:
                raise
        else:
            return turns, records


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
