"""The shelves that are held in memory, kept true to the database by its events. Lives in the reader's thread."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict, deque
from typing import Any

import apsw

from actors.memory.embedding.vectors import active
from actors.memory.search.gists import Gists
from actors.memory.search.shelf import Shelf

__all__ = ["Shelves"]

SAMPLE = 256
"""Records of a sample at least; twice as many at most."""

MOST_TOLD = 256
"""Batches that are noted while nobody recalls. Beyond so many, all is read anew when somebody does."""

MOST_CHANGES = 5_000
"""Beyond so many at once, shelves are read anew when they are next needed."""


class Shelves:
    """The namespaces that were searched last.

    Args:
        most_records: of a namespace that has more, a sample is held.
        most_bytes: what all shelves take together, about, and all gists.
    """

    def __init__(self, most_records: int, most_bytes: int) -> None:
        self._most_records = most_records
        self._most_bytes = most_bytes
        self._shelves: OrderedDict[int, Shelf] = OrderedDict()
        self._gists: OrderedDict[int, Gists] = OrderedDict()
        self._seen = 0
        self._embedded: deque[list[int] | None] = deque()
        self._telling = threading.Lock()
        self._side: int | None = None

    def embedded(self, numbers: list[int] | None) -> None:
        """Vectors of these records were committed; of None: another set came into use. From any thread."""
        with self._telling:
            if len(self._embedded) >= MOST_TOLD:
                self._embedded.clear()
                numbers = None
            self._embedded.append(numbers)

    def follow(self, connection: apsw.Connection) -> None:
        """Bring what is held up to this snapshot.

        Call it before anything else is read in a transaction: what was told before the snapshot was taken is in it.
        """
        with self._telling:
            told = [*self._embedded]
            self._embedded.clear()
        newest: Any = connection.execute("SELECT max(seq) FROM event WHERE change <> 'recalled'").fetchone()
        seen, self._seen = self._seen, newest[0] or 0
        if not self._shelves or None in told:
            self._forget_all(connection)
            return

        changed = {number for numbers in told for number in numbers or ()}
        if self._seen > seen:
            changed.update(self._changed_since(connection, seen))
        if len(changed) > MOST_CHANGES:
            self._forget_all(connection)
        elif changed:
            self._refresh(connection, changed)

    def of(self, connection: apsw.Connection, namespace: int, records: int) -> Shelf:
        """A namespace's shelf as of this snapshot: all of it, or a sample where it has too many records.

        Args:
            connection: to read from, after `follow`.
            namespace: its number.
            records: how many it has.
        """
        # A power of two: a sample is read anew when the namespace has doubled, not with each record.
        every = 1 if records <= self._most_records else 1 << max(1, (records // SAMPLE).bit_length() - 1)
        shelf = self._shelves.get(namespace)
        if shelf is None or shelf.worn or shelf.every != every:
            shelf = self._shelves[namespace] = Shelf(namespace, self._side, every)
            shelf.load(connection)
        self._shelves.move_to_end(namespace)
        self._make_room(self._shelves)
        return shelf

    def gists_of(self, connection: apsw.Connection, namespace: int) -> Gists | None:
        """A large namespace's gists as of this snapshot; None where there are no vectors."""
        if self._side is None:
            return None
        gists = self._gists.get(namespace)
        if gists is None or gists.worn:
            gists = self._gists[namespace] = Gists(namespace, self._side)
            gists.load(connection)
        self._gists.move_to_end(namespace)
        self._make_room(self._gists)
        return gists

    def _make_room(self, held: OrderedDict[int, Shelf] | OrderedDict[int, Gists]) -> None:
        while len(held) > 1 and sum(one.nbytes for one in held.values()) > self._most_bytes:
            held.popitem(last=False)

    def _changed_since(self, connection: apsw.Connection, seq: int) -> set[int]:
        rows: Any = connection.execute(
            "SELECT memory, change NOT IN ('remembered', 'superseded', 'staged') FROM event "
            "WHERE seq > ? AND change <> 'recalled' LIMIT ?",
            (seq, MOST_CHANGES + 1),
        ).fetchall()
        changed: set[int] = {number for number, _ in rows}
        if any(takes_vectors for _, takes_vectors in rows):
            # It took those of the turns behind it, too, which have no event of their own.
            waiting: Any = connection.execute("SELECT memory FROM unembedded LIMIT ?", (MOST_CHANGES,))
            changed.update(number for (number,) in waiting)
        return changed

    def _refresh(self, connection: apsw.Connection, changed: set[int]) -> None:
        rows: Any = connection.execute(
            "SELECT m.number, m.namespace FROM json_each(?) j CROSS JOIN memory m ON m.number = j.value",
            (json.dumps(sorted(changed)),),
        )
        home = dict(rows)
        held: list[Shelf | Gists] = [*self._shelves.values(), *self._gists.values()]
        for one in held:
            mine = [number for number in sorted(changed) if home.get(number) == one.namespace or one.has(number)]
            if mine:
                one.refresh(connection, mine)

    def _forget_all(self, connection: apsw.Connection) -> None:
        self._shelves.clear()
        self._gists.clear()
        in_use = active(connection)
        self._side = None if in_use is None else in_use.side
