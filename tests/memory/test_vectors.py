"""Which records wait for vectors, which set is in use, and what a kill or a change between reading and keeping leaves."""

import asyncio
from itertools import pairwise

import pytest

from actors.llm.messages import Usage, Vectors
from actors.memory.changes import revise
from actors.memory.embedding.embedders import LlmEndpoint, Question
from actors.memory.embedding.lane import Lane
from actors.memory.embedding.passages import LONG, pieces
from actors.memory.embedding.vectors import active, adopt, clear_some, gist_of, keep, pending, waiting
from actors.memory.messages import NewMemory, Remember, Revise
from actors.memory.schema import MIGRATIONS
from actors.memory.settings import LifeSettings
from actors.memory.store import remember
from actors.sqlite.database import Database
from transport.errors import LatticeError, Unavailable

VECTOR = (b"\x01\x00\x02\x00", bytes(range(1, 129)) * 2)


@pytest.fixture
def connection(book):
    records = tuple(NewMemory(text=f"text {number}", session="s") for number in range(5))
    book.ids = [one.id for one in book.write(remember, Remember(memories=records), importance=0.5).memories]
    return book.connection


def embed(connection, name, records=100):
    """One step of the lane; False when nothing waits."""
    batch = waiting(connection, adopt(connection, name), records, 1000)
    return batch if not batch.works else keep(connection, batch, [VECTOR for work in batch.works for _ in work.pieces])


def numbers(connection, side):
    return [
        place // 2048 for (place,) in connection.execute("SELECT place FROM vectors WHERE place & 1 = ? ORDER BY 1", (side,))
    ]


def clear_all(connection, passages):
    after = 0
    while (after := clear_some(connection, after, passages)) is not None:
        pass


def test_batches_go_on_where_the_last_that_was_kept_ended(connection):
    embedder = adopt(connection, "a")
    assert pending(connection, 1, "a") == 5
    embed(connection, "a", 2)
    assert (pending(connection, 1, "a"), active(connection).complete) == (3, False)
    waiting(connection, adopt(connection, "a"), 2, 1000)  # read, and killed before it was kept
    embed(connection, "a", 2)
    embed(connection, "a", 2)
    assert pending(connection, 1, "a") == 0
    assert active(connection).complete
    assert numbers(connection, embedder.side) == [1, 2, 3, 4, 5]


def test_what_changes_between_reading_and_keeping_waits_on(book, connection):
    batch = waiting(connection, adopt(connection, "a"), 100, 1000)
    book.write(revise, Revise(id=book.ids[0], text="another text"), life=LifeSettings())
    keep(connection, batch, [VECTOR] * 5)
    # The two turns behind it were read with it.
    assert numbers(connection, 1) == [4, 5]
    assert pending(connection, 1, "a") == 3
    embed(connection, "a")
    assert numbers(connection, 1) == [1, 2, 3, 4, 5]


def test_a_new_set_is_used_once_it_is_complete_and_the_old_one_goes(connection):
    embed(connection, "a")
    embed(connection, "b", 2)
    assert (active(connection).name, pending(connection, 1, "b")) == ("a", 3)
    embed(connection, "b")
    assert active(connection).name == "b"
    clear_all(connection, 2)
    assert numbers(connection, 1) == []
    assert numbers(connection, 0) == [1, 2, 3, 4, 5]
    assert connection.execute("SELECT count(*) FROM gist").fetchone() == (5,)


def test_going_back_before_the_new_set_is_complete_costs_nothing(connection):
    embed(connection, "a")
    embed(connection, "b", 2)
    assert adopt(connection, "a").name == "a"
    assert pending(connection, 1, "a") == 0
    clear_all(connection, 2)
    assert (numbers(connection, 1), numbers(connection, 0)) == ([1, 2, 3, 4, 5], [])


def test_a_third_model_waits_until_the_second_is_cleared(connection):
    embed(connection, "a")
    embed(connection, "b", 2)
    assert adopt(connection, "c") is None
    clear_all(connection, 1)
    embed(connection, "c")
    assert active(connection).name == "c"


def test_a_gist_is_the_mean_of_all_passages():
    up, down = bytes([100] * 64 + [0] * 64), bytes([0] * 64 + [100] * 64)
    gist = gist_of([(b"\x01\x00", up), (b"\x02\x00", down)])
    assert len(set(gist)) == 1
    assert gist_of([(b"", b"")]) == b""


@pytest.mark.parametrize("text", ["short", "word " * 1000, "x" * 5000, "One sentence. " * 300, "\n" * 3000, "é" * 901])
def test_passages_cover_a_text_and_overlap(text):
    found = pieces(text)
    assert found[0].start == 0
    assert found[-1].stop == len(text)
    for one, other in pairwise(found):
        assert one.start < other.start <= one.stop
        assert one.stop < other.stop
    assert all(piece.stop - piece.start <= LONG for piece in found)


async def test_an_endpoint_that_gives_too_few_vectors_is_not_believed():
    async def ask(message, **_):
        return Vectors(vectors=((1.0, 0.0),) * (len(message.texts) - 1), model="m", usage=Usage(), endpoint="e")

    with pytest.raises(Unavailable, match="1 vectors for 2 texts"):
        await LlmEndpoint(ask, None).passages([("one", ""), ("two", "")])


async def test_an_endpoints_vectors_are_kept_in_bytes():
    async def ask(message, **_):
        return Vectors(vectors=((3.0, 4.0),) * len(message.texts), model="m", usage=Usage(), endpoint="e")

    name, vectors = await LlmEndpoint(ask, None).passages([("one", "")])
    assert name == "llm:m:2"
    assert vectors == [(b"", bytes([18, 24]))]


class Gated:
    """An embedder that answers questions once it is let."""

    at_once = 1

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.may = asyncio.Event()
        self.questions = 0
        self.error: LatticeError | None = None

    async def question(self, text: str, timeout: float) -> Question:
        del text, timeout
        self.questions += 1
        self.asked.set()
        await self.may.wait()
        if self.error is not None:
            raise self.error
        return Question("a", b"", b"\1")


async def test_a_question_that_is_read_while_something_is_forgotten_is_not_kept(tmp_path):
    database, embedder = Database(tmp_path / "memory.db", MIGRATIONS), Gated()
    await database.open()
    await database.write(adopt, "a")
    lane = Lane(embedder, database, lambda _: None, 8)
    asking = asyncio.create_task(lane.question("Where is the key?", 10))
    await embedder.asked.wait()
    lane.forget_questions()
    embedder.may.set()

    assert (await asking).vectors == b"\1"
    for _ in range(2):
        await lane.question("Where is the key?", 10)
    assert embedder.questions == 2
    await database.close()


async def test_questions_that_wait_for_an_embedder_that_goes_away_are_not_given_to_it(tmp_path):
    database, embedder = Database(tmp_path / "memory.db", MIGRATIONS), Gated()
    embedder.error = Unavailable("away")
    await database.open()
    await database.write(adopt, "a")
    lane = Lane(embedder, database, lambda _: None, 8)
    await lane.open()
    asking = [asyncio.create_task(lane.question(f"Where is key {n}?", 60)) for n in range(5)]
    await embedder.asked.wait()
    embedder.may.set()

    assert await asyncio.gather(*asking) == [None] * 5
    assert embedder.questions == 1
    assert lane.questions_unread == 5
    await database.close()


def test_clearing_a_set_costs_the_same_from_its_first_record_to_its_last(connection):
    for name in ("a", "b"):
        adopt(connection, name)
    places = [(number * 2048 + side, number * 2 + side) for number in range(1, 2001) for side in (0, 1)]
    connection.executemany("INSERT INTO vectors VALUES (?, 0, 1, x'', x'')", [(place,) for place, _ in places])
    connection.executemany("INSERT INTO gist (place, vector) VALUES (?, x'')", [(place,) for _, place in places])
    connection.execute("UPDATE embedder SET replaced = (name = 'a')")

    steps: list[int] = []

    def go_on() -> bool:
        steps[-1] += 1
        return False

    connection.set_progress_handler(go_on, 10)
    after = 0
    while True:
        steps.append(0)
        after = clear_some(connection, after, 100)
        if not after:
            break
    connection.set_progress_handler(None)

    assert len(steps) == 21
    assert max(steps) <= 2 * steps[0]
    assert numbers(connection, 1) == []
    assert len(numbers(connection, 0)) == 2000
