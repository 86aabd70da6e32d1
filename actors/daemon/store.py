"""daemon.db: cycles, and runs as leased rows. What is written without the run's epoch is refused."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import apsw

from actors.daemon.messages import Cost, Run
from actors.daemon.schema import MIGRATIONS
from actors.idempotency import Once, made_before, note, only_once
from actors.moments import micros, moment
from actors.sqlite.database import Database
from transport.errors import Conflict, Invalid, NotFound

__all__ = ["Fenced", "State", "Store"]

T = TypeVar("T")
FILE = "daemon.db"
LONGEST_NUMBER = 18
"""Digits that surely fit into SQLite's integers."""

BLAMELESS = 4
"""While an actor that a cycle needs is away, no more failures in a row than this are counted, so that with the default waits
the cycle is tried again every four minutes."""

COLUMNS = "id, cycle, cause, state, epoch, attempts, started, ended, effects, error, cost"


class Fenced(Conflict):
    """The run belongs to another owner by now; nothing was written."""


class State:
    """A cycle's row."""

    __slots__ = ("due", "failures", "last_run", "name", "new", "paused", "quarantined", "set_aside")

    def __init__(self, row: Sequence[Any]) -> None:
        self.name: str = row[0]
        self.paused = bool(row[1])
        self.due = moment(row[2])
        self.last_run: str | None = row[3]
        self.failures: int = row[4]
        self.new: int = row[5]
        self.quarantined = bool(row[6])
        self.set_aside: int = row[7]


class Store:
    """All that the daemon keeps.

    Args:
        owner: who takes leases here: differs from one incarnation of the actor to the next.
        lease_s: how long a lease lasts without being renewed, in seconds.
    """

    def __init__(self, data_dir: Path, owner: str, lease_s: float) -> None:
        self.folder = data_dir
        self._database = Database(data_dir / FILE, MIGRATIONS)
        self.owner = owner
        self._lease = timedelta(seconds=lease_s)

    async def open(self) -> None:
        """Open the file and bring its schema up to date."""
        await self._database.open()

    async def watch(self) -> None:
        """Wait until the file has to be opened anew, and raise why; see `Database.watch`."""
        await self._database.watch()

    async def back_up(self, name: str) -> int:
        """Write a copy of the file; its size in bytes."""
        return await self._database.back_up(name)

    async def close(self) -> None:
        """Finish and close."""
        await self._database.close()

    async def read(self, fn: Callable[..., T], *args: Any) -> T:
        """Run `fn(connection, *args)` on the last committed state."""
        return await self._database.read(fn, *args)

    async def know(self, due: Mapping[str, datetime]) -> None:
        """Make rows for cycles that have none: when each is first due, by name."""

        def insert(connection: apsw.Connection) -> None:
            for name, first in due.items():
                connection.execute("INSERT OR IGNORE INTO cycle (name, due) VALUES (?, ?)", (name, micros(first)))

        await self._database.write(insert)

    async def states(self) -> dict[str, State]:
        """All cycles' rows by name."""

        def select(connection: apsw.Connection) -> dict[str, State]:
            rows = connection.execute(
                "SELECT name, paused, due, last_run, failures, new, quarantined,"
                " (SELECT count(*) FROM set_aside s WHERE s.cycle = c.name) FROM cycle c ORDER BY name"
            )
            return {state.name: state for state in map(State, rows.fetchall())}

        return await self._database.read(select)

    async def pause(self, name: str, once: Once | None, *, paused: bool) -> bool:
        """Set whether a cycle runs on its schedule. One that is resumed is no longer quarantined.

        False: the call was made before, and changes nothing.

        Raises:
            KeyReused: the call's key came with another message.
        """

        def update(connection: apsw.Connection) -> None:
            connection.execute(
                "UPDATE cycle SET paused = ?1, quarantined = quarantined AND ?1, failures = iif(?1, failures, 0)"
                " WHERE name = ?2",
                (paused, name),
            )

        return await self._database.write(lambda connection: only_once(connection, once, lambda: update(connection)))

    async def reschedule(self, name: str, due: datetime) -> None:
        """Set when a cycle is due."""

        def update(connection: apsw.Connection) -> None:
            connection.execute("UPDATE cycle SET due = ? WHERE name = ?", (micros(due), name))

        await self._database.write(update)

    async def begin(
        self, cycle: str, cause: str, once: Once | None, now: datetime, *, if_due: bool = False, after_new: int | None = None
    ) -> tuple[Run, bool]:
        """A new run's row, leased to this owner; or the one that the call began before, with False.

        With `after_new` it is due as well once so many memories came in.

        Raises:
            Conflict: one is running; or, with `if_due`, the cycle is paused, quarantined, or not due at `now` any more.
            KeyReused: the call's key came with another message.
            NotFound: the run that the call began is no longer kept.
        """
        key = once.key if once is not None else None

        def insert(connection: apsw.Connection) -> tuple[Run, bool]:
            known = one(connection, "cycle = ? AND key = ?", (cycle, key)) if key is not None else None
            if known is not None:
                return known, False
            if made_before(connection, once):
                raise NotFound(f"the run of {cycle} that this key began is no longer kept")
            if one(connection, "cycle = ? AND state = 'running'", (cycle,)) is not None:
                raise Conflict(f"{cycle} is running")
            due = connection.execute(
                "SELECT 1 FROM cycle WHERE name = ? AND (due <= ? OR new >= ?) AND paused = 0 AND quarantined = 0",
                (cycle, micros(now), after_new if after_new is not None else 1 << 62),
            )
            if if_due and not due.fetchall():
                raise Conflict(f"{cycle} is not due")
            identifier = f"run_{micros(now):014x}{secrets.token_hex(6)}"
            connection.execute(
                "INSERT INTO run (id, cycle, key, cause, state, owner, epoch, expiry, attempts, started)"
                " VALUES (?, ?, ?, ?, 'running', ?, 1, ?, 1, ?)",
                (identifier, cycle, key, cause, self.owner, micros(now + self._lease), micros(now)),
            )
            connection.execute("UPDATE cycle SET last_run = ?, new = 0 WHERE name = ?", (identifier, cycle))
            note(connection, once)
            return named(connection, identifier), True

        return await self._database.write(insert)

    async def take_over(self, now: datetime, *, starting: bool) -> list[Run]:
        """Runs whose owner is dead, now leased to this one under a higher epoch.

        Args:
            now: leases that expired before are taken.
            starting: take every other owner's at once: this actor's lock says that they are dead.
        """

        def take(connection: apsw.Connection) -> list[Run]:
            rows = connection.execute(
                "UPDATE run SET owner = ?, epoch = epoch + 1, attempts = attempts + 1, expiry = ?"
                " WHERE state = 'running' AND owner <> ? AND (? OR expiry < ?) RETURNING id",
                (self.owner, micros(now + self._lease), self.owner, starting, micros(now)),
            ).fetchall()
            return [named(connection, str(identifier)) for (identifier,) in rows]

        return await self._database.write(take)

    async def write(self, change: Callable[[apsw.Connection], T]) -> T:
        """Run `change(connection)` under no lease: for what is not a run's."""
        return await self._database.write(change)

    async def scrub(self) -> None:
        """Empty the write-ahead log, so that nothing that was deleted stays in it."""
        await self._database.checkpoint()

    async def commit(
        self,
        run: Run,
        now: datetime,
        change: Callable[[apsw.Connection], T],
        effects: dict[str, int] | None = None,
        cost: Cost | None = None,
    ) -> T:
        """Run `change(connection)`, count the effects and renew the lease, in one transaction, if the run is still ours.

        `cost` is what the run has used so far; None: no different from the last time.

        Raises:
            Fenced: it is not.
        """

        def write(connection: apsw.Connection) -> T:
            rows = connection.execute(
                "UPDATE run SET expiry = ? WHERE id = ? AND epoch = ? AND owner = ? AND state = 'running' RETURNING effects",
                (micros(now + self._lease), run.id, run.epoch, self.owner),
            ).fetchall()
            if not rows:
                raise Fenced
            if effects:
                total: dict[str, int] = json.loads(str(rows[0][0]))
                for name, count in effects.items():
                    total[name] = total.get(name, 0) + count
                connection.execute("UPDATE run SET effects = ? WHERE id = ?", (json.dumps(total), run.id))
            if cost is not None:
                connection.execute("UPDATE run SET cost = ? WHERE id = ?", (cost.model_dump_json(), run.id))
            return change(connection)

        return await self._database.write(write)

    async def end(
        self,
        run: Run,
        state: str,
        error: str | None,
        now: datetime,
        next_due: Callable[[int], datetime],
        *,
        cost: Cost | None = None,
        quarantine_after: int | None = None,
        to_blame: bool = True,
    ) -> bool:
        """End a run that is still ours; whether its cycle is quarantined with it.

        `next_due` is asked with the failures in a row, this one counted; so many as `quarantine_after` are enough. Those that
        the cycle is not to blame for never are, and make it wait for minutes at most.

        Raises:
            Fenced: it is not ours.
        """
        enough = quarantine_after or 1 << 62

        def write(connection: apsw.Connection) -> bool:
            rows: Any = connection.execute("SELECT failures FROM cycle WHERE name = ?", (run.cycle,)).fetchall()
            failures = int(rows[0][0])
            if state == "done":
                failures = 0
            elif state == "failed":
                most = enough if to_blame else min(BLAMELESS, enough - 1)
                failures = max(failures, min(failures + 1, most))
            connection.execute(
                "UPDATE run SET state = ?, error = ?, ended = ? WHERE id = ?",
                (state, error and error[:500], micros(now), run.id),
            )
            connection.execute(
                "UPDATE cycle SET failures = ?, due = ?, quarantined = ? WHERE name = ?",
                (failures, micros(next_due(failures)), quarantined := failures >= enough, run.cycle),
            )
            return quarantined

        return await self.commit(run, now, write, cost=cost)

    async def prune(self, cycle: str, kept: int) -> None:
        """Drop a cycle's oldest ended runs beyond `kept`."""

        def delete(connection: apsw.Connection) -> None:
            connection.execute(
                "DELETE FROM run WHERE cycle = ? AND state <> 'running' AND number <="
                " (SELECT number FROM run WHERE cycle = ? ORDER BY number DESC LIMIT 1 OFFSET ?)",
                (cycle, cycle, kept),
            )

        await self._database.write(delete)

    async def copy(self, path: Path) -> Store:
        """A store of its own that begins with what this one has committed, for a dry run; not yet open."""
        await self._database.copy_to(path / FILE)
        return Store(path, self.owner, self._lease.total_seconds())

    async def end_all(self, now: datetime) -> None:
        """End whatever is marked as running: in a copy, nothing is."""

        def update(connection: apsw.Connection) -> None:
            connection.execute("UPDATE run SET state = 'abandoned', ended = ? WHERE state = 'running'", (micros(now),))

        await self._database.write(update)

    async def is_running(self, cycle: str | None) -> bool:
        """Whether a run of the cycle, or of any, is in progress."""

        def select(connection: apsw.Connection) -> bool:
            running = "SELECT 1 FROM run WHERE state = 'running' AND (?1 IS NULL OR cycle = ?1)"
            return bool(connection.execute(running, (cycle,)).fetchall())

        return await self._database.read(select)

    async def runs(self, cycle: str | None, limit: int, cursor: str | None) -> tuple[tuple[Run, ...], str | None]:
        """The run history, latest first, and where to go on."""
        if cursor is not None and not (cursor.isdecimal() and len(cursor) <= LONGEST_NUMBER):
            raise Invalid("cursor: it does not belong to this listing", detail={"field": "cursor"})

        def select(connection: apsw.Connection) -> tuple[tuple[Run, ...], str | None]:
            rows = connection.execute(
                f"SELECT {COLUMNS}, number FROM run WHERE (?1 IS NULL OR cycle = ?1) AND (?2 IS NULL OR number < ?2)"  # noqa: S608
                " ORDER BY number DESC LIMIT ?3",
                (cycle, None if cursor is None else int(cursor), limit + 1),
            ).fetchall()
            more = str(rows[limit - 1][-1]) if len(rows) > limit else None
            return tuple(as_run(row) for row in rows[:limit]), more

        return await self._database.read(select)


def one(connection: apsw.Connection, where: str, bindings: tuple[Any, ...]) -> Run | None:
    rows = connection.execute(f"SELECT {COLUMNS} FROM run WHERE {where}", bindings).fetchall()  # noqa: S608 (fixed clauses)
    return as_run(rows[0]) if rows else None


def named(connection: apsw.Connection, identifier: str) -> Run:
    found = one(connection, "id = ?", (identifier,))
    if found is None:
        raise NotFound("there is no such run")
    return found


def as_run(row: Sequence[Any]) -> Run:
    identifier, cycle, cause, state, epoch, attempts, started, ended, effects, error, cost = row[:11]
    return Run(
        id=identifier,
        cycle=cycle,
        cause=cause,
        state=state,
        epoch=epoch,
        attempts=attempts,
        started=moment(started),
        ended=None if ended is None else moment(ended),
        effects=json.loads(effects),
        cost=Cost.model_validate_json(cost),
        error=error,
    )
