"""Vectors: made once for each record, gone with it, and found by when they are there; recall works without them."""

from contextlib import asynccontextmanager

import apsw
import pytest

from actors.encoder.actor import Encoder
from actors.encoder.messages import Describe
from actors.encoder.settings import EncoderSettings
from actors.host import Host
from actors.memory.actor import Memory
from actors.memory.messages import Forget, GetStats, NewMemory, Recall, Remember, Revise
from actors.memory.settings import MemorySettings
from actors.system import SysMetrics

TALK = (
    ("Ann", "Did you see the lighthouse on the cliff?"),
    ("Bob", "Yes, but it was closed for repairs."),
    ("Ann", "My sister adopted a puppy last week."),
    ("Bob", "I changed jobs and now work at a bakery."),
    ("Ann", "We are planning a wedding in October."),
)


@asynccontextmanager
async def house(home, model_cache, **settings):
    """Memory and its encoder, each in a host of its own."""
    async with Host(run_dir=home / "run") as near, Host(run_dir=home / "run") as far:
        await far.start_actor(Encoder, EncoderSettings(cache_dir=model_cache, nice=0), home)
        # A recall waits for a question's vectors for some seconds; a busy machine takes more to load the model.
        while (await far.ref("encoder").ask(Describe(wait_ms=30_000), timeout=60)).state == "preparing":
            pass
        await near.start_actor(Memory, MemorySettings(**settings), home)
        yield near.ref("memory")


async def remember(memory, *texts, session="s"):
    records = tuple(NewMemory(speaker=speaker, text=text, session=session) for speaker, text in texts)
    return [stored.id for stored in (await memory.ask(Remember(memories=records))).memories]


async def embedded(memory, waits=30_000):
    """Wait until nothing is pending."""
    while (await memory.ask(GetStats(wait_embedded_ms=waits))).pending:
        pass


async def found(memory, query, **more):
    return (await memory.ask(Recall(query=query, **more))).memories


async def ranked(memory, query):
    return [(hit.id, hit.score) for hit in await found(memory, query)]


def rows(home):
    with apsw.Connection(str(home / "memory.db"), flags=apsw.SQLITE_OPEN_READONLY) as connection:
        return [
            (place // 2048, len(vectors) // 128) for place, vectors in connection.execute("SELECT place, vectors FROM vectors")
        ]


@pytest.mark.parametrize("shelf_records", [4000, 0], ids=["on a shelf", "in the tables"])
async def test_meaning_finds_what_no_word_does(short_dir, model_cache, shelf_records):
    async with house(short_dir, model_cache, shelf_records=shelf_records) as memory:
        await remember(memory, *TALK)
        await embedded(memory)
        hits = await found(memory, "Who adopted a dog?" if shelf_records == 0 else "Who got a dog?", explain=True)
        assert "puppy" in hits[0].text
        assert hits[0].explain["dense"] > 1
        assert hits[0].explain["gist"] > 0.4
        for hit in hits:
            assert hit.score == pytest.approx(sum(hit.explain.values()), abs=1e-12)
        assert "bakery" in (await found(memory, "What is Bob's occupation?"))[0].text


async def test_what_waits_is_counted_and_embedded_once(short_dir, model_cache):
    async with Host(run_dir=short_dir / "run") as host:
        await host.start_actor(Memory, MemorySettings(), short_dir)
        ids = await remember(host.ref("memory"), *TALK)
        assert (await host.ref("memory").ask(GetStats())).pending == len(TALK)
        assert any("lighthouse" in hit.text for hit in await found(host.ref("memory"), "lighthouse"))
    async with house(short_dir, model_cache) as memory:
        await embedded(memory)
        assert [number for number, _ in rows(short_dir)] == [1, 2, 3, 4, 5]
        assert all(count for _, count in rows(short_dir))
        answers = [await ranked(memory, "Who got a dog?") for _ in range(2)]
        assert answers[0] == answers[1]
    async with house(short_dir, model_cache) as memory:
        assert await ranked(memory, "Who got a dog?") == answers[0]
        assert {number for number, _ in answers[0]} == set(ids)


async def test_the_order_of_batches_changes_no_answer(short_dir, model_cache):
    answers = []
    for name, sizes in (("one", [5]), ("many", [1, 3, 1])):
        (short_dir / name).mkdir()
        async with house(short_dir / name, model_cache) as memory:
            left = list(TALK)
            for size in sizes:
                await remember(memory, *left[:size])
                await embedded(memory)
                left = left[size:]
            hits = await found(memory, "Who got a dog?", weights={"recency": 0.0})
            answers.append([(hit.text, hit.score) for hit in hits])
    assert answers[0] == answers[1]


async def test_vectors_go_with_their_record_and_those_read_after_it_are_made_anew(short_dir, model_cache):
    async with house(short_dir, model_cache) as memory:
        ids = await remember(memory, *TALK)
        await embedded(memory)
        before = dict(rows(short_dir))
        await memory.ask(Forget(ids=(ids[2],)))
        assert 3 not in dict(rows(short_dir))
        await embedded(memory)
        assert dict(rows(short_dir)).keys() == before.keys() - {3}
        assert "puppy" not in " ".join(hit.text for hit in await found(memory, "Who got a dog?"))


async def questions_read(memory):
    """How many questions the encoder has read."""
    metrics = (await memory._host.ref("encoder").ask(SysMetrics())).metrics
    [handled] = [metric for metric in metrics if metric.name == "lattice_handled_total"]
    return sum(sample.value for sample in handled.samples if "encoder.encode_question" in sample.labels.values())


async def test_a_question_is_read_once_and_anew_after_something_was_forgotten(short_dir, model_cache):
    async with house(short_dir, model_cache) as memory:
        ids = await remember(memory, *TALK)
        await embedded(memory)
        for _ in range(2):
            await found(memory, TALK[2][1])
        assert await questions_read(memory) == 1
        await memory.ask(Forget(ids=(ids[2],)))
        await found(memory, TALK[2][1])
        assert await questions_read(memory) == 2


async def test_a_correction_is_embedded_again(short_dir, model_cache):
    async with house(short_dir, model_cache) as memory:
        ids = await remember(memory, *TALK)
        await embedded(memory)
        await memory.ask(Revise(id=ids[4], text="We bought a sailing boat."))
        await embedded(memory)
        assert (await found(memory, "Who owns a yacht?"))[0].id == ids[4]
        assert len(rows(short_dir)) == 5


async def test_a_long_text_is_found_by_its_passage(short_dir, model_cache):
    filler = "The committee discussed the budget and the minutes of the last meeting at length. " * 30
    text = f"{filler}At the end the mayor announced that a new swimming pool will open in June. {filler}"
    async with house(short_dir, model_cache) as memory:
        await remember(memory, ("Ann", text), ("Bob", "Good morning"))
        await embedded(memory)
        [hit, _] = await found(memory, "When can we go for a swim?", k=2)
        assert "swimming pool" in hit.passage
        assert len(hit.passage) < 1000
        assert hit.passage in hit.text


async def test_without_an_encoder_nothing_waits(short_dir, model_cache):
    async with house(short_dir, model_cache, embedder="none") as memory:
        await remember(memory, *TALK)
        assert (await memory.ask(GetStats())).pending == 0
        assert (await found(memory, "puppy"))[0].text == TALK[2][1]


async def test_a_large_namespace_is_searched_by_meaning_too_within_the_filters(short_dir, model_cache):
    async with house(short_dir, model_cache, shelf_records=0, candidates=10) as memory:
        filler = [("Cid", f"The committee met for the {number}th time about parking fees.") for number in range(30)]
        ids = await remember(memory, *filler, *TALK)
        await embedded(memory)
        assert "puppy" in " ".join(hit.text for hit in await found(memory, "Who got a dog?", k=3))
        assert [hit.speaker for hit in await found(memory, "Who got a dog?", speaker="Bob")] == ["Bob", "Bob"]
        await memory.ask(Forget(ids=(ids[32],)))
        assert "puppy" not in " ".join(hit.text for hit in await found(memory, "Who got a dog?"))
        with apsw.Connection(str(short_dir / "memory.db"), flags=apsw.SQLITE_OPEN_READONLY) as connection:
            assert connection.execute("SELECT count(*) FROM gist WHERE place / 2 = 33").fetchone() == (0,)
