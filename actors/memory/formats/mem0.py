"""mem0's exports: what `get_all` answers (`results`), the platform's export, and OpenMemory's `memories.json` and its lines.

A memory there is a sentence that a model wrote: here it is a fact. What was deleted there does not come.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from actors.memory.formats.taken import Broken, Taken, digest, moment_of, pieces, taken

__all__ = ["is_memory", "read", "rows_of"]

KEPT = ("user_id", "agent_id", "run_id", "app_id", "actor_id", "app", "categories", "hash", "state")


def is_memory(value: Any) -> bool:
    """Whether this is one of mem0's memories. One that was written down without its id is known by what it says."""
    text = value.get("memory", value.get("content") if "id" in value else None) if isinstance(value, dict) else None
    return isinstance(text, str) and bool(text.strip())


def rows_of(value: Any) -> list[Any] | None:
    """The memories of a document; None where it is none of mem0's."""
    rows = value
    if isinstance(value, dict):
        rows = next((value[name] for name in ("results", "memories") if isinstance(value.get(name), list)), None)
    return rows if isinstance(rows, list) and any(map(is_memory, rows)) else None


def read(rows: Iterable[Any]) -> Iterator[Taken]:
    """A fact for each memory."""
    for number, row in enumerate(rows, 1):
        where = f"memory {number}"
        if not is_memory(row):
            yield Broken(where, "it has no text in `memory`, or in `content` beside an `id`")
            continue
        if row.get("state") == "deleted":
            continue
        metadata = row.get("metadata") if isinstance(row.get("metadata"), dict) else {}
        kept = {name: row[name] for name in KEPT if row.get(name)}
        run, own = row.get("run_id"), row.get("id")
        for part, text in enumerate(pieces(row.get("memory", row.get("content")))):
            yield taken(
                where,
                {
                    "text": text,
                    "kind": "fact",
                    "session": f"mem0:{run}"[:256] if run else None,
                    "time": moment_of(row.get("created_at")),
                    "stage": "archived" if row.get("state") == "archived" else "raw",
                    "metadata": {**metadata, **kept, "source": "mem0"},
                    "key": f"mem0:{digest(text, row.get('user_id'), part) if own is None else digest(own, part)}",
                },
            )
