"""New records of a transaction are written together, and every write sees those before it all the same."""

import asyncio

import apsw
import pytest

from actors.memory import changes, forgetting, store
from actors.memory.messages import Forget, Link, NewMemory, Remember, Revise
from actors.memory.schema import MIGRATIONS
from actors.memory.settings import LifeSettings
from actors.memory.transaction import Transaction
from actors.memory.writer_cache import WriterCache
from actors.sqlite.database import Database
from tests.memory.conftest import NOW, Store
from transport.errors import NotFound, Unavailable


def remember(transaction, *texts, **fields):
    message = Remember(memories=tuple(NewMemory(text=text, **fields) for text in texts))
    return [stored.id for stored in store.remember(transaction, message, importance=0.5).memories]


def test_records_of_many_writes_come_with_a_few_statements():
    book = Store(indexes=False)
    statements = []
    with book.connection:
        transaction = Transaction(book.connection, "default", NOW, book.cache)
        remember(transaction, "first", session="talk")
        book.connection.trace_v2(apsw.SQLITE_TRACE_STMT, lambda trace: statements.append(trace["sql"]))
        for number in range(300):
            remember(transaction, f"turn {number}", session="talk")
        book.cache.flush(book.connection)
        book.connection.trace_v2(0, None)

    assert len(statements) < 20
    rows = book.connection.execute(
        "SELECT m.number, e.seq, m.text FROM memory m JOIN event e ON e.memory = m.number ORDER BY m.number"
    ).fetchall()
    assert rows == [(1, 1, "first"), *((number + 2, number + 2, f"turn {number}") for number in range(300))]


def test_what_came_in_before_in_the_same_transaction_is_there_for_the_next_write():
    book = Store(indexes=False)
    with book.connection:
        transaction = Transaction(book.connection, "default", NOW, book.cache)
        (first,) = remember(transaction, "the moon", key="moon")
        assert remember(transaction, "the moon again", key="moon") == [first]
        (second,) = remember(transaction, "of it", kind="fact", links=(Link(relation="derives_from", target=first),))
        changes.revise(transaction, Revise(id=first, text="the sun"), life=LifeSettings())
        forgetting.forget(transaction, Forget(ids=(second,)))
        book.cache.flush(book.connection)

    assert book.connection.execute("SELECT text FROM memory").fetchall() == [("the sun",)]
    told = book.connection.execute("SELECT change, memory FROM event ORDER BY seq").fetchall()
    # The fact ends with the turn that it was drawn from, which says another thing now.
    assert told == [("remembered", 1), ("remembered", 2), ("superseded", 2), ("revised", 1), ("forgotten", 2)]


def test_numbers_are_never_used_again():
    book = Store(indexes=False)
    with book.connection:
        transaction = Transaction(book.connection, "default", NOW, book.cache)
        (gone,) = remember(transaction, "gone")
        forgetting.forget(transaction, Forget(ids=(gone,)))
        book.cache.flush(book.connection)
    book.connection.execute("BEGIN")
    remember(Transaction(book.connection, "default", NOW, book.cache), "taken back")
    book.cache.flush(book.connection)
    book.connection.execute("ROLLBACK")
    book.cache = WriterCache()  # as after a restart
    with book.connection:
        remember(Transaction(book.connection, "default", NOW, book.cache), "new")
        book.cache.flush(book.connection)

    assert book.connection.execute("SELECT number, text FROM memory").fetchall() == [(2, "new")]
    assert book.connection.execute("SELECT seq FROM event ORDER BY seq").fetchall() == [(1,), (2,), (3,)]


@pytest.fixture
async def database(tmp_path):
    cache = WriterCache()
    database = Database(tmp_path / "memory.db", MIGRATIONS, held=cache)
    await database.open()

    def run(connection, *texts, **fields):
        return remember(Transaction(connection, "default", NOW, cache), *texts, **fields)

    async def write(*texts, **fields):
        return await database.write(run, *texts, **fields)

    database.remember = write
    yield database
    await database.close()


def texts(connection):
    return [text for (text,) in connection.execute("SELECT text FROM memory ORDER BY number")]


async def test_a_write_that_fails_among_others_takes_back_only_itself(database):
    nowhere = (Link(relation="relates", target="mem_nowhere"),)
    done = await asyncio.gather(
        database.remember("one", session="talk"),
        database.remember("two", links=nowhere),
        database.remember("three", session="talk"),
        return_exceptions=True,
    )

    assert [type(each) for each in done] == [list, NotFound, list]
    assert await database.read(texts) == ["one", "three"]


async def test_the_one_that_the_disk_has_no_room_for_does_not_take_those_behind_it_along(database):
    await database.remember("kept")
    await database.write(lambda connection: connection.pragma("max_page_count", connection.pragma("page_count") + 2))
    done = await asyncio.gather(database.remember("x" * 200_000), database.remember("small"), return_exceptions=True)

    assert [type(each) for each in done] == [Unavailable, list]
    assert await database.read(texts) == ["kept", "small"]
