"""The tail: records that are on disk but not yet in the full-text index, and how well a query's words fit them.

Indexing a record costs several times what writing it does, and less the more are indexed at once. So it follows a moment later,
in transactions of its own (`index_more`), and whoever searches looks through the tail besides. A tail is held by the reader's
thread alone; what it knows is checked against the snapshot that is read.
"""

from __future__ import annotations

import math
from collections import Counter
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

K1: Final = 1.2
B: Final = 0.75
LEAST_IDF: Final = 1e-6
"""BM25's constants in FTS5's bm25(), so that a score means the same on both sides."""


def index_more(connection: apsw.Connection, limit: int) -> int:
    """Take up to `limit` records of the tail into the index, and their marks, oldest first; returns how many."""
    row: Any = connection.execute(
        "SELECT count(*), max(number) FROM (SELECT m.number FROM indexed, memory m WHERE m.number > indexed.number "
        "ORDER BY m.number LIMIT ?)",
        (limit,),
    ).fetchone()
    count: int = row[0]
    if count:
        connection.execute(
            "INSERT INTO search (rowid, scope, text) SELECT p.number, p.scope, p.text FROM indexed, passage p "
            "WHERE p.number > indexed.number AND p.number <= ? ORDER BY p.number",
            (row[1],),
        )
        connection.execute(
            "INSERT INTO mark SELECT mark, number FROM ("
            "SELECT substr(m.chain, 1, 8) AS mark, m.number FROM indexed, memory m "
            "WHERE m.number > indexed.number AND m.number <= ?1 AND m.chain IS NOT NULL UNION "
            "SELECT substr(m.fingerprint, 1, 8), m.number FROM indexed, memory m "
            "WHERE m.number > indexed.number AND m.number <= ?1 AND m.fingerprint IS NOT NULL) ORDER BY mark, number",
            (row[1],),
        )
        connection.execute("UPDATE indexed SET number = ?", (row[1],))
    return count


@dataclass(slots=True)
class Unindexed:
    """A record of the tail."""

    namespace: int
    terms: Counter[str]
    length: int
    """In tokens, its scope counted as FTS5 does."""


class Tail:
    """The tail as one reader knows it."""

    def __init__(self) -> None:
        self.records: dict[int, Unindexed] = {}
        """By number, in order."""

        self._postings: dict[str, set[int]] = {}
        self._tokens = 0
        self._epoch = -1
        self._tokenizer: tuple[apsw.Connection, apsw.FTS5Tokenizer] | None = None

    def refresh(self, connection: apsw.Connection) -> None:
        """Bring it up to the snapshot that `connection` reads."""
        state: Any = connection.execute("SELECT number, epoch FROM indexed").fetchone()
        done, epoch = state
        if epoch != self._epoch:
            self.records.clear()
            self._postings.clear()
            self._tokens = 0
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

    def hits(self, connection: apsw.Connection, namespace: int, words: Sequence[str]) -> dict[int, float]:
        """BM25 of the namespace's records that have one of the words; higher is better, as `-bm25(search, 0.0, 1.0)` is."""
        phrases = [stems for word in words if (stems := self.stems(connection, word))]
        found = {stem: self._postings[stem] for stems in phrases for stem in stems if stem in self._postings}
        if not found:
            return {}

        rows, tokens = totals(connection)
        rows += len(self.records)
        average = (tokens + self._tokens) / rows
        scores: dict[int, float] = {}
        for stems in phrases:
            fitting = self._having(namespace, stems)
            if not fitting:
                continue
            idf = idf_of(rows, min(self._frequency(connection, stem) for stem in stems))
            for number in fitting:
                record = self.records[number]
                tf = min(record.terms[stem] for stem in stems)
                length = K1 * (1 - B + B * record.length / average)
                scores[number] = scores.get(number, 0.0) + idf * tf * (K1 + 1) / (tf + length)
        return scores

    def stems(self, connection: apsw.Connection, text: str) -> list[str]:
        """The text's tokens as the index has them."""
        if self._tokenizer is None or self._tokenizer[0] is not connection:
            self._tokenizer = connection, connection.fts5_tokenizer(*TOKENIZER)
        tokenize: Any = self._tokenizer[1]
        stems: list[str] = tokenize(
            text.encode(), apsw.FTS5_TOKENIZE_DOCUMENT, None, include_offsets=False, include_colocated=False
        )
        return stems

    def _having(self, namespace: int, stems: Sequence[str]) -> set[int]:
        """Records that have all of a word's stems: a word is several where the index parts it."""
        numbers = set.intersection(*(self._postings.get(stem, set()) for stem in stems))
        return {number for number in numbers if self.records[number].namespace == namespace}

    def _frequency(self, connection: apsw.Connection, stem: str) -> int:
        row = connection.execute("SELECT doc FROM vocabulary WHERE term = ?", (stem,)).fetchone()
        return (row[0] if row else 0) + len(self._postings.get(stem, ()))

    def _add(self, number: int, namespace: int, stems: Sequence[str]) -> None:
        terms = Counter(stems)
        self.records[number] = Unindexed(namespace, terms, len(stems) + 1)
        self._tokens += len(stems) + 1
        for stem in terms:
            self._postings.setdefault(stem, set()).add(number)

    def _drop(self, number: int) -> None:
        record = self.records.pop(number)
        self._tokens -= record.length
        for stem in record.terms:
            numbers = self._postings[stem]
            numbers.discard(number)
            if not numbers:
                del self._postings[stem]


def idf_of(rows: int, having: int) -> float:
    """Inverse document frequency as FTS5's bm25() has it."""
    idf = math.log((rows - having + 0.5) / (having + 0.5)) if rows > having else 0.0
    return max(idf, LEAST_IDF)


def totals(connection: apsw.Connection) -> tuple[int, int]:
    """How many rows and tokens the index has: from the record in which FTS5 keeps them, a number for each column."""
    row: Any = connection.execute("SELECT block FROM search_data WHERE id = 1").fetchone()
    numbers = varints(row[0]) if row else []
    return (numbers[0], sum(numbers[1:])) if numbers else (0, 0)


def varints(block: bytes) -> list[int]:
    """SQLite's variable-length integers: seven bits a byte, the high bit set where more follow."""
    numbers, value = [], 0
    for byte in block:
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            numbers.append(value)
            value = 0
    return numbers
