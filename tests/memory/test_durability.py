"""An acknowledged write is there after kill -9, exactly once; a file of a newer program is refused."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from actors.host import Host
from actors.memory.actor import Memory
from actors.memory.messages import Export, Feed, GetHistory, GetStats, List, NewMemory, Recall, Remember
from actors.memory.settings import MemorySettings
from actors.memory.tail import index_more
from actors.sqlite.opening import NewerDatabase
from transport.errors import Invalid, Unavailable

ROOT = Path(__file__).resolve().parents[2]

CHILD = """
import asyncio, sys
from pathlib import Path
from actors.host import Host
from actors.memory.actor import Memory
from actors.memory.settings import MemorySettings

async def main():
    async with Host(run_dir=Path(sys.argv[1]) / "run") as host:
        await host.start_actor(Memory, MemorySettings(), Path(sys.argv[1]))
        print("ready", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


def start(directory: Path) -> subprocess.Popen:
    process = subprocess.Popen([sys.executable, "-c", CHILD, str(directory)], cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    process.stdout.close()
    return process


def kill(process: subprocess.Popen) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


async def test_writers_through_kills_find_every_acknowledged_record_once(short_dir):
    acknowledged = []
    news: asyncio.Queue[str] = asyncio.Queue()
    done = False
    process = await asyncio.to_thread(start, short_dir)
    async with Host(run_dir=short_dir / "run", bind=False) as client:
        memory = client.ref("memory")

        async def write(writer):
            number = 0
            while not done:
                text = f"{writer}x{number}"
                records = (NewMemory(text=text), NewMemory(text=f"{text} too"))
                await memory.ask(Remember(memories=records), key=text, timeout=30)
                acknowledged.append(text)
                news.put_nowait(text)
                number += 1

        writers = [asyncio.ensure_future(write(writer)) for writer in range(8)]
        for _ in range(3):
            for _ in range(40):
                await news.get()
            await asyncio.to_thread(kill, process)
            process = await asyncio.to_thread(start, short_dir)
        done = True
        await asyncio.wait_for(asyncio.gather(*writers), 120)

        kept, cursor = [], None
        while True:
            page = await memory.ask(List(limit=1000, cursor=cursor))
            kept += [found.text for found in page.memories]
            cursor = page.next_cursor
            if cursor is None:
                break
        await asyncio.to_thread(kill, process)

    assert sorted(kept) == sorted([*acknowledged, *(f"{text} too" for text in acknowledged)])
    the_index_goes_on_from_where_it_was(short_dir / "memory.db", len(kept))


def the_index_goes_on_from_where_it_was(path: Path, count: int) -> None:
    """Whatever the kills left of it: with its tail, the full-text index has every record once, word for word."""
    connection = apsw.Connection(str(path))
    with connection:
        while index_more(connection, 16):
            pass
    connection.execute("INSERT INTO search (search, rank) VALUES ('integrity-check', 1)")
    assert connection.execute("SELECT count(*) FROM search_docsize").fetchone() == (count,)
    connection.close()


async def test_a_file_of_a_newer_program_is_refused(short_dir):
    newer = apsw.Connection(str(short_dir / "memory.db"))
    newer.pragma("user_version", 99)
    newer.close()
    before = (short_dir / "memory.db").read_bytes()
    async with Host(run_dir=short_dir / "run") as host:
        with pytest.raises(NewerDatabase):
            await host.start_actor(Memory, MemorySettings(), short_dir)
    assert (short_dir / "memory.db").read_bytes() == before


async def test_a_full_disk_refuses_writes_while_reads_go_on_and_recovers(short_dir):
    async with Host(run_dir=short_dir / "run") as host:
        await host.start_actor(Memory, MemorySettings(), short_dir)
        memory = host.ref("memory")
        await memory.ask(Remember(memories=(NewMemory(text="kept"),)))
        database = host._post.actors["memory"]._database
        await database.write(lambda connection: connection.pragma("max_page_count", connection.pragma("page_count")))
        with pytest.raises(Unavailable):
            await memory.ask(Remember(memories=tuple(NewMemory(text="x" * 10_000) for _ in range(50))))

        assert [hit.text for hit in (await memory.ask(Recall(query="kept"))).memories] == ["kept"]
        await database.write(lambda connection: connection.pragma("max_page_count", 1_000_000))
        await memory.ask(Remember(memories=(NewMemory(text="there is space again"),)))
        assert (await memory.ask(GetStats())).count == 2


async def test_a_disk_that_takes_nothing_keeps_neither_history_nor_export_from_being_read(short_dir):
    async with Host(run_dir=short_dir / "run") as host:
        await host.start_actor(Memory, MemorySettings(), short_dir)
        memory = host.ref("memory")
        [stored] = (await memory.ask(Remember(memories=(NewMemory(text="kept"),)))).memories
        database = host._post.actors["memory"]._database
        await database.write_rebuildable(lambda connection: connection.pragma("query_only", True))
        with pytest.raises(Unavailable):
            await memory.ask(Remember(memories=(NewMemory(text="refused"),)))

        assert [hit.text for hit in (await memory.ask(Recall(query="kept"))).memories] == ["kept"]
        assert [event.change for event in (await memory.ask(GetHistory(id=stored.id))).events] == ["remembered"]
        assert [record.text for record in (await memory.ask(Export())).records] == ["kept"]


FLIPPED = {
    "a stage": "UPDATE memory SET stage = 'saw' WHERE text = 'one'",
    "a kind": "UPDATE memory SET kind = 'tern' WHERE text = 'one'",
    "metadata": "UPDATE memory SET metadata = '{\"a\"z1}' WHERE text = 'one'",
    "a time": "UPDATE memory SET time = 1 << 62 WHERE text = 'one'",
}


@pytest.mark.parametrize("flipped", FLIPPED.values(), ids=FLIPPED)
async def test_a_flipped_bit_costs_its_record_and_no_answer(short_dir, flipped):
    async with Host(run_dir=short_dir / "run") as host:
        await host.start_actor(Memory, MemorySettings(), short_dir)
        memory = host.ref("memory")
        await memory.ask(Remember(memories=(NewMemory(text="one"), NewMemory(text="two"))))
        await host._post.actors["memory"]._database.write(lambda connection: connection.execute(flipped) and None)

        for page in (List(), List(limit=1)):
            assert [record.text for record in (await memory.ask(page)).memories] == ["two"]
        assert [record.text for record in (await memory.ask(Export())).records] == ["two"]
        assert "two" in [hit.text for hit in (await memory.ask(Recall(query="one two"))).memories]
        fed = await memory.ask(Feed())
        assert [change.memory.text for change in fed.changes] == ["two"]
        assert fed.cursor == 2


async def test_a_page_in_which_a_record_makes_no_sense_is_not_the_last_one(short_dir):
    async with Host(run_dir=short_dir / "run") as host:
        await host.start_actor(Memory, MemorySettings(), short_dir)
        memory = host.ref("memory")
        await memory.ask(Remember(memories=tuple(NewMemory(text=f"number {number}", session="s") for number in range(10))))
        flipped = "UPDATE memory SET stage = 'saw' WHERE text IN ('number 1', 'number 8')"
        await host._post.actors["memory"]._database.write(lambda connection: connection.execute(flipped) and None)

        for question in (List, Export):
            found, cursor = [], None
            while not found or cursor is not None:
                page = await memory.ask(question(limit=3, cursor=cursor))
                found += [record.text for record in (page.memories if question is List else page.records)]
                cursor = page.next_cursor
            assert found == [f"number {number}" for number in range(10) if number not in (1, 8)]


async def test_a_change_that_makes_no_sense_stops_no_follower(short_dir):
    async with Host(run_dir=short_dir / "run") as host:
        await host.start_actor(Memory, MemorySettings(), short_dir)
        memory = host.ref("memory")
        await memory.ask(Remember(memories=(NewMemory(text="one"), NewMemory(text="two"))))
        flipped = "UPDATE event SET change = 'remembevd'"
        await host._post.actors["memory"]._database.write(lambda connection: connection.execute(flipped) and None)

        fed = await memory.ask(Feed(limit=1))
        assert (fed.changes, fed.cursor) == ((), 1)
        assert (await memory.ask(Feed(cursor=fed.cursor))).cursor == 2


async def test_a_key_is_known_with_its_message_by_the_next_process(short_dir):
    first = Remember(memories=(NewMemory(text="The cat sleeps."),))
    other = Remember(memories=(NewMemory(text="The dog barks."),))
    for _ in range(2):
        async with Host(run_dir=short_dir / "run") as host:
            await host.start_actor(Memory, MemorySettings(), short_dir)
            memory = host.ref("memory")
            await memory.ask(first, key="k")
            with pytest.raises(Invalid, match="key: ") as refused:
                await memory.ask(other, key="k")
            assert refused.value.detail["reused"] is True
            assert (await memory.ask(GetStats())).count == 1


async def test_a_key_of_which_only_the_answer_is_known_gets_that(short_dir):
    """As older versions kept it."""
    async with Host(run_dir=short_dir / "run") as host:
        await host.start_actor(Memory, MemorySettings(), short_dir)
        kept = await host.ref("memory").ask(Remember(memories=(NewMemory(text="The cat sleeps."),)), key="k")
    with apsw.Connection(str(short_dir / "memory.db")) as connection:
        connection.execute("UPDATE call SET request = NULL")
    async with Host(run_dir=short_dir / "run") as host:
        await host.start_actor(Memory, MemorySettings(), short_dir)
        assert await host.ref("memory").ask(Remember(memories=(NewMemory(text="The dog barks."),)), key="k") == kept
