"""Thoughts: what went on in private, kept in thinking.db for a while.

A thought holds the ids and scores of what it was made from, never a text: what is forgotten in memory is not to live on here.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import apsw
from loguru import logger

from actors.clock import Clock
from actors.database import Database
from actors.thinking.messages import ThoughtRecord
from actors.thinking.settings import ThinkingSettings
from transport.errors import LatticeError

__all__ = ["Thoughts"]

MIGRATIONS = (
    """
    CREATE TABLE thoughts (
        id TEXT PRIMARY KEY,
        namespace TEXT NOT NULL,
        time REAL NOT NULL,
        record TEXT NOT NULL
    ) STRICT;
    CREATE INDEX thoughts_by_time ON thoughts (time);
    """,
)
SWEEP_EVERY = 64
"""Thoughts between two sweeps of what is too old or too many."""

TOGETHER_S = 0.05
"""How long a thought waits for others to be written with it, in seconds: memory's writes wait for each flush of the disk."""

MOST_UNWRITTEN = 4_096
"""Thoughts that wait for a disk that takes none; the oldest go first."""


class Thoughts:
    """Kept in memory until they are on disk, so that no answer waits for the write and none is lost on an orderly stop."""

    def __init__(self, path: Path, settings: ThinkingSettings, clock: Clock) -> None:
        self.database = Database(path, MIGRATIONS)
        self.settings = settings
        self.clock = clock
        self.unwritten: dict[str, ThoughtRecord] = {}
        self.wake = asyncio.Event()
        self.since_sweep = SWEEP_EVERY

    async def open(self) -> None:
        """Open the database."""
        await self.database.open()

    def keep(self, record: ThoughtRecord) -> None:
        """Keep a thought; one with the same id (a thought begun again) is replaced."""
        self.unwritten[record.thought_id] = record
        while len(self.unwritten) > MOST_UNWRITTEN:
            del self.unwritten[next(iter(self.unwritten))]
        self.wake.set()

    async def write_on(self) -> None:
        """Write what is kept, as it comes, for ever. A disk that is full costs the record of a thought, never the talk."""
        while True:
            await self.wake.wait()
            await asyncio.sleep(TOGETHER_S)
            self.wake.clear()
            try:
                await self.flush()
            except LatticeError as error:
                logger.bind(code=error.code, reason=error.message, waiting=len(self.unwritten)).error("thoughts not written")

    async def flush(self) -> None:
        """Write all that is not yet on disk."""
        batch = tuple(self.unwritten.values())
        if not batch:
            return

        self.since_sweep += len(batch)
        await self.database.write(insert, batch)
        if self.since_sweep >= SWEEP_EVERY:
            self.since_sweep = 0
            oldest = (self.clock.now() - timedelta(days=self.settings.kept_days)).timestamp()
            await self.database.write(sweep, oldest, self.settings.kept_thoughts)

        for record in batch:
            if self.unwritten.get(record.thought_id) is record:
                del self.unwritten[record.thought_id]

    async def find(self, namespace: str, thought_id: str) -> ThoughtRecord | None:
        """A thought of that namespace."""
        record = self.unwritten.get(thought_id)
        if record is None:
            text = await self.database.read(select, thought_id)
            record = ThoughtRecord.model_validate_json(text) if text is not None else None
        return record if record is not None and record.namespace == namespace else None

    async def close(self) -> None:
        """Write the rest and close."""
        try:
            await self.flush()
        finally:
            await self.database.close()


def insert(connection: apsw.Connection, records: tuple[ThoughtRecord, ...]) -> None:
    connection.executemany(
        "INSERT OR REPLACE INTO thoughts (id, namespace, time, record) VALUES (?, ?, ?, ?)",
        [(one.thought_id, one.namespace, one.time.timestamp(), one.model_dump_json()) for one in records],
    )


def sweep(connection: apsw.Connection, oldest: float, most: int) -> None:
    connection.execute("DELETE FROM thoughts WHERE time < ?", (oldest,))
    connection.execute(
        "DELETE FROM thoughts WHERE id IN (SELECT id FROM thoughts ORDER BY time DESC, id DESC LIMIT -1 OFFSET ?)", (most,)
    )


def select(connection: apsw.Connection, thought_id: str) -> str | None:
    row = connection.execute("SELECT record FROM thoughts WHERE id = ?", (thought_id,)).fetchone()
    return None if row is None else str(row[0])
