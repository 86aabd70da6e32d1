"""Quirks: what is known of how models behave, learnt once and kept in thinking.db."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Final

import apsw

from actors.sqlite.database import Database
from actors.thinking.openings import Begins

__all__ = ["Quirks"]

IN_REASONING: Final = "begins_in_reasoning"
PLAINLY: Final = "begins_plainly"
MOST_LEARNT: Final = 256
PLAIN_AFTER: Final = 3
"""So many whole answers without a trace of reasoning show that a model does not begin in the middle of it."""


class Quirks:
    """How models begin their answers.

    Args:
        patterns: models that begin in the middle of reasoning.
        hold: hold back the streams of a model that nothing is known of as if it did.
        database: thinking.db, with the tables `begins_in_reasoning` and `begins_plainly`.
    """

    def __init__(
        self,
        patterns: tuple[str, ...],
        database: Database,
        *,
        hold: bool = False,
    ) -> None:
        self.patterns = tuple(pattern.casefold() for pattern in patterns)
        self.hold = hold
        self.database = database
        self.learnt: dict[str, None] = {}
        self.plain: dict[str, int] = {}

    async def open(self) -> None:
        """Take over what was learnt before."""
        self.learnt = dict.fromkeys(await self.database.read(known, IN_REASONING))
        self.plain = dict.fromkeys(await self.database.read(known, PLAINLY), PLAIN_AFTER)

    def begins(self, model: str | None) -> Begins:
        """How an answer of this model begins."""
        name = (model or "").casefold()
        if name in self.learnt or any(fnmatchcase(name, pattern) for pattern in self.patterns):
            return "in_reasoning"

        if self.plain.get(name, 0) >= PLAIN_AFTER:
            return "plainly"

        return "in_reasoning" if self.hold else "unknown"

    def learn(self, *models: str | None) -> None:
        """They began in the middle of reasoning."""
        new = [name for name in {(model or "").casefold() for model in models} if name not in self.learnt]
        for name in new:
            self.learnt[name] = None
        while len(self.learnt) > MOST_LEARNT:
            del self.learnt[next(iter(self.learnt))]
        if new:
            self.keep(IN_REASONING, new)

    def began_plainly(self, *models: str | None) -> None:
        """A whole answer of theirs showed no reasoning from the prompt."""
        new = []
        for name in {(model or "").casefold() for model in models}:
            self.plain[name] = self.plain.pop(name, 0) + 1
            if self.plain[name] == PLAIN_AFTER:
                new.append(name)
        while len(self.plain) > MOST_LEARNT:
            del self.plain[next(iter(self.plain))]
        if new:
            self.keep(PLAINLY, new)

    def keep(self, table: str, names: list[str]) -> None:
        """Write down what was learnt. A disk that takes nothing costs the next start a lesson, and this one nothing."""
        self.database.write_later(add, table, names)


def known(connection: apsw.Connection, table: str) -> list[str]:
    """The models that stand in one of the two tables, as they were learnt."""
    rows = connection.execute(f"SELECT model FROM {table} ORDER BY place")  # noqa: S608 (one of two constants)
    return [str(model) for (model,) in rows]


def add(connection: apsw.Connection, table: str, names: list[str]) -> None:
    """Add some, and drop the oldest beyond what is kept."""
    connection.executemany(f"INSERT OR IGNORE INTO {table} (model) VALUES (?)", [(name,) for name in names])  # noqa: S608
    connection.execute(
        f"""DELETE FROM {table}
            WHERE place <= (SELECT place FROM {table} ORDER BY place DESC LIMIT 1 OFFSET ?)""",  # noqa: S608
        (MOST_LEARNT,),
    )
