"""llm.db: what was used, by day, namespace, endpoint and model; what the background may spend; endpoints that were changed.

What was spent stays spent when a namespace is forgotten: its figures are added to those of `FORGOTTEN`, and its name goes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import apsw

from actors.idempotency import KEYS, Once, made_before, only_once
from actors.llm.messages import GetUsage, UsageRow
from actors.memory.messages import namespace_digest
from actors.sqlite.database import Database

MIGRATIONS = (
    """
    CREATE TABLE usage (
        day TEXT NOT NULL, namespace TEXT NOT NULL, endpoint TEXT NOT NULL, model TEXT NOT NULL,
        calls INTEGER NOT NULL, prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, cost REAL NOT NULL,
        PRIMARY KEY (day, namespace, endpoint, model)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE endpoints (
        name TEXT PRIMARY KEY,
        settings TEXT -- NULL: removed, also where lattice.toml has it
    ) STRICT, WITHOUT ROWID;
    """,
    """
    CREATE TABLE drained (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
    """,
    KEYS,
    """
    -- How far memory's feed was followed, for namespaces that are forgotten.
    CREATE TABLE followed (one INTEGER PRIMARY KEY CHECK (one = 1), cursor INTEGER NOT NULL) STRICT;
    """,
    """
    -- What the background may still spend, in tokens; and when that was (seconds since 1970, UTC).
    CREATE TABLE bucket (one INTEGER PRIMARY KEY CHECK (one = 1), held REAL NOT NULL, time REAL NOT NULL) STRICT;
    """,
    """
    -- In which memory the cursor lies. Empty: nobody knows.
    ALTER TABLE followed ADD COLUMN timeline TEXT NOT NULL DEFAULT '';
    """,
)

FORGOTTEN: Final = "(forgotten)"
"""Stands in the accounts for all namespaces that were forgotten."""

PROBES: Final = "(probes)"
"""Stands in the accounts for calls that nobody asked for: they find out whether an endpoint answers."""

NEVER: Final = float("-inf")
MOST_FORGOTTEN: Final = 10_000
"""Namespaces that are kept in mind for calls which were under way when they were forgotten."""


@dataclass(frozen=True, slots=True)
class Used:
    """What one call upstream used."""

    day: str
    namespace: str
    endpoint: str
    model: str
    prompt_tokens: int
    completion_tokens: int
    cost: float
    since: float = float("inf")
    """When its request came, in the actor's time."""


class Ledger:
    """The database of the llm actor.

    Args:
        path: of llm.db.
    """

    def __init__(self, path: Path) -> None:
        self.database = Database(path, MIGRATIONS)
        self.forgotten: OrderedDict[str, float] = OrderedDict()
        """Digests of the names of namespaces that were forgotten, and when that was heard, in the actor's time."""

    async def open(self) -> None:
        """Open it."""
        await self.database.open()

    async def close(self) -> None:
        """Close it, with all that was counted on disk."""
        await self.database.close()

    async def record(self, used: Used) -> None:
        """Count a call; under no name, where its namespace was forgotten while it was under way."""
        if self.forgotten and used.since <= self.forgotten.get(namespace_digest(used.namespace), NEVER):
            used = replace(used, namespace=FORGOTTEN)

        await self.database.write(record, used)

    async def spent(self, day: str) -> dict[str, tuple[int, float]]:
        """Tokens and money of a day, by endpoint."""
        return await self.database.read(spent, day)

    async def usage(self, asked: GetUsage, since: str) -> tuple[UsageRow, ...]:
        """Rows from that day on, the latest first."""
        return await self.database.read(usage, asked.namespace, since, asked.limit)

    async def followed(self) -> tuple[int, str] | None:
        """How far memory's feed was followed, and in which memory; None: it never was."""
        return await self.database.read(followed)

    async def follow(self, cursor: int, timeline: str, forgotten: Collection[str] = (), *, now: float = NEVER) -> None:
        """Move the cursor, and forget the names of namespaces, by their digests: they are in no file any more then.

        Nor do they come back with calls that are under way `now`, in the actor's time.
        """
        self.forgotten.update(dict.fromkeys(forgotten, now))
        while len(self.forgotten) > MOST_FORGOTTEN:
            self.forgotten.popitem(last=False)

        await self.database.write(follow, cursor, timeline, forgotten)
        if forgotten:
            await self.database.checkpoint()

    async def held(self) -> tuple[float, float] | None:
        """What the background might still spend, and when that was; None: it never spent anything."""
        return await self.database.read(held)

    async def hold(self, tokens: float, at: float) -> None:
        """Keep what the background may still spend."""
        await self.database.write(hold, tokens, at)

    async def changed(self) -> dict[str, str | None]:
        """The settings of endpoints that were added or changed, as JSON; None for those that were removed."""
        return await self.database.read(changed)

    async def made_before(self, once: Once | None) -> bool:
        """Whether a call has had its effect before.

        Raises:
            KeyReused: its key came with another message.
        """
        return await self.database.read(made_before, once)

    async def change(self, name: str, settings: str | None, once: Once | None = None) -> bool:
        """Keep an endpoint, or that it was removed. Either way it is no longer drained. False: that call was made before.

        Raises:
            KeyReused: its key came with another message.
        """
        return await self.database.write(
            lambda connection: only_once(connection, once, lambda: change(connection, name, settings))
        )

    async def drained(self) -> frozenset[str]:
        """Endpoints that are to have no further calls."""
        return await self.database.read(drained)

    async def drain(self, name: str, once: Once | None = None) -> bool:
        """Keep that an endpoint is drained. False: that call was made before.

        Raises:
            KeyReused: its key came with another message.
        """
        return await self.database.write(lambda connection: only_once(connection, once, lambda: drain(connection, name)))


def record(connection: apsw.Connection, used: Used) -> None:
    """Count a call."""
    connection.execute(
        """INSERT INTO usage VALUES (?, ?, ?, ?, 1, ?, ?, ?)
           ON CONFLICT DO UPDATE SET calls = calls + 1, prompt_tokens = prompt_tokens + excluded.prompt_tokens,
           completion_tokens = completion_tokens + excluded.completion_tokens, cost = cost + excluded.cost""",
        (used.day, used.namespace, used.endpoint, used.model, used.prompt_tokens, used.completion_tokens, used.cost),
    )


def spent(connection: apsw.Connection, day: str) -> dict[str, tuple[int, float]]:
    """Tokens and money of a day, by endpoint."""
    rows = connection.execute(
        "SELECT endpoint, sum(prompt_tokens + completion_tokens), sum(cost) FROM usage WHERE day = ? GROUP BY endpoint", (day,)
    )
    return {str(name): (int(tokens), float(cost)) for name, tokens, cost in rows}


def usage(connection: apsw.Connection, namespace: str | None, since: str, limit: int) -> tuple[UsageRow, ...]:
    """Rows, the latest day first."""
    rows = connection.execute(
        """SELECT day, namespace, endpoint, model, calls, prompt_tokens, completion_tokens, cost FROM usage
           WHERE day >= ?1 AND (?2 IS NULL OR namespace = ?2) ORDER BY day DESC, namespace, endpoint, model LIMIT ?3""",
        (since, namespace, limit),
    )
    return tuple(
        UsageRow(
            day=d, namespace=n, endpoint=e, model=m, calls=c, prompt_tokens=p, completion_tokens=t, cost=round(float(cost), 9)
        )
        for d, n, e, m, c, p, t, cost in rows
    )


def followed(connection: apsw.Connection) -> tuple[int, str] | None:
    """The cursor and its timeline."""
    row = connection.execute("SELECT cursor, timeline FROM followed").fetchone()
    return None if row is None else (int(row[0]), str(row[1]))


def follow(connection: apsw.Connection, cursor: int, timeline: str, forgotten: Collection[str]) -> None:
    """Keep the cursor, and what follows from the changes before it."""
    connection.execute(
        "INSERT INTO followed VALUES (1, ?, ?)"
        " ON CONFLICT DO UPDATE SET cursor = excluded.cursor, timeline = excluded.timeline",
        (cursor, timeline),
    )
    names = connection.execute("SELECT DISTINCT namespace FROM usage").fetchall() if forgotten else []
    for (name,) in names:
        if namespace_digest(str(name)) in forgotten:
            connection.execute(
                """INSERT INTO usage SELECT day, ?1, endpoint, model, calls, prompt_tokens, completion_tokens, cost
                   FROM usage WHERE namespace = ?2
                   ON CONFLICT DO UPDATE SET calls = calls + excluded.calls, cost = cost + excluded.cost,
                   prompt_tokens = prompt_tokens + excluded.prompt_tokens,
                   completion_tokens = completion_tokens + excluded.completion_tokens""",
                (FORGOTTEN, name),
            )
            connection.execute("DELETE FROM usage WHERE namespace = ?", (name,))


def held(connection: apsw.Connection) -> tuple[float, float] | None:
    """What the background might still spend, and when that was."""
    row = connection.execute("SELECT held, time FROM bucket").fetchone()
    return None if row is None else (float(row[0]), float(row[1]))


def hold(connection: apsw.Connection, tokens: float, at: float) -> None:
    """Keep what the background may still spend."""
    connection.execute(
        "INSERT INTO bucket VALUES (1, ?, ?) ON CONFLICT DO UPDATE SET held = excluded.held, time = excluded.time",
        (tokens, at),
    )


def changed(connection: apsw.Connection) -> dict[str, str | None]:
    """All changes of endpoints."""
    return {str(name): settings for name, settings in connection.execute("SELECT name, settings FROM endpoints")}


def change(connection: apsw.Connection, name: str, settings: str | None) -> None:
    """Keep one change of an endpoint."""
    connection.execute(
        "INSERT INTO endpoints VALUES (?, ?) ON CONFLICT DO UPDATE SET settings = excluded.settings", (name, settings)
    )
    connection.execute("DELETE FROM drained WHERE name = ?", (name,))


def drained(connection: apsw.Connection) -> frozenset[str]:
    """The names of all that are drained."""
    return frozenset(str(name) for (name,) in connection.execute("SELECT name FROM drained"))


def drain(connection: apsw.Connection, name: str) -> None:
    """Keep that an endpoint is drained."""
    connection.execute("INSERT OR IGNORE INTO drained VALUES (?)", (name,))
