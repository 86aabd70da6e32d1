"""Export and import: records with all that belongs to them, out of one database and into another.

Importing is idempotent: a record is known by its id, by the id that it had elsewhere, or by its key. Order of ingest is kept,
and with it every turn's place in its talk. Knows no file and no format.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, Literal

import apsw

from actors.memory.changes import everything_behind
from actors.memory.cursor import cursor_of, position_of
from actors.memory.forgetting import NO_RECORD, derived_from_any, origin_of_key, withhold
from actors.memory.messages import (
    SOURCES,
    BroughtIn,
    Echoed,
    Export,
    Exported,
    Import,
    Imported,
    Link,
    Memory,
    Past,
    Portable,
    Provenance,
)
from actors.memory.store import SPARE, events_of, known_as, records, sources_of, tip_of, weight_of
from actors.memory.talk import chain_of, fingerprint_of
from actors.memory.transaction import Transaction
from actors.memory.values import canonical
from actors.moments import micros, moment

__all__ = ["bring_in", "export"]

OUR_ID: Final = re.compile(r"mem_[0-9a-f]{32}")
"""Ids of this form are kept where they are free and of the past; others would upset the order of new ones."""

HISTORY_BYTES: Final = 256 * 1024
"""The most that a record's history may take. In a longer one the oldest steps lose what they quote."""

HISTORY_STEPS: Final = 256


def export(connection: apsw.Connection, message: Export, *, page_bytes: int) -> Exported:
    """A page of a namespace's records. The first page's cursor fixes up to where the export goes, however late it goes on."""
    order = ("export", message.namespace)
    if message.cursor is None:
        row: Any = connection.execute("SELECT coalesce(max(number), 0) FROM memory").fetchone()
        after, until, before = 0, int(row[0]), 0
    else:
        after, until, before = position_of(message.cursor, order, parts=3)

    page: list[Portable] = []
    left = page_bytes
    last = after
    rows = records(
        connection,
        "WHERE m.namespace = (SELECT number FROM namespace WHERE name = ?) AND m.number > ? AND m.number <= ? "
        "AND m.withheld = 0 ORDER BY m.number LIMIT ?",
        (message.namespace, after, until, message.limit + 1 + SPARE),
    )
    for number, memory in rows:
        record = portable(connection, number, memory)
        left -= weight_of(record) + sum(len(canonical(past.detail)) + 96 for past in record.history)
        if len(page) == message.limit or (page and left < 0):
            following = cursor_of(order, last, until, before + len(page))
            return Exported(records=tuple(page), before=before, next_cursor=following)
        page.append(record)
        last = number
    return Exported(records=tuple(page), before=before, next_cursor=None)


def portable(connection: apsw.Connection, number: int, memory: Memory) -> Portable:
    """A record with what a listing leaves out: key, place in its talk, fading, contexts of its recalls, history."""
    row: Any = connection.execute(
        "SELECT key, chain IS NOT NULL, base, since FROM memory WHERE number = ?", (number,)
    ).fetchone()
    key, placed, base, since = row
    echoes: Any = connection.execute("SELECT context, count, first, last FROM echo WHERE memory = ?", (number,))
    own = {name: getattr(memory, name) for name in Memory.model_fields if name in Portable.model_fields}
    awaited: Any = connection.execute("SELECT relation, target FROM awaited WHERE source = ? ORDER BY 1, 2", (number,))
    own["links"] = (*memory.links, *(Link(relation=relation, target=target) for relation, target in awaited))
    return Portable.model_construct(
        **own,
        key=key.removeprefix("r:") if key is not None and key.startswith("r:") else None,
        placed=bool(placed) if memory.session is not None else None,
        base=base,
        since=None if since is None else moment(since),
        echoes=tuple(
            Echoed(context=context.hex(), count=count, first=moment(first), last=moment(last))
            for context, count, first, last in echoes
        ),
        history=past_of(connection, number),
    )


def past_of(connection: apsw.Connection, number: int) -> tuple[Past, ...]:
    """A record's history, oldest first, within its bounds."""
    rows = connection.execute("SELECT seq, change, time, cause, detail FROM event WHERE memory = ? ORDER BY seq", (number,))
    events = [event for row in rows for event in events_of(row)][-HISTORY_STEPS:]
    past = []
    left = HISTORY_BYTES
    for event in reversed(events):
        left -= len(canonical(event.detail))
        detail = event.detail if left >= 0 else {}
        past.append(Past(change=event.change, time=event.time, cause=event.cause, detail=detail))
    return tuple(reversed(past))


def bring_in(transaction: Transaction, message: Import, *, importance: float) -> Imported:
    """Take over what is not known yet."""
    return Imported(records=tuple(bring_one(transaction, record, importance) for record in message.records))


def bring_one(transaction: Transaction, record: Portable, importance: float) -> BroughtIn:
    """Take over one record, unless it is known, or was forgotten here."""
    known = known_before(transaction, record)
    if known is not None:
        return known
    sources = [standing_of(transaction, link.target) for link in record.links if link.relation in SOURCES]
    if sources and all(standing == "forgotten" for standing in sources):
        note_as_forgotten(transaction, record)
        return BroughtIn(outcome="forgotten", id=None)
    may_quote = "forgotten" in sources or "withheld" in sources
    if may_quote:
        past = tuple(step.model_copy(update={"detail": {}}) for step in record.history)
        record = record.model_copy(update={"text": "", "metadata": {}, "history": past})

    session = place = None
    if record.session is not None:
        time = transaction.now if record.time is None else micros(record.time)
        talk = transaction.talk(record.session, time)
        session = talk.number
        if record.placed or (record.placed is None and record.kind in {"turn", "tool"}):
            if talk.tip is None:
                talk.tip = tip_of(transaction.connection, session)
            fingerprint = fingerprint_of(transaction.namespace, record.role or "", record.text)
            place = fingerprint, chain_of(talk.tip, fingerprint)

    provenance = record.provenance or (Provenance(by="client") if record.derived else None)
    bare = record.model_copy(update={"links": (), "provenance": provenance})
    if (
        record.valid_to is not None
        and record.time is None
        and record.valid_from is None
        and micros(record.valid_to) < transaction.now
    ):
        # A file by hand that only says until when.
        bare = bare.model_copy(update={"valid_from": record.valid_to})
    key = None if record.key is None else f"r:{record.key}"
    number, given = transaction.insert(
        bare, session=session, importance=importance, key=key, place=place, cause="import", history=record.history
    )
    own = record.id if record.id is not None and is_free(transaction, record.id) else given
    complete(transaction, number, own, record)
    if record.id is not None and own != record.id:
        transaction.connection.execute(
            "INSERT OR REPLACE INTO origin VALUES (?, ?, ?)", (transaction.namespace_number, record.id, number)
        )
    tie(transaction, number, record)
    if may_quote:
        withhold(transaction, number)
    return BroughtIn(outcome="created", id=own)


def standing_of(transaction: Transaction, memory_id: str) -> Literal["here", "withheld", "forgotten", "unknown"]:
    """How a source stands here. Who quotes one that is forgotten, or withheld for what it quotes, may bring that back."""
    source = state_of(transaction, memory_id) if transaction.known_namespace is not None else None
    if source is None:
        return "unknown"
    if source.outcome == "forgotten":
        return "forgotten"
    row: Any = transaction.connection.execute("SELECT withheld FROM memory WHERE id = ?", (source.id,)).fetchone()
    return "withheld" if row[0] else "here"


def note_as_forgotten(transaction: Transaction, record: Portable) -> None:
    """Know what is left out again, by what is derived from it in turn: as a copy whose record is gone."""
    if record.id is not None:
        transaction.connection.execute(
            "INSERT OR IGNORE INTO origin VALUES (?, ?, ?)", (transaction.namespace_number, record.id, NO_RECORD)
        )


def known_before(transaction: Transaction, record: Portable) -> BroughtIn | None:
    """What is here of a record already."""
    if transaction.known_namespace is None:
        return None
    if record.id is not None:
        found = state_of(transaction, record.id)
        if found is not None:
            return found
        if (copy := known_as(transaction, f"import:{record.id}")) is not None:
            return BroughtIn(outcome="known", id=copy)
    if record.key is not None and (same := transaction.by_key(f"r:{record.key}")) is not None:
        return BroughtIn(outcome="known", id=same)
    if any(is_forgotten(transaction, key) for key in keys_of(record)):
        note_as_forgotten(transaction, record)
        return BroughtIn(outcome="forgotten", id=None)
    return None


def keys_of(record: Portable) -> list[str]:
    """The keys under which a record may have been here: its own, and a copy's."""
    return [
        *([record.key] if record.key is not None else []),
        *([f"import:{record.id}"] if record.id is not None else []),
    ]


def is_forgotten(transaction: Transaction, key: str) -> bool:
    """Whether a record that had the key was forgotten here."""
    row = transaction.connection.execute(
        "SELECT 1 FROM origin WHERE namespace = ? AND id = ?",
        (transaction.known_namespace, origin_of_key(transaction.namespace, key)),
    ).fetchone()
    return row is not None


def state_of(transaction: Transaction, memory_id: str) -> BroughtIn | None:
    """Whether the record of that id, here or elsewhere, lives here or was forgotten here."""
    namespace = transaction.known_namespace
    row: Any = transaction.connection.execute(
        "SELECT m.id FROM memory m WHERE m.id = ?1 AND m.namespace = ?2 UNION ALL "
        "SELECT m.id FROM origin o LEFT JOIN memory m ON m.number = o.memory WHERE o.namespace = ?2 AND o.id = ?1 UNION ALL "
        "SELECT NULL FROM forgotten WHERE id = ?1 AND namespace = ?2 LIMIT 1",
        (memory_id, namespace),
    ).fetchone()
    if row is None:
        return None
    return BroughtIn(outcome="known" if row[0] is not None else "forgotten", id=row[0])


def is_free(transaction: Transaction, memory_id: str) -> bool:
    """Whether a record can keep its id: it has our form, and none has or had it here."""
    if not OUR_ID.fullmatch(memory_id) or int(memory_id[4:16], 16) > transaction.now // 1000:
        return False
    taken = transaction.connection.execute(
        "SELECT 1 FROM memory WHERE id = ?1 UNION ALL SELECT 1 FROM forgotten WHERE id = ?1", (memory_id,)
    )
    return not taken.fetchall()


def complete(transaction: Transaction, number: int, own: str, record: Portable) -> None:
    """Set what a record that is remembered anew does not have."""
    transaction.connection.execute(
        "UPDATE memory SET id = ?, stage = ?, ingested = coalesce(?, ingested), base = ?, since = ?, recalls = ?, recalled = ? "
        "WHERE number = ?",
        (
            own,
            record.stage,
            None if record.ingested is None else micros(record.ingested),
            record.base,
            None if record.since is None else micros(record.since),
            record.recalls,
            None if record.recalled is None else micros(record.recalled),
            number,
        ),
    )
    transaction.connection.executemany(
        "INSERT OR IGNORE INTO echo VALUES (?, ?, ?, ?, ?)",
        [(number, bytes.fromhex(echo.context), echo.count, micros(echo.first), micros(echo.last)) for echo in record.echoes],
    )


def tie(transaction: Transaction, number: int, record: Portable) -> None:
    """Link a record to those it names, later where they are not here yet, and those to it that have waited for it.

    Nothing is derived from itself, at some remove: it could not be derived anew. Of a circle's two links that
    this would make one is left out, that of the record with more sources: one without any stays when others are forgotten.
    """
    connection, namespace = transaction.connection, transaction.namespace_number
    own: list[tuple[int, str, int]] = []
    for link in record.links:
        target = number_by_origin(transaction, link.target)
        if target is not None:
            own.append((number, link.relation, target))
        else:
            connection.execute(
                "INSERT OR IGNORE INTO awaited VALUES (?, ?, ?, ?)", (namespace, link.target, number, link.relation)
            )
    waiting: list[tuple[int, str, int]] = []
    if record.id is not None:
        rows: Sequence[Any] = connection.execute(
            "DELETE FROM awaited WHERE namespace = ? AND target = ? RETURNING source, relation", (namespace, record.id)
        ).fetchall()
        waiting = [(source, relation, number) for source, relation in rows]

    # A circle goes by one of its own sources and one that has waited for it.
    sources = {target for _, relation, target in own if relation in SOURCES}
    derived = {source for source, relation, _ in waiting if relation in SOURCES}
    fewer: set[int] = set()
    if sources and derived:
        count = len(sources) + awaits(transaction, number)
        fewer = {one for one in derived if 1 + len(sources_of(connection, one)) + awaits(transaction, one) < count}
    leading_back = fewer.union(derived_from_any(transaction, fewer))
    for source, relation, target in own:
        if relation not in SOURCES or target not in leading_back:
            transaction.link(source, relation, target)
    behind = everything_behind(transaction, number) if derived else set()
    for source, relation, target in waiting:
        if relation not in SOURCES or source not in behind:
            transaction.link(source, relation, target)


def awaits(transaction: Transaction, number: int) -> int:
    """How many sources of a record have not come in yet."""
    row: Any = transaction.connection.execute(
        "SELECT count(DISTINCT target) FROM awaited WHERE source = ? AND relation IN ('derives_from', 'summarises')", (number,)
    ).fetchone()
    return int(row[0])


def number_by_origin(transaction: Transaction, memory_id: str) -> int | None:
    """The record that has that id, or had it where it came from."""
    row: Any = transaction.connection.execute(
        "SELECT number FROM memory WHERE id = ?1 AND namespace = ?2 UNION ALL SELECT m.number FROM origin o "
        "JOIN memory m ON m.number = o.memory WHERE o.namespace = ?2 AND o.id = ?1 LIMIT 1",
        (memory_id, transaction.namespace_number),
    ).fetchone()
    return row[0] if row else None
