"""What changes a record that is there: a correction, an end of its validity, a link, what is felt in it.

Each change writes its event in the same transaction.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from actors.memory.life import move_on
from actors.memory.messages import MOST_LINKS, SOURCES, Found, NoteAffect, Noted, Reinstate, Relate, Revise, Supersede, Unrelate
from actors.memory.settings import LifeSettings
from actors.memory.store import one, sources_of
from actors.memory.transaction import Transaction
from actors.memory.values import canonical, felt_in
from actors.moments import micros
from transport.errors import Invalid

__all__ = ["everything_behind", "note_affect", "reinstate", "relate", "revise", "supersede", "unrelate"]


def revise(transaction: Transaction, message: Revise, *, life: LifeSettings) -> Found:
    """Change what the message names. What stays the same is no change and has no event."""
    number = transaction.number_of(message.id)
    if message.valid_to is not None or message.superseded_by is not None:
        end(transaction, number, message.superseded_by, message.valid_to, cause="client", named="superseded_by")
    if message.holds:
        transaction.reinstate(number, "client")
    row: Any = transaction.connection.execute(
        "SELECT text, importance, metadata FROM memory WHERE number = ?", (number,)
    ).fetchone()
    old = {"text": row[0], "importance": row[1], "metadata": json.loads(row[2])}
    given = {"text": message.text, "importance": message.importance, "metadata": message.metadata}
    changed = {name: value for name, value in given.items() if value is not None and value != old[name]}
    for name, value in changed.items():
        stored = canonical(value) if name == "metadata" else value
        transaction.connection.execute(f"UPDATE memory SET {name} = ? WHERE number = ?", (stored, number))  # noqa: S608
    if "text" in changed:
        # Whoever says what it should say ends its being withheld.
        transaction.connection.execute("UPDATE memory SET withheld = 0 WHERE number = ?", (number,))
        transaction.end_what_was_drawn_from(number, transaction.now)
    if "importance" in changed:
        transaction.connection.execute(
            "UPDATE memory SET base = ?, since = ? WHERE number = ?", (message.importance, transaction.now, number)
        )
    if changed:
        transaction.event("revised", number, "revise", before={name: old[name] for name in changed})
    if "importance" in changed:
        move_on(transaction, number, life)
    return Found(memory=one(transaction.connection, number))


def supersede(transaction: Transaction, message: Supersede) -> Found:
    """End a record's validity and link what took its place. An end that is known stands."""
    number = transaction.number_of(message.id)
    end(transaction, number, message.by, message.time, cause=message.cause, named="by")
    return Found(memory=one(transaction.connection, number))


def reinstate(transaction: Transaction, message: Reinstate) -> Found:
    """Take a record's end back. One that holds is left as it is."""
    number = transaction.number_of(message.id)
    by = None if message.by is None else transaction.number_of(message.by, "by")
    transaction.reinstate(number, message.cause, by)
    return Found(memory=one(transaction.connection, number))


def end(transaction: Transaction, number: int, by: str | None, time: datetime | None, *, cause: str, named: str) -> None:
    """End a record's validity; `named` is what the message calls `by`."""
    detail = {}
    if by is not None:
        successor = transaction.number_of(by, named)
        if successor == number:
            raise Invalid(f"{named}: a record does not supersede itself", detail={"field": named})
        transaction.link(successor, "supersedes", number)
        detail["by"] = by
    transaction.end(number, transaction.now if time is None else micros(time), cause, **detail)


def relate(transaction: Transaction, message: Relate) -> Found:
    """Link a record to another, once.

    Raises:
        Invalid: it would be derived from itself, at some remove, or have more links than an export takes along.
    """
    source, target = both_ends(transaction, message)
    if message.relation in SOURCES and source in everything_behind(transaction, target):
        raise Invalid("target: it was derived from the source itself", detail={"field": "target"})
    if links_of(transaction, source) >= MOST_LINKS:
        raise Invalid(f"id: has {MOST_LINKS} links, and no record has more", detail={"field": "id"})
    if transaction.link(source, message.relation, target):
        transaction.event("linked", source, "link", relation=message.relation, target=message.target)
    return Found(memory=one(transaction.connection, source))


def links_of(transaction: Transaction, number: int) -> int:
    """How many links a record has, those that wait for their target included."""
    row: Any = transaction.connection.execute(
        "SELECT (SELECT count(*) FROM link WHERE source = ?1) + (SELECT count(*) FROM awaited WHERE source = ?1)", (number,)
    ).fetchone()
    return int(row[0])


def everything_behind(transaction: Transaction, number: int) -> set[int]:
    """What a record was derived from, at any remove."""
    found: set[int] = set()
    looked_at = [number]
    while looked_at:
        new = set(sources_of(transaction.connection, looked_at.pop())) - found
        found |= new
        looked_at += new
    return found


def unrelate(transaction: Transaction, message: Unrelate) -> Found:
    """Take a link away.

    Raises:
        Invalid: it leads to the last source of what was derived.
    """
    source, target = both_ends(transaction, message)
    transaction.connection.execute(
        "DELETE FROM link WHERE source = ? AND relation = ? AND target = ?", (source, message.relation, target)
    )
    if transaction.connection.changes():
        if message.relation in SOURCES and not sources_of(transaction.connection, source):
            raise Invalid("target: it is the only source of what was derived", detail={"field": "target"})
        transaction.event("unlinked", source, "unlink", relation=message.relation, target=message.target)
    return Found(memory=one(transaction.connection, source))


def both_ends(transaction: Transaction, message: Relate | Unrelate) -> tuple[int, int]:
    """The numbers of the two records of a link.

    Raises:
        NotFound: one is not in this namespace.
        Invalid: they are the same.
    """
    source, target = transaction.number_of(message.source, "source"), transaction.number_of(message.target, "target")
    if source == target:
        raise Invalid("target: a record is not linked to itself", detail={"field": "target"})
    return source, target


def note_affect(transaction: Transaction, message: NoteAffect, *, life: LifeSettings) -> Noted:
    """Fill in what is felt in records. It is no change of theirs and has no event; a stage that follows from it has."""
    missing = []
    for judged in message.affects:
        row: Any = transaction.connection.execute(
            "UPDATE memory SET affect_user = coalesce(?, affect_user), affect_assistant = coalesce(?, affect_assistant) "
            "WHERE id = ? AND namespace = ? RETURNING number",
            (felt_in(judged.user), felt_in(judged.assistant), judged.id, transaction.known_namespace),
        ).fetchone()
        if row is None:
            missing.append(judged.id)
        else:
            move_on(transaction, row[0], life)
    return Noted(noted=len(message.affects) - len(missing), missing=tuple(missing))
