"""Quirks: what is known of how models behave, learnt once and kept in thinking.db."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from fnmatch import fnmatchcase
from typing import Any, Final

import apsw
from loguru import logger

from actors.database import Database
from actors.thinking.openings import Begins
from transport.errors import LatticeError

__all__ = ["Quirks"]

MOST_LEARNT: Final = 256
PLAIN_AFTER: Final = 3
"""So many whole answers without a trace of reasoning from the prompt show that a model has none."""


class Quirks:
    """How models begin their answers.

    Args:
        patterns: models that begin in the middle of reasoning.
        database: thinking.db, with the table `begins_in_reasoning`.
        spawn: runs a write beside whatever goes on.
    """

    def __init__(
        self, patterns: tuple[str, ...], database: Database, spawn: Callable[[Coroutine[Any, Any, None]], object]
    ) -> None:
        self.patterns = tuple(pattern.casefold() for pattern in patterns)
        self.database = database
        self.spawn = spawn
        self.learnt: dict[str, None] = {}
        self.plain: dict[str, int] = {}

    async def open(self) -> None:
        """Take over what was learnt before."""
        self.learnt = dict.fromkeys(await self.database.read(known))

    def begins(self, model: str | None) -> Begins:
        """How an answer of this model begins."""
        name = (model or "").casefold()
        if name in self.learnt or any(fnmatchcase(name, pattern) for pattern in self.patterns):
            return "in_reasoning"

        return "plainly" if self.plain.get(name, 0) >= PLAIN_AFTER else "unknown"

    def learn(self, *models: str | None) -> None:
        """They began in the middle of reasoning."""
        new = [name for name in {(model or "").casefold() for model in models} if name not in self.learnt]
        for name in new:
            self.learnt[name] = None
        while len(self.learnt) > MOST_LEARNT:
            del self.learnt[next(iter(self.learnt))]
        if new:
            self.spawn(self.keep(new))

    def began_plainly(self, *models: str | None) -> None:
        """A whole answer of theirs showed no reasoning from the prompt."""
        for name in {(model or "").casefold() for model in models}:
            self.plain[name] = self.plain.pop(name, 0) + 1
        while len(self.plain) > MOST_LEARNT:
            del self.plain[next(iter(self.plain))]

    async def keep(self, names: list[str]) -> None:
        """Write down what was learnt. A disk that takes nothing costs the next start a lesson, and this one nothing."""
        try:
            await self.database.write(add, names)
        except LatticeError as error:
            logger.warning("what was learnt of a model is not kept", reason=error.message)


def known(connection: apsw.Connection) -> list[str]:
    """The models that begin in the middle of reasoning, as they were learnt."""
    rows = connection.execute("SELECT model FROM begins_in_reasoning ORDER BY place")
    return [str(model) for (model,) in rows]


def add(connection: apsw.Connection, names: list[str]) -> None:
    """Add some, and drop the oldest beyond what is kept."""
    connection.executemany("INSERT OR IGNORE INTO begins_in_reasoning (model) VALUES (?)", [(name,) for name in names])
    connection.execute(
        """DELETE FROM begins_in_reasoning
           WHERE place <= (SELECT place FROM begins_in_reasoning ORDER BY place DESC LIMIT 1 OFFSET ?)""",
        (MOST_LEARNT,),
    )
