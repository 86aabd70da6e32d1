"""An older copy of memory's file that is put back is told from the file that was followed, also once it has grown further."""

import shutil

import apsw
import pytest

from actors.host import Host
from actors.memory.actor import Memory
from actors.memory.messages import Backup, Export, Feed, Import, List, NewMemory, Remember, end_of_feed
from actors.memory.rows import Rows
from actors.memory.schema import MIGRATIONS
from actors.memory.settings import MemorySettings
from actors.memory.timeline import shared, timeline
from actors.sqlite.encryption import KEY, StoreKey
from actors.sqlite.salvage.leftovers import table_of
from actors.sqlite.salvage.tables import tables_of
from tests.actors.sqlite.books import overwrite
from tests.older_copy import put_back, put_by
from transport.errors import Invalid


async def open_again(home, *texts, cursor=0, timeline=None):
    """Start memory, have it remember each text, follow from a cursor to the end, and stop it."""
    async with Host(run_dir=home / "run") as host:
        await host.start_actor(Memory, MemorySettings(embedder="none"), home)
        memory = host.ref("memory")
        for text in texts:
            await memory.ask(Remember(memories=(NewMemory(text=text),)))
        return await memory.ask(Feed(cursor=cursor, timeline=timeline, limit=500))


async def test_a_file_that_is_closed_and_opened_is_the_same_memory(short_dir):
    fed = await open_again(short_dir, "one", "two")
    for number in range(3):
        fed = await open_again(short_dir, f"more {number}", cursor=fed.cursor, timeline=fed.timeline)
        assert [change.memory.text for change in fed.changes] == [f"more {number}"]
    assert (await open_again(short_dir, cursor=fed.cursor, timeline=fed.timeline)).changes == ()


async def test_what_is_recovered_page_by_page_keeps_its_namespaces_and_is_another_memory(short_dir, monkeypatch):
    monkeypatch.setenv(KEY, StoreKey.new_text())
    async with Host(run_dir=short_dir / "run") as host:
        await host.start_actor(Memory, MemorySettings(embedder="none"), short_dir)
        for name in ("alice", "bob"):
            await host.ref("memory").ask(Remember(namespace=name, memories=(NewMemory(text=f"of {name}"),)))
        followed = await host.ref("memory").ask(Feed())
    overwrite(short_dir / "memory.db", 1)

    async with Host(run_dir=short_dir / "run") as host:
        await host.start_actor(Memory, MemorySettings(embedder="none"), short_dir)
        memory = host.ref("memory")
        for name in ("alice", "bob"):
            (kept,) = (await memory.ask(List(namespace=name))).memories
            assert kept.text == f"of {name}"
        with pytest.raises(Invalid, match="another memory"):
            await memory.ask(Feed(cursor=followed.cursor, timeline=followed.timeline))
        anew = await memory.ask(Feed())
        assert (await memory.ask(Feed(cursor=anew.cursor, timeline=anew.timeline))).changes == ()


def test_rows_of_each_numbered_table_are_told_from_all_others():
    connection = apsw.Connection(":memory:")
    for migration in MIGRATIONS:
        connection.execute(migration)
    values = {"INTEGER": 1, "TEXT": "text", "BLOB": b"bytes", "REAL": 0.5}
    numbered = [table for table in tables_of(connection) if table.rowid is not None]
    most = max(len(table.columns) for table in numbered)
    for table in numbered:
        row = [None if name == table.rowid else values[kind] for name, kind in zip(table.columns, table.types, strict=True)]
        row += [None] * (most - len(row))  # as they are read from a page
        assert table_of(row, numbered) is table, table.name


@pytest.mark.parametrize("later", [(), ("three", "four"), tuple("abcdefghijkl")], ids=["shorter", "as long", "longer"])
async def test_an_older_copy_that_is_put_back_is_known_however_long_it_is_by_then(short_dir, later):
    await open_again(short_dir, "one", "two")
    put_by(short_dir / "memory.db")
    fed = await open_again(short_dir, "3", "4")
    fed = await open_again(short_dir, "5", cursor=fed.cursor, timeline=fed.timeline)
    put_back(short_dir / "memory.db")

    with pytest.raises(Invalid, match="another memory") as refused:
        await open_again(short_dir, *later, cursor=fed.cursor, timeline=fed.timeline)
    assert end_of_feed(refused.value) == 2
    anew = await open_again(short_dir, cursor=2)
    assert [change.memory.text for change in anew.changes] == list(later)
    assert (await open_again(short_dir, cursor=anew.cursor, timeline=anew.timeline)).changes == ()


async def test_a_copy_that_was_made_while_memory_wrote_goes_apart_where_it_was_made(short_dir):
    async with Host(run_dir=short_dir / "run") as host:
        await host.start_actor(Memory, MemorySettings(embedder="none"), short_dir)
        memory = host.ref("memory")
        await memory.ask(Remember(memories=(NewMemory(text="one"),)))
        await memory.ask(Backup(name="copy"))
        await memory.ask(Remember(memories=(NewMemory(text="two"), NewMemory(text="three"))))
        fed = await memory.ask(Feed())
    shutil.copy(short_dir / "backups" / "copy.memory.db", short_dir / "memory.db")
    with pytest.raises(Invalid) as refused:
        await open_again(short_dir, *"abcdef", cursor=fed.cursor, timeline=fed.timeline)
    assert end_of_feed(refused.value) == 1


async def test_of_a_memory_that_was_begun_anew_nothing_is_the_same(short_dir):
    old, new = short_dir / "old", short_dir / "new"
    fed = await open_again(old, "one")
    async with Host(run_dir=short_dir / "run") as host:
        await host.start_actor(Memory, MemorySettings(embedder="none"), old)
        exported = await host.ref("memory").ask(Export())
    async with Host(run_dir=short_dir / "run") as host:
        await host.start_actor(Memory, MemorySettings(embedder="none"), new)
        await host.ref("memory").ask(Import(records=exported.records))
    with pytest.raises(Invalid) as refused:
        await open_again(new, "two", cursor=fed.cursor, timeline=fed.timeline)
    assert end_of_feed(refused.value) == 0


def test_what_is_no_timeline_is_refused_by_name():
    for wrong in ("", "x", "1", "1 2.3", "1 2." + "g" * 16, "1 0.0123456789abcdef " * 60):
        with pytest.raises(Invalid, match="timeline"):
            Feed.parse({"cursor": 0, "timeline": wrong})


def test_after_thousands_of_openings_a_timeline_is_short_and_tells_where_others_went_apart():
    connection = apsw.Connection(":memory:")
    connection.execute("".join(MIGRATIONS))

    def write(openings):
        for _ in range(openings):
            rows = Rows()
            for _ in range(3):
                rows.add_event(connection, ("remembered", 1, 0, "test", "{}"))
            rows.write(connection)

    write(2000)
    before = timeline(connection, 6000)
    write(700)
    told = timeline(connection, 8100)
    assert len(told) < 500
    assert shared(connection, told) == (8100, 8100)
    assert shared(connection, before) == (6000, 6000)

    connection.execute("DELETE FROM timeline WHERE seq > 8097")
    write(1)
    assert shared(connection, told) == (8100, 8097)
    connection.execute("DELETE FROM timeline WHERE seq > 6000")
    write(1)
    assert shared(connection, before) == (6000, 6000)
    assert shared(connection, told)[1] < 8098
