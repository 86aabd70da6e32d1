"""Damaged database files, made by damaging real ones: set aside whole, recovered as far as they can be read, and told."""

import asyncio
import json
import os
import sqlite3
from pathlib import Path

import apsw
import pytest

from actors.sqlite.damage import reports
from actors.sqlite.encryption import KEY
from actors.sqlite.opening import NewerDatabase
from actors.sqlite.salvage.leftovers import table_of
from actors.sqlite.salvage.tables import tables_of
from tests.actors.sqlite.books import (
    ROWS,
    fill,
    one_value,
    opened,
    overwrite,
    pages_of,
    recovered,
    set_aside,
    titles,
    with_a_log,
    written,
)
from transport.errors import Unavailable


@pytest.fixture
async def path(tmp_path, key):
    del key
    return await written(tmp_path)


async def test_a_first_page_of_nonsense_costs_no_row(path):
    overwrite(path, 1, os.urandom(4096))
    there, report = await recovered(path)
    assert there == set(range(1, ROWS + 1))
    assert any("first page" in line for line in report["lost"])


def readers(connection: apsw.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM reads").fetchone()[0])


@pytest.mark.parametrize("lost", [16, 100, 4096], ids=["its beginning", "its header", "all of it"])
async def test_a_first_page_of_zeros_costs_nothing_at_all(tmp_path, monkeypatch, lost):
    """Neither what is kept by its key alone, nor names that rows refer to, nor what is in the log."""
    monkeypatch.delenv(KEY, raising=False)
    path = tmp_path / "books.db"
    database = await opened(path)
    await database.write(fill)
    await database.close()
    await with_a_log(path, 3)
    with path.open("r+b") as file:
        file.write(bytes(lost))

    there, report = await recovered(path)
    assert there == set(range(1, ROWS + 1))
    assert report["rows"]["reads"] == ROWS
    assert len(report["lost"]) == 1
    database = await opened(path)
    assert await database.read(lambda connection: list(connection.execute("SELECT name FROM shelf"))) == [("default",)]
    assert await database.read(readers) == ROWS
    assert await database.read(one_value) == [2]
    await database.close()


def test_a_row_that_fits_two_tables_is_that_ones_of_which_it_has_everything():
    connection = apsw.Connection(":memory:")
    connection.execute(
        """
        CREATE TABLE shelf (number INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;
        CREATE TABLE author (number INTEGER PRIMARY KEY, name TEXT NOT NULL, born INTEGER NOT NULL DEFAULT 0) STRICT;
        """
    )
    tables = tables_of(connection)
    for values, name in (((None, "a", None), "shelf"), ((None, "a", 1900), "author")):
        found = table_of(values, tables)
        assert found is not None
        assert found.name == name
    assert table_of((None, None, None), tables) is None


async def test_a_file_of_nonsense_is_set_aside(path):
    path.write_bytes(os.urandom(50_000))
    database = await opened(path)
    assert await database.read(titles) == set()
    await database.close()
    aside, report = set_aside(path)
    assert aside.stat().st_size == 50_000
    assert report["lost"]


async def test_an_empty_file_is_set_aside(path):
    path.write_bytes(b"")
    database = await opened(path)
    assert await database.read(titles) == set()
    await database.close()
    assert set_aside(path)[1]["lost"]


async def test_a_truncated_file_is_recovered_up_to_where_it_ends(path, key):
    last = max(pages_of(path, key, "book", "leaf")) // 2
    with path.open("r+b") as file:
        file.truncate(last * 4096 + 100)
    there, report = await recovered(path)
    assert there
    assert there < set(range(1, ROWS + 1))
    assert any(line.startswith("book") for line in report["lost"])


async def suspected(path: Path, read) -> None:
    """Touch the damage at run time: the read fails, the owner is told, and the next opening looks at everything."""
    database = await opened(path)
    watching = asyncio.ensure_future(database.watch())
    with pytest.raises(Unavailable):
        await database.read(read)
    with pytest.raises(Unavailable, match="damaged"):
        await watching
    await database.close()


async def test_a_damaged_leaf_costs_its_rows_and_no_others(path, key):
    leaf = pages_of(path, key, "book", "leaf")[10]
    overwrite(path, leaf)
    await suspected(path, titles)
    there, report = await recovered(path)
    lost = set(range(1, ROWS + 1)) - there
    assert 1 <= len(lost) <= 60
    assert max(lost) - min(lost) == len(lost) - 1
    assert f"book: rows {min(lost)} to {max(lost)} could not be read" in report["lost"]


async def test_what_was_written_before_damage_showed_does_not_change_the_damaged_file(path, key):
    damaged = overwrite(path, pages_of(path, key, "book", "leaf")[10])
    database = await opened(path)
    await database.write(lambda connection: connection.execute("INSERT INTO book (shelf, title) VALUES (1, 'book 88888')"))
    with pytest.raises(Unavailable):
        await database.read(titles)
    await database.close()

    assert path.read_bytes() == damaged
    there, _ = await recovered(path)
    assert 88888 in there


async def test_a_damaged_root_costs_no_row(path, key):
    (root,) = pages_of(path, key, "book", "internal")
    overwrite(path, root)
    await suspected(path, titles)
    there, _ = await recovered(path)
    assert there == set(range(1, ROWS + 1))


async def test_a_row_whose_text_was_overwritten_with_zeros_does_not_come_back(path, key):
    database = await opened(path)
    zeros = "UPDATE book SET title = 'book' || char(0, 0) WHERE number = 7"
    await database.write(lambda connection: connection.execute(zeros) and None)
    await database.close()
    (root,) = pages_of(path, key, "book", "internal")
    overwrite(path, root)
    await suspected(path, titles)
    there, _ = await recovered(path)
    assert there == set(range(1, ROWS + 1)) - {7}


async def test_a_text_that_is_no_utf_8_costs_its_row_and_no_other(path):
    database = await opened(path)
    broken = "UPDATE book SET title = CAST(x'62ff6b' AS TEXT) WHERE number = 7"
    await database.write(lambda connection: connection.execute(broken) and None)
    await database.close()
    await suspected(path, titles)
    there, report = await recovered(path)
    assert there == set(range(1, ROWS + 1)) - {7}
    assert "no UTF-8" in report["why"]


async def test_a_damaged_index_costs_no_row(path, key):
    overwrite(path, pages_of(path, key, "book_title", "leaf")[3])
    await suspected(path, lambda connection: list(connection.execute("SELECT title FROM book ORDER BY title")))
    there, report = await recovered(path)
    assert there == set(range(1, ROWS + 1))
    assert report["lost"] == []


async def test_a_lost_name_that_all_rows_refer_to_is_read_from_its_index(path, key):
    (page,) = pages_of(path, key, "shelf", "leaf")
    overwrite(path, page)
    await suspected(path, lambda connection: list(connection.execute("SELECT number, name FROM shelf NOT INDEXED")))
    there, _ = await recovered(path)
    assert there == set(range(1, ROWS + 1))
    database = await opened(path)
    assert await database.read(lambda connection: list(connection.execute("SELECT name FROM shelf"))) == [("default",)]
    await database.close()


async def test_another_programs_database_is_set_aside_whole(tmp_path, monkeypatch):
    monkeypatch.delenv(KEY, raising=False)
    path = tmp_path / "books.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE bookmarks (url)")
    other.commit()
    other.close()
    before = path.read_bytes()
    database = await opened(path)
    assert await database.read(titles) == set()
    await database.close()
    assert set_aside(path)[0].read_bytes() == before


async def test_an_interrupted_setting_aside_is_finished(path):
    recovered_file = path.with_name("books.db.recovered")
    recovered_file.write_bytes(path.read_bytes())
    path.rename(path.with_name("books.db.damaged-20260101T000000Z"))
    path.with_name("books.db-wal").write_bytes(b"of the damaged one")
    database = await opened(path)
    assert await database.read(titles) == set(range(1, ROWS + 1))
    await database.close()
    assert not path.with_name("books.db.recovered").exists()
    assert b"of the damaged one" in [file.read_bytes() for file in path.parent.glob("books.db.damaged-*-wal")]


async def test_a_suspicion_without_damage_costs_nothing(path):
    path.with_name("books.db.suspect").write_text("somebody thought so")
    database = await opened(path)
    assert len(await database.read(titles)) == ROWS
    await database.close()
    assert reports(path.parent) == []
    assert not path.with_name("books.db.suspect").exists()


async def test_a_newer_file_is_never_set_aside(path, key):
    connection = apsw.Connection(str(path))
    if key is not None:
        key.unlock(connection)
    connection.pragma("user_version", 99)
    connection.close()
    with pytest.raises(NewerDatabase):
        await opened(path)
    assert reports(path.parent) == []


async def test_the_report_is_a_file_for_people_and_programs(path):
    overwrite(path, 1)
    await recovered(path)
    (report,) = path.parent.glob("books.db.damaged-*.json")
    told = json.loads(report.read_text())
    assert told["database"] == "books.db"
    assert told["rows"]["book"] == ROWS
