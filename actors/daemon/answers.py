"""What models have answered to cycles, kept until it is of no more use or one of its sources is forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import apsw

__all__ = ["digest_of", "drop", "drop_old", "forget_source", "keep", "known"]


def digest_of(cycle: str, task: str, text: str) -> str:
    """Names a question to a model."""
    digest = blake2b(digest_size=16)
    for part in (cycle, task, text):
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return digest.hexdigest()


def known(connection: apsw.Connection, digest: str) -> tuple[str, str] | None:
    """The answer that was paid for, and whose it is."""
    row: Any = connection.execute("SELECT text, model FROM model_answer WHERE digest = ?", (digest,)).fetchone()
    return None if row is None else (row[0], row[1])


def keep(
    connection: apsw.Connection,
    *,
    digest: str,
    cycle: str,
    model: str,
    text: str,
    tokens: int,
    now: int,
    sources: Sequence[tuple[str, str]],
) -> None:
    """Keep an answer with its sources: namespace and id of the records that it was made from."""
    connection.execute(
        "INSERT OR IGNORE INTO model_answer VALUES (?, ?, ?, ?, ?, ?)", (digest, cycle, model, text, tokens, now)
    )
    connection.executemany(
        "INSERT OR IGNORE INTO model_source VALUES (?, ?, ?)", [(namespace, memory, digest) for namespace, memory in sources]
    )


def forget_source(connection: apsw.Connection, namespace: str, memory: str) -> int:
    """Drop every answer that was made from a record; how many."""
    connection.execute(
        "DELETE FROM model_answer WHERE digest IN (SELECT digest FROM model_source WHERE namespace = ? AND memory = ?)",
        (namespace, memory),
    )
    return connection.changes()


def drop(connection: apsw.Connection, digest: str) -> None:
    """Drop one answer."""
    connection.execute("DELETE FROM model_answer WHERE digest = ?", (digest,))


def drop_old(connection: apsw.Connection, before: int) -> None:
    """Drop answers older than a moment, in microseconds."""
    connection.execute("DELETE FROM model_answer WHERE time < ?", (before,))
