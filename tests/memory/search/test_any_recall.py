"""Any recall: whatever filters and weights it has, filters hold, terms add up to scores, and the same is answered again."""

from datetime import UTC, datetime, timedelta
from math import isfinite

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.memory.changes import supersede
from actors.memory.embedding.embedders import Question
from actors.memory.embedding.vectors import adopt, keep, waiting
from actors.memory.messages import UNSAID, Affect, NewMemory, Recall, Remember, Supersede
from actors.memory.search.recall import View, recall
from actors.memory.search.shelves import Shelves
from actors.memory.settings import MemorySettings, RecallWeights
from actors.memory.store import remember
from actors.memory.tail import Tail, index_more
from actors.moments import micros
from tests.memory.conftest import NOW, Store

DAY = timedelta(days=1)
START = NOW - 60 * DAY
SPEAKERS = ("Ana", "Ben", None)
SESSIONS = ("a", "b", None)
KINDS = ("turn", "turn", "turn", "fact", "tool", "dream")
METADATA = ({}, {"shop": "corner"}, {"shop": "corner", "n": 1}, {"n": 1.5}, {"n": True, "list": [1, "a"]}, {"shop": None})
WORDS = ("lemon", "river", "Porto", "dogs", "bread", "May", "yesterday", "night", "tree", "storm")
SIZE = 16


def record(number):
    """The same each time, and unlike those beside it."""
    text = " ".join(WORDS[number * step % len(WORDS)] for step in (1, 3, 7)) + ("?" if number % 7 == 0 else "")
    return NewMemory(
        text=text if number % 11 else text + " and so on for long." * 60,
        kind=KINDS[number % len(KINDS)],
        speaker=SPEAKERS[number % 3],
        session=SESSIONS[number // 5 % 3],
        time=START + number * DAY / 2,
        importance=number % 4 / 4,
        metadata=METADATA[number % len(METADATA)],
        affect=Affect(user={"joy": 0.5, "fear": number % 3 / 4} if number % 5 == 0 else None),
    )


class Full:
    """A store of some records, part of them read by the model and part of them in the index, of which some have ended."""

    def __init__(self, most_records, *, indexed):
        self.settings = MemorySettings(shelf_records=most_records)
        self.book = Store(indexes=False)
        records = [record(number) for number in range(90)]
        stored = self.book.write(remember, Remember(memories=tuple(records)), importance=0.5)
        self.records = {one.id: told for one, told in zip(stored.memories, records, strict=True)}
        self.ended = {one.id for one in stored.memories[4::9]}
        for ended in sorted(self.ended):
            self.book.write(supersede, Supersede(id=ended, cause="update"))
        index_more(self.book.connection, indexed)
        random = np.random.default_rng(1)
        batch = waiting(self.book.connection, adopt(self.book.connection, "a"), 80, 1000)
        self.read = {work.number for work in batch.works}
        vectors = []
        for work in batch.works:
            for _ in work.pieces:
                tokens = random.integers(1, 9, 4).astype(np.uint16)
                vectors.append((tokens.tobytes(), random.integers(-60, 60, (4, SIZE), np.int8).tobytes()))
        keep(self.book.connection, batch, vectors)
        self.view = self.fresh()

    def fresh(self, most_bytes=1 << 28):
        """What is held by a memory that was started just now; without `most_bytes`, no vectors."""
        return View(self.settings, Shelves(self.settings.shelf_records, most_bytes), Tail())

    def read_ahead(self):
        """What is held by one that has read everything before it was asked."""
        view = self.fresh()
        with self.book.connection:
            view.shelves.follow(self.book.connection)
            while view.shelves.read_ahead(self.book.connection, 1, len(self.records)):
                pass
        return view

    def ask(self, message, question, happened, view):
        with self.book.connection:
            return recall(self.book.connection, message, micros(NOW + DAY), view, question, happened).memories


@pytest.fixture(scope="module", params=[2000, 0], ids=["whole", "large"])
def full(request):
    return Full(request.param, indexed=70)


QUERIES = st.one_of(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join),
    st.sampled_from(
        (
            "When did Ana see the river?",
            "What did Ana give Ben in November?",
            "lemon last week",
            "What did Ben do after the storm?",
            "bread before Ana went to Porto",
            "dogs between 3 November and 9 December",
            "the and of",
            "nothing of it is known",
            'river" NEAR( -dogs *',
            "לימון 🍋 river",
        )
    ),
)
TIMES = st.one_of(
    st.none(),
    st.integers(-5, 70).map(lambda days: START + days * DAY),
    st.sampled_from((datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC))),
)
WEIGHTS = st.one_of(
    st.none(),
    st.dictionaries(
        st.sampled_from(sorted(RecallWeights.model_fields)),
        st.one_of(st.sampled_from((0.0, -0.0, -1.0, 1e6, -1e6, 5e-324, 1e-9)), st.floats(-10, 10)),
        max_size=8,
    ),
)
MESSAGES = st.builds(
    Recall,
    query=QUERIES,
    k=st.sampled_from((1, 3, 10, 200)),
    kinds=st.one_of(st.none(), st.lists(st.sampled_from(("turn", "fact", "tool", "summary")), max_size=3).map(tuple)),
    session=st.sampled_from((None, None, "a", "b", "elsewhere")),
    speaker=st.sampled_from((None, None, "Ana", "nobody")),
    since=TIMES,
    until=TIMES,
    as_of=TIMES,
    metadata=st.sampled_from((None, None, None, *METADATA, {"n": 1.0}, {"n": False}, {"list": [1, "a"]})),
    weights=WEIGHTS,
    felt=st.sampled_from((None, {"joy": 1.0}, {"neutral": 1.0}, {})),
    explain=st.just(True),
)


def question(seed):
    random = np.random.default_rng(seed)
    words = int(random.integers(1, 6))
    tokens = random.integers(1, 12, words).astype(np.uint16)
    return Question("a", tokens.tobytes(), random.integers(-60, 60, (words, SIZE), np.int8).tobytes())


VECTORS = st.one_of(st.none(), st.integers(0, 5).map(question))


def meets(told, message, *, ended):
    """Whether a record may be found, by the words of docs/http.md."""
    wanted = message.metadata or {}
    return (
        (told.kind in message.kinds if message.kinds is not None else told.kind not in UNSAID)
        and message.session in (None, told.session)
        and message.speaker in (None, told.speaker)
        and (message.since is None or told.time >= message.since)
        and (message.until is None or told.time <= message.until)
        and all(key in told.metadata and same(told.metadata[key], value) for key, value in wanted.items())
        and valid(told, message.as_of, ended=ended)
    )


def valid(told, as_of, *, ended):
    """A record holds from when it happened, and what ended did so at `NOW`."""
    if as_of is None:
        return not ended
    return told.time <= as_of and (as_of < NOW or not ended)


def same(one, other):
    return one == other and isinstance(one, bool) == isinstance(other, bool)


@given(message=MESSAGES, vectors=VECTORS, happened=VECTORS)
@settings(max_examples=100, deadline=None)
def test_terms_add_up_filters_hold_and_the_same_is_answered_again(full, message, vectors, happened):
    found = full.ask(message, vectors, happened, full.view)

    for hit in found:
        assert isfinite(hit.score)
        largest = max(map(abs, hit.explain.values()), default=0.0)
        assert sum(hit.explain.values()) == pytest.approx(hit.score, abs=1e-12 * max(1.0, largest))
        assert meets(full.records[hit.id], message, ended=hit.id in full.ended)
    places = {id_: place for place, id_ in enumerate(full.records)}
    order = [(-hit.score, places[hit.id]) for hit in found]
    assert order == sorted(order)
    assert len(set(order)) == len(order)

    for view in (full.view, full.fresh(), full.fresh(0), full.read_ahead()):
        assert full.ask(message, vectors, happened, view) == found
    first = full.ask(message.model_copy(update={"k": 1, "explain": False}), vectors, happened, full.view)
    assert [(hit.id, hit.score) for hit in first] == [(hit.id, hit.score) for hit in found[:1]]
    if vectors is not None and message.k > len(full.records) and full.settings.shelf_records:
        read = {id_ for number, id_ in enumerate(full.records, 1) if number in full.read}
        there = {id_ for id_ in read if meets(full.records[id_], message, ended=id_ in full.ended)}
        assert there <= {hit.id for hit in found}


@pytest.fixture(scope="module", params=[2000, 0], ids=["whole", "large"])
def alike(request):
    return [Full(request.param, indexed=indexed) for indexed in (1, 45, 90)]


@given(message=MESSAGES, vectors=VECTORS, happened=VECTORS)
@settings(max_examples=50, deadline=None)
def test_what_is_answered_does_not_depend_on_how_far_the_index_has_come(alike, message, vectors, happened):
    none, some, everything = (
        [(hit.text, hit.time, hit.score, hit.explain) for hit in full.ask(message, vectors, happened, full.view)]
        for full in alike
    )
    assert none == some == everything
