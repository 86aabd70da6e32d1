"""Forgetting for good: the record, its words in the index, its links, what its history quoted, what was derived from it alone.

The file's pages are overwritten (secure_delete, and FTS5's own); whoever calls this then empties the log by a checkpoint.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from actors.memory.messages import Forget, ForgetSession, Forgotten
from actors.memory.transaction import Transaction
from transport.errors import NotFound

__all__ = ["forget", "forget_session"]


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

    gone = erase(transaction, numbers, "forget")
    return Forgotten(ids=tuple(dict.fromkeys((*message.ids, *gone))))


def forget_session(transaction: Transaction, message: ForgetSession) -> Forgotten:
    """Forget every record of a talk, and the talk.

    Raises:
        NotFound: there never was one of that name in this namespace.
    """
    digest = blake2b(f"{transaction.namespace}\0{message.name}".encode(), digest_size=16).digest()
    row = transaction.connection.execute(
        "SELECT number FROM session WHERE namespace = ? AND name = ?", (transaction.known_namespace, message.name)
    ).fetchone()
    if row is None:
        if transaction.connection.execute("SELECT 1 FROM forgotten_name WHERE digest = ?", (digest,)).fetchone():
            return Forgotten(ids=())
        raise NotFound(f"name: no session {message.name!r} in this namespace", detail={"field": "name"})

    numbers = [number for (number,) in transaction.connection.execute("SELECT number FROM memory WHERE session = ?", row)]
    gone = erase(transaction, numbers, "forget_session")
    end_session_if_empty(transaction, row[0])
    transaction.connection.execute("INSERT OR IGNORE INTO forgotten_name VALUES (?)", (digest,))
    return Forgotten(ids=tuple(gone))


def erase(transaction: Transaction, numbers: list[int], cause: str) -> list[str]:
    """Erase records and what was derived from them alone; returns the ids of all."""
    connection = transaction.connection
    transaction.ledger.settle(connection)
    chosen = dict.fromkeys(numbers)
    derived = derived_from_these_alone(transaction, set(chosen))
    sessions: set[int] = set()
    ids: list[str] = []

    for number in (*chosen, *derived):
        row: Any = connection.execute("SELECT id, session FROM memory WHERE number = ?", (number,)).fetchone()
        memory_id, session = row
        ids.append(memory_id)
        if session is not None:
            sessions.add(session)
        connection.execute("DELETE FROM link WHERE source = ?1 OR target = ?1", (number,))
        connection.execute(
            "INSERT INTO forgotten SELECT number, id, namespace, iif(chain IS NULL, NULL, session), fingerprint, chain "
            "FROM memory WHERE number = ?",
            (number,),
        )
        connection.execute("DELETE FROM event WHERE memory = ? AND change = 'recalled'", (number,))
        connection.execute("UPDATE event SET detail = '{}' WHERE memory = ? AND detail <> '{}'", (number,))
        transaction.event("forgotten", number, cause if number in chosen else "sources_forgotten")
        connection.execute("DELETE FROM memory WHERE number = ?", (number,))

    for session in sessions:
        end_session_if_empty(transaction, session)
    return ids


def derived_from_these_alone(transaction: Transaction, gone: set[int]) -> list[int]:
    """What has no source left once `gone` is gone, in rounds: what was derived from that, too."""
    derived: list[int] = []
    newly = set(gone)
    everything = set(gone)
    while newly:
        affected = {
            source
            for number in newly
            for (source,) in transaction.connection.execute(
                "SELECT source FROM link WHERE target = ? AND relation IN ('derives_from', 'summarises')", (number,)
            )
        }
        newly = {
            source
            for source in affected - everything
            if all(
                target in everything
                for (target,) in transaction.connection.execute(
                    "SELECT target FROM link WHERE source = ? AND relation IN ('derives_from', 'summarises')", (source,)
                )
            )
        }
        everything |= newly
        derived += sorted(newly)
    return derived


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
    transaction.connection.execute("DELETE FROM session WHERE number = ?", (session,))
