"""Idempotency: what was asked under a key has its effect once; a key that comes again with something else is refused.

For databases whose calls are answered by how things stand. So nothing of an answer is kept, which may quote what is forgotten
later: of a call that was made before only that it was made is known. Knows no subsystem.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Final

import apsw

from actors.call import Call
from actors.message import Message
from transport.errors import KeyReused

__all__ = ["KEYS", "Once", "made_before", "note", "once_of", "only_once"]

KEYS: Final = """
-- The keys of calls that have changed something, each with a digest of what was asked for. Times are seconds since 1970, UTC.
CREATE TABLE call (
    type TEXT NOT NULL,
    namespace TEXT NOT NULL,
    key TEXT NOT NULL,
    request BLOB NOT NULL,
    time INTEGER NOT NULL,
    PRIMARY KEY (type, namespace, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX call_time ON call (time);
"""
"""A migration: never changed."""

KEPT_S: Final = 7 * 86_400
"""As long as memory knows its own by default."""

MOST: Final = 10_000
"""Keys that are known; the oldest go first."""


@dataclass(frozen=True, slots=True)
class Once:
    """What a call is known by."""

    type: str
    namespace: str
    key: str
    request: bytes
    time: int


def once_of(call: Call | None, message: Message, now: datetime) -> Once | None:
    """What the call of this message is known by; None where it has no key."""
    if call is None or call.key is None:
        return None

    return Once(
        type=message.contract.type,
        namespace=str(getattr(message, "namespace", "")),
        key=call.key,
        request=blake2b(message.model_dump_json().encode(), digest_size=16).digest(),
        time=int(now.timestamp()),
    )


def made_before(connection: apsw.Connection, once: Once | None) -> bool:
    """Whether the call was made before.

    Raises:
        KeyReused: its key came with another message.
    """
    if once is None:
        return False

    named = (once.type, once.namespace, once.key)
    row = connection.execute("SELECT request FROM call WHERE (type, namespace, key) = (?, ?, ?)", named).fetchone()
    if row is not None and row[0] != once.request:
        raise KeyReused

    return row is not None


def only_once(connection: apsw.Connection, once: Once | None, change: Callable[[], object]) -> bool:
    """Run `change()`, and note the call in the same transaction; False, and nothing is done, where it was made before.

    Raises:
        KeyReused: its key came with another message.
    """
    if made_before(connection, once):
        return False

    change()
    note(connection, once)
    return True


def note(connection: apsw.Connection, once: Once | None) -> None:
    """Note that a call has been made, and forget those that are old, or too many."""
    if once is None:
        return

    row = (once.type, once.namespace, once.key, once.request, once.time)
    connection.execute("INSERT INTO call VALUES (?, ?, ?, ?, ?)", row)
    connection.execute("DELETE FROM call WHERE time < ?", (once.time - KEPT_S,))
    connection.execute("DELETE FROM call WHERE time < (SELECT time FROM call ORDER BY time DESC LIMIT 1 OFFSET ?)", (MOST,))
