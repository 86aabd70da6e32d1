"""One write in progress: what it needs to know, and the rows that every change of a record consists of.

Whatever changes a record writes its event in the same transaction. Knows no message's handler.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import apsw

from actors.memory.messages import NewMemory, Past
from actors.memory.values import canonical, felt_in
from actors.memory.writer_cache import Talk, WriterCache
from actors.moments import micros
from transport.errors import Invalid, KeyReused, NotFound

__all__ = ["Transaction", "namespace_number", "unused_number"]

MOST_A_MILLISECOND = 0xFFFFFF
"""Ids that begin with the same one, less one."""

BY_ITS_CLIENT = '{"by":"client"}'


def namespace_number(connection: apsw.Connection, name: str) -> int | None:
    """The namespace's row; None when nothing was ever remembered in it."""
    row = connection.execute("SELECT number FROM namespace WHERE name = ?", (name,)).fetchone()
    return row[0] if row else None


def unused_number(connection: apsw.Connection) -> int:
    """A number that no namespace has or had: what is held of one that is forgotten is never taken for another's."""
    row: Any = connection.execute(
        "SELECT 1 + max((SELECT coalesce(max(number), 0) FROM namespace),"
        " (SELECT coalesce(max(namespace), 0) FROM forgotten_namespace))"
    ).fetchone()
    return int(row[0])


DRAWN_FROM_WHAT_ENDED = """
SELECT m.number FROM link AS l JOIN memory AS m ON m.number = l.source
WHERE l.target = ?1 AND l.relation = 'derives_from' AND m.valid_to IS NULL AND (
    m.kind = 'statement' OR m.kind = 'fact' AND NOT EXISTS (
        SELECT 1 FROM link AS o JOIN memory AS s ON s.number = o.target
        WHERE o.source = m.number AND o.relation = 'derives_from' AND o.target <> ?1 AND s.valid_to IS NULL
    )
)
"""

FACTS_THAT_ENDED_WITH_IT = """
SELECT m.number FROM link AS l JOIN memory AS m ON m.number = l.source
WHERE l.target = ?1 AND l.relation = 'derives_from' AND m.kind = 'fact' AND m.valid_to = max(m.valid_from, ?2) AND (
    SELECT cause FROM (
        SELECT seq, -1 AS step, cause FROM event WHERE memory = m.number AND change = 'superseded'
        UNION ALL SELECT e.seq, h.key, h.value ->> '$.cause'
        FROM event AS e, json_each(iif(json_valid(e.detail), e.detail, '{}'), '$.history') AS h
        WHERE e.memory = m.number AND e.change = 'remembered' AND h.value ->> '$.change' = 'superseded'
    ) ORDER BY seq DESC, step DESC LIMIT 1
) = 'source'
"""
"""What happened before an import stands in the event of that."""


class Transaction:
    """One write in progress.

    Args:
        connection: inside a transaction.
        namespace: whose records it writes; begun when it is new.
        now: when it is written.
        cache: what is known from the writes before; to be flushed before the commit.
    """

    __slots__ = ("_connection", "cache", "namespace", "now")

    def __init__(self, connection: apsw.Connection, namespace: str, now: datetime, cache: WriterCache) -> None:
        self._connection = connection
        self.namespace = namespace
        self.now = micros(now)
        self.cache = cache

    @property
    def connection(self) -> apsw.Connection:
        """The database, with all that was written until now: whoever inserts takes it anew afterwards."""
        self.cache.rows.write(self._connection)
        return self._connection

    @property
    def known_namespace(self) -> int | None:
        """The namespace's row, if anything was ever remembered in it."""
        number = self.cache.namespaces.get(self.namespace)
        if number is None:
            number = namespace_number(self._connection, self.namespace)
            if number is not None:
                self.cache.namespaces[self.namespace] = number
        return number

    @property
    def namespace_number(self) -> int:
        """The namespace's row, made when it is missing."""
        number = self.known_namespace
        if number is None:
            number = unused_number(self._connection)
            self._connection.execute("INSERT INTO namespace VALUES (?, ?)", (number, self.namespace))
            self.cache.namespaces[self.namespace] = number
        return number

    def new_id(self) -> str:
        """An id above every one given before, whatever the clock did: milliseconds, a counter within them, chance."""
        last, counter = self.cache.last_id or self._last_id()
        now = self.now // 1000
        following = (last, counter + 1) if counter < MOST_A_MILLISECOND else (last + 1, 0)
        last, counter = self.cache.last_id = (now, 0) if now > last else following
        return f"mem_{last:012x}{counter:06x}{self.cache.chance()}"

    def _last_id(self) -> tuple[int, int]:
        row: Any = self.connection.execute(
            "SELECT max((SELECT coalesce(max(id), '') FROM memory), (SELECT coalesce(max(id), '') FROM forgotten)), "
            "(SELECT coalesce(max(time), 0) FROM forgotten_namespace)"
        ).fetchone()
        known = (int(row[0][4:16], 16), int(row[0][16:22], 16)) if row[0] else (0, 0)
        # Of a namespace that is forgotten no id is known any more; none was given after that.
        return max(known, (row[1] // 1000, MOST_A_MILLISECOND))

    def number_of(self, memory_id: str, field: str = "id") -> int:
        """The record's number.

        Raises:
            NotFound: there is none of that id in this namespace.
        """
        row = self.connection.execute(
            "SELECT number FROM memory WHERE id = ? AND namespace = ?", (memory_id, self.known_namespace)
        ).fetchone()
        if row is None:
            raise NotFound(f"{field}: no record {memory_id!r} in this namespace", detail={"field": field})
        number: int = row[0]
        return number

    def session_number(self, name: str, time: int) -> int:
        """The session's row, made when it is missing; its times are stretched to `time`."""
        return self.talk(name, time).number

    def talk(self, name: str, time: int) -> Talk:
        """A talk, begun when it is missing; its times are stretched to `time`."""
        return self.cache.talk(self._connection, self.namespace_number, name, time)

    def by_key(self, key: str) -> str | None:
        """The id of the record that has the key."""
        namespace = self.known_namespace
        if namespace is None:
            return None
        waiting = self.cache.rows.keys.get((namespace, key))
        if waiting is not None:
            return waiting
        row = self._connection.execute("SELECT id FROM memory WHERE namespace = ? AND key = ?", (namespace, key)).fetchone()
        return row[0] if row else None

    def insert(
        self,
        record: NewMemory,
        *,
        session: int | None,
        importance: float,
        key: str | None = None,
        place: tuple[bytes, bytes] | None = None,
        cause: str,
        history: Sequence[Past] = (),
    ) -> tuple[int, str]:
        """Write a record and its event.

        Args:
            record: what is to be remembered. Its `session` and `key` are not looked at.
            session: the session's number.
            importance: where the record has none.
            key: the record's key, with the prefix of its kind of key.
            place: fingerprint and chain of a turn that has a place at the end of its talk.
            cause: what wrote it.
            history: what happened to it elsewhere.

        Returns:
            The record's number and id.

        Raises:
            Invalid: it ends before it begins, which is now where it does not say when.
        """
        time = self.now if record.time is None else micros(record.time)
        begins = time if record.valid_from is None else micros(record.valid_from)
        ends = None if record.valid_to is None else micros(record.valid_to)
        if ends is not None and ends < begins:
            message = "valid_to: lies before valid_from, which is now where neither it nor time is given"
            raise Invalid(message, detail={"field": "valid_to"})
        fingerprint, chain = place or (None, None)
        new, namespace, affect = self.new_id(), self.namespace_number, record.affect
        number = self.cache.rows.add_record(
            self._connection,
            (
                new,
                namespace,
                session,
                record.kind,
                record.speaker,
                record.role,
                record.text,
                time,
                self.now,
                begins,
                ends,
                importance if record.importance is None else record.importance,
                canonical(record.metadata) if record.metadata else "{}",
                key,
                fingerprint,
                chain,
                provenance_of(record),
                felt_in(affect.user),
                felt_in(affect.assistant),
            ),
        )
        if key is not None:
            self.cache.rows.keys[namespace, key] = new
        self.cache.count(namespace, record.kind, record.text)
        if chain is not None and session is not None:
            self.cache.placed(session, chain)
        for link in record.links:
            self.link(number, link.relation, self.number_of(link.target, "links.target"))
        told = {"history": [past.model_dump(mode="json") for past in history]} if history else {}
        self.event("remembered", number, cause, **told)
        return number, new

    def link(self, source: int, relation: str, target: int) -> bool:
        """Relate a record to another; False where it is already."""
        self.connection.execute("INSERT OR IGNORE INTO link VALUES (?, ?, ?)", (source, relation, target))
        return self.connection.changes() > 0

    def end(self, number: int, time: int, cause: str, **detail: Any) -> None:
        """End a record's validity, unless it has ended before. It is valid for no negative time."""
        self.connection.execute(
            "UPDATE memory SET valid_to = max(valid_from, ?) WHERE number = ? AND valid_to IS NULL", (time, number)
        )
        if self.connection.changes():
            self.event("superseded", number, cause, **detail)
            self.end_what_was_drawn_from(number, time, **detail)

    def end_what_was_drawn_from(self, number: int, time: int, **detail: Any) -> None:
        """Facts that were drawn from what has ended, or says something else now, and from nothing else that holds, end too.

        So does what the assistant would bring up about it, whatever else that is about: it is moot.
        """
        drawn: Any = self.connection.execute(DRAWN_FROM_WHAT_ENDED, (number,)).fetchall()
        for (one,) in drawn:
            if "by" in detail:
                self.link(self.number_of(detail["by"]), "supersedes", one)
            self.end(one, time, "source", **detail)

    def reinstate(self, number: int, cause: str, by: int | None = None) -> None:
        """Take a record's end back, and that of facts that ended with it.

        `by` is whose taking its place is taken back: where others took it as well, it stays ended. None: nobody took it.
        """
        self.connection.execute(
            "DELETE FROM link WHERE target = ?1 AND relation = 'supersedes' AND (?2 IS NULL OR source = ?2)", (number, by)
        )
        row: Any = self.connection.execute(
            "SELECT valid_to, EXISTS (SELECT 1 FROM link WHERE target = ?1 AND relation = 'supersedes') FROM memory"
            " WHERE number = ?1",
            (number,),
        ).fetchone()
        ended, replaced = row
        if ended is None or replaced:
            return

        with_it: Any = self.connection.execute(FACTS_THAT_ENDED_WITH_IT, (number, ended)).fetchall()
        self.connection.execute("UPDATE memory SET valid_to = NULL WHERE number = ?", (number,))
        self.event("reinstated", number, cause)
        for (fact,) in with_it:
            self.reinstate(fact, "source", by)

    def event(self, change: str, number: int, cause: str, **detail: Any) -> None:
        """Write down what happened to a record: its history, and the feed."""
        self.cache.rows.add_event(self._connection, (change, number, self.now, cause, canonical(detail) if detail else "{}"))
        self.cache.changes += 1

    def answered_before(self, type_name: str, key: str, request: bytes) -> str | None:
        """The result of the call of that type that had the same key.

        Raises:
            KeyReused: it was another request.
        """
        row = self.connection.execute(
            "SELECT result, request FROM call WHERE namespace = ? AND type = ? AND key = ?",
            (self.known_namespace, type_name, key),
        ).fetchone()
        if row is None:
            return None
        result, known = row
        if known is not None and known != request:
            raise KeyReused
        return str(result)

    def keep_answer(self, type_name: str, key: str, request: bytes, result: str) -> None:
        """Keep a call's result by its key, together with what the call did; `request` is a digest of what was asked for."""
        self.connection.execute(
            "INSERT INTO call (namespace, type, key, result, time, request) VALUES (?, ?, ?, ?, ?, ?)",
            (self.namespace_number, type_name, key, result, self.now, request),
        )


def provenance_of(record: NewMemory) -> str | None:
    """Who derived a record; None for what was said or given."""
    if record.provenance is not None:
        return canonical(record.provenance.model_dump(exclude_none=True))
    return BY_ITS_CLIENT if record.links and record.derived else None
