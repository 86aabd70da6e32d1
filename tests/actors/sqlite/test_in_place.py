"""Databases whose files are deleted, moved away or replaced while they are open: nothing acknowledged goes with them."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from actors.sqlite.damage import reports
from actors.sqlite.database import Database
from actors.sqlite.in_place import InPlace
from tests.actors.sqlite.notes import SCHEMA, note, notes
from transport.errors import Unavailable

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.usefixtures("key")
FOREIGN = b"somebody else's" * 1000


@pytest.fixture
async def database(tmp_path, key):
    del key
    database = Database(tmp_path / "data" / "notes.db", SCHEMA)
    await database.open()
    await database.write(note, "before")
    yield database
    await database.close()


async def on_disk(path) -> list[str]:
    """What a start finds there: as a kill would leave it, copied to another place."""
    there = path.parent.with_name("looked at")
    there.mkdir()
    for file in path.parent.glob("notes.db*"):
        (there / file.name).write_bytes(file.read_bytes())
    again = Database(there / path.name, SCHEMA)
    await again.open()
    found = await again.read(notes)
    await again.close()
    return found


def deleted(path):
    path.unlink()


def moved_away(path):
    path.rename(path.with_name("elsewhere"))


def log_deleted(path):
    path.with_name("notes.db-wal").unlink()


def all_deleted(path):
    for file in path.parent.iterdir():
        file.unlink()


def directory_moved_away(path):
    path.parent.rename(path.parent.with_name("old"))


@pytest.mark.parametrize("lose", [deleted, moved_away, log_deleted, all_deleted, directory_moved_away])
async def test_what_is_acknowledged_is_where_the_next_start_looks_for_it(database, lose):
    lose(database.path)
    await database.write(note, "after")

    assert await database.read(notes) == ["before", "after"]
    assert await on_disk(database.path) == ["before", "after"]
    assert reports(database.path.parent) == []
    await database.write(note, "later")
    assert await database.read(notes) == ["before", "after", "later"]


@pytest.mark.parametrize("name", ["notes.db", "notes.db-wal"])
async def test_a_file_that_was_put_in_its_place_is_set_aside_whole(database, name):
    new = database.path.with_name("new")
    new.write_bytes(FOREIGN)
    new.rename(database.path.with_name(name))
    await database.write(note, "after")

    assert await database.read(notes) == ["before", "after"]
    assert await on_disk(database.path) == ["before", "after"]
    (report,) = reports(database.path.parent)
    aside = database.path.with_name(name.replace("notes.db", report["set_aside"]))
    assert aside.read_bytes() == FOREIGN
    assert "put in the place" in report["why"]


async def test_an_older_copy_in_its_place_is_set_aside_with_what_it_holds(database, key):
    copy = database.path.with_name("copy.db")
    await database.copy_to(copy)
    await database.write(note, "newer")
    copy.rename(database.path)
    await database.write(note, "after")

    assert await database.read(notes) == ["before", "newer", "after"]
    (report,) = reports(database.path.parent)
    if key is None:
        connection = sqlite3.connect(database.path.with_name(report["set_aside"]))
        assert connection.execute("SELECT text FROM note").fetchall() == [("before",)]
        connection.close()


async def test_who_is_alone_with_a_write_that_is_not_grouped_is_in_place_as_well(database):
    database.path.unlink()
    await database.write_rebuildable(note, "after")
    assert await on_disk(database.path) == ["before", "after"]


async def test_a_file_deleted_in_the_middle_of_a_write_is_there_before_the_answer(database):
    def write_and_delete(connection):
        note(connection, "after")
        database.path.unlink()

    await database.write(write_and_delete)
    assert await on_disk(database.path) == ["before", "after"]


async def test_a_file_deleted_before_the_end_is_written_back_by_closing(database):
    database.path.unlink()
    await database.close()
    assert await on_disk(database.path) == ["before"]


async def test_writes_are_refused_and_reads_go_on_while_it_cannot_be_written_back(database, monkeypatch):
    monkeypatch.setattr("actors.sqlite.in_place.AGAIN_S", 0.0)
    # The reader's connection is opened for the first who reads, or a moment after the start.
    assert await database.read(notes) == ["before"]
    data = database.path.parent
    data.rename(data.with_name("old"))
    data.write_text("no directory")
    for _ in range(2):
        with pytest.raises(Unavailable, match=r"notes\.db was deleted") as refused:
            await database.write(note, "refused")
        assert refused.value.retry_after_ms
        assert await database.read(notes) == ["before"]

    data.unlink()
    await database.write(note, "after")
    assert await database.read(notes) == ["before", "after"]
    assert await on_disk(database.path) == ["before", "after"]


async def test_what_was_written_back_and_could_not_be_opened_is_opened_the_next_time(database, monkeypatch):
    monkeypatch.setattr("actors.sqlite.in_place.AGAIN_S", 0.0)
    opened = InPlace.open

    def refuse(*_):
        raise apsw.CantOpenError("not now")

    monkeypatch.setattr(InPlace, "open", refuse)
    database.path.unlink()
    with pytest.raises(Unavailable, match="not now"):
        await database.write(note, "refused")

    monkeypatch.setattr(InPlace, "open", opened)
    await database.write(note, "after")
    assert await database.read(notes) == ["before", "after"]
    assert reports(database.path.parent) == []


async def test_who_was_killed_before_it_had_its_place_is_put_there_by_the_next_start(database):
    rescued = database.path.with_name("notes.db.rescued")
    await database.copy_to(rescued)
    await database.close()
    for file in database.path.parent.glob("notes.db*"):
        if file != rescued:
            file.unlink()
    database.path.write_bytes(FOREIGN)

    again = Database(database.path, SCHEMA)
    await again.open()
    assert await again.read(notes) == ["before"]
    await again.close()
    (report,) = reports(database.path.parent)
    assert database.path.with_name(report["set_aside"]).read_bytes() == FOREIGN


async def test_the_owner_s_lock_is_made_anew(database):
    owner = database.path.with_suffix(".owner")
    owner.unlink()
    database.path.unlink()
    await database.write(note, "after")
    while not owner.exists():
        await database.write(note, "later")
    assert owner.read_text().split() == [str(os.getpid())]


async def test_a_link_to_a_file_on_another_disk_stays_one(tmp_path):
    path, there = tmp_path / "notes.db", tmp_path / "another disk" / "notes.db"
    there.parent.mkdir()
    path.symlink_to(there)
    database = Database(path, SCHEMA)
    await database.open()
    await database.write(note, "before")
    there.unlink()
    await database.write(note, "after")
    await database.close()

    assert path.is_symlink()
    again = Database(path, SCHEMA)
    await again.open()
    assert await again.read(notes) == ["before", "after"]
    await again.close()


CHILD = """
import asyncio, sys
from pathlib import Path
from actors.sqlite.database import Database
from tests.actors.sqlite.test_in_place import SCHEMA, note

async def main():
    database = Database(Path(sys.argv[1]), SCHEMA)
    await database.open()
    await database.write(note, "before")
    print("written", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def killed_when_written_back(path: Path) -> None:
    """A process that has written, whose file is deleted, and that is killed once it says that it has written it back."""
    command = [sys.executable, "-c", CHILD, str(path)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"written\n"
        path.unlink()
        assert any(b"was written back: nothing is lost" in line for line in process.stderr)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()


async def test_a_process_that_writes_nothing_more_writes_it_back_all_the_same(tmp_path):
    path = tmp_path / "notes.db"
    await asyncio.to_thread(killed_when_written_back, path)

    again = Database(path, SCHEMA)
    await again.open()
    assert await again.read(notes) == ["before"]
    await again.close()
