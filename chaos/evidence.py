"""What the store holds at the end, read twice: through the public API, and from the SQLite file, opened read-only.

Knows memory's tables and its HTTP routes, and nothing of clients or faults.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

__all__ = ["Change", "Record", "changes_on_disk", "records_on_disk", "records_told"]

SAID = ("fact", "turn")


@dataclass(frozen=True, slots=True)
class Record:
    """One record as the checker compares it."""

    id: str
    namespace: str
    session: str
    kind: str
    role: str
    """"" of what is no turn."""

    text: str
    derived: bool
    """Whether somebody made it of other records."""

    @property
    def said(self) -> bool:
        """Whether a client said it; what the daemon or paradox make of it is their own."""
        return self.kind in SAID and not self.derived


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the feed."""

    seq: int
    change: str


def records_told(get: Callable[..., Any], namespace: str) -> list[Record]:
    """All records of a namespace, page by page over HTTP. `get` takes a path and headers, as `House.get` does."""
    found: list[Record] = []
    cursor: str | None = ""
    while cursor is not None:
        query = urlencode({"limit": 1000, **({"cursor": cursor} if cursor else {})})
        page = get(f"/v1/memories?{query}", x_lattice_namespace=namespace)
        found += [
            Record(
                memory["id"],
                namespace,
                memory["session"] or "",
                memory["kind"],
                memory["role"] or "" if memory["kind"] == "turn" else "",
                memory["text"],
                memory["provenance"] is not None,
            )
            for memory in page["memories"]
        ]
        cursor = page["next_cursor"]
    return found


def records_on_disk(path: Path, namespaces: tuple[str, ...]) -> list[Record]:
    """The same from memory.db, which nobody has open any more."""
    with closing(opened(path)) as connection:
        rows = connection.execute(
            "SELECT memory.id, namespace.name, coalesce(session.name, ''), kind, iif(kind = 'turn', coalesce(role, ''), ''), "
            "text, provenance IS NOT NULL "
            "FROM memory JOIN namespace ON namespace.number = memory.namespace "
            "LEFT JOIN session ON session.number = memory.session"
        )
        return [
            Record(id_, namespace, session, kind, role, text, bool(derived))
            for id_, namespace, session, kind, role, text, derived in rows
            if namespace in namespaces
        ]


def changes_on_disk(path: Path) -> list[Change]:
    """All that the feed has to tell, in its order."""
    with closing(opened(path)) as connection:
        rows = connection.execute("SELECT seq, change FROM event WHERE change <> 'recalled' ORDER BY seq")
        return [Change(*row) for row in rows]


def opened(path: Path) -> sqlite3.Connection:
    """The file, read-only. Python's own SQLite reads it, so that not even that is shared with who wrote it."""
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
