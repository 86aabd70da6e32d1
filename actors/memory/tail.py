"""The tail: records that are on disk but not yet in the full-text index, and the words that they have.

Indexing a record costs several times what writing it does, and less the more are indexed at once. So it follows a moment later,
in transactions of its own (`index_more`), and whoever searches looks through the tail besides. A tail is held by the reader's
thread alone; what it knows is checked against the snapshot that is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Final

import apsw

__all__ = ["Tail", "index_more"]

TOKENIZER: Final = ("porter", ["unicode61"])
"""As in the index's own declaration."""

MOST: Final = 8192
"""Records that are looked through at most, oldest first: indexing keeps the tail far shorter."""


def index_more(connection: apsw.Connection, limit: int) -> int:
    """Take up to `limit` records of the tail into the index, and their marks, oldest first; returns how many.

    `CROSS JOIN` has SQLite begin with `indexed`: it would rather go through all records that there are.
    """
    row: Any = connection.execute(
        "SELECT count(*), max(number) FROM (SELECT m.number FROM indexed CROSS JOIN memory m WHERE m.number > indexed.number "
        "ORDER BY m.number LIMIT ?)",
        (limit,),
    ).fetchone()
    count: int = row[0]
    if count:
        connection.execute(
            "INSERT INTO search (rowid, scope, text) SELECT p.number, p.scope, p.text FROM indexed CROSS JOIN passage p "
            "WHERE p.number > indexed.number AND p.number <= ? ORDER BY p.number",
            (row[1],),
        )
        connection.execute(
            "INSERT INTO mark SELECT mark, number FROM ("
            "SELECT substr(m.chain, 1, 8) AS mark, m.number FROM indexed CROSS JOIN memory m "
            "WHERE m.number > indexed.number AND m.number <= ?1 AND m.chain IS NOT NULL UNION "
            "SELECT substr(m.fingerprint, 1, 8), m.number FROM indexed CROSS JOIN memory m "
            "WHERE m.number > indexed.number AND m.number <= ?1 AND m.fingerprint IS NOT NULL) ORDER BY mark, number",
            (row[1],),
        )
        connection.execute("UPDATE indexed SET number = ?", (row[1],))
    return count


@dataclass(slots=True)
class Unindexed:
    """A record of the tail."""

    namespace: int
    stems: frozenset[str]


class Tail:
    """The tail as one reader knows it."""

    def __init__(self) -> None:
        self.records: dict[int, Unindexed] = {}
        """By number, in order."""

        self._postings: dict[str, set[int]] = {}
        self._begins = 0
        self._epoch = -1
        self._tokenizer: tuple[apsw.Connection, apsw.FTS5Tokenizer] | None = None

    def refresh(self, connection: apsw.Connection) -> None:
        """Bring it up to the snapshot that `connection` reads."""
        state: Any = connection.execute("SELECT number, epoch FROM indexed").fetchone()
        self._begins, epoch = state
        done = self._begins
        if epoch != self._epoch:
            self.records.clear()
            self._postings.clear()
            self._epoch = epoch
        for number in list(takewhile(lambda number: number <= done, self.records)):
            self._drop(number)

        newest = next(reversed(self.records), done)
        rows: Any = connection.execute(
            "SELECT number, namespace, iif(speaker IS NULL, text, speaker || ': ' || text) FROM memory WHERE number > ? "
            "ORDER BY number LIMIT ?",
            (newest, MOST - len(self.records)),
        )
        for number, namespace, text in rows:
            self._add(number, namespace, self.stems(connection, text))

    @property
    def begins(self) -> int:
        """The number of the last record that is in the index."""
        return self._begins

    def having(self, namespace: int, stems: Sequence[str]) -> set[int]:
        """The namespace's records that have all of a word's stems: a word is several where the index parts it."""
        if not stems:
            return set()
        numbers = set.intersection(*(self._postings.get(stem, set()) for stem in stems))
        return {number for number in numbers if self.records[number].namespace == namespace}

    def stems(self, connection: apsw.Connection, text: str) -> list[str]:
        """The text's tokens as the index has them."""
        if self._tokenizer is None or self._tokenizer[0] is not connection:
            self._tokenizer = connection, connection.fts5_tokenizer(*TOKENIZER)
        tokenize: Any = self._tokenizer[1]
        stems: list[str] = tokenize(
            text.encode(), apsw.FTS5_TOKENIZE_DOCUMENT, None, include_offsets=False, include_colocated=False
        )
        return stems

    def _add(self, number: int, namespace: int, stems: Sequence[str]) -> None:
        different = frozenset(stems)
        self.records[number] = Unindexed(namespace, different)
        for stem in different:
            self._postings.setdefault(stem, set()).add(number)

    def _drop(self, number: int) -> None:
        record = self.records.pop(number)
        for stem in record.stems:
            numbers = self._postings[stem]
            numbers.discard(number)
            if not numbers:
                del self._postings[stem]
