"""paradox.db: the paradoxes with both sides, states and history, and how far the feed has been followed. Knows no rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any

import apsw

from actors.database import Database
from actors.paradox.messages import Paradox, Progress, Resolve, Side, Step
from actors.paradox.schema import MIGRATIONS
from transport.errors import Conflict, Invalid, NotFound

__all__ = ["Effect", "End", "Finding", "Forgetting", "Store", "paradox_id"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

PAGE_BYTES = 640 * 1024
"""About the most text in one page; it ends early rather than outgrow what a message may hold."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A conflict that was found, to be kept as a paradox."""

    namespace: str
    earlier: Side
    later: Side
    verdict: str
    type: str
    score: float
    importance: float
    why: str

    @property
    def tension(self) -> float:
        """How probable times how important."""
        return round(self.score * self.importance, 4)


@dataclass(frozen=True, slots=True)
class Forgetting:
    """A memory is gone for good: whatever has its text goes too."""

    namespace: str
    memory: str


@dataclass(frozen=True, slots=True)
class End:
    """A memory's validity ended: what it was at odds with is so no longer."""

    namespace: str
    memory: str


Effect = Finding | Forgetting | End


def paradox_id(namespace: str, earlier: str, later: str) -> str:
    """The same two memories always make the same paradox."""
    return "px_" + blake2b(f"{namespace}\0{earlier}\0{later}".encode(), digest_size=15).hexdigest()


class Store:
    """All that the paradox actor keeps."""

    def __init__(self, data_dir: Path) -> None:
        self._database = Database(data_dir / "paradox.db", MIGRATIONS)

    async def open(self) -> None:
        """Open the file and bring its schema up to date."""
        await self._database.open()

    async def close(self) -> None:
        """Finish and close."""
        await self._database.close()

    async def advance(self, before: int, cursor: int, judged: int, effects: Sequence[Effect], now: datetime) -> None:
        """Keep the effects of the changes after `before` up to `cursor`, and the cursor, in one transaction.

        Raises:
            Conflict: the cursor on disk is not `before`: somebody else has gone on.
        """
        forgotten = await self._database.write(advance, before, cursor, judged=judged, effects=effects, now=micros(now))
        if forgotten:
            await self._database.checkpoint()

    async def failed(self, seq: int, namespace: str, memory: str, error: str, now: datetime) -> int:
        """Count a failure to handle a change; how many it has had."""
        return await self._database.write(count_failure, seq, namespace, memory, error=error[:500], now=micros(now))

    async def resolve(self, message: Resolve, now: datetime) -> Paradox:
        """End a paradox. Resolving it again in the same way changes nothing.

        Raises:
            NotFound: no such paradox in the namespace.
        """
        return await self._database.write(resolve, message, micros(now))

    async def get(self, namespace: str, identifier: str) -> Paradox:
        """One paradox.

        Raises:
            NotFound: no such paradox in the namespace.
        """
        return await self._database.read(get, namespace, identifier)

    async def page(
        self, namespace: str, *, only_open: bool, limit: int, cursor: str | None
    ) -> tuple[tuple[Paradox, ...], str | None]:
        """Paradoxes, highest tension first, and where to go on."""
        return await self._database.read(page, namespace, only_open, limit, cursor)

    async def progress(self) -> Progress:
        """How far the feed has been followed."""
        return await self._database.read(progress)


def advance(connection: apsw.Connection, before: int, cursor: int, *, judged: int, effects: Sequence[Effect], now: int) -> bool:
    moved = connection.execute(
        "UPDATE follow SET cursor = ?, judged = judged + ? WHERE cursor = ? RETURNING one", (cursor, judged, before)
    ).fetchall()
    if not moved:
        raise Conflict("the feed has been followed further by another")
    forgotten = False
    for effect in effects:
        if isinstance(effect, Finding):
            keep(connection, effect, now)
        elif isinstance(effect, Forgetting):
            forgotten |= forget(connection, effect)
        else:
            end(connection, effect, now)

    return forgotten


def keep(connection: apsw.Connection, finding: Finding, now: int) -> None:
    identifier = paradox_id(finding.namespace, finding.earlier.memory, finding.later.memory)
    sides = [
        value
        for side in (finding.earlier, finding.later)
        for value in (side.memory, side.text, side.speaker, micros(side.time))
    ]
    known = connection.execute("SELECT 1 FROM paradox WHERE id = ?", (identifier,)).fetchall()
    if known:
        return
    connection.execute(
        "INSERT INTO paradox VALUES (?, ?, ?, ?, ?, ?, 'fresh', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            identifier,
            finding.namespace,
            finding.verdict,
            finding.type,
            finding.score,
            finding.tension,
            now,
            finding.why,
            *sides,
        ),
    )
    add_step(connection, identifier, now, "fresh", cause="found", note=finding.why)


def forget(connection: apsw.Connection, gone: Forgetting) -> bool:
    removed = connection.execute(
        "DELETE FROM paradox WHERE namespace = ? AND (earlier = ? OR later = ?) RETURNING id",
        (gone.namespace, gone.memory, gone.memory),
    ).fetchall()
    return bool(removed)


def end(connection: apsw.Connection, ended: End, now: int) -> None:
    closed: Any = connection.execute(
        "UPDATE paradox SET state = 'integrated' WHERE namespace = ? AND (earlier = ? OR later = ?)"
        " AND state IN ('fresh', 'processing') RETURNING id",
        (ended.namespace, ended.memory, ended.memory),
    ).fetchall()
    for (identifier,) in closed:
        add_step(connection, identifier, now, "integrated", cause="superseded", note="one of the two holds no longer")


def count_failure(connection: apsw.Connection, seq: int, namespace: str, memory: str, *, error: str, now: int) -> int:
    rows: Any = connection.execute(
        "INSERT INTO poison VALUES (?, ?, ?, 1, ?, ?) ON CONFLICT DO UPDATE SET attempts = attempts + 1,"
        " error = excluded.error, time = excluded.time RETURNING attempts",
        (seq, namespace, memory, error, now),
    ).fetchall()
    return int(rows[0][0])


def resolve(connection: apsw.Connection, message: Resolve, now: int) -> Paradox:
    known = get(connection, message.namespace, message.id)
    note = f"keep {message.keep}: {message.reason}"
    if known.state != message.state or known.history[-1].note != note:
        connection.execute("UPDATE paradox SET state = ? WHERE id = ?", (message.state, message.id))
        add_step(connection, message.id, now, message.state, cause="resolved", note=note)
    return get(connection, message.namespace, message.id)


def add_step(connection: apsw.Connection, identifier: str, now: int, state: str, *, cause: str, note: str) -> None:
    connection.execute(
        "INSERT INTO step (paradox, time, state, cause, note) VALUES (?, ?, ?, ?, ?)", (identifier, now, state, cause, note)
    )


def get(connection: apsw.Connection, namespace: str, identifier: str) -> Paradox:
    rows: Any = connection.execute("SELECT * FROM paradox WHERE id = ? AND namespace = ?", (identifier, namespace)).fetchall()
    if not rows:
        raise NotFound("there is no such paradox")
    return as_paradox(connection, rows[0])


def page(
    connection: apsw.Connection, namespace: str, only_open: bool, limit: int, cursor: str | None
) -> tuple[tuple[Paradox, ...], str | None]:
    where = "namespace = ? AND state IN ('fresh', 'processing')" if only_open else "namespace = ?"
    bindings: list[Any] = [namespace]
    if cursor is not None:
        tension, _, identifier = cursor.partition(":")
        try:
            bindings += [float(tension), float(tension), identifier]
        except ValueError:
            raise Invalid("paradox.list: cursor: not one that was given") from None
        where += " AND (tension < ? OR (tension = ? AND id > ?))"

    rows: Any = connection.execute(
        f"SELECT * FROM paradox WHERE {where} ORDER BY tension DESC, id LIMIT ?",  # noqa: S608 (fixed clauses)
        (*bindings, limit + 1),
    )
    found: list[Paradox] = []
    left = PAGE_BYTES
    for row in rows:
        paradox = as_paradox(connection, row)
        left -= weight_of(paradox)
        if len(found) == limit or (found and left < 0):
            return tuple(found), f"{found[-1].tension!r}:{found[-1].id}"
        found.append(paradox)

    return tuple(found), None


def weight_of(paradox: Paradox) -> int:
    """About how many bytes a paradox takes in an answer."""
    texts = (paradox.earlier.text, paradox.later.text, paradox.why, *(step.note for step in paradox.history))
    return sum(len(text.encode()) for text in texts) + 1024


def progress(connection: apsw.Connection) -> Progress:
    rows: Any = connection.execute(
        "SELECT cursor, judged, (SELECT count(*) FROM paradox WHERE state IN ('fresh', 'processing')),"
        " (SELECT count(*) FROM poison WHERE seq <= cursor) FROM follow"
    ).fetchall()
    cursor, judged, count, aside = rows[0]
    return Progress(cursor=int(cursor), judged=int(judged), open=int(count), set_aside=int(aside))


def as_paradox(connection: apsw.Connection, row: Sequence[Any]) -> Paradox:
    identifier, namespace, verdict, kind, _, tension, state, found, why, *sides = row
    steps: Any = connection.execute(
        "SELECT time, state, cause, note FROM step WHERE paradox = ? ORDER BY number", (identifier,)
    ).fetchall()
    return Paradox(
        id=identifier,
        namespace=namespace,
        earlier=Side(memory=sides[0], text=sides[1], speaker=sides[2], time=moment(sides[3])),
        later=Side(memory=sides[4], text=sides[5], speaker=sides[6], time=moment(sides[7])),
        verdict=verdict,
        type=kind,
        tension=tension,
        state=state,
        found=moment(found),
        why=why,
        history=tuple(Step(time=moment(time), state=was, cause=cause, note=note) for time, was, cause, note in steps),
    )


def micros(time: datetime) -> int:
    return (time - EPOCH) // timedelta(microseconds=1)


def moment(value: int) -> datetime:
    return EPOCH + timedelta(microseconds=value)
