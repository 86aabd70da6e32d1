"""What is deleted is out of the file, also where SQLite had moved it from one page to another before."""

import asyncio
import os
import random
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import apsw
import pytest

from actors.sqlite import remnants
from actors.sqlite.database import Database
from actors.sqlite.remnants import gap_of
from tests.actors.sqlite.notes import SCHEMA, note, notes
from transport.errors import Unavailable

COUNT = 800


class Book:
    """Notes of lengths that change, so that trees are balanced all the time; each says one name over and over."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.names = [f"{self.random.getrandbits(64):016x}" for _ in range(COUNT)]
        self.gone = self.random.sample(range(COUNT), COUNT // 2)

    def write(self, connection):
        connection.executemany(
            "INSERT INTO note (text) VALUES (?)", [(name * self.random.randint(1, 8),) for name in self.names]
        )

    def lengthen(self, connection):
        first = connection.execute("SELECT min(number) FROM note").get
        for place in self.random.sample(range(COUNT), COUNT // 2):
            text = self.names[place] * self.random.randint(1, 60)
            connection.execute("UPDATE note SET text = ? WHERE number = ?", (text, first + place))

    def drop(self, connection):
        first = connection.execute("SELECT min(number) FROM note").get
        for place in self.gone:
            connection.execute("DELETE FROM note WHERE number = ?", (first + place,))

    def left(self, database: Database) -> list[str]:
        """Which names that were deleted stand in a file of the database."""
        files = [file.read_bytes() for file in Path(database.path).parent.iterdir() if file.is_file()]
        return [self.names[place] for place in self.gone if any(self.names[place].encode() in data for data in files)]


@pytest.fixture
async def book(database):
    book = Book(seed=1)
    for change in (book.write, book.lengthen, book.drop):
        await database.write(change)
    return book


def is_sound(connection):
    return connection.pragma("integrity_check") == "ok"


async def test_what_was_moved_to_another_page_before_it_was_deleted_is_overwritten(database, book):
    await database.checkpoint()
    assert book.left(database) == []
    assert await database.read(lambda connection: connection.execute("SELECT count(*) FROM note").get) == COUNT // 2
    assert await database.read(is_sound)


async def test_it_is_overwritten_where_the_log_has_gone_round_since(database, book, monkeypatch):
    monkeypatch.setattr(remnants, "CHECKPOINT_AT", 20)
    await database.checkpoint()
    await database.write(lambda connection: connection.execute("DELETE FROM note"))
    another = Book(seed=2)
    for change in (another.write, another.lengthen, another.lengthen, another.drop):
        await database.write(change)
    await database.checkpoint()
    assert (book.left(database), another.left(database)) == ([], [])
    assert await database.read(is_sound)


async def test_what_an_earlier_process_left_is_overwritten(database, book):
    await database.close()
    assert book.left(database) != []

    await database.open()
    await database.checkpoint()
    assert book.left(database) == []


@pytest.mark.usefixtures("book")
async def test_what_is_written_meanwhile_stays(database):
    kept = [f"kept {number}" for number in range(20)]
    for text in kept:
        await database.write(lambda connection, text: connection.execute("INSERT INTO note (text) VALUES (?)", (text,)), text)
        await database.checkpoint()
    stored = await database.read(lambda connection: [text for (text,) in connection.execute("SELECT text FROM note")])
    assert stored[-20:] == kept
    assert len(stored) == COUNT // 2 + 20
    assert await database.read(is_sound)


async def test_an_encrypted_file_shows_nothing_and_stays_sound(tmp_path, monkeypatch):
    monkeypatch.setenv("LATTICE_MEMORY_KEY", "ab" * 32)
    database = Database(tmp_path / "notes.db", SCHEMA)
    await database.open()
    book = Book(seed=1)
    for change in (book.write, book.lengthen, book.drop):
        await database.write(change)
    await database.checkpoint()
    assert book.left(database) == []
    assert await database.read(is_sound)
    await database.close()


async def test_it_is_overwritten_where_writes_that_were_taken_back_had_reached_the_log(database):
    def fill_with_little_memory(connection):
        connection.execute("CREATE TABLE large (text TEXT NOT NULL) STRICT")
        connection.executemany("INSERT INTO large VALUES (?)", [("x" * 3000,)] * 400)
        connection.pragma("cache_size", 10)

    def change_more_than_memory_holds(connection):
        connection.execute("UPDATE large SET text = upper(text)")
        raise ValueError("no")

    await database.write(fill_with_little_memory)
    await database.checkpoint()
    with pytest.raises(ValueError, match="no"):
        await database.write_rebuildable(change_more_than_memory_holds)
    reader = apsw.Connection(str(database.path))
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM note").fetchall()
    await database.write(note, "")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(database.checkpoint(), 0.5)
    reader.close()

    def begin_anew(connection):
        connection.pragma("cache_size", -16_384)
        connection.execute("DELETE FROM note")

    await database.write(begin_anew)
    book = Book(seed=3)
    for change in (book.write, book.lengthen, book.lengthen, book.drop):
        await database.write(change)
    await database.checkpoint()
    assert book.left(database) == []


@pytest.mark.usefixtures("book")
async def test_another_program_that_writes_meanwhile_spoils_nothing(database, monkeypatch):
    another = apsw.Connection(str(database.path))
    answers = []

    def after_it_has_written(page, at=0):
        if not answers:
            try:
                another.executemany("INSERT INTO note (text) VALUES (?)", [("another's " * 40,)] * 200)
                another.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
                answers.append("written")
            except apsw.BusyError:
                answers.append("asked to wait")
        return gap_of(page, at)

    monkeypatch.setattr(remnants, "gap_of", after_it_has_written)
    await database.checkpoint()
    another.close()
    assert answers == ["asked to wait"]
    assert await database.read(is_sound)


async def test_rows_of_a_page_whose_header_is_damaged_are_read_as_before(database):
    await database.write(lambda connection: [note(connection, f"{number} " * 20) for number in range(20)])
    await database.close()
    data = bytearray(database.path.read_bytes())
    page = next(start for start in range(4096, len(data), 4096) if data[start] == 0x0D)
    data[page + 5] |= 0x0F  # where the content of cells begins
    database.path.write_bytes(data)

    await database.open()
    before = await database.read(notes)
    with suppress(Unavailable):
        await database.checkpoint()
    assert await database.read(notes) == before


@contextmanager
def no_more_files() -> Iterator[None]:
    """This process can open none."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = [os.open(os.devnull, os.O_RDONLY)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (held[0] + 1, hard))
    try:
        with suppress(OSError):
            while True:
                held.append(os.dup(held[0]))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for file in held:
            os.close(file)


async def test_a_log_that_cannot_be_looked_at_hinders_no_write(database, monkeypatch):
    monkeypatch.setattr(remnants, "CHECKPOINT_AT", 1)
    await database.checkpoint()
    book = Book(seed=4)
    with no_more_files():
        for change in (book.write, book.lengthen, book.drop):
            await database.write(change)
        with pytest.raises(Unavailable, match="Too many open files"):
            await database.checkpoint()
    await database.checkpoint()
    assert book.left(database) == []


def test_what_is_no_page_of_a_tree_has_no_gap():
    overflow = bytes([0, 0, 0, 7]) + b"\xff" * 4092
    assert len(gap_of(overflow)) == 0
    assert len(gap_of(b"\x0d" + b"\xff" * 4095)) == 0
    leaf = b"\x0d" + bytes([0, 0, 0, 2, 0x0F, 0x00, 0]) + b"x" * 4088
    assert gap_of(leaf) == range(12, 0x0F00)
    assert len(gap_of(leaf.replace(b"xxxx", b"\x0f\x80\x0e\x80", 1))) == 0
