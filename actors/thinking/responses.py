"""Responses: answers that a client may go on from by their id alone, kept in thinking.db within bounds.

Each holds what was new in its request, and the answer; a talk is the chain of what follows what, from its root. Talks go whole,
the one that was used longest ago first, so that a long one does not lose its beginning.

What memory forgets goes here too: the response that left a forgotten record behind, and all that came after it in its talk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

import apsw
from loguru import logger
from pydantic import TypeAdapter
from pydantic_core import to_json

from actors.clock import Clock
from actors.llm.messages import ChatMessage
from actors.memory.messages import namespace_digest
from actors.sqlite.database import Database
from actors.thinking.messages import KeptResponse, Saying, Think, Thought
from actors.thinking.settings import ThinkingSettings
from transport.errors import Invalid, LatticeError, NotFound

__all__ = ["SCHEMA", "Responses", "forget", "told_again"]

SCHEMA: Final = """
    CREATE TABLE responses (
        id TEXT PRIMARY KEY,
        namespace TEXT NOT NULL,
        session TEXT,
        root TEXT NOT NULL,
        previous TEXT,
        time REAL NOT NULL,
        bytes INTEGER NOT NULL,
        thought TEXT NOT NULL,
        asked TEXT NOT NULL,
        turns TEXT NOT NULL
    ) STRICT;
    CREATE INDEX responses_by_root ON responses (root, time, bytes);
    CREATE INDEX responses_by_talk ON responses (namespace, session, time);
    CREATE TABLE response_roots (root TEXT PRIMARY KEY, used REAL NOT NULL) STRICT, WITHOUT ROWID;
    CREATE INDEX response_roots_by_use ON response_roots (used);
    CREATE TABLE response_sources (
        namespace TEXT NOT NULL,
        memory TEXT NOT NULL,
        response TEXT NOT NULL REFERENCES responses (id) ON DELETE CASCADE,
        PRIMARY KEY (namespace, memory, response)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX response_sources_by_response ON response_sources (response);
"""
"""`bytes` of the three texts behind it; `root` is the id of the talk's first response; `used` by which the oldest talk goes."""

MOST: Final = 4095
"""Responses in a chain: a talk may have no more turns."""

LARGEST: Final = 15 << 20
"""Bytes that a talk's texts may take together: as much as a request's body."""

SWEEP_EVERY: Final = 64
"""Responses between two sweeps of what is too old or too much, unless a sixteenth of what may be kept came sooner."""

SWEEP_S: Final = 3600.0
"""Between two sweeps where fewer come, in seconds: what is too old goes then too."""

TURNS: Final = TypeAdapter(tuple[ChatMessage, ...])

WITH_CHAIN: Final = """
    WITH RECURSIVE chain (id, previous, bytes, depth) AS (
        SELECT id, previous, bytes, 0 FROM responses WHERE id = ?1 AND namespace = ?2
        UNION ALL
        SELECT r.id, r.previous, r.bytes, c.depth + 1 FROM chain c JOIN responses r ON r.id = c.previous AND r.namespace = ?2
        WHERE c.depth < ?3
    )
"""
SIZE: Final = f"{WITH_CHAIN} SELECT sum(bytes) FROM chain"  # noqa: S608 (nothing but the text above)
WHOLE: Final = f"""
    {WITH_CHAIN} SELECT thought, asked, turns, r.previous FROM chain JOIN responses r USING (id) ORDER BY depth DESC
"""  # noqa: S608 (nothing but the text above)

LOST: Final = """
    SELECT response FROM response_sources WHERE namespace = ?1 AND memory = ?2
    UNION
    SELECT later.id FROM response_sources s JOIN responses r ON r.id = s.response
    JOIN responses later ON later.namespace = ?1 AND later.time >= r.time
        AND (later.root = r.root OR later.session = r.session)
    WHERE s.namespace = ?1 AND s.memory = ?2
    UNION
    SELECT later.id FROM sources s JOIN thoughts t ON t.id = s.thought
    JOIN responses later ON later.namespace = ?1 AND later.session = t.session AND later.time >= t.time
    WHERE s.namespace = ?1 AND s.memory = ?2 AND s.behind = 1
"""
"""Responses that left a record behind, and those that came after it in its chain or its talk: a client may have sent it along
with them. Where the record came in by another dialect, its thought tells the talk."""


class Responses:
    """The responses of thinking.db."""

    def __init__(self, database: Database, settings: ThinkingSettings, clock: Clock) -> None:
        self.database = database
        self.settings = settings
        self.clock = clock
        self.since_sweep = 0
        self.bytes_since = 0
        self.sweep_is_due = asyncio.Event()

    async def keep(self, thought: Thought, message: Think, sources: Iterable[str]) -> bool:
        """Keep an answer; whether it is on disk. A disk that is full costs that, never the answer.

        Args:
            thought: the answer.
            message: what asked for it.
            sources: ids of the records that it left behind.
        """
        keep = message.keep
        if keep is None or not self.settings.kept_responses:
            return False

        texts = (
            thought.model_dump_json(),
            keep.asked,
            to_json(message.messages[len(message.messages) - keep.fresh :]).decode(),
        )
        try:
            kept = await self.database.write(
                insert,
                (thought.thought_id, message.namespace, thought.session, keep.previous, self.clock.now().timestamp(), texts),
                self.clock.steady().timestamp(),
                tuple(sources),
            )
        except LatticeError as error:
            logger.bind(code=error.code, reason=error.message).error("a response was not kept")
            return False

        self.since_sweep += 1
        self.bytes_since += sum(map(len, texts))
        if self.since_sweep >= SWEEP_EVERY or self.bytes_since >= self.settings.kept_responses_bytes // 16:
            self.sweep_is_due.set()
        return kept

    async def find(self, namespace: str, thought_id: str, *, talk: bool = False) -> tuple[KeptResponse, ...]:
        """A response, with all that it follows where the whole talk is asked for: the oldest first; empty where it is not kept.

        Raises:
            NotFound: what it follows is not kept any more.
            Invalid: the talk is larger than a request may be.
        """
        found = await self.database.read(select, namespace, thought_id, MOST if talk else 0, self.oldest())
        if talk and found and found[0].previous is not None:
            raise NotFound("what this response follows is not kept any more", detail={"field": "thought_id"})

        return found

    async def delete(self, namespace: str, thought_id: str) -> bool:
        """Delete a response for good; whether it was kept."""
        deleted = await self.database.write(delete, namespace, thought_id)
        # Also where it was not: an earlier request may have been given up before the log was emptied.
        await self.database.checkpoint()
        return deleted

    async def link(self, thought_id: str, session: str, sources: tuple[str, ...]) -> None:
        """Note what an answer left behind in memory, which was told of it late."""
        await self.database.write(link, thought_id, session, sources)

    async def sweep_on(self) -> None:
        """Sweep for ever, beside the answers: at first, after so many, and every hour."""
        while True:
            try:
                await self.sweep()
            except LatticeError as error:
                logger.bind(code=error.code, reason=error.message).error("responses that are too old or too many stay")
            with suppress(TimeoutError):
                await asyncio.wait_for(self.sweep_is_due.wait(), SWEEP_S)

    async def sweep(self) -> None:
        """Drop the talks that are too old or too many, and their bytes."""
        self.since_sweep = self.bytes_since = 0
        self.sweep_is_due.clear()
        settings = self.settings
        await self.database.write(sweep, self.oldest(), settings.kept_responses, settings.kept_responses_bytes)

    def oldest(self) -> float:
        """Before this moment a talk was used too long ago."""
        return (self.clock.steady() - timedelta(days=self.settings.kept_responses_days)).timestamp()


def told_again(thought: Thought, *, stream: bool) -> Iterator[Saying | Thought]:
    """A kept answer once more, for a call that is asked again since its process died before its last word was through."""
    for choice in thought.choices if stream else ():
        delta = dict(choice.message)
        if isinstance(calls := delta.get("tool_calls"), list):
            delta["tool_calls"] = [{"index": index, **call} for index, call in enumerate(calls) if isinstance(call, dict)]
        yield Saying(index=choice.index, delta=delta, thought_id=thought.thought_id, created=thought.created)

    yield thought.model_copy(update={"kept": True})


def insert(
    connection: apsw.Connection,
    row: tuple[str, str, str | None, str | None, float, tuple[str, str, str]],
    used: float,
    sources: tuple[str, ...],
) -> bool:
    name, namespace, session, previous, time, texts = row
    root = name
    if previous is not None:
        before = connection.execute(
            "SELECT root FROM responses WHERE id = ? AND namespace = ?", (previous, namespace)
        ).fetchone()
        if before is None:
            # It was forgotten meanwhile, and with it all that follows.
            return False
        root = str(before[0])

    size = sum(len(text.encode()) for text in texts)
    connection.execute(
        "INSERT OR REPLACE INTO responses (id, namespace, session, root, previous, time, bytes, thought, asked, turns)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (name, namespace, session, root, previous, time, size, *texts),
    )
    connection.execute(
        "INSERT INTO response_roots (root, used) VALUES (?, ?) ON CONFLICT (root) DO UPDATE SET used = excluded.used",
        (root, used),
    )
    add_sources(connection, namespace, name, sources)
    return True


def add_sources(connection: apsw.Connection, namespace: str, response: str, sources: tuple[str, ...]) -> None:
    connection.executemany(
        "INSERT OR IGNORE INTO response_sources (namespace, memory, response) VALUES (?, ?, ?)",
        [(namespace, memory, response) for memory in sources],
    )


def link(connection: apsw.Connection, thought: str, session: str, sources: tuple[str, ...]) -> None:
    row = connection.execute("SELECT namespace FROM responses WHERE id = ?", (thought,)).fetchone()
    if row is not None:
        connection.execute("UPDATE responses SET session = ? WHERE id = ?", (session, thought))
        add_sources(connection, str(row[0]), thought, sources)


def select(connection: apsw.Connection, namespace: str, thought_id: str, most: int, oldest: float) -> tuple[KeptResponse, ...]:
    fresh = connection.execute(
        "SELECT 1 FROM responses r JOIN response_roots t USING (root) WHERE r.id = ? AND t.used >= ?", (thought_id, oldest)
    )
    if fresh.fetchone() is None:
        return ()

    asked = (thought_id, namespace, most)
    ((size,),) = connection.execute(SIZE, asked).fetchall()
    if most and int(str(size or 0)) > LARGEST:
        raise Invalid(f"this talk has {size} bytes by now, and a request may have {LARGEST}")

    rows = connection.execute(WHOLE, asked)
    return tuple(
        KeptResponse(
            thought=Thought.model_validate_json(str(thought)),
            asked=str(given),
            turns=TURNS.validate_json(str(turns)),
            previous=previous,
        )
        for thought, given, turns, previous in rows
    )


def delete(connection: apsw.Connection, namespace: str, thought_id: str) -> bool:
    connection.execute("DELETE FROM responses WHERE id = ? AND namespace = ?", (thought_id, namespace))
    deleted = connection.changes() > 0
    drop_empty_roots(connection)
    return deleted


def forget(
    connection: apsw.Connection,
    lost: tuple[tuple[str, str], ...],
    ended: tuple[tuple[str, str], ...],
    namespaces: Mapping[str, datetime],
) -> int:
    """Delete what may hold these records, is of these talks, or was said in these namespaces before they were forgotten."""
    gone: set[str] = set()
    for namespace, memory in lost:
        gone.update(str(name) for (name,) in connection.execute(LOST, (namespace, memory)))
    for talk in ended:
        gone.update(
            str(name) for (name,) in connection.execute("SELECT id FROM responses WHERE namespace = ? AND session = ?", talk)
        )
    if namespaces:
        for (name,) in connection.execute("SELECT DISTINCT namespace FROM responses").fetchall():
            until = namespaces.get(namespace_digest(str(name)))
            if until is not None:
                rows = connection.execute(
                    "SELECT id FROM responses WHERE namespace = ? AND time <= ?", (name, until.timestamp())
                )
                gone.update(str(response) for (response,) in rows)

    connection.executemany("DELETE FROM responses WHERE id = ?", [(name,) for name in gone])
    if gone:
        drop_empty_roots(connection)
    return len(gone)


def sweep(connection: apsw.Connection, oldest: float, most: int, most_bytes: int) -> None:
    roots: list[tuple[Any, ...]] = connection.execute(
        "SELECT t.root, t.used, count(*), sum(r.bytes) FROM response_roots t JOIN responses r USING (root)"
        " GROUP BY t.root ORDER BY t.used DESC, t.root DESC"
    ).fetchall()
    responses = size = 0
    over: list[tuple[str]] = []
    for root, used, count, taken in roots:
        responses, size = responses + int(count), size + int(taken)
        if used < oldest or responses > most or size > most_bytes:
            over.append((str(root),))
    connection.executemany("DELETE FROM responses WHERE root = ?", over)
    drop_empty_roots(connection)


def drop_empty_roots(connection: apsw.Connection) -> None:
    connection.execute("DELETE FROM response_roots WHERE root NOT IN (SELECT root FROM responses)")
