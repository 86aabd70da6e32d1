"""What is deleted is out of the file, also where SQLite had moved it from one page to another before."""

import random
from pathlib import Path

import pytest

from actors.sqlite import remnants
from actors.sqlite.database import Database
from actors.sqlite.remnants import gap_of
from tests.actors.sqlite.notes import SCHEMA

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


def test_what_is_no_page_of_a_tree_has_no_gap():
    overflow = bytes([0, 0, 0, 7]) + b"\xff" * 4092
    assert len(gap_of(overflow)) == 0
    assert len(gap_of(b"\x0d" + b"\xff" * 4095)) == 0
    leaf = b"\x0d" + bytes([0, 0, 0, 2, 0x0F, 0x00, 0]) + b"x" * 4088
    assert gap_of(leaf) == range(12, 0x0F00)
