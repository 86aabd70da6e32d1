"""A namespace that is forgotten is gone whole, with its name: from every answer at once, and from the files."""

import asyncio
from contextlib import closing

import apsw
import pytest

from actors.host import Host
from actors.memory.actor import Memory
from actors.memory.messages import (
    Answer,
    Converse,
    Feed,
    Forget,
    ForgetNamespace,
    Get,
    GetHistory,
    GetStats,
    Import,
    Link,
    List,
    ListSessions,
    NewMemory,
    Portable,
    Recall,
    Remember,
    namespace_digest,
)
from actors.memory.namespaces import erase_some, forget_namespace
from actors.memory.schema import MIGRATIONS
from actors.memory.settings import MemorySettings
from actors.memory.transaction import Transaction
from actors.memory.writer_cache import WriterCache
from actors.sqlite.opening import open_to_write
from chaos.shims.told import PLACE, place_in, tell
from chaos.shims.vfs import Disk
from tests.memory.conftest import NOW, turns
from transport.errors import NotFound, Unavailable

NAME = "Xylophonists of Porto"
WORDS = (b"xylophon", b"marimb")


async def remember(memory, *texts, namespace=NAME, key=None, **fields):
    records = tuple(NewMemory(text=text, **fields) for text in texts)
    stored = await memory.ask(Remember(namespace=namespace, memories=records), key=key)
    return [record.id for record in stored.memories]


def in_the_files(directory):
    files = [path for path in directory.rglob("*") if path.is_file()]
    return [path.name for path in files if any(word in path.read_bytes().lower() for word in WORDS)]


async def fill(memory):
    """Everything of which a namespace has rows."""
    ids = await remember(memory, "I play the marimba", "The marimba is loud", session="marimba", speaker="Marimbist", key="m")
    await remember(memory, "marimbas are of wood", kind="fact", links=(Link(relation="derives_from", target=ids[0]),))
    said = turns("u:A marimba?", "a:Yes, a marimba")
    conversed = await memory.ask(Converse(namespace=NAME, session="on marimbas", turns=said[:1], begin_as="b"))
    await memory.ask(Answer(namespace=NAME, session="on marimbas", after=conversed.last, text="Yes, a marimba", key="k"))
    known = {"id": "marimba-1", "links": (Link(relation="relates", target="marimba-2"),)}
    await memory.ask(Import(namespace=NAME, records=(Portable(text="an imported marimba", **known),)))
    await memory.ask(Recall(namespace=NAME, query="marimba"))
    await memory.ask(Forget(namespace=NAME, ids=(ids[1],)))
    return ids[0]


async def test_nothing_of_it_is_left_not_even_the_name(memory, short_dir):
    [theirs] = await remember(memory, "A piano", namespace="theirs")
    gone = await fill(memory)
    assert in_the_files(short_dir)
    forgotten = await memory.ask(ForgetNamespace(namespace=NAME))

    assert (forgotten.memories, forgotten.sessions, forgotten.by_kind) == (5, 2, {"turn": 4, "fact": 1})
    assert in_the_files(short_dir) == []
    for message in (Get(namespace=NAME, id=gone), GetHistory(namespace=NAME, id=gone)):
        with pytest.raises(NotFound):
            await memory.ask(message)
    assert (await memory.ask(Recall(namespace=NAME, query="marimba"))).memories == ()
    assert (await memory.ask(List(namespace=NAME))).memories == ()
    assert (await memory.ask(ListSessions(namespace=NAME))).sessions == ()
    assert (await memory.ask(GetStats(namespace=NAME))).count == 0
    assert (await memory.ask(Get(namespace="theirs", id=theirs))).memory.text == "A piano"
    assert [hit.id for hit in (await memory.ask(Recall(namespace="theirs", query="piano"))).memories] == [theirs]


async def test_no_table_has_a_row_of_it(memory, short_dir):
    await remember(memory, "A piano", namespace="theirs")
    before = rows(short_dir)
    await fill(memory)
    await memory.ask(ForgetNamespace(namespace=NAME))
    await memory.ask(Recall(namespace="theirs", query="nothing"))
    after = rows(short_dir)
    told = {"forgotten_namespace": 1, "event": 1}
    assert {table: count - before[table] for table, count in after.items() if count != before[table]} == told


def rows(directory):
    """How many rows each of memory's own tables has."""
    with closing(apsw.Connection(str(directory / "memory.db"), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
        kept = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '%search%'"
        tables = [str(name) for (name,) in connection.execute(f"{kept} AND name NOT IN ('vocabulary', 'indexed')").fetchall()]
        return {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}


async def test_those_who_follow_the_feed_are_told_a_digest_of_the_name_and_nothing_of_what_was_there(memory):
    await remember(memory, "one", namespace="theirs")
    await fill(memory)
    await memory.ask(ForgetNamespace(namespace=NAME))
    changes = (await memory.ask(Feed())).changes
    assert [(change.change, change.namespace, change.memory is None) for change in changes] == [
        ("remembered", "theirs", False),
        ("namespace_forgotten", namespace_digest(NAME), True),
    ]
    assert changes[-1].id == namespace_digest(NAME)
    assert (await memory.ask(Feed(cursor=changes[0].seq, changes=("forgotten",)))).changes == ()


async def test_forgetting_it_again_is_answered_the_same(memory):
    await remember(memory, "one", "two")
    first = await memory.ask(ForgetNamespace(namespace=NAME))
    assert first == await memory.ask(ForgetNamespace(namespace=NAME))
    assert [change.change for change in (await memory.ask(Feed())).changes] == ["namespace_forgotten"]


async def test_one_that_never_was_is_forgotten_too_since_others_may_have_kept_what_memory_was_not_told(memory):
    forgotten = await memory.ask(ForgetNamespace(namespace="never"))
    assert (forgotten.memories, forgotten.sessions, forgotten.by_kind) == (0, 0, {})
    [change] = (await memory.ask(Feed())).changes
    assert change.id == namespace_digest("never")


async def test_a_new_one_of_that_name_has_nothing_of_the_old(memory):
    await remember(memory, "old marimba", key="call")
    await memory.ask(Recall(namespace=NAME, query="marimba"))
    await memory.ask(ForgetNamespace(namespace=NAME))
    [new] = await remember(memory, "new marimba", key="call")
    assert [hit.text for hit in (await memory.ask(Recall(namespace=NAME, query="marimba"))).memories] == ["new marimba"]
    assert [record.id for record in (await memory.ask(List(namespace=NAME))).memories] == [new]
    changes = (await memory.ask(Feed())).changes
    assert [change.change for change in changes] == ["namespace_forgotten", "remembered"]

    again = await memory.ask(ForgetNamespace(namespace=NAME))
    assert again.memories == 1
    assert (await memory.ask(List(namespace=NAME))).memories == ()


async def test_the_same_call_asked_again_forgets_nothing_that_came_in_meanwhile(memory):
    await remember(memory, "old")
    first = await memory.ask(ForgetNamespace(namespace=NAME), key="call")
    [new] = await remember(memory, "new")
    assert await memory.ask(ForgetNamespace(namespace=NAME), key="call") == first
    assert (await memory.ask(Get(namespace=NAME, id=new))).memory.text == "new"


async def test_what_is_told_late_of_before_does_not_come_back(memory, clock):
    told = Converse(namespace=NAME, session="s", turns=turns("u:marimba"), begin_as="s", said=clock.now())
    clock.advance(60)
    await memory.ask(ForgetNamespace(namespace=NAME))
    with pytest.raises(NotFound) as refused:
        await memory.ask(told)
    assert refused.value.detail == {"field": "namespace", "forgotten": True}
    clock.advance(60)
    await memory.ask(told.model_copy(update={"said": clock.now()}))


async def test_a_large_one_goes_a_page_at_a_time_while_others_are_answered(memory, short_dir):
    for page in range(4):
        await remember(memory, *(f"marimba number {page} {number}" for number in range(1000)))
    forgotten = await memory.ask(ForgetNamespace(namespace=NAME), timeout=60)
    assert forgotten.memories == 4000
    assert in_the_files(short_dir) == []
    assert rows(short_dir)["memory"] == 0


async def test_who_waits_for_erasing_on_a_full_disk_is_told_so_and_it_goes_on_by_itself(short_dir, clock, monkeypatch):
    monkeypatch.setenv(PLACE, str(place_in(short_dir / "data")))
    disk = Disk()
    run_dir = short_dir / "run"
    async with Host(run_dir=run_dir) as host, Host(run_dir=run_dir, bind=False) as client:
        await host.start_actor(Memory, MemorySettings(), short_dir / "data", clock)
        memory = client.ref("memory")
        for page in range(4):
            await remember(memory, *(f"marimba number {page} {number}" for number in range(1000)))
        asked = asyncio.ensure_future(memory.ask(ForgetNamespace(namespace=NAME), timeout=600))
        while (await memory.ask(GetStats(namespace=NAME))).count:
            pass
        tell(short_dir / "data", "full")
        with pytest.raises(Unavailable, match=r"forgotten.*cannot be erased from the disk yet.*[Ff]ull") as refused:
            await asyncio.wait_for(asked, 60)
        assert refused.value.retry_after_ms
        assert (await memory.ask(Recall(namespace=NAME, query="marimba"))).memories == ()

        tell(short_dir / "data", "")
        await memory.ask(ForgetNamespace(namespace=NAME), timeout=60)
        assert in_the_files(short_dir / "data") == []
    disk.unregister()


async def test_erasing_goes_on_where_a_kill_ended_it(host, short_dir):
    """The file is as a kill between two pages has left it."""
    memory = host.ref("memory")
    await remember(memory, *(f"marimba {number}" for number in range(100)), session="marimba")
    await host.stop_actor("memory")
    with closing(open_to_write(short_dir / "memory.db", MIGRATIONS, None)) as connection:
        with connection:
            cache = WriterCache()
            forget_namespace(Transaction(connection, NAME, NOW, cache), ForgetNamespace(namespace=NAME), key=b"key")
            cache.flush(connection)
        with connection:
            assert erase_some(connection, 1, 10)
    assert in_the_files(short_dir)

    await host.start_actor(Memory, MemorySettings(), short_dir)
    assert (await memory.ask(Recall(namespace=NAME, query="marimba"))).memories == ()
    assert (await memory.ask(ForgetNamespace(namespace=NAME))).memories == 100
    assert in_the_files(short_dir) == []
    assert rows(short_dir)["memory"] == 0
