"""The words of a shelf's records: which record has which, stemmed as in the full-text index. Knows no query and no score."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import Any

import apsw
import numpy as np
from numpy.typing import NDArray

from actors.memory.tail import TOKENIZER

__all__ = ["Words", "stems_of"]


def stems_of(connection: apsw.Connection, texts: Iterable[str]) -> list[list[str]]:
    """The stems of each text's words, in their order."""
    tokenize: Any = connection.fts5_tokenizer(*TOKENIZER)
    options = {"include_offsets": False, "include_colocated": False}
    return [tokenize(text.encode(), apsw.FTS5_TOKENIZE_DOCUMENT, None, **options) for text in texts]


class Words:
    """An inverted index that grows at its end."""

    def __init__(self) -> None:
        self._rows: dict[str, array[int]] = {}
        self._count = 0

    @property
    def nbytes(self) -> int:
        """About how much memory it takes."""
        return 4 * self._count + 250 * len(self._rows)

    def extend(self, first: int, stems: Sequence[Sequence[str]]) -> None:
        """Add the words of the rows from `first` on."""
        for row, of_row in enumerate(stems, first):
            different = set(of_row)
            self._count += len(different)
            for stem in different:
                self._rows.setdefault(stem, array("i")).append(row)

    def drop(self, row: int) -> None:
        """Let go of all that was known of a row: its record was forgotten."""
        for stem in [stem for stem, rows in self._rows.items() if row in rows]:
            self._rows[stem].remove(row)
            self._count -= 1
            if not self._rows[stem]:
                del self._rows[stem]

    def present(self, stems: Sequence[str], rows: int) -> NDArray[np.bool_]:
        """`[rows, stems]`: which of the first `rows` rows has which."""
        found = np.zeros((rows, len(stems)), bool)
        for place, stem in enumerate(stems):
            known = self._rows.get(stem)
            if known:
                found[np.array(known), place] = True
        return found
