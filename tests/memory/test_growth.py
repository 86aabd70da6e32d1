"""What one more record, one more search and one more recall take of the database does not grow with what is in it."""

from actors.memory.echoes import note_recall
from actors.memory.messages import NewMemory, Remember
from actors.memory.search.shelves import Shelves
from actors.memory.settings import MemorySettings
from actors.memory.store import remember
from actors.memory.tail import index_more
from actors.memory.transaction import Transaction
from actors.moments import micros
from tests.memory.conftest import NOW, Store


def said(book, count):
    """So many records more; their ids."""
    records = tuple(NewMemory(text=f"the book of dogs, page {number}", session="book") for number in range(count))
    return [one.id for one in book.write(remember, Remember(memories=records), importance=0.5).memories]


def recalled(book, ids, context=b"asked it"):
    """Note that these were recalled."""
    with book.connection:
        transaction = Transaction(book.connection, "default", NOW, book.cache)
        note_recall(transaction, ids, context, MemorySettings())
        book.cache.flush(book.connection)


def steps(book, work):
    """Instructions of SQLite's machine that some work takes."""
    count = 0

    def one_more():
        nonlocal count
        count += 1
        return False

    book.connection.set_progress_handler(one_more, 1)
    work()
    book.connection.set_progress_handler(None)
    return count


def of_little_and_of_much(work):
    """What a piece of work takes beside 50 records, and beside 3,000."""
    taken = []
    for records in (50, 3000):
        book = Store(indexes=True)
        for _ in range(records // 50):
            said(book, 50)
        book.indexes = False
        taken.append(work(book))
    return taken


def test_indexing_one_more_record():
    def work(book):
        said(book, 1)
        return steps(book, lambda: index_more(book.connection, 100))

    few, many = of_little_and_of_much(work)
    assert many < 2 * few


def test_keeping_what_is_held_true_to_the_database():
    def work(book):
        shelves = Shelves(1000, 1 << 30)
        shelves.follow(book.connection)
        shelves.of(book.connection, 1, 50)
        recalled(book, said(book, 1))
        return steps(book, lambda: shelves.follow(book.connection))

    few, many = of_little_and_of_much(work)
    assert many < 2 * few


def test_a_stage_that_recalls_brought_about_has_nothing_read_again():
    book = Store(indexes=True)
    ids = said(book, 3)
    shelves = Shelves(1000, 1 << 30)
    shelves.follow(book.connection)
    shelves.of(book.connection, 1, 3)
    for number in range(MemorySettings().life.echo_contexts):
        recalled(book, ids, b"context %d" % number)
    assert book.connection.execute("SELECT DISTINCT stage FROM memory").fetchall() != [("raw",)]

    asked = []
    book.connection.set_exec_trace(lambda _, sql, __: asked.append(sql) or True)
    shelves.follow(book.connection)
    assert [sql for sql in asked if "FROM memory" in sql] == []


def test_a_dozen_records_are_noted_with_hardly_more_statements_than_one():
    counts = []
    for records in (1, 12):
        book = Store(indexes=True)
        ids = said(book, records)
        asked = []
        book.connection.set_exec_trace(lambda _, sql, __, asked=asked: asked.append(sql) or True)
        recalled(book, ids)
        counts.append(len(asked))
    assert counts[1] <= counts[0] + 2


def test_of_contexts_and_recalls_the_latest_are_kept_of_each_record():
    settings = MemorySettings(accesses_kept=3, contexts_kept=2)
    book = Store(indexes=True)
    ids = said(book, 2)
    for number in range(5):
        with book.connection:
            transaction = Transaction(book.connection, "default", NOW.replace(minute=number), book.cache)
            note_recall(transaction, ids, b"context %d" % number, settings)
            book.cache.flush(book.connection)

    def times(table, column, where):
        rows = book.connection.execute(f"SELECT memory, {column} FROM {table} WHERE {where} ORDER BY 1, 2")
        return [(memory, time) for memory, time in rows]

    at = [micros(NOW.replace(minute=number)) for number in range(5)]
    assert times("event", "time", "change = 'recalled'") == [(memory, time) for memory in (1, 2) for time in at[2:]]
    assert times("echo", "last", "true") == [(memory, time) for memory in (1, 2) for time in at[3:]]
    assert book.connection.execute("SELECT recalls FROM memory").fetchall() == [(5,), (5,)]
