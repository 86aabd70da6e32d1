"""The ordered feed of changes, for those who follow memory from a cursor of their own."""

from __future__ import annotations

import json
from typing import Any

import apsw

from actors.memory.messages import Change, Fed, Feed
from actors.memory.rows import last_given
from actors.memory.store import NONSENSE, leave_out, one, weight_of
from actors.memory.timeline import shared, timeline
from actors.moments import moment
from transport.errors import Invalid

__all__ = ["feed"]


def feed(connection: apsw.Connection, message: Feed, *, page_bytes: int) -> Fed:
    """The changes after the cursor, each with its record as it stands now; None where it is forgotten since.

    Raises:
        Invalid: nothing was ever told under that cursor, or something else: whoever followed it followed another memory.
    """
    end = last_given(connection, "event")
    if message.timeline is not None:
        told, same = shared(connection, message.timeline)
        if (until := min(same, end)) < told:
            raise Invalid(
                f"timeline: another memory was followed; what was told up to {until} is this one's too",
                detail={"field": "timeline", "end": until},
            )
    if message.cursor > end:
        raise Invalid(f"cursor: lies beyond the end of the feed, {end}", detail={"field": "cursor", "end": end})
    rows: Any = connection.execute(
        "SELECT e.seq, e.change, e.memory, e.time, e.cause, coalesce(m.id, f.id, 'ns_' || lower(hex(g.digest))), "
        "iif(g.namespace IS NULL, n.name, 'ns_' || lower(hex(g.digest))), m.number IS NOT NULL FROM event e "
        "LEFT JOIN memory m ON m.number = e.memory LEFT JOIN forgotten f ON f.number = e.memory "
        "LEFT JOIN forgotten_namespace g ON g.namespace = -e.memory "
        "LEFT JOIN namespace n ON n.number = coalesce(m.namespace, f.namespace) "
        "WHERE e.seq > :cursor AND e.change <> 'recalled' AND (g.namespace IS NOT NULL "
        "OR n.number IS NOT NULL AND n.number NOT IN (SELECT namespace FROM forgotten_namespace)) "
        "AND (:changes IS NULL OR e.change IN (SELECT value FROM json_each(:changes))) ORDER BY e.seq LIMIT :limit",
        {
            "cursor": message.cursor,
            "limit": message.limit,
            "changes": None if message.changes is None else json.dumps(message.changes),
        },
    ).fetchall()
    changes: list[Change] = []
    left, last, left_out = page_bytes, message.cursor, 0
    for seq, happened, number, time, cause, memory_id, namespace, lives in rows:
        try:
            memory = one(connection, number) if lives else None
            change = Change(
                seq=seq, change=happened, namespace=namespace, id=memory_id, time=moment(time), cause=cause, memory=memory
            )
        except NONSENSE as error:
            leave_out("event", seq, error)
            left_out, last = left_out + 1, seq
            continue
        left -= weight_of(memory) if memory else 512
        if changes and left < 0:
            break
        changes.append(change)
        last = seq

    if len(changes) + left_out < len(rows) or len(rows) == message.limit:
        cursor = last
    else:
        cursor = max(message.cursor, newest(connection))
    return Fed(changes=tuple(changes), cursor=cursor, timeline=timeline(connection, cursor))


def newest(connection: apsw.Connection) -> int:
    """Seq of the newest change."""
    row: Any = connection.execute("SELECT max(seq) FROM event WHERE change <> 'recalled'").fetchone()
    return row[0] or 0
