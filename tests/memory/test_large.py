"""A namespace that is too large to be measured whole gives the answers that a small one does, as far as words lead there."""

from datetime import UTC, datetime, timedelta

import pytest

from actors.host import Host
from actors.memory.actor import Memory
from actors.memory.messages import Forget, NewMemory, Recall, Remember, Supersede
from actors.memory.settings import MemorySettings

START = datetime(2025, 3, 1, tzinfo=UTC)


@pytest.fixture
async def memory(short_dir):
    async with Host(run_dir=short_dir / "run") as host:
        await host.start_actor(Memory, MemorySettings(shelf_records=0, embedder="none"), short_dir)
        yield host.ref("memory")


async def remember(memory, *records):
    stored = await memory.ask(Remember(memories=tuple(NewMemory(**record) for record in records)))
    return [one.id for one in stored.memories]


async def found(memory, query, **filters):
    return [hit.text for hit in (await memory.ask(Recall(query=query, **filters))).memories]


async def test_every_filter_holds(memory):
    day = timedelta(days=1)
    await remember(
        memory,
        {"text": "apples", "session": "s", "speaker": "Ann", "time": START},
        {"text": "apples pie", "session": "t", "speaker": "Bob", "time": START + day, "kind": "fact"},
        {"text": "apples and pears", "time": START + 2 * day, "metadata": {"shop": "corner", "n": 1}},
        {"text": "apples tool", "kind": "tool"},
    )

    async def hits(**filters):
        return sorted(await found(memory, "apples", **filters))

    assert await hits() == ["apples", "apples and pears", "apples pie"]
    assert await hits(session="s") == ["apples"]
    assert await hits(speaker="Bob") == ["apples pie"]
    assert await hits(kinds=("fact", "tool")) == ["apples pie", "apples tool"]
    assert await hits(since=START + day) == ["apples and pears", "apples pie"]
    assert await hits(metadata={"shop": "corner"}) == ["apples and pears"]


async def test_an_answer_is_found_by_its_question_and_nothing_after_it_is_gone(memory):
    ids = await remember(
        memory,
        {"text": "What did you name the puppy?", "session": "s", "speaker": "Ann"},
        {"text": "Biscuit!", "session": "s", "speaker": "Bob"},
        {"text": "Good morning", "session": "t", "speaker": "Bob"},
    )
    assert await found(memory, "puppy") == ["What did you name the puppy?", "Biscuit!"]
    await memory.ask(Forget(ids=(ids[0],)))
    assert await found(memory, "puppy") == []
    await memory.ask(Supersede(id=ids[1], cause="update"))
    assert await found(memory, "biscuit") == []


async def test_the_terms_add_up(memory):
    await remember(memory, {"text": "tea", "session": "s"}, {"text": "tea and coffee", "session": "s", "speaker": "Ann"})
    for hit in (await memory.ask(Recall(query="Did Ann drink tea?", explain=True))).memories:
        assert hit.score == pytest.approx(sum(hit.explain.values()), abs=1e-12)


async def test_a_common_word_is_looked_up_when_there_is_no_rarer_one(memory):
    await remember(memory, *({"text": f"tea number {number}"} for number in range(50)))
    assert len(await found(memory, "tea")) == 10
    assert await found(memory, "tea 17", k=1) == ["tea number 17"]


async def test_what_was_said_at_the_time_that_the_query_names_is_among_the_candidates(short_dir):
    settings = MemorySettings(shelf_records=0, candidates=10, embedder="none")
    may = datetime(2025, 5, 5, tzinfo=UTC)
    async with Host(run_dir=short_dir / "run") as host:
        await host.start_actor(Memory, settings, short_dir)
        hikes = tuple(NewMemory(text="a hike", time=may + timedelta(days=100 + day)) for day in range(40))
        walk = NewMemory(
            text="after all that rain and wind at last a hike along the coast, with tea and cake at its end", time=may
        )
        await host.ref("memory").ask(Remember(memories=(*hikes, walk)))
        hits = (await host.ref("memory").ask(Recall(query="Where was the hike in May?", k=3))).memories
    assert hits[0].text == walk.text


async def test_what_was_said_after_an_event_is_among_the_candidates(short_dir):
    settings = MemorySettings(shelf_records=0, candidates=10, embedder="none")
    async with Host(run_dir=short_dir / "run") as host:
        await host.start_actor(Memory, settings, short_dir)
        memory = host.ref("memory")
        day = timedelta(days=1)
        await remember(memory, *({"text": f"We bought tea number {number}", "time": START} for number in range(40)))
        await remember(memory, {"text": "The ship went to Tunis", "time": START + 30 * day})
        await remember(memory, {"text": "We bought some tea again", "time": START + 31 * day})
        hits = await found(memory, "Who bought tea after the ship went to Tunis?", k=2)
        assert sorted(hits) == ["The ship went to Tunis", "We bought some tea again"]
