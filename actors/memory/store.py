"""Records in the database: how they come in, how they are read and changed, and what is written down about it.

Functions of a connection, to be run in the writer's or the reader's thread. Whatever changes a record writes its event in the
same transaction. Knows no actor; talks and forgetting have rooms of their own.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import apsw

from actors.memory.messages import (
    Event,
    Found,
    History,
    Kind,
    Memory,
    NewMemory,
    Remember,
    Remembered,
    Revise,
    Stats,
    Stored,
    Supersede,
)
from actors.memory.talk import chain_of, fingerprint_of
from transport.errors import Invalid, NotFound

__all__ = ["Transaction", "find", "history", "namespace_number", "records", "remember", "revise", "stats", "supersede"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

COLUMNS = """m.number, m.id, n.name, m.text, m.speaker, m.role, s.name, m.time, m.ingested, m.kind, m.stage, m.importance,
    m.valid_from, m.valid_to, m.metadata,
    (SELECT json_group_array(json_array(l.relation, t.id)) FROM link l JOIN memory t ON t.number = l.target
     WHERE l.source = m.number)"""
FROM = "memory m JOIN namespace n ON n.number = m.namespace LEFT JOIN session s ON s.number = m.session"


def micros(time: datetime) -> int:
    """Microseconds since 1970."""
    return (time - EPOCH) // MICROSECOND


def moment(time: int) -> datetime:
    """The moment that so many microseconds since 1970 are, UTC."""
    return EPOCH + timedelta(microseconds=time)


class Transaction:
    """One write in progress.

    Args:
        connection: inside a transaction.
        namespace: whose records it writes; begun when it is new.
        now: when it is written.
    """

    def __init__(self, connection: apsw.Connection, namespace: str, now: datetime) -> None:
        self.connection = connection
        self.namespace = namespace
        self.now = micros(now)
        self._number: int | None = None
        self._last: tuple[int, int] | None = None

    @property
    def namespace_number(self) -> int:
        """The namespace's row, made when it is missing."""
        if self._number is None:
            self._number = namespace_number(self.connection, self.namespace)
        if self._number is None:
            self.connection.execute("INSERT INTO namespace (name) VALUES (?)", (self.namespace,))
            self._number = self.connection.last_insert_rowid()
        return self._number

    def new_id(self) -> str:
        """An id above every one given before, whatever the clock did: milliseconds, a counter within them, chance."""
        if self._last is None:
            row = self.connection.execute("SELECT id FROM memory ORDER BY number DESC LIMIT 1").fetchone()
            self._last = (int(row[0][4:16], 16), int(row[0][16:22], 16)) if row else (0, 0)
        last, counter = self._last
        now = self.now // 1000
        self._last = (now, 0) if now > last else (last, counter + 1)
        return f"mem_{self._last[0]:012x}{self._last[1]:06x}{secrets.token_hex(7)}"

    def number_of(self, memory_id: str, field: str = "id") -> int:
        """The record's number.

        Raises:
            NotFound: there is none of that id in this namespace.
        """
        row = self.connection.execute(
            "SELECT number FROM memory WHERE id = ? AND namespace = ?", (memory_id, self.namespace_number)
        ).fetchone()
        if row is None:
            raise NotFound(f"{field}: no record {memory_id!r} in this namespace", detail={"field": field})
        number: int = row[0]
        return number

    def session_number(self, name: str, time: int) -> int:
        """The session's row, made when it is missing; its times are stretched to `time`."""
        row: Any = self.connection.execute(
            "INSERT INTO session (namespace, name, started, last) VALUES (?1, ?2, ?3, ?3) ON CONFLICT (namespace, name) "
            "DO UPDATE SET started = min(started, ?3), last = max(last, ?3) RETURNING number",
            (self.namespace_number, name, time),
        ).fetchone()
        number: int = row[0]
        return number

    def insert(
        self,
        record: NewMemory,
        *,
        session: int | None,
        importance: float,
        key: str | None = None,
        place: tuple[bytes, bytes] | None = None,
        cause: str,
    ) -> tuple[int, str]:
        """Write a record and its event.

        Args:
            record: what is to be remembered. Its `session` and `key` are not looked at.
            session: the session's number.
            importance: where the record has none.
            key: the record's key, with the prefix of its kind of key.
            place: fingerprint and chain of a turn that has a place in its talk.
            cause: what wrote it.

        Returns:
            The record's number and id.
        """
        time = self.now if record.time is None else micros(record.time)
        fingerprint, chain = place or (None, None)
        new = self.new_id()
        self.connection.execute(
            "INSERT INTO memory (id, namespace, session, kind, speaker, role, text, time, ingested, valid_from, importance, "
            "metadata, key, fingerprint, chain) VALUES (?, ?, ?, ?, ?, ?, ?, ?8, ?, ?8, ?, ?, ?, ?, ?)",
            (
                new,
                self.namespace_number,
                session,
                record.kind,
                record.speaker,
                record.role,
                record.text,
                time,
                self.now,
                importance if record.importance is None else record.importance,
                canonical(record.metadata),
                key,
                fingerprint,
                chain,
            ),
        )
        number = self.connection.last_insert_rowid()
        for link in record.links:
            self.link(number, link.relation, self.number_of(link.target, "links.target"))
        self.event("remembered", number, cause)
        return number, new

    def link(self, source: int, relation: str, target: int) -> None:
        """Relate a record to an older one."""
        self.connection.execute("INSERT OR IGNORE INTO link VALUES (?, ?, ?)", (source, relation, target))

    def end(self, number: int, time: int, cause: str, **detail: Any) -> None:
        """End a record's validity, unless it has ended before. It is valid for no negative time."""
        self.connection.execute(
            "UPDATE memory SET valid_to = max(valid_from, ?) WHERE number = ? AND valid_to IS NULL", (time, number)
        )
        if self.connection.changes():
            self.event("superseded", number, cause, **detail)

    def event(self, change: str, number: int, cause: str, **detail: Any) -> None:
        """Write down what happened to a record: its history, and the feed."""
        self.events(change, [number], cause, **detail)

    def events(self, change: str, numbers: Sequence[int], cause: str, **detail: Any) -> None:
        """Write down what happened to several records, in their order."""
        self.connection.execute(
            "INSERT INTO event (change, memory, time, cause, detail) SELECT ?, value, ?, ?, ? FROM json_each(?)",
            (change, self.now, cause, canonical(detail), json.dumps(numbers)),
        )

    def answered_before(self, type_name: str, key: str | None) -> str | None:
        """The result of the call of that type that had the same key."""
        if key is None:
            return None
        row = self.connection.execute(
            "SELECT result FROM call WHERE namespace = ? AND type = ? AND key = ?", (self.namespace_number, type_name, key)
        ).fetchone()
        return row[0] if row else None

    def keep_answer(self, type_name: str, key: str | None, result: str, *, forget_before: int) -> None:
        """Keep a call's result by its key, together with what the call did; those older than a moment go."""
        if key is None:
            return
        self.connection.execute("DELETE FROM call WHERE time < ?", (forget_before,))
        self.connection.execute(
            "INSERT INTO call VALUES (?, ?, ?, ?, ?)", (self.namespace_number, type_name, key, result, self.now)
        )


def remember(transaction: Transaction, message: Remember, *, importance: float) -> Remembered:
    """Write all records; those whose key is known are left as they are."""
    tips: dict[int, bytes] = {}
    stored = []
    for record in message.memories:
        known = known_as(transaction, record.key) if record.key is not None else None
        if known is not None:
            stored.append(Stored(id=known, created=False))
            continue

        session = place = None
        if record.session is not None:
            time = transaction.now if record.time is None else micros(record.time)
            session = transaction.session_number(record.session, time)
            if record.kind in ("turn", "tool"):
                place = next_place(transaction, session, tips, record)
        key = None if record.key is None else f"r:{record.key}"
        _, new = transaction.insert(record, session=session, importance=importance, key=key, place=place, cause="remember")
        stored.append(Stored(id=new, created=True))
    return Remembered(memories=tuple(stored))


def known_as(transaction: Transaction, key: str) -> str | None:
    """The id of the record that has a record's key. A copy's, `import:<id>`, is also had by the record that it is a copy of."""
    return by_key(transaction, f"r:{key}") or (
        by_id(transaction, key.removeprefix("import:")) if key.startswith("import:") else None
    )


def by_id(transaction: Transaction, memory_id: str) -> str | None:
    """The id, if there is such a record."""
    row = transaction.connection.execute(
        "SELECT id FROM memory WHERE id = ? AND namespace = ?", (memory_id, transaction.namespace_number)
    ).fetchone()
    return row[0] if row else None


def by_key(transaction: Transaction, key: str) -> str | None:
    """The id of the record that has the key."""
    row = transaction.connection.execute(
        "SELECT id FROM memory WHERE namespace = ? AND key = ?", (transaction.namespace_number, key)
    ).fetchone()
    return row[0] if row else None


def next_place(transaction: Transaction, session: int, tips: dict[int, bytes], record: NewMemory) -> tuple[bytes, bytes]:
    """Where a turn stands that is said after all others of its session."""
    if session not in tips:
        tips[session] = tip_of(transaction.connection, session)
    fingerprint = fingerprint_of(transaction.namespace, record.role or "", record.text)
    tips[session] = chain_of(tips[session], fingerprint)
    return fingerprint, tips[session]


def tip_of(connection: apsw.Connection, session: int) -> bytes:
    """The chain of a session's last turn; empty when it has none."""
    row = connection.execute(
        "SELECT chain FROM (SELECT * FROM (SELECT number, chain FROM memory WHERE session = ?1 AND chain IS NOT NULL "
        "ORDER BY number DESC LIMIT 1) UNION ALL SELECT number, chain FROM forgotten WHERE session = ?1) "
        "ORDER BY number DESC LIMIT 1",
        (session,),
    ).fetchone()
    return row[0] if row else b""


def revise(transaction: Transaction, message: Revise) -> Found:
    """Change what the message names. What stays the same is no change and has no event."""
    number = transaction.number_of(message.id)
    row: Any = transaction.connection.execute(
        "SELECT text, importance, metadata FROM memory WHERE number = ?", (number,)
    ).fetchone()
    old = {"text": row[0], "importance": row[1], "metadata": json.loads(row[2])}
    given = {"text": message.text, "importance": message.importance, "metadata": message.metadata}
    changed = {name: value for name, value in given.items() if value is not None and value != old[name]}
    for name, value in changed.items():
        stored = canonical(value) if name == "metadata" else value
        transaction.connection.execute(f"UPDATE memory SET {name} = ? WHERE number = ?", (stored, number))  # noqa: S608
    if changed:
        transaction.event("revised", number, "revise", before={name: old[name] for name in changed})
    return Found(memory=one(transaction.connection, number))


def supersede(transaction: Transaction, message: Supersede) -> Found:
    """End a record's validity and link what took its place. An end that is known stands."""
    number = transaction.number_of(message.id)
    detail = {}
    if message.by is not None:
        by = transaction.number_of(message.by, "by")
        if by == number:
            raise Invalid("by: a record does not supersede itself", detail={"field": "by"})
        transaction.link(by, "supersedes", number)
        detail["by"] = message.by
    time = transaction.now if message.time is None else micros(message.time)
    transaction.end(number, time, message.cause, **detail)
    return Found(memory=one(transaction.connection, number))


def namespace_number(connection: apsw.Connection, name: str) -> int | None:
    """The namespace's row; None when nothing was ever remembered in it."""
    row = connection.execute("SELECT number FROM namespace WHERE name = ?", (name,)).fetchone()
    return row[0] if row else None


def find(connection: apsw.Connection, namespace: str, memory_id: str) -> Found:
    """A record by its id.

    Raises:
        NotFound: also when it is another namespace's.
    """
    for _, memory in records(connection, "WHERE m.id = ? AND n.name = ?", (memory_id, namespace)):
        return Found(memory=memory)
    raise NotFound(f"id: no record {memory_id!r} in this namespace", detail={"field": "id"})


def one(connection: apsw.Connection, number: int) -> Memory:
    """A record by its number."""
    return next(records(connection, "WHERE m.number = ?", (number,)))[1]


def records(connection: apsw.Connection, clause: str, values: Sequence[Any] = ()) -> Iterator[tuple[int, Memory]]:
    """Records with their numbers. In `clause`, m is the record, n its namespace and s its session."""
    return ((number, Memory(**fields)) for number, fields in rows_of(connection, clause, values))


def rows_of(connection: apsw.Connection, clause: str, values: Sequence[Any] = ()) -> Iterator[tuple[int, dict[str, Any]]]:
    """As `records`, the fields alone."""
    for row in connection.execute(f"SELECT {COLUMNS} FROM {FROM} {clause}", values):  # noqa: S608 (clauses are our own)
        yield row[0], fields_of(row[1:])


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


def weight_of(memory: Memory) -> int:
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
        "metadata": json.loads(row[13]),
        "links": [{"relation": relation, "target": target} for relation, target in json.loads(row[14])],
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
    return History(
        events=tuple(
            Event(seq=seq, change=change, time=moment(time), cause=cause, detail=json.loads(detail))
            for seq, change, time, cause, detail in rows
        )
    )


def stats(connection: apsw.Connection, namespace: str) -> Stats:
    """A namespace's figures, from counts that are kept as records come and go."""
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
        pending=0,
        bytes=sum(row[3] for row in rows),
        by_kind=dict(by_kind),
        by_stage=by_stage,
        feed_cursor=newest[0] or 0 if newest else 0,
    )


def canonical(value: Any) -> str:
    """JSON in one form only, so that equal values are equal texts."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
