"""Decay: a record's importance halves with every half-life of its kind, down to a floor.

What a record is to be set to is laid down before it is set, so that a repeat sets the same. A record whose importance somebody
else has changed since fades from there, and from then on.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import ClassVar

import apsw

from actors.daemon.feed import Following, namespaces
from actors.daemon.settings import DecaySettings
from actors.daemon.store import micros, moment
from actors.daemon.work import Work
from actors.memory.messages import List, Listed, Memory, Revise
from transport.errors import NotFound

__all__ = ["Decay", "faded"]

PAGE = 100
PLACE = "decay"
SAME = 1e-6
"""Importances closer than this are the same: they have been through JSON and SQLite."""


def faded(base: float, age_s: float, half_life_days: float, floor: float) -> float:
    """Importance `base` after `age_s` seconds: halved with each half-life, never below the floor, never above `base`."""
    left = base * 0.5 ** (max(0.0, age_s) / (half_life_days * 86_400))
    return float(round(min(base, max(floor, left)), 6))


class Decay:
    """The cycle."""

    name: ClassVar[str] = "decay"
    about: ClassVar[str] = "Lets the importance of records fade with a half-life per kind."
    needs_model: ClassVar[str] = ""
    follows: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, settings: DecaySettings, following: Following) -> None:
        self.settings = settings
        self.following = following

    async def work(self, work: Work) -> None:
        """Set what was laid down; then go through all records, page by page, from where the last run left off."""
        await self._set_planned(work)
        await self.following.catch_up(work)
        for namespace in await self._from_place(work):
            await self._through(work, namespace)

        await work.commit(lambda connection: put_place(connection, None))

    async def _from_place(self, work: Work) -> list[str]:
        place = await work.read(place_of)
        return [name for name in await work.read(namespaces) if place is None or name >= place[0]]

    async def _through(self, work: Work, namespace: str) -> None:
        place = await work.read(place_of)
        cursor = place[1] if place is not None and place[0] == namespace else None
        while True:
            # No more is laid down than the budget has room for: what were left over would, at the next run, undo what somebody
            # has set meanwhile.
            limit = min(PAGE, work.writes_left)
            listed: Listed = await work.ask(List(namespace=namespace, limit=limit, cursor=cursor or None, current=True))
            await work.commit(
                Plan(self.settings, namespace, listed.memories, listed.next_cursor, work.now), seen=len(listed.memories)
            )
            await self._set_planned(work)
            if listed.next_cursor is None:
                return
            cursor = listed.next_cursor

    async def _set_planned(self, work: Work) -> None:
        for namespace, memory, importance in await work.read(planned):
            try:
                await work.write(Revise(namespace=namespace, id=memory, importance=importance))
                faded_now = 1
            except NotFound:
                faded_now = 0

            await work.commit(
                partial(set_down, key=(namespace, memory), known=bool(faded_now)),
                faded=faded_now,
            )

        await work.pass_on()


class Plan:
    """Lays down what a page of records is to be set to, and where to go on."""

    def __init__(
        self, settings: DecaySettings, namespace: str, memories: Sequence[Memory], cursor: str | None, now: datetime
    ) -> None:
        self._settings = settings
        self._namespace = namespace
        self._memories = memories
        self._cursor = cursor
        self._now = now

    def __call__(self, connection: apsw.Connection) -> None:
        for memory in self._memories:
            half_life = self._settings.half_life_days.get(memory.kind)
            if half_life is not None:
                self._plan(connection, memory, half_life)

        # At a namespace's end the place is the next name after it in order.
        put_place(connection, (self._namespace, self._cursor) if self._cursor else (self._namespace + "\0", ""))

    def _plan(self, connection: apsw.Connection, memory: Memory, half_life: float) -> None:
        base, since, last = self._base(connection, memory)
        target = faded(base, (self._now - since).total_seconds(), half_life, self._settings.floor)
        worth = memory.importance - target >= self._settings.step
        if not worth and last is not None:
            return
        connection.execute(
            "INSERT INTO fading VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET base ="
            " excluded.base, since = excluded.since,"
            " last = excluded.last, planned = excluded.planned",
            (self._namespace, memory.id, base, micros(since), target if worth else memory.importance, int(worth)),
        )

    def _base(self, connection: apsw.Connection, memory: Memory) -> tuple[float, datetime, float | None]:
        rows = connection.execute(
            "SELECT base, since, last FROM fading WHERE namespace = ? AND memory = ?", (self._namespace, memory.id)
        ).fetchall()
        if not rows:
            return memory.importance, memory.ingested, None
        base, since, last = float(str(rows[0][0])), moment(int(str(rows[0][1]))), float(str(rows[0][2]))
        if abs(memory.importance - last) > SAME:
            return memory.importance, self._now, None
        return base, since, last


def planned(connection: apsw.Connection) -> list[tuple[str, str, float]]:
    rows = connection.execute(
        "SELECT namespace, memory, last FROM fading WHERE planned = 1 ORDER BY namespace, memory"
    ).fetchall()
    return [(str(namespace), str(memory), float(str(last))) for namespace, memory, last in rows]


def set_down(connection: apsw.Connection, key: tuple[str, str], *, known: bool) -> None:
    if known:
        connection.execute("UPDATE fading SET planned = 0 WHERE namespace = ? AND memory = ?", key)
    else:
        connection.execute("DELETE FROM fading WHERE namespace = ? AND memory = ?", key)


def place_of(connection: apsw.Connection) -> tuple[str, str] | None:
    """Where the last run left off: a namespace and the cursor in it."""
    rows = connection.execute("SELECT value FROM cursor WHERE name = ?", (PLACE,)).fetchall()
    if not rows:
        return None
    cursor, _, namespace = str(rows[0][0]).partition("\t")
    return namespace, cursor


def put_place(connection: apsw.Connection, place: tuple[str, str] | None) -> None:
    if place is None:
        connection.execute("DELETE FROM cursor WHERE name = ?", (PLACE,))
        return
    connection.execute(
        "INSERT INTO cursor VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", (PLACE, f"{place[1]}\t{place[0]}")
    )
