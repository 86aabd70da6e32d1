"""A database of notes for the tests of what every actor's database does, and what holds its writer up."""

from __future__ import annotations

import asyncio
import threading

import apsw

from actors.sqlite.database import Database

SCHEMA = ("CREATE TABLE note (number INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT",)


def note(connection: apsw.Connection, text: str) -> int:
    connection.execute("INSERT INTO note (text) VALUES (?)", (text,))
    return connection.last_insert_rowid()


def notes(connection: apsw.Connection) -> list[str]:
    return [text for (text,) in connection.execute("SELECT text FROM note ORDER BY number")]


def refuse(connection: apsw.Connection) -> None:
    note(connection, "half done")
    raise ValueError("no")


async def hold(database: Database) -> tuple[threading.Event, asyncio.Future[None]]:
    """Have the writer in the middle of a job, which ends when the event is set."""
    held, go = threading.Event(), threading.Event()

    def wait(_connection: apsw.Connection) -> None:
        held.set()
        go.wait(10)

    holding = asyncio.ensure_future(database.write(wait))
    await asyncio.to_thread(held.wait, 10)
    return go, holding
