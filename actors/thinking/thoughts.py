"""Thoughts: what went on in private, kept in thinking.db for a while, within bounds.

Drafts and reasoning may quote what a thought was given. What is forgotten in memory is not to live on here: `scrub` takes
the texts out of every thought that was given a record, that left it behind, or that came after it in the same talk. Of a talk
that is gone whole, not even the name is left.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import apsw
from loguru import logger

from actors.clock import Clock
from actors.memory.messages import namespace_digest
from actors.sqlite.database import Database
from actors.thinking import responses
from actors.thinking.messages import ThoughtRecord
from actors.thinking.settings import ThinkingSettings
from transport.errors import LatticeError

__all__ = ["MIGRATIONS", "Thoughts", "scrubbed"]

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
    """
    ALTER TABLE thoughts ADD COLUMN session TEXT;
    ALTER TABLE thoughts ADD COLUMN texts INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX thoughts_by_talk ON thoughts (namespace, session, time) WHERE texts = 1;
    CREATE TABLE sources (
        namespace TEXT NOT NULL,
        memory TEXT NOT NULL,
        thought TEXT NOT NULL REFERENCES thoughts (id) ON DELETE CASCADE,
        behind INTEGER NOT NULL,
        PRIMARY KEY (namespace, memory, thought)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX sources_by_thought ON sources (thought);
    CREATE TABLE followed (id INTEGER PRIMARY KEY CHECK (id = 1), cursor INTEGER NOT NULL) STRICT;
    CREATE TABLE owed (place INTEGER PRIMARY KEY AUTOINCREMENT, time REAL NOT NULL, body TEXT NOT NULL) STRICT;
    """,
    """
    CREATE TABLE begins_in_reasoning (place INTEGER PRIMARY KEY AUTOINCREMENT, model TEXT NOT NULL UNIQUE) STRICT;
    """,
    """
    CREATE TABLE begins_plainly (place INTEGER PRIMARY KEY AUTOINCREMENT, model TEXT NOT NULL UNIQUE) STRICT;
    """,
    """
    ALTER TABLE followed ADD COLUMN timeline TEXT NOT NULL DEFAULT '';
    """,
    responses.SCHEMA,
)
"""`behind` says that the thought left the record behind; `texts` that there is something to scrub; `timeline` in which memory
the cursor lies (empty: nobody knows)."""

SWEEP_EVERY: Final = 64
"""Thoughts between two sweeps of what is too old or too many."""

TOGETHER_S: Final = 0.05
"""How long a thought waits for others to be written with it, in seconds: memory's writes wait for each flush of the disk."""

MOST_UNWRITTEN: Final = 4_096
"""Thoughts that wait for a disk that takes none; the oldest go first."""

Talk = tuple[str, str]
"""Namespace, and the session's name."""

MOST_FORGOTTEN: Final = 10_000
"""Forgotten records that are kept in mind for thoughts which were under way when they were forgotten."""

MAY_QUOTE: Final = """
    SELECT t.id, t.record FROM sources s JOIN thoughts t ON t.id = s.thought
    WHERE s.namespace = ?1 AND s.memory = ?2 AND t.texts = 1
    UNION
    SELECT later.id, later.record FROM sources s JOIN thoughts t ON t.id = s.thought
    JOIN thoughts later
        ON later.namespace = ?1 AND later.session = t.session AND later.time >= t.time AND later.texts = 1
    WHERE s.namespace = ?1 AND s.memory = ?2 AND s.behind = 1
"""
"""Thoughts that were given a record or left it behind; and those that came after it in its talk: there the client's own history
shows it, where it bears no id."""


TALKS: Final = """
    SELECT DISTINCT t.session FROM sources s JOIN thoughts t ON t.id = s.thought
    WHERE s.namespace = ?1 AND s.memory = ?2 AND t.session IS NOT NULL
"""

ALOOF: Final = """
    SELECT DISTINCT session FROM (
        SELECT session FROM thoughts t WHERE namespace = ?1 AND session IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM sources s WHERE s.thought = t.id) ORDER BY time DESC LIMIT 64
    )
"""
"""Talks of the latest thoughts that were kept out of memory: no record leads to them, though their talk may be memory's."""


class Thoughts:
    """Kept in memory until they are on disk, so that no answer waits for the write and none is lost on an orderly stop."""

    def __init__(self, database: Database, settings: ThinkingSettings, clock: Clock) -> None:
        self.database = database
        self.settings = settings
        self.clock = clock
        self.unwritten: dict[str, ThoughtRecord] = {}
        self.forgotten: OrderedDict[tuple[str, str], None] = OrderedDict()
        self.ended: OrderedDict[Talk, None] = OrderedDict()
        self.namespaces: OrderedDict[str, datetime] = OrderedDict()
        """Digests of the names of forgotten ones, and when they were forgotten."""

        self.wake = asyncio.Event()
        self.since_sweep = SWEEP_EVERY

    def keep(self, record: ThoughtRecord) -> None:
        """Keep a thought; one with the same id (a thought begun again) is replaced."""
        if self.namespaces and (until := self.namespaces.get(namespace_digest(record.namespace))) and record.time <= until:
            return
        if self.forgotten and any((record.namespace, memory) in self.forgotten for memory in sources_of(record)):
            record = scrubbed(record)
            if (record.namespace, record.session) in self.ended:
                record = nameless(record)
        self.unwritten[record.thought_id] = record
        while len(self.unwritten) > MOST_UNWRITTEN:
            del self.unwritten[next(iter(self.unwritten))]
        self.wake.set()

    def has_lost(self, namespace: str, memories: Iterable[str], began: datetime) -> bool:
        """Whether something was forgotten that a thought has left behind, or all of its namespace since it began."""
        until = self.namespaces.get(namespace_digest(namespace)) if self.namespaces else None
        return (until is not None and began <= until) or any((namespace, memory) in self.forgotten for memory in memories)

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
            oldest = (self.clock.steady() - timedelta(days=self.settings.kept_days)).timestamp()
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

    async def latest(self, namespace: str, limit: int) -> tuple[ThoughtRecord, ...]:
        """The latest thoughts of that namespace, the latest first, with those that are not on disk yet."""
        # Before the read: what is written meanwhile is in one of the two at least.
        known = {name: record for name, record in self.unwritten.items() if record.namespace == namespace}
        texts = await self.database.read(select_latest, namespace, limit)
        known |= {record.thought_id: record for record in map(ThoughtRecord.model_validate_json, texts)}
        return tuple(sorted(known.values(), key=lambda record: (record.time, record.thought_id), reverse=True)[:limit])

    async def followed(self) -> tuple[int, str] | None:
        """How far memory's feed was followed, and in which memory; None: it never was."""
        return await self.database.read(followed)

    async def follow_anew(self) -> None:
        """Go back to the feed's beginning: it is another memory's than was followed."""
        await self.database.write(follow_anew)

    async def talks(self, gone: Iterable[tuple[str, str]]) -> tuple[Talk, ...]:
        """Talks of thoughts that were given these records (namespace, id), left them behind, or were kept out of memory."""
        await self.flush()
        return await self.database.read(talks_of, tuple(gone))

    async def scrub(
        self,
        gone: Iterable[tuple[str, str]],
        cursor: int,
        timeline: str,
        ended: Iterable[Talk] = (),
        namespaces: Mapping[str, datetime] = {},
    ) -> int:
        """Take the texts out of all thoughts that may quote these records (namespace, id), and move the cursor, in one write.

        Args:
            gone: what was forgotten, or is withheld.
            cursor: how far the feed was followed with it.
            timeline: came with the cursor.
            ended: talks that are gone whole: their thoughts lose the talk's name too.
            namespaces: digests of the names of those that are gone whole, and when: their thoughts until then go too.

        Returns how many were scrubbed. Their texts are then in no file any more.
        """
        lost, over = tuple(gone), tuple(ended)
        if not lost and not namespaces:
            await self.database.write(advance, cursor, timeline)
            return 0

        for kept, new in ((self.forgotten, lost), (self.ended, over)):
            kept.update(dict.fromkeys(new))
            while len(kept) > MOST_FORGOTTEN:
                kept.popitem(last=False)
        self.namespaces.update(namespaces)
        while len(self.namespaces) > MOST_FORGOTTEN:
            self.namespaces.popitem(last=False)

        await self.flush()
        count = await self.database.write(take_texts, lost, over, namespaces, (cursor, timeline))
        # Also where none was: what was kept for a while, such as an answer that memory could not take, is in the log.
        await self.database.checkpoint()
        return count

    async def close(self) -> None:
        """Write the rest."""
        await self.flush()


def scrubbed(record: ThoughtRecord) -> ThoughtRecord:
    """A thought without its texts."""
    if not has_texts(record):
        return record

    drafts = tuple(draft.model_copy(update={"text": "", "reasoning": ""}) for draft in record.drafts)
    return record.model_copy(update={"reasoning": "", "drafts": drafts, "scrubbed": True})


def nameless(record: ThoughtRecord) -> ThoughtRecord:
    """A thought without its texts, of a talk that nobody names any more."""
    return scrubbed(record).model_copy(update={"session": None, "mood": {}, "strategy_why": (), "scrubbed": True})


def has_texts(record: ThoughtRecord) -> bool:
    """Whether a thought holds anything that may quote."""
    return bool(record.reasoning or any(draft.text or draft.reasoning for draft in record.drafts))


def sources_of(record: ThoughtRecord) -> dict[str, bool]:
    """Ids of the records that a thought was given (False) or left behind (True)."""
    given = {str(part["id"]): False for part in record.context if part.get("part") in {"memory", "search", "session"}}
    given |= {str(memory): False for part in record.context for memory in listed(part.get("memories"))}
    return {**given, **dict.fromkeys(record.memories, True)}


def listed(value: Any) -> list[Any]:
    """A list, where it is one."""
    return value if isinstance(value, list) else []


def insert(connection: apsw.Connection, records: tuple[ThoughtRecord, ...]) -> None:
    connection.executemany(
        "INSERT OR REPLACE INTO thoughts (id, namespace, time, session, texts, record) VALUES (?, ?, ?, ?, ?, ?)",
        [
            (one.thought_id, one.namespace, one.time.timestamp(), one.session, int(has_texts(one)), one.model_dump_json())
            for one in records
        ],
    )
    connection.executemany(
        "INSERT OR REPLACE INTO sources (namespace, memory, thought, behind) VALUES (?, ?, ?, ?)",
        [
            (one.namespace, memory, one.thought_id, int(behind))
            for one in records
            for memory, behind in sources_of(one).items()
            if behind or has_texts(one)
        ],
    )


def talks_of(connection: apsw.Connection, gone: tuple[tuple[str, str], ...]) -> tuple[Talk, ...]:
    led_to = [(namespace, connection.execute(TALKS, (namespace, memory)).fetchall()) for namespace, memory in gone]
    namespaces = dict.fromkeys(namespace for namespace, _ in gone)
    aloof = [(namespace, connection.execute(ALOOF, (namespace,)).fetchall()) for namespace in namespaces]
    return tuple(dict.fromkeys((namespace, str(session)) for namespace, rows in led_to + aloof for (session,) in rows))


def take_texts(
    connection: apsw.Connection,
    lost: tuple[tuple[str, str], ...],
    ended: tuple[Talk, ...],
    namespaces: Mapping[str, datetime],
    followed: tuple[int, str],
) -> int:
    # First: the thoughts tell which talk a record was of.
    dropped = responses.forget(connection, lost, ended, namespaces)
    dropped += drop_namespaces(connection, namespaces) if namespaces else 0
    texts: dict[str, str] = {}
    for namespace, memory in lost:
        found = connection.execute(MAY_QUOTE, (namespace, memory))
        texts.update({str(thought): str(record) for thought, record in found})
    records = {thought: scrubbed(ThoughtRecord.model_validate_json(text)) for thought, text in texts.items()}
    for talk in ended:
        found = connection.execute("SELECT id, record FROM thoughts WHERE namespace = ? AND session = ?", talk)
        records |= {str(thought): nameless(ThoughtRecord.model_validate_json(text)) for thought, text in found}

    connection.executemany(
        "UPDATE thoughts SET record = ?, session = ?, texts = 0 WHERE id = ?",
        [(one.model_dump_json(), one.session, one.thought_id) for one in records.values()],
    )
    advance(connection, *followed)
    return len(records) + dropped


def drop_namespaces(connection: apsw.Connection, namespaces: Mapping[str, datetime]) -> int:
    dropped = 0
    for (name,) in connection.execute("SELECT DISTINCT namespace FROM thoughts").fetchall():
        until = namespaces.get(namespace_digest(str(name)))
        if until is not None:
            connection.execute("DELETE FROM thoughts WHERE namespace = ? AND time <= ?", (name, until.timestamp()))
            dropped += connection.changes()
    return dropped


def advance(connection: apsw.Connection, cursor: int, timeline: str) -> None:
    # Who catches up beside who waits may have gone further meanwhile.
    connection.execute(
        "INSERT INTO followed (id, cursor, timeline) VALUES (1, ?, ?) ON CONFLICT (id)"
        " DO UPDATE SET cursor = excluded.cursor, timeline = excluded.timeline WHERE excluded.cursor >= cursor",
        (cursor, timeline),
    )


def followed(connection: apsw.Connection) -> tuple[int, str] | None:
    row = connection.execute("SELECT cursor, timeline FROM followed WHERE id = 1").fetchone()
    return None if row is None else (int(row[0]), str(row[1]))


def follow_anew(connection: apsw.Connection) -> None:
    connection.execute("UPDATE followed SET cursor = 0, timeline = ''")


def sweep(connection: apsw.Connection, oldest: float, most: int) -> None:
    connection.execute("DELETE FROM thoughts WHERE time < ?", (oldest,))
    connection.execute(
        "DELETE FROM thoughts WHERE id IN (SELECT id FROM thoughts ORDER BY time DESC, id DESC LIMIT -1 OFFSET ?)", (most,)
    )


def select(connection: apsw.Connection, thought_id: str) -> str | None:
    row = connection.execute("SELECT record FROM thoughts WHERE id = ?", (thought_id,)).fetchone()
    return None if row is None else str(row[0])


def select_latest(connection: apsw.Connection, namespace: str, limit: int) -> list[str]:
    rows = connection.execute(
        "SELECT record FROM thoughts WHERE namespace = ? ORDER BY time DESC, id DESC LIMIT ?", (namespace, limit)
    )
    return [str(record) for (record,) in rows]
