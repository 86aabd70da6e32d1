"""What is held of a namespace stays what a look at the database would find anew, whatever happens to its records."""

import random
from contextlib import suppress

import apsw
import numpy as np
import pytest

from actors.memory.changes import revise, supersede
from actors.memory.embedding.vectors import adopt, keep, waiting
from actors.memory.forgetting import forget
from actors.memory.messages import UNSAID, Forget, NewMemory, Remember, Revise, Supersede
from actors.memory.search.columns import places_of
from actors.memory.search.matrix import passages_in_tables
from actors.memory.search.maxsim import Asked, best_matches, best_matches_packed, nearness
from actors.memory.search.packed import Packed
from actors.memory.search.shelves import Shelves
from actors.memory.settings import LifeSettings
from actors.memory.store import remember
from actors.memory.tail import Tail, index_more
from actors.moments import micros
from tests.memory.conftest import NOW, Store

WORDS = ("lemon", "river", "Porto", "dogs", "bread")
QUESTION = Asked(np.arange(-24, 24, dtype=np.int8).reshape(3, 16), np.full(3, 1 / 3))


class Life:
    """Records that come, change and go by chance."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.book = Store(indexes=False)
        self.ids = []

    def text(self):
        return " ".join(self.random.choices(WORDS, k=self.random.choice((2, 4, 300))))

    def comes(self):
        records = tuple(
            NewMemory(text=self.text(), speaker=self.random.choice(("Ana", None)), session=self.random.choice(("a", "b", None)))
            for _ in range(self.random.randint(1, 4))
        )
        self.ids += [one.id for one in self.book.write(remember, Remember(memories=records), importance=0.5).memories]

    def changes(self):
        if self.ids:
            self.book.write(revise, Revise(id=self.random.choice(self.ids), text=self.text()), life=LifeSettings())

    def matters(self):
        if self.ids:
            self.book.write(revise, Revise(id=self.random.choice(self.ids), importance=0.9), life=LifeSettings())

    def ends(self):
        if self.ids:
            self.book.write(supersede, Supersede(id=self.random.choice(self.ids), cause="update"))

    def goes(self):
        if self.ids:
            gone = self.ids.pop(self.random.randrange(len(self.ids)))
            self.book.write(forget, Forget(ids=(gone,)))

    def is_indexed(self):
        index_more(self.book.connection, 3)

    def is_read(self, shelves):
        """As the lane does: what is read again is told of, what is read for the first time is not."""
        batch = waiting(self.book.connection, adopt(self.book.connection, "a"), 3, 100)
        vectors = [(b"\x01\x00" * n, bytes(self.random.randrange(100) for _ in range(16 * n))) for work in batch.works
                   for n in [self.random.randint(1, 3) for _ in work.pieces]]  # fmt: skip
        keep(self.book.connection, batch, vectors)
        shelves.embedded([work.number for work in batch.works if work.number <= batch.vector_set.reached])


def seen(connection, shelves, tail):
    """Everything that is held, by numbers."""
    shelves.follow(connection)
    tail.refresh(connection)
    records = connection.execute("SELECT count(*) FROM memory").fetchone()[0]
    held = shelves.of(connection, 1, records)
    while shelves.read_ahead(connection, 1, records):
        pass
    shelf = held.shelf
    alive = np.flatnonzero(shelf.alive.values)
    for at in (micros(NOW) - 1, micros(NOW)):  # just before what is superseded ends, and when it does
        valid = shelf.alive.values & (shelf.ends.values > at)
        assert shelf.said(at).tolist() == (valid & ~shelf.of_kinds(UNSAID)).tolist()
    row_of = {number: row for row, number in enumerate(shelf.numbers.values.tolist())}
    wanted = range(-1, shelf.last + 3)
    assert shelf.rows(wanted).tolist() == [row_of.get(number, -1) for number in wanted]
    numbers = np.append(shelf.numbers.values, -1)
    previous, following = shelf.neighbours()
    facts = {
        int(numbers[row]): (
            int(shelf.sessions.values[row]),
            shelf.names[shelf.speakers.values[row]] if shelf.speakers.values[row] >= 0 else None,
            float(shelf.importances.values[row]),
            int(shelf.ends.values[row]),
            int(shelf.traits.values[row]),
            bool(shelf.read.values[row]),
            shelf.gists.values[row].tobytes() if shelf.read.values[row] else b"",
            int(numbers[previous[row]]),
            int(numbers[following[row]]),
        )
        for row in alive
    }
    if shelf.gists is not None:
        near = nearness(shelf.packed, shelf.gists.values, QUESTION.gist)
        assert near.tolist() == (shelf.gists.values.astype(np.int32) @ QUESTION.gist.astype(np.int32)).tolist()
    vectors = []
    for matrix in held.matrices:
        passages = matrix.of(alive)
        counts = np.diff(np.append(passages.starts, len(passages.vectors)))
        each = np.split(passages.vectors, np.cumsum(counts)[:-1]) if len(counts) else []
        rows = [
            (int(numbers[row]), *span, one.tobytes())
            for row, span, one in zip(passages.rows, passages.spans.tolist(), each, strict=True)
        ]
        all_of_it = matrix.all()
        assert (
            best_matches_packed(all_of_it.packed or Packed(), all_of_it.vectors, all_of_it.starts, QUESTION).tolist()
            == best_matches(all_of_it.vectors, all_of_it.starts, QUESTION).tolist()
        )
        if matrix.every == 1:
            in_tables = passages_in_tables(connection, shelf, alive, 16)
            assert [one.tolist() for one in (in_tables.rows, in_tables.spans, in_tables.vectors)] == [
                one.tolist() for one in (passages.rows, passages.spans, passages.vectors)
            ]
        vectors.append((rows, matrix.records, matrix.frequencies.nonzero()[0].tolist(), int(matrix.frequencies.sum())))
    words = {
        word: sorted(set(numbers[held.words.rows(connection, tail, word.lower(), "")].tolist()) & facts.keys())
        for word in WORDS
    }
    return facts, vectors, words


@pytest.mark.parametrize("most_records", [1000, 0], ids=["whole", "by a sample"])
@pytest.mark.parametrize("seed", range(4))
def test_what_is_held_is_what_is_there(seed, most_records):
    life = Life(seed)
    shelves, tail = Shelves(most_records, 1 << 30), Tail()
    steps = [life.comes, life.comes, life.changes, life.matters, life.ends, life.goes, life.is_indexed, life.is_indexed]
    life.comes()
    for _ in range(60):
        step = life.random.choice([*steps, *[lambda: life.is_read(shelves)] * 4])
        step()
        if life.random.random() < 0.6:
            anew = Shelves(most_records, 1 << 30)
            assert seen(life.book.connection, shelves, tail) == seen(life.book.connection, anew, Tail())


@pytest.mark.parametrize("most_records", [1000, 0], ids=["whole", "by a sample"])
@pytest.mark.parametrize("seed", range(4))
def test_what_is_read_ahead_in_pieces_is_what_is_there_whenever_it_is_asked_for(seed, most_records):
    life = Life(seed)
    connection = life.book.connection
    shelves, tail = Shelves(most_records, 1 << 30), Tail()
    pieces = 0

    def read_ahead():
        nonlocal pieces
        records = connection.execute("SELECT count(*) FROM memory").fetchone()[0]
        pieces += shelves.read_ahead(connection, 1, records, piece=1)

    steps = [life.comes, life.comes, life.changes, life.matters, life.ends, life.goes, life.is_indexed]
    for _ in range(20):
        life.comes()
    for _ in range(120):
        life.random.choice([*steps, *[lambda: life.is_read(shelves)] * 4, *[read_ahead] * 12])()
        if life.random.random() < 0.1:
            anew = Shelves(most_records, 1 << 30)
            assert seen(connection, shelves, tail) == seen(connection, anew, Tail())
            shelves.let_go(connection, 1)
    assert pieces > 20


@pytest.mark.parametrize("most_records", [1000, 0], ids=["whole", "by a sample"])
def test_all_of_it_can_be_read_ahead(most_records):
    life = Life(0)
    shelves = Shelves(most_records, 1 << 30)
    for step in (*[life.comes] * 20, *[lambda: life.is_read(shelves)] * 30):
        step()
    records = life.book.connection.execute("SELECT count(*) FROM memory").fetchone()[0]
    while shelves.read_ahead(life.book.connection, 1, records, piece=3):
        pass
    asked = []
    life.book.connection.set_exec_trace(lambda _, sql, __: asked.append(sql) or True)
    held = shelves.of(life.book.connection, 1, records)
    assert len(held.shelf) == records == held.all.records
    assert shelves.behind is None
    assert [sql for sql in asked if "vectors" in sql] == []


def test_a_search_of_a_large_namespace_does_not_wait_for_all_vectors_but_says_that_they_are_missing():
    life = Life(0)
    shelves = Shelves(0, 1 << 30)
    for step in (*[life.comes] * 20, *[lambda: life.is_read(shelves)] * 30):
        step()
    connection = life.book.connection
    records = connection.execute("SELECT count(*) FROM memory").fetchone()[0]
    shelves.follow(connection)
    held = shelves.of(connection, 1, records)
    assert held.all is None
    assert shelves.behind == 1
    while shelves.read_ahead(connection, 1, records, piece=3):
        pass
    assert held.all.records == records
    assert shelves.behind is None


@pytest.mark.parametrize("steps", range(10, 400, 30))
def test_what_breaks_off_leaves_nothing_half_read(steps):
    life = Life(1)
    connection = life.book.connection
    shelves = Shelves(1000, 1 << 30)
    for step in (life.comes, life.comes, life.comes, lambda: life.is_read(shelves)):
        step()
    seen(connection, shelves, Tail())
    life.changes()  # what is held, since nothing else is there yet
    life.goes()
    for step in (life.comes, lambda: life.is_read(shelves), lambda: life.is_read(shelves)):
        step()

    countdown = iter(range(steps))
    connection.set_progress_handler(lambda: next(countdown, None) is None, 1)
    with suppress(apsw.InterruptError):
        shelves.follow(connection)
        shelves.of(connection, 1, 10)
        pytest.fail("it was through before it could break off")
    connection.set_progress_handler(None)

    assert seen(connection, shelves, Tail()) == seen(connection, Shelves(1000, 1 << 30), Tail())


def test_what_a_text_is_like_is_seen_in_the_text_where_no_gist_says_it():
    life = Life(0)
    life.book.write(remember, Remember(memories=(NewMemory(text="Did Rex go to Porto last May?"),)), importance=0.5)
    life.is_read(Shelves(0, 1 << 30))
    anew = seen(life.book.connection, Shelves(0, 1 << 30), Tail())
    life.book.connection.execute("UPDATE gist SET traits = NULL")
    assert seen(life.book.connection, Shelves(0, 1 << 30), Tail()) == anew
    life.book.connection.execute("UPDATE gist SET traits = 0")
    assert seen(life.book.connection, Shelves(0, 1 << 30), Tail()) != anew


def test_runs_stand_one_after_another():
    assert places_of(np.array([7, 0, 3]), np.array([2, 0, 3])).tolist() == [7, 8, 3, 4, 5]
    assert places_of(np.empty(0, np.int64), np.empty(0, np.int64)).tolist() == []
