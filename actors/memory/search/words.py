"""The words of a namespace's records: which record has which, as the full-text index and its tail know it.

What the index says of a word is asked for when the word is first looked for, and from then on only what was indexed since. It
knows no query and no score, and lives in the reader's thread.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import apsw
import numpy as np
from numpy.typing import NDArray

from actors.memory.search.shelf import Shelf
from actors.memory.tail import Tail

__all__ = ["Words"]

IN_INDEX = "SELECT group_concat(rowid) FROM search WHERE search MATCH ? AND rowid > ?"
"""As one text, whose numbers numpy reads: a row of Python for each takes nearly three times as long."""

MOST_WORDS = 4096
MOST_ROWS = 2_000_000
"""How many rows are held for all words together: 8 MB."""


@dataclass(slots=True)
class _Known:
    rows: NDArray[np.int32]
    through: int
    """The number of the last record that was in the index then."""


class Words:
    """An index of the words that were looked for.

    Args:
        shelf: whose rows are meant.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._count = 0

    @property
    def nbytes(self) -> int:
        """About how much memory it takes."""
        return 4 * self._count + 300 * len(self._known)

    def clear(self) -> None:
        """Forget all of it: texts have changed."""
        self._known.clear()
        self._count = 0

    def rows(self, connection: apsw.Connection, tail: Tail, word: str, scope: str) -> NDArray[np.int32]:
        """The rows that have a word in any of its forms, each once.

        Args:
            connection: to read from.
            tail: what the index has not yet, as of the same snapshot.
            word: letters and digits.
            scope: the part of an expression that keeps to the namespace, see `lexical.scope_of`.
        """
        known = self._known.get(word)
        if known is None:
            known = self._known[word] = _Known(np.empty(0, np.int32), 0)
        self._known.move_to_end(word)
        if known.through < tail.begins:
            found: Any = connection.execute(IN_INDEX, (f'{scope}text : "{word}"', known.through)).fetchone()
            known.through = tail.begins
            if found[0] is not None:
                more = self._shelf.rows(np.fromstring(found[0], np.int64, sep=","))
                known.rows = np.concatenate((known.rows, more[more >= 0].astype(np.int32)))
                self._count += len(more)
                self._make_room()
        fresh = tail.having(self._shelf.namespace, tail.stems(connection, word)) if tail.records else ()
        if not fresh:
            return known.rows
        rows = self._shelf.rows(sorted(fresh))
        return np.concatenate((known.rows, rows[rows >= 0].astype(np.int32)))

    def _make_room(self) -> None:
        while len(self._known) > 1 and (self._count > MOST_ROWS or len(self._known) > MOST_WORDS):
            _, known = self._known.popitem(last=False)
            self._count -= len(known.rows)
