"""Echoes: that records were recalled, how often, when and in which contexts. What follows is the life cycle's to say."""

from __future__ import annotations

import json
from typing import Any

from actors.memory.life import move_on
from actors.memory.settings import MemorySettings
from actors.memory.transaction import Transaction

__all__ = ["note_recall"]


def note_recall(transaction: Transaction, ids: list[str], context: bytes, settings: MemorySettings) -> None:
    """Write down that records were recalled: their count, the latest of it in their histories, and the context.

    Args:
        transaction: in which it is written.
        ids: of what was recalled.
        context: stands for the circumstances; the same ones have the same.
        settings: how much of it is kept.
    """
    rows: Any = transaction.connection.execute(
        "UPDATE memory SET recalls = recalls + 1, recalled = ? WHERE id IN (SELECT value FROM json_each(?)) "
        "RETURNING number, recalls",
        (transaction.now, json.dumps(ids)),
    )
    for number, count in sorted(rows):
        transaction.event("recalled", number, "recall", context=context.hex())
        if count > settings.accesses_kept:
            forget_oldest(transaction, number, settings.accesses_kept)
        note_context(transaction, number, context, settings.contexts_kept)
        move_on(transaction, number, settings.life)


def forget_oldest(transaction: Transaction, number: int, kept: int) -> None:
    """Keep the latest recalls of a record's history."""
    transaction.connection.execute(
        "DELETE FROM event WHERE memory = ?1 AND change = 'recalled' AND seq <= (SELECT seq FROM event "
        "WHERE memory = ?1 AND change = 'recalled' ORDER BY seq DESC LIMIT 1 OFFSET ?2)",
        (number, kept),
    )


def note_context(transaction: Transaction, number: int, context: bytes, kept: int) -> None:
    """Count a recall in its context, and keep the latest contexts."""
    transaction.connection.execute(
        "INSERT INTO echo VALUES (?1, ?2, 1, ?3, ?3) ON CONFLICT DO UPDATE SET count = count + 1, last = excluded.last",
        (number, context, transaction.now),
    )
    transaction.connection.execute(
        "DELETE FROM echo WHERE memory = ?1 AND context NOT IN "
        "(SELECT context FROM echo WHERE memory = ?1 ORDER BY last DESC, context LIMIT ?2)",
        (number, kept),
    )
