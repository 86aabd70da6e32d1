"""What a record carries beside its text: its validity, what was felt, who derived it and from what, what it is linked to."""

from datetime import timedelta

import pytest

from actors.memory.messages import (
    EMOTIONS,
    Affect,
    Feed,
    Get,
    GetHistory,
    Judged,
    Link,
    List,
    NewMemory,
    NoteAffect,
    Provenance,
    Recall,
    Reinstate,
    Relate,
    Remember,
    Revise,
    Supersede,
    Unrelate,
)
from actors.memory.schema import MEND
from actors.memory.store import find, history
from tests.memory.conftest import NOW
from transport.errors import Invalid, NotFound


async def remember(memory, *records, namespace="default"):
    message = Remember(namespace=namespace, memories=tuple(NewMemory(**record) for record in records))
    return [stored.id for stored in (await memory.ask(message)).memories]


async def get(memory, memory_id):
    return (await memory.ask(Get(id=memory_id))).memory


async def test_a_record_may_be_given_with_its_validity(memory):
    began, ended = NOW - timedelta(days=9), NOW - timedelta(days=2)
    [new] = await remember(memory, {"text": "Ana lives in Rome", "kind": "fact", "valid_from": began, "valid_to": ended})

    found = await get(memory, new)
    assert (found.time, found.valid_from, found.valid_to) == (NOW, began, ended)
    assert (await memory.ask(Recall(query="Rome"))).memories == ()
    assert [hit.id for hit in (await memory.ask(Recall(query="Rome", as_of=NOW - timedelta(days=3)))).memories] == [new]


async def test_what_is_derived_says_by_whom_and_from_what(memory):
    [turn] = await remember(memory, {"text": "I live in Rome"})
    links = (Link(relation="derives_from", target=turn),)
    made = Provenance(by="consolidate", rule="extractive")
    fact, other, given = await remember(
        memory,
        {"text": "lives in Rome", "kind": "fact", "links": links, "provenance": made},
        {"text": "in Italy", "kind": "fact", "links": links},
        {"text": "Rome is a city", "kind": "fact"},
    )

    assert (await get(memory, fact)).provenance == made
    assert (await get(memory, other)).provenance == Provenance(by="client")
    assert (await get(memory, given)).provenance is None


async def test_nothing_derived_is_without_its_sources(memory):
    with pytest.raises(Invalid, match=r"memories\.0\.provenance"):
        Remember.parse({"memories": [{"text": "a", "kind": "fact", "provenance": {"by": "consolidate"}}]})
    one, two = await remember(memory, {"text": "one"}, {"text": "two"})
    links = tuple(Link(relation="derives_from", target=source) for source in (one, two))
    [fact] = await remember(memory, {"text": "both", "kind": "fact", "links": links})

    [more] = await remember(memory, {"text": "more", "links": (Link(relation="derives_from", target=fact),)})
    for relation in ("derives_from", "summarises"):
        with pytest.raises(Invalid, match="target: it was derived from the source itself"):
            await memory.ask(Relate(source=one, relation=relation, target=more))
    await memory.ask(Relate(source=one, relation="relates", target=more))
    await memory.ask(Unrelate(source=fact, relation="derives_from", target=one))
    with pytest.raises(Invalid, match="target"):
        await memory.ask(Unrelate(source=fact, relation="derives_from", target=two))
    assert (await get(memory, fact)).links == links[1:]


async def test_what_is_felt_may_be_judged_later(memory):
    one, two = await remember(memory, {"text": "one", "affect": Affect(user={"joy": 0.5, "love": 1.0})}, {"text": "two"})
    noted = await memory.ask(
        NoteAffect(affects=(Judged(id=one, assistant={"caring": 0.25}), Judged(id=two, user={}), Judged(id="gone")))
    )
    assert (noted.noted, noted.missing) == (2, ("gone",))

    felt = (await get(memory, one)).affect
    assert felt.user == pytest.approx({"joy": 0.5, "love": 1.0}, abs=1 / 255)
    assert felt.assistant == pytest.approx({"caring": 0.25}, abs=1 / 255)
    assert (await get(memory, two)).affect == Affect(user={})
    assert len(EMOTIONS) == len(set(EMOTIONS)) == 28


async def test_records_are_linked_and_parted_with_a_trace(memory):
    one, two = await remember(memory, {"text": "one"}, {"text": "two"})
    [theirs] = await remember(memory, {"text": "theirs"}, namespace="theirs")
    for _ in range(2):
        await memory.ask(Relate(source=one, relation="contradicts", target=two))
    assert (await get(memory, one)).links == (Link(relation="contradicts", target=two),)
    await memory.ask(Unrelate(source=one, relation="contradicts", target=two))
    await memory.ask(Unrelate(source=one, relation="contradicts", target=two))

    assert (await get(memory, one)).links == ()
    events = (await memory.ask(GetHistory(id=one))).events
    assert [event.change for event in events] == ["remembered", "linked", "unlinked"]
    assert events[1].detail == {"relation": "contradicts", "target": two}
    assert [change.change for change in (await memory.ask(Feed())).changes if change.id == one] == [
        "remembered",
        "linked",
        "unlinked",
    ]
    for field, source, target in (("source", theirs, one), ("target", one, theirs)):
        with pytest.raises(NotFound, match=field):
            await memory.ask(Relate(source=source, relation="relates", target=target))
    with pytest.raises(Invalid, match="target"):
        await memory.ask(Relate(source=one, relation="relates", target=one))


async def test_dreams_are_recalled_only_when_asked_for(memory):
    [turn] = await remember(memory, {"text": "a lemon tree"})
    links = (Link(relation="derives_from", target=turn),)
    [dream] = await remember(memory, {"text": "a tree of lemons", "kind": "dream", "links": links})

    assert [hit.id for hit in (await memory.ask(Recall(query="lemon"))).memories] == [turn]
    assert [hit.id for hit in (await memory.ask(Recall(query="lemon", kinds=("dream",)))).memories] == [dream]


async def test_listing_by_stage_and_by_time(memory):
    old, _ = await remember(memory, {"text": "old", "time": NOW - timedelta(days=100)}, {"text": "new"})
    listed = await memory.ask(List(stage="raw", before=NOW - timedelta(days=50)))
    assert [found.id for found in listed.memories] == [old]
    assert (await memory.ask(List(stage="archived"))).memories == ()


async def test_a_fact_ends_with_the_last_record_that_it_was_drawn_from(memory):
    said, again, other = await remember(memory, {"text": "I live in Rome"}, {"text": "Rome as ever"}, {"text": "I moved"})
    one, both, summary = await remember(
        memory,
        {"text": "I live in Rome.", "kind": "fact", "links": (Link(relation="derives_from", target=said),)},
        {
            "text": "Rome is home.",
            "kind": "fact",
            "links": tuple(Link(relation="derives_from", target=source) for source in (said, again)),
        },
        {"text": "Rome was spoken of.", "kind": "summary", "links": (Link(relation="summarises", target=said),)},
    )
    await memory.ask(Supersede(id=said, by=other, time=NOW, cause="update"))
    assert (await get(memory, one)).valid_to == NOW
    assert [(link.relation, link.target) for link in (await get(memory, other)).links] == [
        ("supersedes", said),
        ("supersedes", one),
    ]
    assert (await memory.ask(GetHistory(id=one))).events[-1].cause == "source"
    assert (await get(memory, both)).valid_to is None
    assert (await get(memory, summary)).valid_to is None

    await memory.ask(Supersede(id=again, cause="update"))
    assert (await get(memory, both)).valid_to is not None


async def test_an_end_that_is_taken_back_takes_that_of_facts_drawn_from_it_along(memory):
    said, other = await remember(memory, {"text": "I live in Rome", "time": NOW - timedelta(days=9)}, {"text": "I moved"})
    links = (Link(relation="derives_from", target=said),)
    [fact] = await remember(memory, {"text": "I live in Rome.", "kind": "fact", "links": links})
    await memory.ask(Supersede(id=said, by=other, time=NOW, cause="update"))
    assert (await get(memory, fact)).valid_to is not None

    for _ in range(2):
        held = (await memory.ask(Reinstate(id=said, by=other, cause="resolved"))).memory
        assert held.valid_to is None
        assert (await get(memory, fact)).valid_to is None
        assert (await get(memory, other)).links == ()
        events = (await memory.ask(GetHistory(id=said))).events
        assert [(event.change, event.cause) for event in events if event.change != "recalled"] == [
            ("remembered", "remember"),
            ("superseded", "update"),
            ("reinstated", "resolved"),
        ]
    hits = (await memory.ask(Recall(query="Rome", as_of=NOW + timedelta(days=1)))).memories
    assert {hit.id for hit in hits} >= {said, fact}


async def test_what_two_records_took_the_place_of_holds_again_once_both_are_taken_back(memory):
    said, one, two = await remember(memory, {"text": "I live in Rome"}, {"text": "I moved"}, {"text": "I live in Oslo"})
    await memory.ask(Supersede(id=said, by=one, cause="update"))
    await memory.ask(Supersede(id=said, by=two, cause="update"))
    assert (await memory.ask(Reinstate(id=said, by=one, cause="resolved"))).memory.valid_to is not None
    assert (await memory.ask(Reinstate(id=said, by=two, cause="resolved"))).memory.valid_to is None


async def test_a_fact_of_a_text_that_was_corrected_stays_ended_when_its_turn_holds_again(memory):
    [turn] = await remember(memory, {"text": "I live in Rome"})
    [fact] = await remember(
        memory, {"text": "I live in Rome.", "kind": "fact", "links": (Link(relation="derives_from", target=turn),)}
    )
    await memory.ask(Revise(id=turn, text="I live in Oslo"))
    await memory.ask(Supersede(id=turn, time=NOW + timedelta(days=3), cause="client"))
    assert (await memory.ask(Revise(id=turn, holds=True))).memory.valid_to is None
    assert (await get(memory, fact)).valid_to is not None
    with pytest.raises(ValueError, match="holds"):
        Revise(id=turn, holds=True, valid_to=NOW)


async def test_a_fact_ends_when_what_it_was_drawn_from_is_corrected(memory):
    [turn] = await remember(memory, {"text": "I live in Rome"})
    links = (Link(relation="derives_from", target=turn),)
    fact, statement = await remember(
        memory,
        {"text": "I live in Rome.", "kind": "fact", "links": links},
        {"text": "Ask how Rome is.", "kind": "statement", "links": links},
    )
    await memory.ask(Revise(id=turn, importance=0.9))
    assert (await get(memory, fact)).valid_to is None
    await memory.ask(Revise(id=turn, text="I live in Oslo"))
    assert (await get(memory, turn)).valid_to is None
    assert (await get(memory, fact)).valid_to is not None
    assert (await get(memory, statement)).valid_to is not None


def test_what_was_recovered_with_nonsense_in_it_can_be_read(book):
    last = book.converse("u:kept").last
    book.connection.execute("UPDATE memory SET metadata = '{', provenance = 'x'")
    book.connection.execute("UPDATE event SET detail = ''")
    book.connection.execute(MEND)
    memory = find(book.connection, "default", last).memory
    assert (memory.text, memory.metadata, memory.provenance) == ("kept", {}, None)
    assert history(book.connection, "default", last).events[0].change == "remembered"
