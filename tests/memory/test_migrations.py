"""Files that earlier versions wrote are brought up to date whole, and those of newer ones are left as they are."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import apsw
import pytest

from actors.clock import ManualClock
from actors.host import Host
from actors.memory.actor import Memory
from actors.memory.messages import (
    Converse,
    Feed,
    Forget,
    ForgetSession,
    Get,
    GetHistory,
    GetSession,
    GetStats,
    Link,
    List,
    NewMemory,
    Provenance,
    Recall,
    Remember,
)
from actors.memory.schema import MIGRATIONS
from actors.memory.settings import MemorySettings
from tests.memory.conftest import turns
from transport.errors import NotFound

ROOT = Path(__file__).resolve().parents[2]
VERSION_1 = (Path(__file__).parent / "version_1.sql").read_text()
SISTER, EDITED, LOVELY, FACT, LEMONS, SUMMARY, GONE, THEIRS, GONE_TOO = (
    f"mem_018cc4a1e20000000{number - 1}000000000000000{number}" for number in range(1, 10)
)
TABLES = ("namespace", "session", "memory", "link", "forgotten", "forgotten_name", "event", "call", "tally")


def write(path, script=VERSION_1):
    connection = apsw.Connection(str(path))
    connection.pragma("journal_mode", "wal")
    connection.execute(script)
    connection.close()


@pytest.fixture
async def memory(short_dir):
    write(short_dir / "memory.db")
    clock = ManualClock(datetime(2024, 1, 4, tzinfo=UTC))
    async with Host(run_dir=short_dir / "run") as host:
        await host.start_actor(Memory, MemorySettings(), short_dir, clock)
        yield host.ref("memory")


def test_the_file_of_version_1_has_rows_in_every_table(tmp_path):
    write(tmp_path / "memory.db")
    connection = apsw.Connection(str(tmp_path / "memory.db"))
    counts = [connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES]
    assert all(counts)
    assert VERSION_1.count("CREATE TABLE") == len(TABLES)


async def test_everything_that_version_1_wrote_is_there(memory):
    listed = (await memory.ask(List())).memories
    assert [found.id for found in listed] == [SISTER, EDITED, LOVELY, FACT, LEMONS, SUMMARY]
    lemons = listed[4]
    assert (lemons.text, lemons.speaker, lemons.importance, lemons.metadata) == ("Lemons are 🍋 yellow.", "zoë", 0.9, {"n": 1})
    assert lemons.valid_to == datetime(2024, 1, 1, 11, 53, 20, tzinfo=UTC)
    assert listed[2].links == (Link(relation="supersedes", target=EDITED),)
    assert (listed[0].recalls, listed[0].recalled) == (3, datetime(2024, 1, 2, 10, tzinfo=UTC))
    assert [found.id for found in (await memory.ask(List(namespace="other"))).memories] == [THEIRS]
    assert [event.change for event in (await memory.ask(GetHistory(id=GONE))).events] == ["remembered", "forgotten"]
    events = (await memory.ask(GetHistory(id=SISTER))).events
    assert [event.change for event in events] == ["remembered", "recalled", "recalled", "recalled"]
    assert len((await memory.ask(Feed())).changes) == 14
    stats = await memory.ask(GetStats())
    assert (stats.count, stats.by_kind) == (6, {"turn": 3, "fact": 2, "summary": 1})


async def test_everything_that_version_1_wrote_is_found(memory):
    assert {hit.id for hit in (await memory.ask(Recall(query="Porto"))).memories} == {SISTER, LOVELY, FACT, SUMMARY}
    then = datetime(2024, 1, 1, 11, tzinfo=UTC)
    assert [hit.id for hit in (await memory.ask(Recall(query="lemon", as_of=then))).memories] == [LEMONS]


async def test_what_was_derived_says_by_whom(memory):
    made = [(await memory.ask(Get(id=one))).memory.provenance for one in (FACT, SUMMARY, LEMONS, SISTER)]
    assert made == [Provenance(by="consolidate"), Provenance(by="client"), None, None]


async def test_what_was_recalled_before_counts_as_an_echo(memory):
    await memory.ask(Recall(query="sister", context="another"))
    await memory.ask(GetHistory(id=SISTER))
    assert (await memory.ask(Get(id=SISTER))).memory.stage == "crystallized"


async def test_it_is_written_to_and_forgotten_from_as_before(memory, short_dir):
    known = await memory.ask(Remember(memories=(NewMemory(text="x"),)), key="once")
    assert known.memories[0].id == LEMONS
    [new] = (await memory.ask(Remember(memories=(NewMemory(text="A lemon tree", session="monday"),)))).memories
    assert new.id > THEIRS
    assert (await memory.ask(Recall(query="lemon"))).memories[0].id == new.id
    talk = await memory.ask(Converse(session="monday", turns=turns("u:And now?"), begin_as="x"))
    assert talk.session == "monday"
    assert len((await memory.ask(GetSession(name="monday"))).turns) == 4

    assert set((await memory.ask(Forget(ids=(SISTER,)))).ids) == {SISTER, FACT}
    assert (await memory.ask(Forget(ids=(GONE_TOO,)))).ids == (GONE_TOO,)
    await memory.ask(ForgetSession(namespace="other", name="theirs"))
    with pytest.raises(NotFound):
        await memory.ask(Get(namespace="other", id=THEIRS))
    assert all(b"sister Ana" not in path.read_bytes() for path in short_dir.glob("memory.db*"))
    connection = apsw.Connection(str(short_dir / "memory.db"))
    # Memory has it open, and indexes in the background.
    connection.set_busy_timeout(60_000)
    connection.execute("INSERT INTO search (search) VALUES ('integrity-check')")
    assert connection.pragma("integrity_check") == "ok"
    connection.close()


ENDLESS = """
CREATE TABLE filler (text TEXT);
INSERT INTO filler WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT hex(randomblob(2000)) FROM n;
"""
"""A migration that never ends: its rows run over the page cache into the log, where the test sees that it is in the middle."""

CHILD = """
import asyncio, sys
from pathlib import Path
from actors.sqlite.database import Database
from actors.memory.schema import MIGRATIONS

endless = tuple(script + sys.argv[2] for script in MIGRATIONS[1:])
asyncio.run(Database(Path(sys.argv[1]), (MIGRATIONS[0], *endless)).open())
"""


async def test_a_kill_in_the_middle_of_a_migration_leaves_the_file_whole(short_dir):
    path = short_dir / "memory.db"
    write(path)
    before = content(path)
    await asyncio.to_thread(migrate_and_kill, path)

    assert content(path) == before
    async with Host(run_dir=short_dir / "run") as host:
        await host.start_actor(Memory, MemorySettings(), short_dir, ManualClock(datetime(2024, 1, 4, tzinfo=UTC)))
        assert len((await host.ref("memory").ask(List())).memories) == 6
    connection = apsw.Connection(str(path))
    assert connection.pragma("user_version") == len(MIGRATIONS)
    connection.close()


def migrate_and_kill(path):
    """Begin to migrate in a process of its own, and kill it once the log has grown by what is not committed."""
    process = subprocess.Popen([sys.executable, "-c", CHILD, str(path), ENDLESS], cwd=ROOT)
    log = path.with_name("memory.db-wal")
    until = time.monotonic() + 60
    while not (log.exists() and log.stat().st_size > 4 << 20):
        assert process.poll() is None
        assert time.monotonic() < until
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


def content(path):
    """Version and rows, as whoever opens the file next finds them."""
    connection = apsw.Connection(str(path))
    rows = {table: list(connection.execute(f"SELECT * FROM {table}")) for table in TABLES}
    version = connection.pragma("user_version")
    connection.close()
    return version, rows
