"""Follows memory's feed for all cycles: which records each has yet to work on, and what goes because its source is forgotten.

Each cycle has a cursor of its own, so that one that is new, or was switched off for a time, sees what the others have seen;
pages are read once, from the one that is furthest behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from hashlib import blake2b
from typing import Any

import apsw
from loguru import logger

from actors.asks import Asks
from actors.daemon import answers, aspects, rederivation, statements
from actors.daemon.store import Store
from actors.daemon.work import Work
from actors.following import ASK_S, of_another
from actors.memory.messages import Change, Fed, Feed, Memory, namespace_digest
from actors.moments import micros
from transport.errors import Invalid, LatticeError

__all__ = ["Follower", "is_known", "namespaces", "text_digest"]

PAGE = 100
WAIT_MS = 20_000
TIMELINE = "timeline"
"""The row among the cursors that holds the timeline of the memory in which they lie."""

NO_CYCLE = "none"
"""Follows the feed where all cycles are turned off."""

AGAIN_S = 1.0
"""How long to wait when memory does not answer, in seconds."""


class Follower:
    """Follows the feed for the cycles.

    Args:
        follows: kinds of records by cycle; every cycle counts new turns, also one that follows none.
        rereads: cycles that are laid a record before again whenever it is corrected.
    """

    def __init__(self, follows: Mapping[str, frozenset[str]], rereads: frozenset[str] = frozenset()) -> None:
        # Without any cycle, what is forgotten is let go of all the same.
        self._follows = dict(follows) or {NO_CYCLE: frozenset[str]()}
        self._rereads = rereads

    async def catch_up(self, work: Work) -> None:
        """Take over the feed's changes up to its end, under a run. Several may do so at once: one of them takes a page."""
        while True:
            before, timeline = await work.read(self._position)
            fed = await page(work.ask, Feed(cursor=before, timeline=timeline, limit=PAGE))
            if not fed.timeline:
                await work.commit(partial(self._go_back, end=fed.cursor))
                continue
            if not fed.changes:
                return
            gone = await work.commit(partial(self._advance, before=before, fed=fed))
            if gone and not work.dry:
                await work.store.scrub()
            await work.pass_on()

    async def keep_up(self, store: Store, ask: Asks) -> None:
        """Take over changes as they come, forever: counts for `after_new`, and what is forgotten goes at once."""
        while True:
            before, timeline = await store.read(self._position)
            feed = Feed(cursor=before, timeline=timeline, limit=PAGE, wait_ms=WAIT_MS)
            try:
                fed = await page(partial(ask, timeout=WAIT_MS / 1000 + ASK_S, lane="bg"), feed)
            except LatticeError as error:
                logger.info("memory's feed does not answer", reason=error.code)
                await asyncio.sleep(AGAIN_S)
                continue
            if not fed.timeline:
                await store.write(partial(self._go_back, end=fed.cursor))
                continue
            advance: Callable[[apsw.Connection], bool] = partial(self._advance, before=before, fed=fed)
            gone = await store.write(advance) if fed.changes else False
            if gone:
                await store.scrub()

    def _position(self, connection: apsw.Connection) -> tuple[int, str | None]:
        """Where the next page begins, and the timeline of the furthest one: all cursors lie in it."""
        row: Any = connection.execute("SELECT value FROM cursor WHERE name = ?", (TIMELINE,)).fetchone()
        return min(self._cursors(connection).values()), None if row is None else row[0]

    def _cursors(self, connection: apsw.Connection) -> dict[str, int]:
        rows: Any = connection.execute("SELECT name, value FROM cursor WHERE name LIKE 'feed:%'").fetchall()
        known = {name.removeprefix("feed:"): int(value) for name, value in rows}
        return {cycle: known.get(cycle, 0) for cycle in self._follows}

    def _advance(self, connection: apsw.Connection, before: int, fed: Fed) -> bool:
        """Keep what a page says, and the cursors after it, unless it was taken already; whether the log is to be emptied."""
        cursors = self._cursors(connection)
        if min(cursors.values()) != before:
            return False
        gone = False
        for change in fed.changes:
            if change.change == "namespace_forgotten":
                let_namespace_go(connection, change.id)
                gone = True
                continue
            connection.execute("INSERT OR IGNORE INTO namespace VALUES (?)", (change.namespace,))
            gone |= self._take(connection, change, cursors)

        followed = {f"feed:{cycle}": str(max(cursor, fed.cursor)) for cycle, cursor in cursors.items()}
        if fed.cursor >= max(cursors.values()):
            followed[TIMELINE] = fed.timeline
        connection.executemany(
            "INSERT INTO cursor VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", followed.items()
        )
        return gone

    def _take(self, connection: apsw.Connection, change: Change, cursors: Mapping[str, int]) -> bool:
        """Keep what one change says; whether the database's log may hold something that must be nowhere any more.

        It does whenever something was forgotten: what was done with it before, and its session's name, are in the log too.
        """
        if change.change in ("forgotten", "withheld"):
            if change.change == "withheld":
                # Its text is gone until it is derived anew; what was drawn from it goes with the text.
                rederivation.note(connection, change.namespace, change.id)
            let_go(connection, change)
            return True
        if change.change == "superseded":
            statements.withdraw(connection, change.namespace, change.id)
        if change.memory is None:
            return False

        corrected = change.change == "revised"
        reworded = corrected and is_reworded(connection, change.memory)
        gone = reworded and drop_derived(connection, change.namespace, change.id)
        for cycle, cursor in cursors.items():
            if change.seq <= cursor:
                continue
            if reworded or change.change in ("remembered", "rederived"):
                self._offer(connection, cycle, change, change.memory)
            elif corrected and cycle in self._rereads:
                self._lay_before(connection, cycle, change, change.memory)
        return gone

    def _go_back(self, connection: apsw.Connection, end: int) -> None:
        """Go on from where memory is the same as the one that was followed."""
        connection.execute("DELETE FROM cursor WHERE name = ?", (TIMELINE,))
        connection.execute("DELETE FROM pending WHERE seq > ?", (end,))
        connection.execute(
            "UPDATE cursor SET value = ? WHERE name LIKE 'feed:%' AND CAST(value AS INTEGER) > ?", (str(end), end)
        )

    def _offer(self, connection: apsw.Connection, cycle: str, change: Change, memory: Memory) -> None:
        self._lay_before(connection, cycle, change, memory)
        if memory.kind == "turn":
            connection.execute("UPDATE cycle SET new = new + 1 WHERE name = ?", (cycle,))

    def _lay_before(self, connection: apsw.Connection, cycle: str, change: Change, memory: Memory) -> None:
        if memory.kind in self._follows[cycle]:
            connection.execute(
                "INSERT OR IGNORE INTO pending VALUES (?, ?, ?, ?, ?, ?, NULL)",
                (cycle, change.seq, change.namespace, memory.session or "", change.id, micros(memory.ingested)),
            )


async def page(ask: Callable[[Feed], Awaitable[Fed]], feed: Feed) -> Fed:
    """The changes after the cursor.

    Where memory is another: up to where it is the same; cycles that are behind that stay there.
    """
    try:
        return await ask(feed)
    except Invalid as error:
        return of_another(error, feed, who="daemon")


def namespaces(connection: apsw.Connection) -> list[str]:
    """All namespaces that the feed has named, in order."""
    return [str(name) for (name,) in connection.execute("SELECT name FROM namespace ORDER BY name").fetchall()]


def is_known(connection: apsw.Connection, namespace: str) -> bool:
    """Whether the feed has named a namespace that is not forgotten since."""
    return connection.execute("SELECT 1 FROM namespace WHERE name = ?", (namespace,)).fetchone() is not None


def text_digest(memory: Memory) -> bytes:
    """Tells whether a record says the same as when something was drawn from it."""
    return blake2b(memory.text.encode(), digest_size=8).digest()


def is_reworded(connection: apsw.Connection, memory: Memory) -> bool:
    """Whether something was drawn from a record that now says something else."""
    return aspects.is_drawn_from_other(connection, memory.namespace, memory.id, text_digest(memory))


def let_go(connection: apsw.Connection, change: Change) -> None:
    """Let go of everything about a record that is forgotten."""
    gone = (change.namespace, change.id)
    # Also of batches that are being worked on: they learn of it when they are done.
    connection.execute("DELETE FROM pending WHERE namespace = ? AND memory = ?", gone)
    connection.execute("DELETE FROM statement WHERE namespace = ? AND memory = ?", gone)
    connection.execute(
        # The error of what was set aside may quote it, and its turn names its session.
        "UPDATE set_aside SET error = '', turns = (SELECT json_group_array(json(j.value)) FROM json_each(turns) j"
        " WHERE json_extract(j.value, '$[1]') <> ?2) WHERE namespace = ?1 AND EXISTS"
        " (SELECT 1 FROM json_each(turns) j WHERE json_extract(j.value, '$[1]') = ?2)",
        gone,
    )
    connection.execute("DELETE FROM set_aside WHERE turns = '[]'")
    drop_derived(connection, *gone)


TABLES = ("namespace", "pending", "set_aside", "statement", "withheld", "evidence", "aspect", "call")


def let_namespace_go(connection: apsw.Connection, digest: str) -> None:
    """Let go of everything about a namespace that is forgotten, of which the digest of its name is left."""
    named = "SELECT name FROM namespace UNION SELECT namespace FROM call UNION SELECT namespace FROM aspect"
    for (name,) in connection.execute(named).fetchall():
        if namespace_digest(str(name)) != digest:
            continue
        connection.execute(
            "DELETE FROM model_answer WHERE digest IN (SELECT digest FROM model_source WHERE namespace = ?)", (name,)
        )
        for table in TABLES:
            column = "name" if table == "namespace" else "namespace"
            connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (name,))  # noqa: S608 (our own names)
        # Where cycles that go through namespaces are in this one, or have left it: they begin with the first again.
        connection.execute("DELETE FROM cursor WHERE name = 'dreamt:' || ?", (name,))
        connection.execute(
            "DELETE FROM cursor WHERE name = 'decay' AND substr(value, instr(value, char(9)) + 1) IN (?1, ?1 || char(0))",
            (name,),
        )
        connection.execute("UPDATE run SET error = '' WHERE instr(error, ?) > 0", (repr(name),))


def drop_derived(connection: apsw.Connection, namespace: str, memory: str) -> bool:
    """Drop what was drawn from a record alone; whether there was any."""
    dropped = answers.forget_source(connection, namespace, memory)
    return bool(aspects.forget_source(connection, namespace, memory) + dropped)
