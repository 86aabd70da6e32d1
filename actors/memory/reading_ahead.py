"""Reading ahead: what a search needs of a namespace, or is quicker with, is read before anybody asks, or beside those who do.

In pieces, in the reader's thread, with rests in between: who asks for something else waits for one piece, and who asks for the
same finds what is there already. Knows no query.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import Final

import apsw
from loguru import logger

from actors.memory.search.recall import records_in
from actors.memory.search.shelves import Shelves
from actors.sqlite.database import Database
from transport.errors import Overloaded, Unavailable

__all__ = ["a_piece", "keep_reading_ahead", "read_ahead"]

AFTER_S: Final = 1.0
"""How long memory serves others after its start before this begins, in seconds."""

LATEST: Final = 512
"""Records, the latest of all, whose namespaces are read: where something was said last, something is asked next."""

AT_REST: Final = 2.0
"""How much longer it rests than a piece took."""


async def keep_reading_ahead(database: Database, shelves: Shelves, searched: asyncio.Event) -> None:
    """As `read_ahead`, and then for ever what searches found missing.

    Args:
        database: memory's.
        shelves: what is held of it.
        searched: set after each search.
    """
    await asyncio.sleep(AFTER_S)
    await read_ahead(database, shelves)
    while True:
        await searched.wait()
        searched.clear()
        if shelves.behind is not None:
            await read_ahead(database, shelves, [shelves.behind])


async def read_ahead(database: Database, shelves: Shelves, namespaces: list[int] | None = None) -> None:
    """Read as much of some namespaces as may be held; without any, of those that were written to last."""
    try:
        if namespaces is None:
            namespaces = await database.read(latest_namespaces)
        for namespace in namespaces:
            await read_namespace(database, shelves, namespace)
    except (Overloaded, Unavailable) as error:
        logger.bind(code=error.code, reason=error.message).info("no more is read ahead: searches read what they need")


async def read_namespace(database: Database, shelves: Shelves, namespace: int) -> None:
    """Read as much of it as may be held."""
    more = True
    while more:
        began = time.monotonic()
        more = await database.read(partial(a_piece, shelves, namespace))
        await asyncio.sleep(AT_REST * (time.monotonic() - began))


def a_piece(shelves: Shelves, namespace: int, connection: apsw.Connection) -> bool:
    """Read one piece of a namespace; whether there is more of it."""
    return shelves.read_ahead(connection, namespace, records_in(connection, namespace))


def latest_namespaces(connection: apsw.Connection) -> list[int]:
    """Numbers, that of the latest record first."""
    rows = connection.execute(
        "SELECT namespace FROM (SELECT number, namespace FROM memory ORDER BY number DESC LIMIT ?) "
        "GROUP BY namespace ORDER BY max(number) DESC",
        (LATEST,),
    )
    return [int(str(number)) for (number,) in rows.fetchall()]
