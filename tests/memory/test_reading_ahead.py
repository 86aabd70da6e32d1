"""After a start, what the first search would have to read is read before it comes, a piece at a time."""

import asyncio

import pytest

from actors.memory import reading_ahead, store
from actors.memory.embedding.vectors import adopt, keep, waiting
from actors.memory.messages import NewMemory, Remember
from actors.memory.reading_ahead import keep_reading_ahead, read_ahead
from actors.memory.schema import MIGRATIONS
from actors.memory.search.shelves import Shelves
from actors.memory.transaction import Transaction
from actors.memory.writer_cache import WriterCache
from actors.sqlite.database import Database
from tests.memory.conftest import NOW


@pytest.fixture
async def database(short_dir):
    cache = WriterCache()
    database = Database(short_dir / "memory.db", MIGRATIONS, held=cache)
    await database.open()
    for namespace, count in (("old", 1500), ("new", 3000)):
        for _ in range(count // 500):
            records = tuple(NewMemory(text=f"number {number} of the {namespace} ones") for number in range(500))
            message = Remember(namespace=namespace, memories=records)

            def write(connection, message=message):
                return store.remember(Transaction(connection, message.namespace, NOW, cache), message, importance=0.5)

            await database.write(write)
    yield database
    await database.close()


async def test_the_namespace_that_was_written_to_last_is_held_when_it_is_first_searched(database):
    shelves = Shelves(2000, 1 << 30)
    await read_ahead(database, shelves)
    held = shelves.nbytes
    assert held >= 3000 * 73
    searched = await database.read(lambda connection: shelves.of(connection, 2, 3000))
    assert len(searched.shelf) == 3000
    assert shelves.nbytes == held


async def test_no_more_is_held_for_it_than_may_be(database):
    shelves = Shelves(2000, 100_000)
    await read_ahead(database, shelves)
    assert shelves.nbytes == 0


async def test_whoever_asks_for_something_else_waits_for_one_piece_at_most(database):
    shelves = Shelves(2000, 1 << 30)
    reading = asyncio.create_task(read_ahead(database, shelves))
    answered = 0
    while not reading.done():
        assert await database.read(lambda connection: connection.execute("SELECT 1").fetchone()) == (1,)
        answered += 1
    assert answered > 3


async def test_what_a_search_found_missing_is_read_after_it(database, monkeypatch):
    monkeypatch.setattr(reading_ahead, "AFTER_S", 0.0)
    await database.write_rebuildable(give_vectors)
    shelves, searched = Shelves(0, 1 << 30), asyncio.Event()

    def search(connection):
        shelves.follow(connection)
        return shelves.of(connection, 2, 3000)

    async with asyncio.timeout(90):
        reading = asyncio.create_task(keep_reading_ahead(database, shelves, searched))
        while (await database.read(search)).all is None:
            pass
        await database.read(shelves.let_go, 2)
        anew = await database.read(search)
        assert anew.all is None
        searched.set()
        while anew.all is None:
            await database.read(lambda _: None)
    assert anew.all.records == 3000
    reading.cancel()


def give_vectors(connection):
    batch = waiting(connection, adopt(connection, "a"), 4500, 4500)
    keep(connection, batch, [(b"\x01\x00", bytes(16)) for _ in batch.works])
