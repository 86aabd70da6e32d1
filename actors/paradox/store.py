"""paradox.db: the paradoxes with sides, states, notes and history, and how far the feed was followed. Knows no rule."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import apsw

from actors.idempotency import Once, only_once
from actors.moments import micros, moment
from actors.paradox import doubts, life, set_aside
from actors.paradox.advice import advice, counsel
from actors.paradox.doubts import Question
from actors.paradox.effects import Effect, Finding, Forgetting, NamespaceForgetting, Revision
from actors.paradox.life import Conclusion
from actors.paradox.messages import Note, Paradox, ProgressTold, Resolve, SetAside, Side, Step
from actors.paradox.schema import MIGRATIONS
from actors.sqlite.database import Database
from transport.errors import Conflict, Invalid, NotFound

__all__ = ["Owed", "Store"]

PAGE_BYTES = 640 * 1024
"""About the most text in one page; it ends early rather than outgrow what a message may hold."""

COLUMNS = (
    "id, namespace, verdict, type, score, tension, state, found, why, earlier, earlier_text, earlier_speaker, earlier_time,"
    " later, later_text, later_speaker, later_time, importance, touched"
)


@dataclass(frozen=True, slots=True)
class Owed:
    """Memory is to be told that `ended` holds no longer, since `by` took its place (empty: nothing did); or what `cause` says.

    `since` is when `by` was said, where that was later; else the end is now.
    """

    number: int
    namespace: str
    ended: str
    by: str
    cause: str
    since: datetime | None


class Store:
    """All that the paradox actor keeps."""

    def __init__(self, data_dir: Path) -> None:
        self._database = Database(data_dir / "paradox.db", MIGRATIONS)

    async def open(self) -> None:
        """Open the file and bring its schema up to date."""
        await self._database.open()

    async def watch(self) -> None:
        """Wait until the file has to be opened anew, and raise why; see `Database.watch`."""
        await self._database.watch()

    async def back_up(self, name: str) -> int:
        """Write a copy of the file; its size in bytes."""
        return await self._database.back_up(name)

    async def close(self) -> None:
        """Finish and close."""
        await self._database.close()

    async def advance(self, before: int, place: tuple[int, str], judged: int, effects: Sequence[Effect], now: datetime) -> None:
        """Keep the effects of the changes after `before` up to a place (cursor, timeline), and the place, in one transaction.

        Raises:
            Conflict: the cursor on disk is not `before`: somebody else has gone on.
        """
        forgotten = await self._database.write(advance, before, place, judged=judged, effects=effects, now=micros(now))
        if forgotten:
            await self._database.checkpoint()

    async def followed(self) -> tuple[int, str]:
        """How far the feed has been followed, and in which memory; empty where nobody knows."""
        return await self._database.read(followed)

    async def go_back(self, before: int, cursor: int) -> None:
        """Follow again from an earlier place: what came after it was another memory's. Failures there were others too.

        Raises:
            Conflict: the cursor on disk is not `before`.
        """
        await self._database.write(go_back, before, cursor)

    async def failed(self, seq: int, namespace: str, memory: str, error: str, now: datetime) -> int:
        """Count a failure to handle a change; how many it has had."""
        return await self._database.write(set_aside.count, seq, namespace, memory, error=error[:500], now=micros(now))

    async def set_aside(self, namespace: str, limit: int) -> tuple[SetAside, ...]:
        """What could not be judged, oldest first."""
        return await self._database.read(set_aside.listed, namespace, limit)

    async def one_set_aside(self, namespace: str, identifier: str) -> SetAside:
        """One of it.

        Raises:
            NotFound: nothing is set aside under that id.
        """
        return await self._database.read(set_aside.named, namespace, identifier)

    async def retried(self, once: Once | None) -> int | None:
        """How much came of a retry that was made under the same key before; None where there was none.

        Raises:
            KeyReused: the key came with another message.
        """
        return await self._database.read(set_aside.outcome, once)

    async def judged_after_all(
        self, seq: int, effects: Sequence[Effect], now: datetime, *, judged: int = 1, once: Once | None = None
    ) -> int:
        """Keep what came of a change that had been set aside, which it is no longer; how many conflicts came of it.

        Raises:
            NotFound: it is set aside no longer.
        """
        return await self._database.write(judge_after_all, seq, effects, judged=judged, now=micros(now), once=once)

    async def resolve(self, message: Resolve, now: datetime, once: Once | None = None) -> Paradox:
        """End a paradox. Resolving it again in the same way changes nothing, nor does a call that was made before.

        Raises:
            NotFound: no such paradox in the namespace.
            KeyReused: the call's key came with another message.
        """
        return await self._database.write(resolve, message, micros(now), once)

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

    async def progress(self) -> ProgressTold:
        """How far the feed has been followed."""
        return await self._database.read(progress)

    async def texts_of(self, namespace: str, memory: str) -> set[str]:
        """The texts under which a memory stands in paradoxes."""
        return await self._database.read(texts_of, namespace, memory)

    async def due(self, namespace: str | None, before: datetime, now: datetime, limit: int) -> tuple[Paradox, ...]:
        """Open paradoxes that were not thought over since `before`, highest tension first."""
        return await self._database.read(due, namespace, micros(before), micros(now), limit)

    async def contemplated(self, identifier: str, conclusion: Conclusion, now: datetime) -> bool:
        """Write down what came of thinking one over; False where it was settled meanwhile."""
        return await self._database.write(life.contemplate, identifier, conclusion, micros(now))

    async def doze(self, now: datetime, half_life: timedelta, below: float, namespace: str | None) -> int:
        """Let tensions fade; how many paradoxes fell asleep."""
        return await self._database.write(life.doze, micros(now), half_life, below, namespace)

    async def question(self, before: datetime, now: datetime, low: float, high: float) -> Question | None:
        """What a model is to be asked next, of what was found before a moment."""
        return await self._database.read(doubts.next_question, micros(before), micros(now), low, high)

    async def charge(self, now: datetime, per_day: int) -> int | None:
        """Count a call of a model that is about to be made; None where the day's are used up."""
        return await self._database.write(doubts.charge, micros(now), per_day)

    async def refund(self, number: int) -> None:
        """The call was not made."""
        await self._database.write(doubts.refund, number)

    async def answered(self, identifier: str, conclusion: Conclusion | None, now: datetime, keep_from: float) -> None:
        """Keep what a model said, and what follows from it, in one transaction."""
        await self._database.write(life.judged, identifier, conclusion, micros(now), keep_from)

    async def place(self, name: str) -> tuple[int, str]:
        """How far another follower has come, and in which memory; 0 at its start."""
        return await self._database.read(place, name)

    async def set_place(self, name: str, cursor: int, timeline: str) -> None:
        """Keep how far it has come."""
        await self._database.write(set_place, name, cursor, timeline)

    async def owed(self, limit: int) -> tuple[Owed, ...]:
        """What memory is to be told, oldest first."""
        return await self._database.read(owed, limit)

    async def paid(self, number: int) -> None:
        """Memory was told."""
        await self._database.write(paid, number)


def advance(
    connection: apsw.Connection, before: int, place: tuple[int, str], *, judged: int, effects: Sequence[Effect], now: int
) -> bool:
    moved = connection.execute(
        "UPDATE follow SET cursor = ?, timeline = ?, judged = judged + ? WHERE cursor = ? RETURNING one",
        (*place, judged, before),
    ).fetchall()
    if not moved:
        raise Conflict("the feed has been followed further by another")
    removed = [life.apply(connection, effect, now) for effect in effects]
    # Also where nothing quoted what is forgotten: what did, and went before, is in the log.
    return any(removed) or any(isinstance(effect, Forgetting | NamespaceForgetting) for effect in effects)


def followed(connection: apsw.Connection) -> tuple[int, str]:
    rows: Any = connection.execute("SELECT cursor, timeline FROM follow").fetchall()
    return int(rows[0][0]), str(rows[0][1])


def go_back(connection: apsw.Connection, before: int, cursor: int) -> None:
    advance(connection, before, (cursor, ""), judged=0, effects=(), now=0)
    connection.execute("DELETE FROM poison WHERE seq > ?", (cursor,))


def judge_after_all(
    connection: apsw.Connection, seq: int, effects: Sequence[Effect], *, judged: int, now: int, once: Once | None
) -> int:
    known = set_aside.outcome(connection, once)
    if known is not None:
        return known
    set_aside.drop(connection, seq)
    connection.execute("UPDATE follow SET judged = judged + ?", (judged,))
    for effect in effects:
        life.apply(connection, effect, now)
    found = sum(isinstance(one, Finding) for effect in effects if isinstance(effect, Revision) for one in effect.found)
    set_aside.noted(connection, once, found)
    return found


def resolve(connection: apsw.Connection, message: Resolve, now: int, once: Once | None) -> Paradox:
    known = get(connection, message.namespace, message.id)
    sides = (known.earlier.memory, known.later.memory)
    only_once(
        connection,
        once,
        lambda: life.resolve(connection, message, known.state, known.history[-1].note, sides=sides, now=now),
    )
    return get(connection, message.namespace, message.id)


def get(connection: apsw.Connection, namespace: str, identifier: str) -> Paradox:
    rows: Any = connection.execute(
        f"SELECT {COLUMNS} FROM paradox WHERE id = ? AND namespace = ?",  # noqa: S608 (fixed columns)
        (identifier, namespace),
    ).fetchall()
    if not rows:
        raise NotFound(f"no paradox {identifier!r} in this namespace", detail={"field": "id"})
    return as_paradox(connection, rows[0])


def page(
    connection: apsw.Connection, namespace: str, only_open: bool, limit: int, cursor: str | None
) -> tuple[tuple[Paradox, ...], str | None]:
    where = "namespace = ? AND state IN ('fresh', 'processing')" if only_open else "namespace = ?"
    bindings: list[Any] = [namespace]
    if cursor is not None:
        try:
            tension, identifier = cursor.split(":", maxsplit=1)
            place = float(tension)
        except ValueError:
            place, identifier = math.nan, ""
        if not math.isfinite(place):
            raise Invalid("cursor: it does not belong to this listing", detail={"field": "cursor"})
        bindings += [place, place, identifier]
        where += " AND (tension < ? OR (tension = ? AND id > ?))"

    rows: Any = connection.execute(
        f"SELECT {COLUMNS} FROM paradox WHERE {where} ORDER BY tension DESC, id LIMIT ?",  # noqa: S608 (fixed clauses)
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
    texts = (paradox.earlier.text, paradox.later.text, paradox.why, paradox.advice)
    notes = (*(step.note for step in paradox.history), *(note.text for note in paradox.notes))
    return sum(len(text.encode()) for text in (*texts, *notes)) + 1024


def progress(connection: apsw.Connection) -> ProgressTold:
    rows: Any = connection.execute(
        "SELECT cursor, judged, (SELECT count(*) FROM paradox WHERE state IN ('fresh', 'processing')),"
        " (SELECT count(*) FROM owed), (SELECT count(*) FROM poison WHERE seq <= cursor) FROM follow"
    ).fetchall()
    cursor, judged, count, owing, aside = (int(value) for value in rows[0])
    return ProgressTold(cursor=cursor, judged=judged, open=count, owed=owing, set_aside=aside)


def texts_of(connection: apsw.Connection, namespace: str, memory: str) -> set[str]:
    rows: Any = connection.execute(
        "SELECT earlier_text FROM paradox WHERE namespace = ?1 AND earlier = ?2"
        " UNION SELECT later_text FROM paradox WHERE namespace = ?1 AND later = ?2",
        (namespace, memory),
    )
    return {text for (text,) in rows}


def due(connection: apsw.Connection, namespace: str | None, before: int, now: int, limit: int) -> tuple[Paradox, ...]:
    rows: Any = connection.execute(
        f"SELECT {COLUMNS} FROM paradox WHERE state IN ('fresh', 'processing') AND contemplated NOT BETWEEN ? + 1 AND ?"  # noqa: S608 (fixed)
        " AND (? IS NULL OR namespace = ?) ORDER BY tension DESC, id LIMIT ?",
        (before, now, namespace, namespace, limit),
    ).fetchall()
    return tuple(as_paradox(connection, row) for row in rows)


def place(connection: apsw.Connection, name: str) -> tuple[int, str]:
    rows: Any = connection.execute("SELECT cursor, timeline FROM place WHERE name = ?", (name,)).fetchall()
    return (int(rows[0][0]), str(rows[0][1])) if rows else (0, "")


def set_place(connection: apsw.Connection, name: str, cursor: int, timeline: str) -> None:
    connection.execute(
        "INSERT INTO place VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET cursor = excluded.cursor, timeline = excluded.timeline",
        (name, cursor, timeline),
    )


def owed(connection: apsw.Connection, limit: int) -> tuple[Owed, ...]:
    rows: Any = connection.execute(
        "SELECT o.number, o.namespace, o.ended, o.by, o.cause, p.later_time FROM owed o"
        " LEFT JOIN paradox p ON p.namespace = o.namespace AND p.earlier = o.ended AND p.later = o.by"
        " ORDER BY o.number LIMIT ?",
        (limit,),
    )
    return tuple(
        Owed(number, namespace, ended, by, cause, None if since is None else moment(since))
        for number, namespace, ended, by, cause, since in rows
    )


def paid(connection: apsw.Connection, number: int) -> None:
    connection.execute("DELETE FROM owed WHERE number = ?", (number,))


def as_paradox(connection: apsw.Connection, row: Sequence[Any]) -> Paradox:
    identifier, namespace, verdict, kind, score, tension, state, found, why, *sides, importance, touched = row
    steps: Any = connection.execute(
        "SELECT time, state, cause, note FROM step WHERE paradox = ? ORDER BY number", (identifier,)
    ).fetchall()
    notes: Any = connection.execute(
        "SELECT time, author, text FROM note WHERE paradox = ? ORDER BY number", (identifier,)
    ).fetchall()
    earlier = Side(memory=sides[0], text=sides[1], speaker=sides[2], time=moment(sides[3]))
    later = Side(memory=sides[4], text=sides[5], speaker=sides[6], time=moment(sides[7]))
    leaning = notes[-1][2] if notes else ""
    return Paradox(
        id=identifier,
        namespace=namespace,
        earlier=earlier,
        later=later,
        verdict=verdict,
        type=kind,
        probability=score,
        importance=importance,
        tension=tension,
        state=state,
        found=moment(found),
        touched=moment(touched),
        why=why,
        advice=advice(kind, state, earlier, later, leaning),
        counsel=counsel(kind, state, leaning),
        notes=tuple(Note(time=moment(time), by=author, text=text) for time, author, text in notes),
        history=tuple(Step(time=moment(time), state=was, cause=cause, note=note) for time, was, cause, note in steps),
    )
