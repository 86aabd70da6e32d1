"""Records in the database: how they come in, and how they are read.

Functions of a connection, to be run in the writer's or the reader's thread. Knows no actor; what changes
records, talks, forgetting and the life cycle have rooms of their own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

import apsw
from loguru import logger

from actors.memory.embedding.vectors import pending
from actors.memory.messages import (
    Event,
    Found,
    History,
    Kind,
    Memory,
    NewMemory,
    Portable,
    Remember,
    Remembered,
    Stats,
    Stored,
)
from actors.memory.talk import chain_of, fingerprint_of
from actors.memory.transaction import Transaction, namespace_number
from actors.memory.values import canonical, felt_from
from actors.moments import micros, moment
from transport.errors import NotFound

__all__ = [
    "events_of",
    "find",
    "forget_calls",
    "history",
    "one",
    "records",
    "remember",
    "remember_one",
    "rows_of",
    "sources_of",
    "stats",
    "weight_of",
]

COLUMNS = """m.number, m.id, n.name, m.text, m.speaker, m.role, s.name, m.time, m.ingested, m.kind, m.stage, m.importance,
    m.valid_from, m.valid_to, m.metadata,
    (SELECT json_group_array(json_array(l.relation, t.id)) FROM link l JOIN memory t ON t.number = l.target
     WHERE l.source = m.number), m.provenance, m.affect_user, m.affect_assistant, m.recalls, m.recalled, m.withheld"""
FROM = "memory m JOIN namespace n ON n.number = m.namespace LEFT JOIN session s ON s.number = m.session"


def remember(transaction: Transaction, message: Remember, *, importance: float) -> Remembered:
    """Write all records; those whose key is known are left as they are."""
    return Remembered(
        memories=tuple([remember_one(transaction, record, "remember", importance) for record in message.memories])
    )


def remember_one(transaction: Transaction, record: NewMemory, cause: str, importance: float) -> Stored:
    """Write a record, unless its key is known."""
    key = None
    if record.key is not None:
        known = known_as(transaction, record.key)
        if known is not None:
            return Stored(id=known, created=False)
        key = f"r:{record.key}"

    session = place = None
    if record.session is not None:
        time = transaction.now if record.time is None else micros(record.time)
        talk = transaction.talk(record.session, time)
        session = talk.number
        if record.kind in ("turn", "tool"):
            if talk.tip is None:
                talk.tip = tip_of(transaction.connection, session)
            fingerprint = fingerprint_of(transaction.namespace, record.role or "", record.text)
            place = fingerprint, chain_of(talk.tip, fingerprint)

    _, new = transaction.insert(record, session=session, importance=importance, key=key, place=place, cause=cause)
    return Stored(id=new, created=True)


def known_as(transaction: Transaction, key: str) -> str | None:
    """The id of the record that has a record's key. A copy's, `import:<id>`, is also had by the record that it is a copy of."""
    return transaction.by_key(f"r:{key}") or (
        by_id(transaction, key.removeprefix("import:")) if key.startswith("import:") else None
    )


def by_id(transaction: Transaction, memory_id: str) -> str | None:
    """The id, if there is such a record."""
    row = transaction.connection.execute(
        "SELECT id FROM memory WHERE id = ? AND namespace = ?", (memory_id, transaction.known_namespace)
    ).fetchone()
    return row[0] if row else None


def tip_of(connection: apsw.Connection, session: int) -> bytes:
    """The chain of a session's last turn; empty when it has none."""
    row = connection.execute(
        "SELECT chain FROM (SELECT * FROM (SELECT number, chain FROM memory WHERE session = ?1 AND chain IS NOT NULL "
        "ORDER BY number DESC LIMIT 1) UNION ALL SELECT number, chain FROM forgotten WHERE session = ?1) "
        "ORDER BY number DESC LIMIT 1",
        (session,),
    ).fetchone()
    return row[0] if row else b""


def sources_of(connection: apsw.Connection, number: int) -> list[int]:
    """What a record was derived from."""
    rows = connection.execute(
        "SELECT target FROM link WHERE source = ? AND relation IN ('derives_from', 'summarises') ORDER BY target", (number,)
    )
    return [target for (target,) in rows]


NONSENSE: Final = (ValueError, OverflowError)
"""What reading a row raises where damage has left what was never written: no JSON, no kind, no time."""


SPARE: Final = 1000
"""Rows that a page reads beyond its own where some make no sense: it is not to look like the last one for that."""


def find(connection: apsw.Connection, namespace: str, memory_id: str) -> Found:
    """A record by its id.

    Raises:
        NotFound: also when it is another namespace's.
    """
    for _, memory in records(connection, "WHERE m.id = ? AND n.name = ?", (memory_id, namespace)):
        return Found(memory=memory)
    raise NotFound(f"id: no record {memory_id!r} in this namespace", detail={"field": "id"})


def find_answer(connection: apsw.Connection, namespace: str, key: str) -> Found:
    """The answer of a key.

    Raises:
        NotFound: also when it is another namespace's.
    """
    for _, memory in records(connection, "WHERE n.name = ? AND m.namespace = n.number AND m.key = ?", (namespace, f"a:{key}")):
        return Found(memory=memory)
    raise NotFound("key: no answer of that key in this namespace", detail={"field": "key"})


def one(connection: apsw.Connection, number: int) -> Memory:
    """A record by its number.

    Raises:
        ValueError, OverflowError: it makes no sense.
    """
    return Memory(**fields_of(next(stored_rows(connection, "WHERE m.number = ?", (number,)))[1:]))


def records(connection: apsw.Connection, clause: str, values: Sequence[Any] = ()) -> Iterator[tuple[int, Memory]]:
    """Records with their numbers. In `clause`, m is the record, n its namespace and s its session."""
    for number, fields in rows_of(connection, clause, values):
        try:
            memory = Memory(**fields)
        except NONSENSE as error:
            leave_out("record", number, error)
            continue
        yield number, memory


def rows_of(connection: apsw.Connection, clause: str, values: Sequence[Any] = ()) -> Iterator[tuple[int, dict[str, Any]]]:
    """As `records`, the fields alone."""
    for row in stored_rows(connection, clause, values):
        try:
            fields = fields_of(row[1:])
        except NONSENSE as error:
            leave_out("record", row[0], error)
            continue
        yield row[0], fields


def stored_rows(connection: apsw.Connection, clause: str, values: Sequence[Any]) -> Iterator[Any]:
    """As `records`, as they stand in the file."""
    return iter(connection.execute(f"SELECT {COLUMNS} FROM {FROM} {clause}", values))  # noqa: S608 (clauses are our own)


def leave_out(what: str, number: int, error: Exception) -> None:
    """Tell the operator of a row that makes no sense, as after a bit of it was flipped on the disk. The others are answered."""
    logger.bind(what=what, number=number, error=type(error).__name__).error("a row makes no sense and is left out")


def fitting(found: Iterator[tuple[int, Memory]], limit: int, page_bytes: int) -> tuple[list[tuple[int, Memory]], bool]:
    """The first records of a listing that fit one answer, at least one if there is any, and whether there are more."""
    page: list[tuple[int, Memory]] = []
    left = page_bytes
    for number, memory in found:
        left -= weight_of(memory)
        if len(page) == limit or (page and left < 0):
            return page, True
        page.append((number, memory))
    return page, False


def weight_of(memory: Memory | Portable) -> int:
    """About how many bytes a record takes in an answer."""
    metadata = len(canonical(memory.metadata).encode()) if memory.metadata else 0
    return len(memory.text.encode()) + metadata + 48 * len(memory.links) + 512


def fields_of(row: Sequence[Any]) -> dict[str, Any]:
    """A record's fields from a row of `COLUMNS`, less its number."""
    return {
        "id": row[0],
        "namespace": row[1],
        "text": row[2],
        "speaker": row[3],
        "role": row[4],
        "session": row[5],
        "time": moment(row[6]),
        "ingested": moment(row[7]),
        "kind": row[8],
        "stage": row[9],
        "importance": row[10],
        "valid_from": moment(row[11]),
        "valid_to": None if row[12] is None else moment(row[12]),
        "metadata": {} if row[13] == "{}" else json.loads(row[13]),
        "links": [] if row[14] == "[]" else [{"relation": one, "target": target} for one, target in json.loads(row[14])],
        "provenance": None if row[15] is None else json.loads(row[15]),
        "affect": {"user": felt_from(row[16]), "assistant": felt_from(row[17])},
        "recalls": row[18],
        "recalled": None if row[19] is None else moment(row[19]),
        "withheld": bool(row[20]),
    }


def history(connection: apsw.Connection, namespace: str, memory_id: str) -> History:
    """What happened to a record, oldest first; also to one that is forgotten.

    Raises:
        NotFound: it never was in this namespace.
    """
    row = connection.execute(
        "SELECT m.number FROM (SELECT number, id, namespace FROM memory WHERE id = ?1 "
        "UNION ALL SELECT number, id, namespace FROM forgotten WHERE id = ?1) m "
        "JOIN namespace n ON n.number = m.namespace WHERE n.name = ?2",
        (memory_id, namespace),
    ).fetchone()
    if row is None:
        raise NotFound(f"id: no record {memory_id!r} in this namespace", detail={"field": "id"})
    rows = connection.execute("SELECT seq, change, time, cause, detail FROM event WHERE memory = ? ORDER BY seq", row)
    return History(events=tuple(event for row in rows for event in events_of(row)))


def events_of(row: Sequence[Any]) -> Iterator[Event]:
    """An event from its row. That of an import brings those from before with it, which come first."""
    seq, change, cause = row[0], row[1], row[3]
    try:
        detail = json.loads(row[4])
        events = [Event(seq=seq, **past) for past in detail.pop("history", ())]
        events.append(Event(seq=seq, change=change, time=moment(row[2]), cause=cause, detail=detail))
    except NONSENSE as error:
        leave_out("event", seq, error)
        return
    yield from events


def forget_calls(connection: apsw.Connection, oldest: int) -> None:
    """Forget the answers of calls that were made before `oldest`: nobody asks with their keys again."""
    connection.execute("DELETE FROM call WHERE time < ?", (oldest,))


def stats(connection: apsw.Connection, namespace: str, model: str, *, embeds: bool) -> Stats:
    """A namespace's figures, from counts that are kept as records come and go.

    Args:
        connection: to read from.
        namespace: its name.
        model: whose vectors records wait for; empty while that is not known.
        embeds: whether they wait at all.
    """
    number = namespace_number(connection, namespace)
    rows = list(
        connection.execute(
            "SELECT t.kind, t.stage, t.count, t.bytes FROM tally t JOIN namespace n ON n.number = t.namespace "
            "WHERE n.name = ? AND t.count > 0",
            (namespace,),
        )
    )
    by_kind: dict[Kind, int] = {}
    by_stage: dict[str, int] = {}
    for kind, stage, count, _ in rows:
        by_kind[kind] = by_kind.get(kind, 0) + count
        by_stage[stage] = by_stage.get(stage, 0) + count
    newest = connection.execute("SELECT max(seq) FROM event WHERE change <> 'recalled'").fetchone()
    return Stats(
        count=sum(row[2] for row in rows),
        pending=pending(connection, number, model) if embeds and number is not None else 0,
        bytes=sum(row[3] for row in rows),
        by_kind=dict(by_kind),
        by_stage=by_stage,
        feed_cursor=newest[0] or 0 if newest else 0,
    )
