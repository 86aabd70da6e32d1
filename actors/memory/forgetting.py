"""Forgetting for good: the record, its words in the index, its links, what its history quoted, and what was derived from it.

What was derived from it alone goes with it. What has other sources may quote it: it is emptied at once and withheld, until it
is derived anew from those that are left. The file's pages are overwritten (secure_delete, and FTS5's own); whoever calls this
then empties the log by a checkpoint.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

from actors.memory.messages import Forget, ForgetSession, Forgotten, Found, Rederive
from actors.memory.sessions import digest_of, was_forgotten
from actors.memory.store import one, sources_of
from actors.memory.transaction import Transaction
from actors.memory.values import canonical
from transport.errors import Conflict, NotFound

__all__ = ["NO_RECORD", "derived_from_any", "forget", "forget_session", "origin_of_key", "rederive", "withhold"]

NO_RECORD: Final = 0
"""Records' numbers begin with 1."""


def forget(transaction: Transaction, message: Forget) -> Forgotten:
    """Forget records, and what was derived from them alone. Those that are gone already stay gone.

    Raises:
        NotFound: an id never was in this namespace; nothing is forgotten.
    """
    numbers = []
    for memory_id in message.ids:
        row = transaction.connection.execute(
            "SELECT number FROM forgotten WHERE id = ? AND namespace = ?", (memory_id, transaction.known_namespace)
        ).fetchone()
        if row is None:
            numbers.append(transaction.number_of(memory_id, "ids"))

    erased = erase(transaction, numbers, "forget")
    return Forgotten(ids=tuple(dict.fromkeys((*message.ids, *erased.gone))), withheld=tuple(erased.withheld))


def forget_session(transaction: Transaction, message: ForgetSession) -> Forgotten:
    """Forget every record of a talk, and the talk.

    Raises:
        NotFound: there never was one of that name in this namespace.
    """
    row = transaction.connection.execute(
        "SELECT number FROM session WHERE namespace = ? AND name = ?", (transaction.known_namespace, message.name)
    ).fetchone()
    if row is None:
        if was_forgotten(transaction.connection, transaction.namespace, message.name):
            return Forgotten(ids=())
        raise NotFound(f"name: no session {message.name!r} in this namespace", detail={"field": "name"})

    numbers = [number for (number,) in transaction.connection.execute("SELECT number FROM memory WHERE session = ?", row)]
    erased = erase(transaction, numbers, "forget_session")
    end_session_if_empty(transaction, row[0])
    return Forgotten(ids=tuple(erased.gone), withheld=tuple(erased.withheld))


@dataclass(slots=True)
class Erased:
    """What went, and what was emptied."""

    gone: list[str]
    withheld: list[str]


def erase(transaction: Transaction, numbers: list[int], cause: str) -> Erased:
    """Erase records and what was derived from them alone; empty what was derived from them and others."""
    connection = transaction.connection
    transaction.cache.settle(connection)
    chosen = dict.fromkeys(numbers)
    derived = derived_from_these_alone(transaction, set(chosen))
    everything = (*chosen, *derived)
    touched = derived_from_any(transaction, set(everything))
    sessions: set[int] = set()
    gone: list[str] = []

    for number in everything:
        row: Any = connection.execute("SELECT id, session, key FROM memory WHERE number = ?", (number,)).fetchone()
        memory_id, session, key = row
        gone.append(memory_id)
        if session is not None:
            sessions.add(session)
        connection.execute("DELETE FROM link WHERE source = ?1 OR target = ?1", (number,))
        connection.execute(
            "INSERT INTO forgotten SELECT number, id, namespace, iif(chain IS NULL, NULL, session), fingerprint, chain "
            "FROM memory WHERE number = ?",
            (number,),
        )
        connection.execute("DELETE FROM event WHERE memory = ? AND change = 'recalled'", (number,))
        if key is not None and key.startswith("r:"):
            origin = origin_of_key(transaction.namespace, key.removeprefix("r:"))
            connection.execute(
                "INSERT OR IGNORE INTO origin VALUES (?, ?, ?)", (transaction.namespace_number, origin, NO_RECORD)
            )
        forget_what_it_was(transaction, number, memory_id)
        transaction.event("forgotten", number, cause if number in chosen else "sources_forgotten")
        connection.execute("DELETE FROM memory WHERE number = ?", (number,))

    withheld = [withhold(transaction, number) for number in touched]
    for session in sessions:
        end_session_if_empty(transaction, session)
    return Erased(gone, withheld)


def origin_of_key(namespace: str, key: str) -> str:
    """What remains of the key of a forgotten record, as an `origin`: an import that has the key does not bring it back.

    Longer than an id may be, so that it is never taken for one.
    """
    digest = blake2b(f"{namespace}\0{key}".encode(), digest_size=32).hexdigest()
    return f"key:{digest}"


def forget_what_it_was(transaction: Transaction, number: int, memory_id: str) -> None:
    """Take former texts out of a record's history, and out of the answers that are kept for calls that changed it."""
    transaction.connection.execute("UPDATE event SET detail = '{}' WHERE memory = ? AND detail <> '{}'", (number,))
    transaction.connection.execute(
        "DELETE FROM call WHERE namespace = ? AND type = 'memory.revise' AND instr(result, ?) > 0",
        (transaction.known_namespace, memory_id),
    )


def withhold(transaction: Transaction, number: int) -> str:
    """Empty a record that may quote what is forgotten, and tell the feed, so that it is derived anew from what is left."""
    row: Any = transaction.connection.execute(
        "UPDATE memory SET text = '', metadata = '{}', withheld = 1 WHERE number = ? RETURNING id", (number,)
    ).fetchone()
    memory_id: str = row[0]
    forget_what_it_was(transaction, number, memory_id)
    transaction.event("withheld", number, "source_forgotten")
    return memory_id


def rederive(transaction: Transaction, message: Rederive) -> Found:
    """Give a withheld record the text that was derived anew.

    Raises:
        Conflict: it is not withheld, one of its sources is, or what it was derived from is no source of it any more.
    """
    number = transaction.number_of(message.id)
    row: Any = transaction.connection.execute("SELECT withheld, text FROM memory WHERE number = ?", (number,)).fetchone()
    if not row[0]:
        if row[1] == message.text:
            return Found(memory=one(transaction.connection, number))
        raise Conflict("id: the record is not withheld", detail={"field": "id"})
    waits_for = transaction.connection.execute(
        "SELECT t.id FROM link l JOIN memory t ON t.number = l.target WHERE l.source = ? "
        "AND l.relation IN ('derives_from', 'summarises') AND t.withheld = 1",
        (number,),
    ).fetchone()
    if waits_for is not None:
        raise Conflict(f"id: its source {waits_for[0]} is withheld itself", detail={"field": "id"})
    if not set(message.sources) <= source_ids_of(transaction, number):
        raise Conflict("sources: one of them was forgotten meanwhile", detail={"field": "sources"})

    transaction.connection.execute(
        "UPDATE memory SET text = ?, provenance = ?, withheld = 0 WHERE number = ?",
        (message.text, canonical(message.provenance.model_dump(exclude_none=True)), number),
    )
    transaction.event("rederived", number, message.provenance.by)
    return Found(memory=one(transaction.connection, number))


def source_ids_of(transaction: Transaction, number: int) -> set[str]:
    """The ids of what a record was derived from."""
    rows = transaction.connection.execute(
        "SELECT t.id FROM link l JOIN memory t ON t.number = l.target WHERE l.source = ? "
        "AND l.relation IN ('derives_from', 'summarises')",
        (number,),
    )
    return {memory_id for (memory_id,) in rows}


def derived_from_these_alone(transaction: Transaction, gone: set[int]) -> list[int]:
    """What has no source left once `gone` is gone, in rounds: what was derived from that, too."""
    derived: list[int] = []
    newly = set(gone)
    everything = set(gone)
    while newly:
        newly = {
            number
            for number in derived_from(transaction, newly) - everything
            if everything.issuperset(sources_of(transaction.connection, number))
        }
        everything |= newly
        derived += sorted(newly)
    return derived


def derived_from_any(transaction: Transaction, gone: set[int]) -> list[int]:
    """What was derived from anything in `gone`, at any remove, and is not in it: it may quote it."""
    touched: set[int] = set()
    newly = gone
    while newly:
        newly = derived_from(transaction, newly) - touched - gone
        touched |= newly
    return sorted(touched)


def derived_from(transaction: Transaction, numbers: set[int]) -> set[int]:
    """What was derived from any of the records."""
    return {
        source
        for number in numbers
        for (source,) in transaction.connection.execute(
            "SELECT source FROM link WHERE target = ? AND relation IN ('derives_from', 'summarises')", (number,)
        )
    }


def end_session_if_empty(transaction: Transaction, session: int) -> None:
    """Take away a talk that has no record left; else bring its times up to date."""
    times: Any = transaction.connection.execute(
        "SELECT min(time), max(time) FROM memory WHERE session = ?", (session,)
    ).fetchone()
    started, last = times
    if started is not None:
        transaction.connection.execute("UPDATE session SET started = ?, last = ? WHERE number = ?", (started, last, session))
        return

    transaction.connection.execute(
        "UPDATE forgotten SET session = NULL, fingerprint = NULL, chain = NULL WHERE session = ?", (session,)
    )
    names = transaction.connection.execute("DELETE FROM session WHERE number = ? RETURNING name", (session,)).fetchall()
    digests = [(digest_of(transaction.namespace, str(name)),) for (name,) in names]
    transaction.connection.executemany("INSERT OR IGNORE INTO forgotten_name VALUES (?)", digests)
