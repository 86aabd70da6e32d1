"""Forgetting a whole namespace: gone from every answer at once, by one row, and then erased a page at a time.

What is forgotten at once is the name: no namespace is called so any more, and whoever writes under it begins a new one. The
rows are erased in pages that keep nobody waiting, also after a kill: which namespaces are not erased yet stands in the
database. What stays is a digest of the name and how much there was.
"""

from __future__ import annotations

import json
from typing import Any

import apsw

from actors.memory.messages import ForgetNamespace, NamespaceForgotten, namespace_digest
from actors.memory.transaction import Transaction, unused_number

__all__ = ["erase_some", "forget_namespace", "forgotten_since", "is_erased", "note_erased", "unerased"]

UNNAMED = "forgotten, and longer than a namespace's name may be: "
"""What a namespace is called while it is erased: nobody can ask for it."""

NAMED_MOST = 128


def forget_namespace(transaction: Transaction, message: ForgetNamespace, *, key: bytes | None) -> NamespaceForgotten:
    """Take a namespace's name away, and tell the feed. One that is forgotten already, or never was, is no error.

    Args:
        transaction: in which it is written.
        message: which one.
        key: stands for the call; the same call, asked again, forgets nothing that came in meanwhile.
    """
    connection = transaction.connection
    transaction.cache.settle(connection)
    digest = digest_of(message.namespace)
    number = transaction.known_namespace
    known: Any = connection.execute(
        "SELECT namespace, told, call FROM forgotten_namespace WHERE digest = ? ORDER BY namespace DESC LIMIT 1", (digest,)
    ).fetchone()
    if known is not None and (number is None or (key is not None and known[2] == key)):
        if key is None or known[2] != key:
            # Others may have kept what memory was never told: they are to look once more.
            connection.execute(
                "UPDATE forgotten_namespace SET time = ?, call = ?, erased = 0 WHERE namespace = ?",
                (transaction.now, key, known[0]),
            )
            tell(transaction, known[0])
        return NamespaceForgotten.model_validate_json(known[1])

    told = counted(connection, number)
    if number is None:
        number = unused_number(connection)
    else:
        unnamed = f"{UNNAMED}{number}".ljust(NAMED_MOST + 1)
        connection.execute("UPDATE namespace SET name = ? WHERE number = ?", (unnamed, number))
        transaction.cache.namespaces.pop(message.namespace, None)
    for (before,) in connection.execute(
        "DELETE FROM forgotten_namespace WHERE digest = ? AND erased = 1 RETURNING namespace", (digest,)
    ).fetchall():
        connection.execute("DELETE FROM event WHERE memory = ?", (-int(str(before)),))
    connection.execute(
        "INSERT INTO forgotten_namespace VALUES (?, ?, ?, ?, ?, 0)",
        (number, digest, transaction.now, told.model_dump_json(), key),
    )
    tell(transaction, number)
    return told


def tell(transaction: Transaction, number: int) -> None:
    """Tell the feed, once: who has not heard of it the last time hears of it now."""
    transaction.connection.execute("DELETE FROM event WHERE memory = ?", (-number,))
    transaction.event("namespace_forgotten", -number, "forget_namespace")


def counted(connection: apsw.Connection, number: int | None) -> NamespaceForgotten:
    """How much there is in a namespace."""
    rows: Any = connection.execute(
        "SELECT kind, sum(count) FROM tally WHERE namespace = ? GROUP BY kind HAVING sum(count) > 0 ORDER BY kind", (number,)
    )
    by_kind = {kind: int(count) for kind, count in rows}
    sessions: Any = connection.execute("SELECT count(*) FROM session WHERE namespace = ?", (number,)).fetchone()
    return NamespaceForgotten(memories=sum(by_kind.values()), sessions=sessions[0], by_kind=by_kind)


def forgotten_since(connection: apsw.Connection, namespace: str, time: int) -> bool:
    """Whether a namespace was forgotten at that moment or after it: what was said in it then is not to come back."""
    row = connection.execute(
        "SELECT 1 FROM forgotten_namespace WHERE digest = ? AND time >= ? LIMIT 1", (digest_of(namespace), time)
    ).fetchone()
    return row is not None


def unerased(connection: apsw.Connection) -> int | None:
    """The number of a namespace of which something may be left in the file or in its log."""
    row: Any = connection.execute("SELECT min(namespace) FROM forgotten_namespace WHERE erased = 0").fetchone()
    number: int | None = row[0]
    return number


def is_erased(connection: apsw.Connection, namespace: str) -> bool:
    """Whether nothing is left of what was forgotten under a name."""
    row = connection.execute(
        "SELECT 1 FROM forgotten_namespace WHERE digest = ? AND erased = 0 LIMIT 1", (digest_of(namespace),)
    ).fetchone()
    return row is None


def erase_some(connection: apsw.Connection, number: int, most: int) -> bool:
    """Erase about so many rows of a forgotten namespace; whether there may be more.

    The newest records go first: a turn that goes has those after it read anew, and there are none then.
    """
    rows = connection.execute("SELECT number FROM memory WHERE namespace = ? ORDER BY number DESC LIMIT ?", (number, most))
    numbers = json.dumps([row[0] for row in rows])
    if numbers != "[]":
        connection.execute("DELETE FROM link WHERE source IN (SELECT value FROM json_each(?))", (numbers,))
        connection.execute("DELETE FROM link WHERE target IN (SELECT value FROM json_each(?))", (numbers,))
        connection.execute("DELETE FROM event WHERE memory IN (SELECT value FROM json_each(?))", (numbers,))
        connection.execute("DELETE FROM memory WHERE number IN (SELECT value FROM json_each(?))", (numbers,))
        return True

    ids = connection.execute(
        "DELETE FROM forgotten WHERE number IN (SELECT number FROM forgotten WHERE namespace = ? LIMIT ?) RETURNING number",
        (number, most),
    ).fetchall()
    if ids:
        connection.executemany("DELETE FROM event WHERE memory = ?", ids)
        return True

    for delete in REST:
        connection.execute(delete, (number, most))
        if connection.changes():
            return True
    connection.execute("DELETE FROM tally WHERE namespace = ?", (number,))
    connection.execute("DELETE FROM namespace WHERE number = ?", (number,))
    return False


REST = (
    "DELETE FROM session WHERE number IN (SELECT number FROM session WHERE namespace = ? LIMIT ?)",
    "DELETE FROM call WHERE (namespace, type, key) IN (SELECT namespace, type, key FROM call WHERE namespace = ? LIMIT ?)",
    "DELETE FROM origin WHERE (namespace, id) IN (SELECT namespace, id FROM origin WHERE namespace = ? LIMIT ?)",
)


def note_erased(connection: apsw.Connection, number: int) -> None:
    """Nothing is left, in the log neither."""
    connection.execute("UPDATE forgotten_namespace SET erased = 1 WHERE namespace = ?", (number,))


def digest_of(namespace: str) -> bytes:
    """The digest of a name, as it is stored."""
    return bytes.fromhex(namespace_digest(namespace).removeprefix("ns_"))
