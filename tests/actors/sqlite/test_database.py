"""The database that every stateful actor owns, on real files, with a real kill."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from actors.sqlite.database import Database
from actors.sqlite.opening import NewerDatabase, damage
from tests.actors.sqlite.notes import SCHEMA, note, notes, refuse
from transport.errors import Conflict, Unavailable
from transport.lock import Lock

ROOT = Path(__file__).resolve().parents[3]


async def test_a_write_is_read_by_the_next_read(database):
    assert await database.write(note, "one") == 1
    assert await database.read(notes) == ["one"]


async def test_a_write_that_raises_takes_back_only_itself(database):
    results = await asyncio.gather(
        database.write(note, "a"), database.write(refuse), database.write(note, "b"), return_exceptions=True
    )

    assert isinstance(results[1], ValueError)
    assert await database.read(notes) == ["a", "b"]


async def test_a_write_that_raises_what_no_future_takes_keeps_no_other_waiting(database):
    def run_out(connection: apsw.Connection) -> None:
        next(iter(connection.execute("SELECT 1 WHERE 0")))

    async with asyncio.timeout(10):
        results = await asyncio.gather(database.write(run_out), database.write(note, "a"), return_exceptions=True)

    assert isinstance(results[0], RuntimeError)
    assert await database.read(notes) == ["a"]


class Faulty:
    """What an owner holds, with a fault in it."""

    changes = 0

    def flush(self, connection: apsw.Connection) -> None:
        del connection
        raise KeyError("a fault")

    def clear(self) -> None:
        """Nothing to forget."""


async def test_a_fault_in_a_thread_leaves_nobody_waiting_and_ends_the_owner(tmp_path):
    database = Database(tmp_path / "notes.db", SCHEMA, held=Faulty())
    await database.open()
    watching = asyncio.create_task(database.watch())
    asked = [
        asyncio.create_task(asking)
        for asking in (database.write(note, "a"), database.write_rebuildable(note, "b"), database.settle())
    ]
    async with asyncio.timeout(10):
        answers = await asyncio.gather(*asked, watching, return_exceptions=True)

    assert [type(answer) for answer in answers] == [Unavailable, Unavailable, Unavailable, KeyError]
    with pytest.raises(Unavailable, match="is closed"):
        await database.write(note, "c")
    await database.close()


async def test_who_has_lost_its_file_to_another_owner_writes_no_more_and_ends(database, monkeypatch):
    monkeypatch.setattr("actors.sqlite.in_place.LOOK_S", 0.0)
    watching = asyncio.create_task(database.watch())
    await database.write(note, "its own")
    owner = database.path.with_suffix(".owner")
    owner.unlink()
    with Lock(owner):
        async with asyncio.timeout(10):
            for _ in range(2):
                with pytest.raises(Unavailable):
                    await database.write(note, "lost")
            with pytest.raises(Conflict, match=f"is held by process {os.getpid()}"):
                await watching


async def test_an_opening_that_is_given_up_leaves_no_thread_at_work_on_the_file(tmp_path):
    path = tmp_path / "notes.db"
    await opened_and_closed(path, SCHEMA)
    numbers = "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 1000000)"
    slow = (*SCHEMA, f"INSERT INTO note (text) {numbers} SELECT 'one of many' FROM number")
    opening = asyncio.create_task(Database(path, slow).open())
    while damage.work() is None:  # noqa: ASYNC110 (the migration runs in another thread)
        await asyncio.sleep(0.001)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening

    assert damage.work() is None
    await opened_and_closed(path, slow)


async def opened_and_closed(path: Path, migrations: tuple[str, ...]) -> None:
    database = Database(path, migrations)
    await database.open()
    await database.close()


async def test_what_is_rebuildable_is_a_transaction_of_its_own(database):
    assert await database.write_rebuildable(note, "one") == 1
    with pytest.raises(ValueError, match="no"):
        await database.write_rebuildable(refuse)
    assert await database.write_rebuildable(lambda connection: connection.pragma("synchronous")) == 1
    assert await database.write(lambda connection: connection.pragma("synchronous")) == 2
    assert await database.read(notes) == ["one"]


async def test_the_reader_cannot_write(database):
    with pytest.raises(Unavailable, match="ReadOnly"):
        await database.read(note, "no")


async def test_the_file_is_for_its_owner_alone(database):
    await database.write(note, "private")

    for path in database.path.parent.iterdir():
        assert path.stat().st_mode & 0o077 == 0


async def test_a_full_disk_refuses_the_write_and_the_next_one_goes_on(database):
    await database.write(note, "before")
    await database.write(lambda connection: connection.pragma("max_page_count", connection.pragma("page_count")))

    with pytest.raises(Unavailable, match="Full"):
        await database.write(note, "x" * 100_000)

    assert await database.read(notes) == ["before"]
    await database.write(lambda connection: connection.pragma("max_page_count", 1_000_000))
    await database.write(note, "after")
    assert await database.read(notes) == ["before", "after"]


async def test_a_file_that_became_read_only_refuses_writes_and_recovers(database):
    connection = await database.write(lambda connection: connection)
    connection.pragma("query_only", "on")
    with pytest.raises(Unavailable):
        await database.write(note, "no")
    connection.pragma("query_only", "off")
    await database.write(note, "yes")
    assert await database.read(notes) == ["yes"]


async def test_a_newer_file_is_refused_and_left_untouched(tmp_path):
    path = tmp_path / "notes.db"
    newer = apsw.Connection(str(path))
    newer.pragma("journal_mode", "wal")
    newer.execute("CREATE TABLE future (x)")
    newer.pragma("user_version", 7)
    newer.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    newer.close()
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir() if not file.name.endswith(("-shm", ".owner"))}

    with pytest.raises(NewerDatabase, match="version 7"):
        await Database(path, SCHEMA).open()

    assert {file.name: file.read_bytes() for file in tmp_path.iterdir() if not file.name.endswith(("-shm", ".owner"))} == before


async def test_migrations_go_on_from_where_the_file_stands(tmp_path):
    first = Database(tmp_path / "notes.db", SCHEMA)
    await first.open()
    await first.write(note, "old")
    await first.close()

    second = Database(tmp_path / "notes.db", (*SCHEMA, "ALTER TABLE note ADD COLUMN colour TEXT"))
    await second.open()
    assert await second.read(lambda connection: list(connection.execute("SELECT text, colour FROM note"))) == [("old", None)]
    await second.close()


async def test_a_migration_that_fails_leaves_the_version_before(tmp_path):
    broken = Database(tmp_path / "notes.db", (*SCHEMA, "CREATE TABLE half (x); SELECT * FROM nowhere"))
    with pytest.raises(apsw.SQLError):
        await broken.open()

    database = Database(tmp_path / "notes.db", SCHEMA)
    await database.open()
    names = await database.read(
        lambda connection: list(connection.execute("SELECT name FROM sqlite_schema WHERE type='table'"))
    )
    assert names == [("note",)]
    await database.close()


async def test_after_a_checkpoint_nothing_is_left_in_the_log(database):
    await database.write(note, "a word that is to go")
    await database.write(lambda connection: connection.execute("DELETE FROM note") and None)
    await database.checkpoint()

    for path in database.path.parent.iterdir():
        assert b"a word that is to go" not in path.read_bytes()


@pytest.fixture
def reading(database):
    """Another connection over a snapshot, as a backup has it."""
    connection = apsw.Connection(str(database.path))
    yield connection
    connection.close()


async def test_a_log_that_is_read_is_emptied_afterwards_and_no_write_waits_for_it(database, reading):
    await database.write(note, "a word that is to go")
    reading.execute("BEGIN").execute("SELECT count(*) FROM note").fetchall()
    await database.write(lambda connection: connection.execute("DELETE FROM note") and None)
    emptying = asyncio.ensure_future(database.checkpoint())

    for number in range(20):
        await database.write(note, str(number))
    assert not emptying.done()

    reading.execute("ROLLBACK")
    await emptying
    for path in database.path.parent.iterdir():
        assert b"a word that is to go" not in path.read_bytes()


async def test_who_waits_in_vain_for_the_log_to_be_emptied_is_told_why(database, reading, monkeypatch):
    monkeypatch.setattr("actors.sqlite.database.EMPTY_WITHIN_S", 0.05)
    reading.execute("BEGIN").execute("SELECT count(*) FROM note").fetchall()
    await database.write(note, "a word that is to go")

    with pytest.raises(Unavailable, match="is being read") as refused:
        await database.checkpoint()
    assert refused.value.retry_after_ms is not None
    assert await database.read(notes) == ["a word that is to go"]


CHILD = """
import asyncio, sys
from pathlib import Path
from actors.sqlite.database import Database

SCHEMA = ("CREATE TABLE note (number INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT",)

def pair(connection, number):
    connection.execute("INSERT INTO note (text) VALUES (?)", (f"{number} first",))
    connection.execute("INSERT INTO note (text) VALUES (?)", (f"{number} second",))
    return number

async def main():
    database = Database(Path(sys.argv[1]), SCHEMA)
    await database.open()

    async def write(start):
        for number in range(start, 1_000_000, 16):
            print(await database.write(pair, number), flush=True)

    await asyncio.gather(*(write(start) for start in range(16)))

asyncio.run(main())
"""


def killed_writer(path: Path, after: int) -> list[str]:
    """What a process that writes had acknowledged when it was killed, at least `after` writes in."""
    process = subprocess.Popen([sys.executable, "-c", CHILD, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    acknowledged = [process.stdout.readline().strip() for _ in range(after)]
    os.kill(process.pid, signal.SIGKILL)
    acknowledged += [line.strip() for line in process.stdout if line.endswith("\n")]
    process.wait()
    process.stdout.close()
    return acknowledged


@pytest.mark.parametrize("after", [1, 40])
async def test_what_was_acknowledged_is_there_after_a_kill_and_nothing_by_halves(tmp_path, after):
    acknowledged = await asyncio.to_thread(killed_writer, tmp_path / "notes.db", after)

    database = Database(tmp_path / "notes.db", SCHEMA)
    await database.open()
    kept = await database.read(notes)
    await database.close()
    assert {f"{number} first" for number in acknowledged} <= set(kept)
    first, second = ({text.split()[0] for text in kept if text.endswith(word)} for word in ("first", "second"))
    assert first == second
