"""What is not yet in the full-text index is found all the same, and scored as if it were."""

import pytest

from actors.host import Host
from actors.memory import store
from actors.memory.actor import Memory
from actors.memory.messages import Forget, NewMemory, Recall, Remember, Revise
from actors.memory.search.shelf import Shelf
from actors.memory.search.words import Words
from actors.memory.settings import MemorySettings
from actors.memory.tail import Tail, index_more
from tests.memory.conftest import NOW, Store

SAID = (
    "Rex is a dog of nine years",
    "The dogs ran through Porto's streets",
    "Ana moved to Porto",
    "Nine lemons and a dog-eared book about nine dogs",
    "nothing of note",
)


@pytest.fixture
async def slow(short_dir, clock):
    """A memory that indexes nothing for ten seconds."""
    async with Host(run_dir=short_dir / "run") as host:
        await host.start_actor(Memory, MemorySettings(index_pause_s=10), short_dir, clock)
        yield host.ref("memory")


async def remember(memory, *texts, namespace="default"):
    message = Remember(namespace=namespace, memories=tuple(NewMemory(text=text) for text in texts))
    return [stored.id for stored in (await memory.ask(message)).memories]


async def found(memory, query, **filters):
    return [hit.id for hit in (await memory.ask(Recall(query=query, **filters))).memories]


async def test_what_was_just_written_is_recalled_at_once(slow):
    ids = await remember(slow, *SAID)
    await remember(slow, "dogs of another house", namespace="other")

    assert set(await found(slow, "dog")) == {ids[0], ids[1], ids[3]}
    assert set(await found(slow, "PORTO")) == {ids[1], ids[2]}
    assert await found(slow, "dog", since=NOW.replace(year=2030)) == []


async def test_what_was_just_changed_or_forgotten_is_not(slow):
    rex, dogs, *_ = await remember(slow, *SAID)
    assert rex in await found(slow, "dog")
    await slow.ask(Revise(id=rex, text="Rex is a cat"))
    await slow.ask(Forget(ids=(dogs,)))

    assert not {rex, dogs} & set(await found(slow, "dog"))
    assert await found(slow, "cat") == [rex]


def test_a_word_leads_to_the_same_records_before_and_after_indexing():
    """With an index of other records, of which the tail is but a small part."""
    book = Store(indexes=False)
    others = tuple(
        NewMemory(text=f"page {number} of the book about {'dogs' if number % 7 == 0 else 'trees'}") for number in range(300)
    )
    book.write(store.remember, Remember(memories=others), importance=0.5)
    while index_more(book.connection, 64):
        pass
    book.write(store.remember, Remember(memories=tuple(NewMemory(text=text, speaker="Zoë") for text in SAID)), importance=0.5)
    tail, shelf = Tail(), Shelf(1, None)
    shelf.append(book.connection)
    words = Words(shelf)

    def found():
        tail.refresh(book.connection)
        return {
            word: sorted(words.rows(book.connection, tail, word, "").tolist()) for word in ("dogs", "porto", "zoë", "unheard")
        }

    before = found()
    assert before["porto"] == [301, 302]
    assert len(before["dogs"]) == 43 + 3
    assert index_more(book.connection, 64) == len(SAID)
    assert found() == before
    assert tail.records == {}
