"""What was deleted stands in the log until that is emptied. Who was kept from emptying it need not come back for it."""

import asyncio
import signal
import sys
from pathlib import Path

import apsw
import pytest

from actors.sqlite.database import Database
from tests.actors.sqlite.notes import SCHEMA, note, notes

ROOT = Path(__file__).resolve().parents[3]
WORD = "xylophone"
WITHIN_S = 60.0

KILLED_BEFORE_IT_IS_EMPTIED = f"""
import asyncio, os, signal, sys
from pathlib import Path
from actors.sqlite.database import Database
from tests.actors.sqlite.notes import SCHEMA, note
from tests.actors.sqlite.test_left_log import delete

async def main():
    database = Database(Path(sys.argv[1]), SCHEMA)
    await database.open()
    await database.write(note, "{WORD}")
    await database.write(delete)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


def delete(connection: apsw.Connection) -> None:
    connection.execute("DELETE FROM note")


def in_files(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir() if path.is_file() and WORD.encode() in path.read_bytes())


async def gone_from(directory: Path, database: Database) -> None:
    """Until the word is in no file; the database is asked again and again meanwhile."""
    async with asyncio.timeout(WITHIN_S):
        while in_files(directory):
            assert await database.read(notes) == []


@pytest.fixture
async def watched(tmp_path):
    """Opens the database as an actor does, and has it watched."""
    opened = []

    async def open_and_watch() -> Database:
        database = Database(tmp_path / "notes.db", SCHEMA)
        await database.open()
        opened.append((database, asyncio.create_task(database.watch())))
        return database

    yield open_and_watch
    for database, watching in opened:
        watching.cancel()
        await database.close()


async def test_what_was_deleted_before_a_kill_is_in_no_file_though_nobody_asks_again(tmp_path, watched):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED_BEFORE_IT_IS_EMPTIED, tmp_path / "notes.db", cwd=ROOT
    )
    assert await process.wait() == -signal.SIGKILL
    assert "notes.db-wal" in in_files(tmp_path)
    await gone_from(tmp_path, await watched())


async def test_what_was_deleted_while_the_log_was_read_is_in_no_file_once_nobody_reads(tmp_path, watched):
    database = await watched()
    await database.write(note, WORD)
    reader = apsw.Connection(str(tmp_path / "notes.db"))
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM note").fetchall()
    await database.write(delete)
    # Its time is up, or it was cancelled: nobody waits for it any more.
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(database.checkpoint(), 0.1)
    assert "notes.db-wal" in in_files(tmp_path)

    reader.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    reader.close()
    await gone_from(tmp_path, database)
