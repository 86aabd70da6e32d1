"""The words of a query, and in which part of the full-text index they are looked for. Knows no record and no vector."""

from __future__ import annotations

import re

import apsw

from actors.text.stopwords import STOPWORDS

__all__ = ["scope_of", "words_of"]

WORDS = 64
"""Most words of a query that are looked for."""

WORD = re.compile(r"[^\W_]+")


def words_of(query: str) -> list[str]:
    """The query's words without those that carry no topic, unless it has no others. Everything but words is left out."""
    words = list(dict.fromkeys(WORD.findall(query.lower())))
    return ([word for word in words if word not in STOPWORDS] or words)[:WORDS]


def scope_of(connection: apsw.Connection, namespace: int) -> str:
    """The part of FTS5's expression that keeps to one namespace. Where there is only one, it would slow the search in vain."""
    alone = connection.execute("SELECT count(*) FROM namespace").fetchone() == (1,)
    return "" if alone else f'scope : "n{namespace}" AND '
