"""Export and import: what a record has goes along, whole talks go on elsewhere, and nothing comes in twice."""

from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from actors.host import Host
from actors.memory.actor import Memory
from actors.memory.formats import lines
from actors.memory.messages import (
    Answer,
    Converse,
    Export,
    Feed,
    Forget,
    ForgetNamespace,
    ForgetSession,
    Get,
    GetHistory,
    GetSession,
    Import,
    List,
    NewMemory,
    Portable,
    Recall,
    Reinstate,
    Remember,
    Revise,
    Supersede,
    Turn,
)
from actors.memory.settings import MemorySettings

THEN = datetime(2024, 5, 1, tzinfo=UTC)


async def exported(memory, namespace="default", limit=3):
    """Every record, by way of the file's lines."""
    found, cursor = [], None
    while True:
        page = await memory.ask(Export(namespace=namespace, limit=limit, cursor=cursor))
        found += page.records
        cursor = page.next_cursor
        if cursor is None:
            return list(lines.read([lines.header(namespace, "now"), *map(lines.line_of, found), lines.end(len(found))]))


async def imported(memory, records, namespace):
    told = await memory.ask(Import(namespace=namespace, records=tuple(records)))
    return [record.outcome for record in told.records]


async def filled(memory):
    """A namespace with something of everything."""
    ana = NewMemory(
        text="Ana lives in Lisbon", kind="fact", time=THEN, importance=0.9, metadata={"a": [1]}, key="home",
        valid_from=THEN, affect={"user": {"joy": 1.0}},
    )  # fmt: skip
    first = (await memory.ask(Remember(memories=(ana, NewMemory(text="Ana moved to Porto", kind="fact"))))).memories
    await memory.ask(Supersede(id=first[0].id, by=first[1].id, cause="moved"))
    summary = NewMemory(
        text="Ana has moved",
        kind="summary",
        links=({"relation": "summarises", "target": first[1].id},),
        provenance={"by": "test"},
    )
    await memory.ask(Remember(memories=(summary,)))
    await memory.ask(Revise(id=first[1].id, text="Ana moved to Porto in May"))
    said = await memory.ask(Converse(session="talk", turns=(Turn(role="user", text="hello there"),), begin_as="talk"))
    await memory.ask(Answer(session="talk", after=said.last, text="good morning", key="k1"))
    await memory.ask(Recall(query="Porto", session=None))
    return first


def compared(records):
    """What is to be the same elsewhere: ids are told by position."""
    place = {record.id: number for number, record in enumerate(records)}
    return [
        {
            **record.model_dump(exclude={"id", "links", "history", "ingested"}),
            "links": sorted((link.relation, place[link.target]) for link in record.links),
            "history": [(past.change, past.cause) for past in record.history if past.cause != "import"],
        }
        for record in records
    ]


async def test_all_of_a_record_goes_along(memory, clock):
    await filled(memory)
    before = await exported(memory)
    clock.advance(1000)
    assert set(await imported(memory, before, "elsewhere")) == {"created"}

    after = await exported(memory, "elsewhere")
    assert compared(after) == compared(before)
    assert [record.ingested for record in after] == [record.ingested for record in before]
    old = after[0]
    assert (old.valid_to is not None, old.importance, old.key, old.metadata) == (True, 0.9, "home", {"a": [1]})
    assert any(past.change == "recalled" for record in after for past in record.history)
    assert (await memory.ask(GetHistory(namespace="elsewhere", id=after[1].id))).events[0].cause == "remember"
    hits = await memory.ask(Recall(namespace="elsewhere", query="Porto"))
    assert hits.memories[0].text == "Ana moved to Porto in May"


async def test_importing_twice_changes_nothing_and_in_the_middle_it_goes_on(memory):
    await filled(memory)
    records = await exported(memory)
    assert set(await imported(memory, records, "default")) == {"known"}
    assert set(await imported(memory, records[:2], "to")) == {"created"}
    assert await imported(memory, records, "to") == ["known"] * 2 + ["created"] * (len(records) - 2)
    assert set(await imported(memory, records, "to")) == {"known"}
    assert compared(await exported(memory, "to")) == compared(records)


async def test_a_free_id_is_kept_and_links_wait_for_their_target(memory):
    old, new = "mem_" + "0" * 31 + "1", "mem_" + "0" * 31 + "2"
    await imported(memory, [Portable(id=new, text="new", links=({"relation": "supersedes", "target": old},))], "n")
    assert (await memory.ask(Get(namespace="n", id=new))).memory.links == ()
    await imported(memory, [Portable(id=old, text="old")], "n")
    assert [link.target for link in (await memory.ask(Get(namespace="n", id=new))).memory.links] == [old]
    # Elsewhere both ids are taken by now.
    await imported(memory, [Portable(id=new, text="new", links=({"relation": "supersedes", "target": old},))], "m")
    await imported(memory, [Portable(id=old, text="old")], "m")
    copy = (await memory.ask(List(namespace="m"))).memories
    assert copy[0].id != new
    assert [link.target for link in copy[0].links] == [copy[1].id]


async def test_links_that_wait_for_their_target_are_taken_along(memory):
    """What was derived would be without its source, and would not come in elsewhere."""
    links = ({"relation": "derives_from", "target": "elsewhere 1"}, {"relation": "relates", "target": "elsewhere 2"})
    await imported(memory, [Portable(id="a", text="drawn", kind="fact", links=links, provenance={"by": "test"})], "one")
    assert await imported(memory, await exported(memory, "one"), "two") == ["created"]
    await imported(memory, [Portable(id="elsewhere 1", text="source")], "two")
    drawn, source = (await memory.ask(List(namespace="two"))).memories
    assert [(link.relation, link.target) for link in drawn.links] == [("derives_from", source.id)]
    assert [link.target for link in (await exported(memory, "two"))[0].links] == [source.id, "elsewhere 2"]


async def test_a_record_with_very_many_links_comes_in_from_its_own_export(memory):
    links = tuple({"relation": "relates", "target": f"elsewhere {number}"} for number in range(5000))
    await imported(memory, [Portable(id="hub", text="hub", links=links)], "one")
    records = await exported(memory, "one")
    assert await imported(memory, records, "two") == ["created"]
    assert len((await exported(memory, "two"))[0].links) == 5000


async def test_links_that_wait_count_in_the_size_of_a_page(memory):
    links = tuple({"relation": "relates", "target": f"elsewhere {number}"} for number in range(9000))
    for number in range(3):
        await imported(memory, [Portable(id=f"hub{number}", text="hub", links=links)], "default")
    page = await memory.ask(Export(limit=200))
    assert len(page.records) == 1
    assert page.next_cursor is not None


async def test_an_id_of_the_future_is_not_kept_since_new_ones_have_to_be_above_it(short_dir, clock):
    async with house(short_dir, clock) as memory:
        assert await imported(memory, [Portable(id="mem_" + "f" * 32, text="by hand")], "n") == ["created"]
        assert await imported(memory, [Portable(id="mem_" + "f" * 32, text="by hand")], "n") == ["known"]
    async with house(short_dir, clock) as memory:
        await memory.ask(Remember(namespace="n", memories=(NewMemory(text="after it"),)))
        first, second = (await memory.ask(List(namespace="n"))).memories
        assert first.id < second.id < "mem_02"
        assert len(first.id) == len(second.id) == 36


async def test_what_only_says_until_when_it_held_comes_in(memory):
    assert await imported(memory, [Portable(id="a", text="Ana lived here", valid_to=THEN)], "n") == ["created"]
    (record,) = (await memory.ask(List(namespace="n"))).memories
    assert record.valid_from == record.valid_to == THEN
    assert await imported(memory, await exported(memory, "n"), "m") == ["created"]


def test_a_record_is_not_its_own_source():
    with pytest.raises(ValidationError, match="not linked to itself"):
        drawn("one", "one")


async def test_an_id_of_another_form_is_known_again(memory):
    record = Portable(id="my own 1", text="by hand")
    assert await imported(memory, [record], "n") == ["created"]
    assert await imported(memory, [record], "n") == ["known"]
    await memory.ask(Remember(namespace="n", memories=(NewMemory(text="after it"),)))


async def test_what_was_forgotten_does_not_come_back(memory):
    (one,) = (await memory.ask(Remember(memories=(NewMemory(text="secret"),)))).memories
    records = await exported(memory)
    await imported(memory, records, "to")
    copy = (await memory.ask(List(namespace="to"))).memories[0].id
    await memory.ask(Forget(ids=(one.id,)))
    await memory.ask(Forget(namespace="to", ids=(copy,)))
    assert await imported(memory, records, "default") == ["forgotten"]
    assert await imported(memory, records, "to") == ["forgotten"]


async def test_what_was_forgotten_does_not_come_back_by_its_key(memory, short_dir):
    """Files of others have keys and no ids."""
    talk = [Portable(text=text, key=f"chatgpt:{text}", session="talk", kind="turn", role="user") for text in ("secret", "open")]
    for forget in (False, True):
        assert await imported(memory, talk, "to") == (["known", "known"] if forget else ["created", "created"])
        if forget:
            secret = (await memory.ask(List(namespace="to"))).memories[0].id
            await memory.ask(Forget(namespace="to", ids=(secret,)))

    newer = [*talk, Portable(text="newer", key="chatgpt:newer", session="talk", kind="turn", role="user")]
    assert await imported(memory, newer, "to") == ["forgotten", "known", "created"]
    assert await imported(memory, newer, "to") == ["forgotten", "known", "known"]
    assert [file.name for file in short_dir.rglob("*") if file.is_file() and b"secret" in file.read_bytes()] == []
    assert await imported(memory, talk, "elsewhere") == ["created", "created"]

    # By way of another house, it has an id as well, by which others name it as their source.
    assert await imported(memory, [talk[0].model_copy(update={"id": "there"}), drawn("d", "there")], "to") == ["forgotten"] * 2

    await memory.ask(ForgetSession(namespace="to", name="talk"))
    assert set(await imported(memory, newer, "to")) == {"forgotten"}
    await memory.ask(ForgetNamespace(namespace="to"))
    assert set(await imported(memory, newer, "to")) == {"created"}


async def test_a_live_write_with_the_key_of_what_was_forgotten_is_new_and_known_to_an_import(memory):
    for _ in range(2):
        (home,) = (await memory.ask(Remember(memories=(NewMemory(text="home", key="home"),)))).memories
        assert home.created
        assert await imported(memory, [Portable(text="home", key="home")], "default") == ["known"]
        await memory.ask(Forget(ids=(home.id,)))
        assert await imported(memory, [Portable(text="home", key="home")], "default") == ["forgotten"]


async def test_a_copy_that_was_forgotten_keeps_what_it_was_a_copy_of_out(memory):
    (copy,) = (await memory.ask(Remember(memories=(NewMemory(text="secret", key="import:there"),)))).memories
    await memory.ask(Forget(ids=(copy.id,)))
    assert await imported(memory, [Portable(id="there", text="secret")], "default") == ["forgotten"]


def drawn(name, *sources):
    """A summary of records, as another house exports it."""
    links = [{"relation": "summarises", "target": source} for source in sources]
    return Portable(id=name, text=f"{name} quotes the secret", kind="summary", links=links, metadata={"quotes": "secret"})


async def test_what_quotes_something_forgotten_does_not_bring_it_back(memory, short_dir):
    """As when it is forgotten while the file comes in, or where a newer file of the house that it came from follows."""
    turns = [Portable(id="turn", text="the secret"), Portable(id="other", text="in Rome")]
    await imported(memory, turns, "to")
    turn, other = [found.id for found in (await memory.ask(List(namespace="to"))).memories]
    await memory.ask(Forget(namespace="to", ids=(turn,)))
    for outcomes in (["forgotten", "forgotten", "created", "created"], ["forgotten", "forgotten", "known", "known"]):
        records = (drawn("alone", "turn"), drawn("deeper", "alone"), drawn("both", "turn", "other"), drawn("of both", "both"))
        assert await imported(memory, records, "to") == outcomes

    assert [hit.id for hit in (await memory.ask(Recall(namespace="to", query="secret Rome"))).memories] == [other]
    assert [found.withheld for found in (await memory.ask(List(namespace="to", kind="summary"))).memories] == [True, True]
    assert [file.name for file in short_dir.rglob("*") if file.is_file() and b"secret" in file.read_bytes()] == []
    changes = (await memory.ask(Feed(limit=500))).changes
    assert [change.change for change in changes][-4:] == ["remembered", "withheld", "remembered", "withheld"]


@pytest.mark.parametrize("first", ["deeper", "of both"])
async def test_sources_in_a_circle_come_in_without_it_and_are_forgotten_with_what_they_came_from(memory, first):
    """Each would be withheld until the other is derived anew."""
    circle = sorted((drawn("deeper", "of both"), drawn("of both", "deeper", "turn")), key=lambda record: record.id != first)
    assert await imported(memory, [Portable(id="turn", text="the secret"), *circle], "to") == ["created"] * 3
    turn, *derived = (await memory.ask(List(namespace="to"))).memories
    forgotten = await memory.ask(Forget(namespace="to", ids=(turn.id,)))
    assert (set(forgotten.ids), forgotten.withheld) == ({turn.id, *(one.id for one in derived)}, ())
    assert await imported(memory, circle, "to") == ["forgotten"] * 2


async def test_an_end_that_was_a_mistake_is_taken_back_after_a_move_too(memory):
    """With the facts that ended with it."""
    told = await memory.ask(Remember(memories=(NewMemory(text="I have moved to Rome"), NewMemory(text="no, to Oslo"))))
    turn, correction = [record.id for record in told.memories]
    fact = NewMemory(text="Ana lives in Rome", kind="fact", links=({"relation": "derives_from", "target": turn},))
    await memory.ask(Remember(memories=(fact,)))
    await memory.ask(Supersede(id=turn, by=correction, cause="moved"))
    await imported(memory, await exported(memory), "to")
    copies = (await memory.ask(List(namespace="to"))).memories
    assert [copy.valid_to is None for copy in copies] == [False, True, False]

    await memory.ask(Reinstate(namespace="to", id=copies[0].id, cause="test"))
    assert [copy.valid_to for copy in (await memory.ask(List(namespace="to"))).memories] == [None, None, None]


async def test_a_talk_goes_on_where_it_was_taken(memory):
    await filled(memory)
    await imported(memory, await exported(memory), "to")
    history = ("hello there", "good morning", "how are you?")
    turns = tuple(Turn(role=role, text=text) for role, text in zip(("user", "assistant", "user"), history, strict=True))
    told = await memory.ask(Converse(namespace="to", session=None, turns=turns, begin_as="another"))
    assert (told.session, len(told.created), told.superseded) == ("talk", 1, ())
    found = await memory.ask(GetSession(namespace="to", name="talk"))
    assert [turn.text for turn in found.turns] == list(history)


async def test_what_comes_in_after_an_export_began_is_not_in_it(memory):
    await memory.ask(Remember(memories=tuple(NewMemory(text=f"before {n}") for n in range(5))))
    page = await memory.ask(Export(limit=2))
    await memory.ask(Remember(memories=(NewMemory(text="after"),)))
    texts = [record.text for record in page.records]
    while page.next_cursor is not None:
        page = await memory.ask(Export(limit=2, cursor=page.next_cursor))
        texts += [record.text for record in page.records]
    assert texts == [f"before {n}" for n in range(5)]


@asynccontextmanager
async def house(directory, clock):
    """A memory that can be started again."""
    async with Host(run_dir=directory / "run") as host:
        await host.start_actor(Memory, MemorySettings(), directory, clock)
        yield host.ref("memory")


async def test_an_export_goes_on_from_any_mark_after_a_restart_and_ends_where_it_was_to_end(short_dir, clock):
    async with house(short_dir, clock) as memory:
        await memory.ask(Remember(memories=tuple(NewMemory(text=f"before {n}") for n in range(7))))
        first = await memory.ask(Export(limit=3))
        await memory.ask(Remember(memories=(NewMemory(text="after"),)))
    async with house(short_dir, clock) as memory:
        second = await memory.ask(Export(limit=3, cursor=first.next_cursor))
        third = await memory.ask(Export(limit=3, cursor=second.next_cursor))
        assert [page.before for page in (first, second, third)] == [0, 3, 6]
        texts = [record.text for page in (first, second, third) for record in page.records]
        assert texts == [f"before {n}" for n in range(7)]
        assert third.next_cursor is None


def test_how_far_an_export_came_shows_by_its_last_mark():
    record = lines.line_of(Portable(text="one", id="mem_1"))
    head = lines.header("ana", "now")
    good = head + record + lines.mark(1, "c1") + record + lines.mark(2, "c2")
    expected = lines.Begun(len(good), 2, "c2", "mem_1")
    for rest in (b"", record, record[:-1], b'{"lattice": "pa', b"\xff\xff", lines.end(3)[:-1]):
        assert lines.begun((good + rest).splitlines(keepends=True), "ana") == expected
    assert lines.begun(good.splitlines(keepends=True), "ben") is None
    assert lines.begun((head + record).splitlines(keepends=True), "ana") is None
    assert lines.begun([], "ana") is None
