"""Records come in once, change with a trace, and are read back as they are."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest

from actors.memory.messages import (
    Answer,
    Converse,
    Feed,
    Get,
    GetHistory,
    GetStats,
    Link,
    List,
    ListSessions,
    NewMemory,
    Recall,
    Remember,
    Revise,
    Supersede,
    Turn,
)
from transport.errors import Invalid, LatticeError, NotFound


async def remember(memory, *texts, key=None, namespace="default", **fields):
    message = Remember(namespace=namespace, memories=tuple(NewMemory(text=text, **fields) for text in texts))
    return [stored.id for stored in (await memory.ask(message, key=key)).memories]


async def test_a_record_is_read_back_as_it_was_given(memory, clock):
    time = datetime(2024, 5, 6, 7, 8, 9, 123456, tzinfo=timezone(timedelta(hours=2)))
    [source] = await remember(memory, "what it came from")
    [new] = await remember(
        memory,
        "שלום 👋🏽 \N{RIGHT-TO-LEFT OVERRIDE}x",
        speaker="Zoë",
        role="user",
        session="s",
        time=time,
        kind="fact",
        importance=0.9,
        metadata={"deep": {"list": [1, 2.5, None, True, "x"]}, "empty": ""},
        links=(Link(relation="derives_from", target=source),),
    )
    found = (await memory.ask(Get(id=new))).memory

    assert found.text == "שלום 👋🏽 \N{RIGHT-TO-LEFT OVERRIDE}x"
    assert (found.speaker, found.role, found.session, found.kind, found.stage) == ("Zoë", "user", "s", "fact", "raw")
    assert (found.time, found.valid_from, found.valid_to, found.ingested) == (time, time, None, clock.now())
    assert (found.importance, found.links) == (0.9, (Link(relation="derives_from", target=source),))
    assert found.metadata == {"deep": {"list": [1, 2.5, None, True, "x"]}, "empty": ""}


async def test_ids_grow_as_records_come_in_even_when_the_clock_goes_back(memory, clock):
    ids = await remember(memory, *(str(number) for number in range(50)))
    clock.advance(-3600)
    ids += await remember(memory, "after the clock was set back")
    clock.advance(7200)
    ids += await remember(memory, "later")
    assert ids == sorted(ids)
    assert len(set(ids)) == 52


async def test_what_ends_before_it_begins_is_refused_where_it_begins_now(memory, clock):
    past = clock.now() - timedelta(days=1)
    with pytest.raises(Invalid, match="valid_to") as refused:
        await memory.ask(Remember(memories=(NewMemory(text="kept"), NewMemory(text="Ana lived here", valid_to=past))))
    assert refused.value.detail == {"field": "valid_to"}
    assert (await memory.ask(List())).memories == ()
    await memory.ask(Remember(memories=(NewMemory(text="Ana lived here", valid_from=past, valid_to=past),)))


async def test_the_same_key_gives_the_same_record(memory):
    [first] = await remember(memory, "once", key=None)
    twice = Remember(memories=(NewMemory(text="a", key="k"), NewMemory(text="b", key="k"), NewMemory(text="c")))
    stored = (await memory.ask(twice)).memories
    again = (await memory.ask(Remember(memories=(NewMemory(text="other", key="k"),)))).memories

    assert [record.created for record in stored] == [True, False, True]
    assert stored[0].id == stored[1].id == again[0].id != first
    assert again[0].created is False
    elsewhere = await memory.ask(Remember(namespace="other", memories=(NewMemory(text="other", key="k"),)))
    assert elsewhere.memories[0].created is True


async def test_a_copy_of_a_record_that_is_there_is_that_record(memory):
    [first] = await remember(memory, "once", key=None)
    copy = NewMemory(text="once", key=f"import:{first}")

    again = (await memory.ask(Remember(memories=(copy,)))).memories[0]
    assert (again.id, again.created) == (first, False)

    elsewhere = (await memory.ask(Remember(namespace="other", memories=(copy,)))).memories[0]
    assert elsewhere.created is True


async def test_a_call_sent_again_with_its_key_changes_nothing(memory):
    first = await remember(memory, "a", "b", key="call")
    second = await remember(memory, "a", "b", key="call")
    third = await remember(memory, "a", "b", key="call", namespace="other")

    assert first == second != third
    assert (await memory.ask(GetStats())).count == 2


async def test_a_link_to_nothing_remembers_nothing(memory):
    [theirs] = await remember(memory, "theirs", namespace="theirs")
    for target in ("mem_unknown", theirs):
        with pytest.raises(NotFound, match=r"links\.target"):
            await memory.ask(
                Remember(
                    memories=(
                        NewMemory(text="a"),
                        NewMemory(text="b", links=(Link(relation="derives_from", target=target),)),
                    )
                )
            )
    assert (await memory.ask(GetStats())).count == 0


async def test_writes_of_one_transaction_that_fail_leave_the_others_whole(memory, clock):
    """Those that fail have begun the very talks that the others go on with, and stretched their times."""
    broken = (Link(relation="derives_from", target="nothing"),)

    async def attempt(number, links):
        time = clock.now() + timedelta(days=number if not links else 1000 + number)
        record = NewMemory(text=f"turn {number}", session=f"talk {number % 3}", time=time, links=links)
        return await memory.ask(Remember(memories=(NewMemory(text="before it", session="talk 0"), record)))

    results = await asyncio.gather(*(attempt(n, broken if n % 4 == 0 else ()) for n in range(40)), return_exceptions=True)

    assert [isinstance(result, NotFound) for result in results] == [n % 4 == 0 for n in range(40)]
    assert (await memory.ask(GetStats())).count == 60
    talks = (await memory.ask(ListSessions())).sessions
    assert sum(talk.turns for talk in talks) == 60
    assert max(talk.last for talk in talks) == clock.now() + timedelta(days=39)


async def test_a_revision_keeps_the_old_text_in_the_history(memory):
    [new] = await remember(memory, "I live in Rome", speaker="Ann", metadata={"a": 1})
    revised = (await memory.ask(Revise(id=new, text="I live in Bern", importance=1.0))).memory
    await memory.ask(Revise(id=new, text="I live in Bern"))

    assert (revised.text, revised.importance, revised.metadata) == ("I live in Bern", 1.0, {"a": 1})
    events = (await memory.ask(GetHistory(id=new))).events
    assert [event.change for event in events] == ["remembered", "revised"]
    assert events[1].detail == {"before": {"text": "I live in Rome", "importance": 0.5}}
    assert (await memory.ask(Recall(query="Rome"))).memories == ()
    assert [hit.id for hit in (await memory.ask(Recall(query="Bern"))).memories] == [new]


async def test_an_old_revision_sent_again_does_not_undo_a_newer_one(memory):
    [new] = await remember(memory, "one")
    await memory.ask(Revise(id=new, text="two"), key="first")
    await memory.ask(Revise(id=new, text="three"), key="second")
    await memory.ask(Revise(id=new, text="two"), key="first")
    assert (await memory.ask(Get(id=new))).memory.text == "three"


async def test_what_is_superseded_stays_with_its_end_and_what_took_its_place(memory, clock):
    old, new = await remember(memory, "lives in Rome", "lives in Bern", kind="fact")
    ended = clock.now() + timedelta(days=3)
    superseded = (await memory.ask(Supersede(id=old, by=new, time=ended, cause="update"))).memory
    again = (await memory.ask(Supersede(id=old, by=new, cause="update"))).memory

    assert superseded.valid_to == again.valid_to == ended
    assert (await memory.ask(Get(id=new))).memory.links == (Link(relation="supersedes", target=old),)
    events = (await memory.ask(GetHistory(id=old))).events
    assert [(event.change, event.cause) for event in events] == [("remembered", "remember"), ("superseded", "update")]
    with pytest.raises(Invalid, match="by"):
        await memory.ask(Supersede(id=new, by=new, cause="itself"))


async def test_no_id_of_another_namespace_is_found(memory):
    [theirs] = await remember(memory, "theirs", namespace="theirs", session="s")
    [ours] = await remember(memory, "ours")
    for message in (
        Get(id=theirs),
        GetHistory(id=theirs),
        Revise(id=theirs, text="x"),
        Supersede(id=theirs, cause="x"),
        Supersede(id=ours, by=theirs, cause="x"),
    ):
        with pytest.raises(NotFound):
            await memory.ask(message)
    assert (await memory.ask(Get(namespace="theirs", id=theirs))).memory.text == "theirs"
    assert [found.id for found in (await memory.ask(List())).memories] == [ours]
    assert (await memory.ask(ListSessions())).sessions == ()
    assert (await memory.ask(Recall(query="theirs"))).memories == ()


async def test_figures_follow_what_is_there(memory):
    await remember(memory, "é", "bb", session="s")
    [fact] = await remember(memory, "ccc", kind="fact")
    before = await memory.ask(GetStats())
    await memory.ask(Revise(id=fact, text="cccccc"))
    after = await memory.ask(GetStats())

    assert (before.count, before.pending, before.bytes) == (3, 3, 7)
    assert (before.by_kind, before.by_stage) == ({"fact": 1, "turn": 2}, {"raw": 3})
    assert (after.count, after.bytes) == (3, 10)
    assert after.feed_cursor == (await memory.ask(Feed())).cursor
    assert (await memory.ask(GetStats(namespace="none"))).count == 0


async def test_pages_go_through_everything_once(memory):
    ids = await remember(memory, *(f"text {number}" for number in range(25)))
    for newest in (False, True):
        seen, cursor = [], None
        while True:
            page = await memory.ask(List(limit=10, cursor=cursor, newest=newest))
            seen += [found.id for found in page.memories]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert seen == (ids[::-1] if newest else ids)


async def test_a_page_ends_early_when_its_texts_are_long(memory):
    for _ in range(4):
        await remember(memory, "x" * 250_000)
    first = await memory.ask(List())
    rest = await memory.ask(List(cursor=first.next_cursor))
    assert (len(first.memories), len(rest.memories), rest.next_cursor) == (2, 2, None)


async def test_listing_filters(memory):
    await remember(memory, "one", session="s")
    [fact] = await remember(memory, "two", kind="fact", session="s")
    [old] = await remember(memory, "three")
    await memory.ask(Supersede(id=old, by=fact, cause="x"))

    assert [found.text for found in (await memory.ask(List(session="s"))).memories] == ["one", "two"]
    assert [found.text for found in (await memory.ask(List(kind="fact"))).memories] == ["two"]
    assert [found.text for found in (await memory.ask(List(current=True))).memories] == ["one", "two"]
    assert (await memory.ask(List(session="none"))).memories == ()


async def test_a_cursor_from_elsewhere_is_refused_by_name(memory):
    await remember(memory, "a", "b", session="s")
    await remember(memory, "c", session="t")
    cursor = (await memory.ask(List(limit=1))).next_cursor
    talks = (await memory.ask(ListSessions(limit=1))).next_cursor
    for message in (
        List(namespace="other", cursor=cursor),
        List(kind="turn", cursor=cursor),
        List(newest=True, cursor=cursor),
        List(cursor=talks),
        List(cursor="nonsense"),
        List(cursor="ö"),
        List(cursor="="),
        ListSessions(cursor=cursor),
    ):
        with pytest.raises(Invalid, match="cursor"):
            await memory.ask(message)
    assert len((await memory.ask(ListSessions(cursor=talks))).sessions) == 1


async def test_sessions_are_listed_latest_first(memory):
    for day, name in ((2, "b"), (3, "c"), (1, "a")):
        await remember(memory, f"talk of day {day}", session=name, time=datetime(2025, 1, day, tzinfo=UTC))
    first = await memory.ask(ListSessions(limit=2))
    rest = await memory.ask(ListSessions(limit=2, cursor=first.next_cursor))
    assert [talk.name for talk in (*first.sessions, *rest.sessions)] == ["c", "b", "a"]
    assert rest.next_cursor is None
    assert first.sessions[0].title == "talk of day 3"


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("memories", {"memories": []}),
        ("memories.0.text", {"memories": [{"text": ""}]}),
        ("memories.0.text", {"memories": [{"text": " \t\n\u3000"}]}),
        ("memories.0.text", {"memories": [{"text": "a\0b"}]}),
        ("memories.0.text", {"memories": [{"text": "a\ud800b"}]}),
        ("memories.0.text", {"memories": [{"text": "x" * 262_145}]}),
        ("memories.1.speaker", {"memories": [{"text": "a"}, {"text": "a", "speaker": "\0"}]}),
        ("memories.0.metadata", {"memories": [{"text": "a", "metadata": {str(number): 1 for number in range(10_000)}}]}),
        ("memories.0.metadata.a", {"memories": [{"text": "a", "metadata": {"a": {"b": ["\0"]}}}]}),
        ("memories.0.metadata.a", {"memories": [{"text": "a", "metadata": {"a": float("nan")}}]}),
        ("memories.0.metadata.a", {"memories": [{"text": "a", "metadata": {"a": [2**70]}}]}),
        ("memories.0.metadata.a", {"memories": [{"text": "a", "metadata": {"a": [[[[[[[[[]]]]]]]]]}}]}),
        ("memories.0.importance", {"memories": [{"text": "a", "importance": float("nan")}]}),
        ("memories.0.importance", {"memories": [{"text": "a", "importance": 1.5}]}),
        ("memories.0.kind", {"memories": [{"text": "a", "kind": "rumour"}]}),
        ("memories.0.time", {"memories": [{"text": "a", "time": "2024-02-30T00:00:00Z"}]}),
        ("memories.0.time", {"memories": [{"text": "a", "time": "2024-02-03T00:00:00"}]}),
        ("memories.0.time", {"memories": [{"text": "a", "time": "0001-01-01T00:00:00+14:00"}]}),
        ("memories.0.links.0.relation", {"memories": [{"text": "a", "links": [{"relation": "x", "target": "y"}]}]}),
        ("memories.0.colour", {"memories": [{"text": "a", "colour": "red"}]}),
        ("namespace", {"namespace": "\0", "memories": [{"text": "a"}]}),
    ],
)
def test_what_cannot_be_kept_is_refused_with_its_fields_name(field, body):
    with pytest.raises(LatticeError) as refused:
        Remember.parse(body)
    assert refused.value.code == "invalid"
    assert refused.value.detail["fields"][0]["field"].startswith(field)


def test_a_turn_that_cannot_be_kept_is_refused():
    with pytest.raises(LatticeError, match=r"turns\.0\.text"):
        Converse.parse({"begin_as": "x", "turns": [{"role": "user", "text": "\0"}]})
    with pytest.raises(LatticeError, match=r"turns\.0\.text.*blank"):
        Converse.parse({"begin_as": "x", "turns": [{"role": "user", "text": "  "}]})
    with pytest.raises(LatticeError, match=r"turns\.0\.role"):
        Converse.parse({"begin_as": "x", "turns": [{"role": "system", "text": "x"}]})
    assert Turn(role="user", text="x").text == "x"


async def test_the_longest_texts_are_taken_in_any_script(memory):
    longest = "\U0001f642" * 262_144
    stored = await memory.ask(Remember(memories=(NewMemory(text=longest),)))
    found = await memory.ask(Get(id=stored.memories[0].id))
    assert found.memory.text == longest
    revised = await memory.ask(Revise(id=found.memory.id, text=longest[1:] + "!"))
    assert revised.memory.text.endswith("!")


async def test_as_many_records_as_a_request_may_hold_are_taken_at_once(memory):
    records = tuple(NewMemory(text=f"{number} {'x' * 4_000}") for number in range(1000))
    assert len((await memory.ask(Remember(memories=records))).memories) == 1000


async def test_a_talk_as_long_as_thinking_takes_it_is_taken_over_whole(memory):
    said = tuple(Turn(role=("user", "assistant")[n % 2], text=f"{n} {'long ' * 400}".strip()) for n in range(1999))
    taken = await memory.ask(Converse(turns=said, begin_as="long talk"))
    assert len(taken.created) == 1999
    longest = "\U0001f642" * 262_144
    answered = await memory.ask(Answer(session=taken.session, after=taken.last, text=longest, key="a"))
    assert answered.created
