"""Databases that lose their names while they are open, and whose owner is killed before it has looked or written again."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from actors.sqlite.damage import reports
from actors.sqlite.database import Database
from actors.sqlite.encryption import KEY, StoreKey
from actors.sqlite.rekeying import rekey_file
from tests.actors.sqlite.notes import SCHEMA, note, notes

pytestmark = pytest.mark.usefixtures("key")
ROOT = Path(__file__).resolve().parents[3]

KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from actors.sqlite.database import Database
from tests.actors.sqlite import test_second_names as here

async def main():
    path = Path(sys.argv[1])
    database = Database(path, here.SCHEMA)
    await database.open()
    await database.write(here.note, sys.argv[2])
    if sys.argv[3] != "nothing":
        getattr(here, sys.argv[3])(path)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


def deleted(path):
    path.unlink()


def log_deleted(path):
    path.with_name("notes.db-wal").unlink()


def all_deleted(path):
    for file in path.parent.glob("notes.db*"):
        file.unlink()


def moved_away(path):
    path.rename(path.with_name("elsewhere"))


def log_replaced(path):
    path.unlink()
    path.with_name("notes.db-wal").unlink()
    path.with_name("notes.db-wal").write_bytes(b"somebody else's" * 1000)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "notes.db"


def killed(path, text, lose="nothing"):
    command = [sys.executable, "-c", KILLED, str(path), text, lose]
    assert subprocess.run(command, cwd=ROOT, timeout=60, check=False).returncode == -signal.SIGKILL


async def found(path):
    database = Database(path, SCHEMA)
    await database.open()
    texts = await database.read(notes)
    await database.close()
    return texts


@pytest.mark.parametrize("lose", ["deleted", "log_deleted", "all_deleted", "moved_away", "log_replaced"])
async def test_who_is_killed_at_once_after_its_file_lost_its_name_loses_nothing(path, lose):
    killed(path, "first")
    killed(path, "second", lose)

    assert await found(path) == ["first", "second"]
    assert await found(path) == ["first", "second"]
    assert len(reports(path.parent)) == (1 if lose == "log_replaced" else 0)
    assert not list(path.parent.glob(".*.second"))


async def test_a_file_that_was_moved_away_stays_as_it_was(path):
    killed(path, "first", "moved_away")
    before = path.with_name("elsewhere").read_bytes()

    killed(path, "second")

    assert await found(path) == ["first", "second"]
    assert path.with_name("elsewhere").read_bytes() == before


async def test_what_was_open_is_set_aside_whole_where_another_file_has_its_place(path):
    killed(path, "first")
    copy = path.with_name("copy.db")
    database = Database(path, SCHEMA)
    await database.open()
    await database.copy_to(copy)
    await database.close()
    killed(path, "second")
    copy.rename(path)

    assert await found(path) == ["first"]
    (report,) = reports(path.parent)
    for suffix in ("", "-wal"):
        path.with_name(report["set_aside"] + suffix).rename(path.with_name("again.db" + suffix))
    assert await found(path.with_name("again.db")) == ["first", "second"]


async def test_a_directory_that_was_copied_file_by_file_is_that_of_a_kill(path):
    killed(path, "first")
    killed(path, "second")
    shutil.copytree(path.parent, path.parent.with_name("copy"))
    copy = path.parent.with_name("copy") / path.name

    assert await found(copy) == ["first", "second"]
    assert not reports(copy.parent)
    assert not list(copy.parent.glob(".*.second"))


async def test_a_log_that_another_program_has_moved_into_the_file_does_not_come_back(path):
    killed(path, "first")
    # As a shell does that opens the database and leaves it; the note of who was killed stays.
    opened = Database(path, SCHEMA)
    await opened.open()
    await opened.write(note, "in the shell")
    old = path.with_name(".notes.db-wal.second").read_bytes()
    await opened.close()
    path.with_name(".notes.db.second").hardlink_to(path)
    path.with_name(".notes.db-wal.second").write_bytes(old)

    assert await found(path) == ["first", "in the shell"]


async def test_orderly_closing_and_another_key_leave_no_second_name(path, monkeypatch):
    killed(path, "first")
    assert list(path.parent.glob(".*.second"))
    new = StoreKey.new_text()
    rekey_file(path, StoreKey.from_environment(), StoreKey(new))
    assert not list(path.parent.glob(".*.second"))

    monkeypatch.setenv(KEY, new)
    assert await found(path) == ["first"]
    assert not list(path.parent.glob(".*.second"))
