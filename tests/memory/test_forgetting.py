"""What is forgotten is gone: from every answer, and from the files."""

import pytest

from actors.memory.messages import (
    Answer,
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
    ListSessions,
    NewMemory,
    Provenance,
    Recall,
    Rederive,
    Remember,
    Revise,
)
from tests.memory.conftest import turns
from transport.errors import Conflict, NotFound

SECRET = "xylophonist"


async def remember(memory, *records, namespace="default"):
    message = Remember(namespace=namespace, memories=tuple(NewMemory(**record) for record in records))
    return [stored.id for stored in (await memory.ask(message)).memories]


def sources(relation, *targets):
    return tuple(Link(relation=relation, target=target) for target in targets)


async def test_a_forgotten_record_is_nowhere(memory):
    [gone] = await remember(memory, {"text": f"Ann is a {SECRET}", "session": "s"})
    forgotten = await memory.ask(Forget(ids=(gone,)))

    assert forgotten.ids == (gone,)
    with pytest.raises(NotFound):
        await memory.ask(Get(id=gone))
    assert (await memory.ask(Recall(query=SECRET))).memories == ()
    assert (await memory.ask(List())).memories == ()
    assert (await memory.ask(ListSessions())).sessions == ()
    stats = await memory.ask(GetStats())
    assert (stats.count, stats.bytes, stats.by_kind) == (0, 0, {})
    assert [event.change for event in (await memory.ask(GetHistory(id=gone))).events] == ["remembered", "forgotten"]
    with pytest.raises(NotFound):
        await memory.ask(GetHistory(namespace="other", id=gone))


async def test_forgetting_again_changes_nothing(memory):
    [gone] = await remember(memory, {"text": "x"})
    await memory.ask(Forget(ids=(gone,)))
    before = (await memory.ask(Feed())).cursor
    assert (await memory.ask(Forget(ids=(gone,)))).ids == (gone,)
    assert (await memory.ask(Feed())).cursor == before


async def test_one_unknown_id_and_nothing_is_forgotten(memory):
    [kept] = await remember(memory, {"text": "x"})
    [theirs] = await remember(memory, {"text": "x"}, namespace="theirs")
    for unknown in ("mem_unknown", theirs):
        with pytest.raises(NotFound, match="ids"):
            await memory.ask(Forget(ids=(kept, unknown)))
    assert (await memory.ask(Get(id=kept))).memory.text == "x"


async def test_what_was_derived_from_it_alone_goes_with_it(memory):
    one, two = await remember(memory, {"text": "one"}, {"text": "two"})
    fact, summary, both, other = await remember(
        memory,
        {"text": "fact", "kind": "fact", "links": sources("derives_from", one)},
        {"text": "summary", "kind": "summary", "links": sources("summarises", one, two)},
        {"text": "contradicts", "links": sources("contradicts", one)},
        {"text": "other"},
    )
    [deeper] = await remember(memory, {"text": "deeper", "kind": "reflection", "links": sources("derives_from", fact)})

    forgotten = await memory.ask(Forget(ids=(one,)))
    assert set(forgotten.ids) == {one, fact, deeper}
    assert (await memory.ask(Get(id=summary))).memory.links == sources("summarises", two)
    assert (await memory.ask(Get(id=both))).memory.links == ()
    assert (await memory.ask(Forget(ids=(two,)))).ids == (two, summary)
    assert [found.id for found in (await memory.ask(List())).memories] == [both, other]


async def test_what_was_derived_from_it_and_others_is_emptied_until_it_is_derived_anew(memory, short_dir):
    one, two = await remember(memory, {"text": f"Ann is a {SECRET}"}, {"text": "Ann lives in Rome"})
    both = sources("summarises", one, two)
    [summary] = await remember(
        memory, {"text": f"Ann, a {SECRET} of Rome", "kind": "summary", "links": both, "metadata": {"quotes": SECRET}}
    )
    [deeper] = await remember(
        memory, {"text": f"{SECRET}s like Rome", "kind": "reflection", "links": sources("derives_from", summary)}
    )
    forgotten = await memory.ask(Forget(ids=(one,)))

    assert (set(forgotten.ids), set(forgotten.withheld)) == ({one}, {summary, deeper})
    assert in_the_files(short_dir) == []
    withheld = (await memory.ask(Get(id=summary))).memory
    assert (withheld.text, withheld.withheld, withheld.links) == ("", True, sources("summarises", two))
    assert [hit.id for hit in (await memory.ask(Recall(query="Rome Ann"))).memories] == [two]
    assert [found.id for found in (await memory.ask(List(current=True))).memories] == [two]
    changes = [(change.change, change.id) for change in (await memory.ask(Feed())).changes]
    assert changes[-2:] == [("withheld", summary), ("withheld", deeper)]

    anew = Provenance(by="consolidate", rule="extractive")
    with pytest.raises(Conflict, match=summary):
        await memory.ask(Rederive(id=deeper, text="x", sources=(summary,), provenance=anew))
    for _ in range(2):
        found = (await memory.ask(Rederive(id=summary, text="Ann lives in Rome", sources=(two,), provenance=anew))).memory
        assert (found.text, found.withheld, found.provenance) == ("Ann lives in Rome", False, anew)
    await memory.ask(Rederive(id=deeper, text="about Rome", sources=(summary,), provenance=anew))
    assert {hit.id for hit in (await memory.ask(Recall(query="Rome"))).memories} == {two, summary, deeper}
    with pytest.raises(Conflict, match="withheld"):
        await memory.ask(Rederive(id=summary, text="something else", sources=(two,), provenance=anew))


async def test_a_text_derived_from_what_was_forgotten_meanwhile_is_refused(memory, short_dir):
    """Who derives anew reads the sources first and writes afterwards."""
    texts = ("Ann is tall", f"Ann is a {SECRET}", "Ann is in Rome")
    one, two, three = await remember(memory, *({"text": text} for text in texts))
    of_all = sources("summarises", one, two, three)
    [summary] = await remember(memory, {"text": "about Ann", "kind": "summary", "links": of_all})
    await memory.ask(Forget(ids=(one,)))
    await memory.ask(Forget(ids=(two,)))
    anew = Rederive(id=summary, text=f"a {SECRET} in Rome", sources=(two, three), provenance=Provenance(by="consolidate"))
    with pytest.raises(Conflict, match="sources"):
        await memory.ask(anew)
    assert (await memory.ask(Get(id=summary))).memory.withheld
    assert in_the_files(short_dir) == []


async def test_the_answer_kept_for_a_call_that_corrected_it_goes_too(memory, short_dir):
    [gone] = await remember(memory, {"text": "x"})
    await memory.ask(Revise(id=gone, text=f"a {SECRET}"), key="call")
    await memory.ask(Forget(ids=(gone,)))
    assert in_the_files(short_dir) == []


async def test_nothing_of_it_is_left_in_the_files(memory, short_dir):
    conversed = await memory.ask(Converse(session="talk", turns=turns(f"u:I am a {SECRET}", "a:ok", "u:go on"), begin_as="x"))
    answered = await memory.ask(Answer(session="talk", after=conversed.last, text=f"My {SECRET}!", key="k"))
    [revised] = await remember(
        memory, {"text": f"Was a {SECRET}", "speaker": f"{SECRET}er", "metadata": {"what": SECRET}, "key": SECRET}
    )
    await memory.ask(Revise(id=revised, text="harmless", metadata={}))
    assert in_the_files(short_dir)

    await memory.ask(Forget(ids=(conversed.created[0], answered.id, revised)))
    assert in_the_files(short_dir) == []


def in_the_files(directory):
    return [
        path.name
        for path in directory.iterdir()
        if path.is_file() and any(word in path.read_bytes() for word in (SECRET.encode(), SECRET[:-3].encode()))
    ]


async def test_a_forgotten_session_is_gone_with_all_of_it(memory, short_dir):
    await memory.ask(Converse(session="talk", turns=turns(f"u:I am a {SECRET}", "a:ok"), begin_as="x"))
    [elsewhere] = await remember(memory, {"text": "x", "session": "other"})
    forgotten = await memory.ask(ForgetSession(name="talk"))

    assert len(forgotten.ids) == 2
    assert in_the_files(short_dir) == []
    with pytest.raises(NotFound):
        await memory.ask(GetSession(name="talk"))
    assert (await memory.ask(ForgetSession(name="talk"))).ids == ()
    with pytest.raises(NotFound, match="name"):
        await memory.ask(ForgetSession(name="never"))
    assert [found.id for found in (await memory.ask(List())).memories] == [elsewhere]


async def test_forgetting_a_talks_first_turn_takes_it_out_of_the_title(memory):
    conversed = await memory.ask(Converse(session="talk", turns=turns(f"u:{SECRET}", "a:ok"), begin_as="x"))
    await memory.ask(Forget(ids=(conversed.created[0],)))
    [talk] = (await memory.ask(ListSessions())).sessions
    assert (talk.title, talk.turns) == ("ok", 1)
