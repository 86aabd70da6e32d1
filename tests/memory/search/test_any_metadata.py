"""Any metadata: a record is found by each of its entries, whatever key and value these are, and by none that it has not."""

from hypothesis import given, settings
from hypothesis import strategies as st

from actors.memory.messages import NewMemory, Recall, Remember
from actors.memory.search.recall import View, recall
from actors.memory.search.shelves import Shelves
from actors.memory.settings import MemorySettings
from actors.memory.store import remember
from actors.memory.tail import Tail
from actors.moments import micros
from tests.memory.conftest import NOW, Store

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-3, 3),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from((0.0, -0.0, 1.0, 1e22, 5e-324, 2.0**53, 0.1)),
    TEXT,
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)), max_leaves=6
)
KEYS = st.one_of(st.sampled_from(("shop", "a.b", "$", "[0]", '"', "a b", "é", "\n", "'")), TEXT.filter(bool))
METADATA = st.dictionaries(KEYS, VALUES, min_size=1, max_size=4)


def ask(book, metadata):
    view = View(MemorySettings(), Shelves(2000, 1 << 28), Tail())
    with book.connection:
        found = recall(book.connection, Recall(query="tea", metadata=metadata), micros(NOW), view, None)
    return [hit.text for hit in found.memories]


@given(metadata=METADATA, other=VALUES)
@settings(max_examples=50, deadline=None)
def test_a_record_is_found_by_each_entry_of_its_metadata(metadata, other):
    book = Store(indexes=False)
    records = (NewMemory(text="tea", time=NOW, metadata=metadata), NewMemory(text="tea without", time=NOW))
    book.write(remember, Remember(memories=records), importance=0.5)
    for key, value in metadata.items():
        assert ask(book, {key: value}) == ["tea"]
        if repr(other) != repr(value) and other != value:
            assert ask(book, {key: other}) == []
    assert ask(book, metadata) == ["tea"]
