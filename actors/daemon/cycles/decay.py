"""Decay: records age. What that means, which half-lives and which stages, is memory's; this goes through them page by page."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

import apsw

from actors.daemon.follower import Follower, is_known, namespaces
from actors.daemon.settings import DecaySettings
from actors.daemon.work import Work
from actors.memory.messages import Age, Aged

__all__ = ["Decay"]

PAGE = 200
PLACE = "decay"


class Decay:
    """The cycle `decay`; `about` says what it does."""

    name: ClassVar[str] = "decay"
    about: ClassVar[str] = "Lets the importance of records fade with a half-life per kind, and moves them along their life."
    needs_model: ClassVar[str] = ""
    follows: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, settings: DecaySettings, follower: Follower) -> None:
        self.settings = settings
        self.follower = follower

    async def work(self, work: Work) -> None:
        """All records of all namespaces, from where the last run left off."""
        await self.follower.catch_up(work)
        for namespace in await self._from_place(work):
            await self._through(work, namespace)

        await work.commit(partial(put_place, place=None))

    async def _from_place(self, work: Work) -> list[str]:
        place = await work.read(place_of)
        return [name for name in await work.read(namespaces) if place is None or name >= place[0]]

    async def _through(self, work: Work, namespace: str) -> None:
        place = await work.read(place_of)
        cursor = place[1] if place is not None and place[0] == namespace else ""
        while True:
            limit = min(PAGE, work.writes_left)
            message = Age(namespace=namespace, limit=limit, cursor=cursor or None)
            # A page that a kill repeats changes nothing: ageing to a moment is the same whoever asks for it again.
            aged: Aged | None = await work.write(message, records=0, text=f"a page of {limit} records ages")
            if aged is None:
                return
            work.writes += aged.faded + aged.staged
            cursor = aged.next_cursor or ""
            # At a namespace's end the place is the next name after it in order.
            after = (namespace, cursor) if cursor else (namespace + "\0", "")
            await work.commit(
                partial(put_place, place=after, of=namespace), seen=aged.seen, faded=aged.faded, staged=aged.staged
            )
            await work.pass_on()
            if not cursor:
                return


def place_of(connection: apsw.Connection) -> tuple[str, str] | None:
    """Where the last run left off: a namespace and the cursor in it."""
    row: Any = connection.execute("SELECT value FROM cursor WHERE name = ?", (PLACE,)).fetchone()
    if row is None:
        return None
    cursor, _, namespace = row[0].partition("\t")
    return namespace, cursor


def put_place(connection: apsw.Connection, place: tuple[str, str] | None, of: str = "") -> None:
    """Note where to go on; None, or where namespace `of` was forgotten meanwhile: from the start."""
    if place is None or not is_known(connection, of):
        connection.execute("DELETE FROM cursor WHERE name = ?", (PLACE,))
        return
    connection.execute(
        "INSERT INTO cursor VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", (PLACE, f"{place[1]}\t{place[0]}")
    )
