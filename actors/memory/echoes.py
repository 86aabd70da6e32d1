"""Echoes: that records were recalled, how often, when and in which contexts. What follows is the life cycle's to say.

A recall answers a dozen records, and each statement costs the writer's thread more than the rows that it touches: what can be
said of all of them is said at once.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

from actors.memory.life import COLUMNS, Facts, move
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
        "UPDATE memory SET recalls = recalls + 1, recalled = ? WHERE id IN (SELECT value FROM json_each(?)) "  # noqa: S608 (our own columns)
        f"RETURNING recalls, {COLUMNS}",
        (transaction.now, json.dumps(ids)),
    ).fetchall()
    recalled = sorted(((Facts(*columns), count) for count, *columns in rows), key=lambda one: one[0].number)
    for facts, _ in recalled:
        transaction.event("recalled", facts.number, "recall", context=context.hex())
    forget_oldest(transaction, [facts.number for facts, count in recalled if count > settings.accesses_kept], settings)
    echoes = note_context(transaction, [facts.number for facts, _ in recalled], context, settings)
    for facts, _ in recalled:
        move(transaction, facts, settings.life, echoes[facts.number])


def forget_oldest(transaction: Transaction, numbers: list[int], settings: MemorySettings) -> None:
    """Keep the latest recalls of records' histories."""
    if not numbers:
        return

    transaction.connection.execute(
        "DELETE FROM event WHERE seq IN (SELECT e.seq FROM json_each(?1) j CROSS JOIN event e ON e.memory = j.value "
        "WHERE e.change = 'recalled' AND e.seq <= (SELECT seq FROM event "
        "WHERE memory = j.value AND change = 'recalled' ORDER BY seq DESC LIMIT 1 OFFSET ?2))",
        (json.dumps(numbers), settings.accesses_kept),
    )


def note_context(
    transaction: Transaction, numbers: list[int], context: bytes, settings: MemorySettings
) -> dict[int, list[int]]:
    """Count a recall in its context and keep the latest contexts; when each of a record's contexts last recalled it."""
    listed = json.dumps(numbers)
    transaction.connection.execute(
        "INSERT INTO echo SELECT value, ?2, 1, ?3, ?3 FROM json_each(?1) WHERE true "
        "ON CONFLICT DO UPDATE SET count = count + 1, last = excluded.last",
        (listed, context, transaction.now),
    )
    rows: Any = transaction.connection.execute(
        "SELECT e.memory, e.context, e.last FROM json_each(?) j CROSS JOIN echo e ON e.memory = j.value", (listed,)
    )
    known: defaultdict[int, list[tuple[bytes, int]]] = defaultdict(list)
    for number, one, last in rows:
        known[number].append((one, last))

    for number, contexts in known.items():
        latest_first = sorted(contexts, key=lambda one: (-one[1], one[0]))
        for one in latest_first[settings.contexts_kept :]:
            transaction.connection.execute("DELETE FROM echo WHERE memory = ? AND context = ?", (number, one[0]))
            contexts.remove(one)

    return {number: [last for _, last in contexts] for number, contexts in known.items()}
