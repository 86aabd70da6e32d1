"""Whatever bytes arrive: an envelope or `Malformed`, within limits, and quickly."""

from __future__ import annotations

import contextlib
import gc
import struct
import time
import tracemalloc

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transport.codec import LARGE, LIMITS, Malformed, WireLimits, decode, encode
from transport.envelope import Envelope
from transport.errors import Invalid

HEADER = {"v": 1, "kind": "ask", "id": "c1", "to": "echo", "type": "t.echo", "ttl": 1000}
EMPTY = b"\x80"


def packed(**changes):
    return msgpack.packb({name: value for name, value in (HEADER | changes).items() if value is not ...})


def value(raw):
    """A body {"a": <raw>}."""
    return b"\x81\xa1a" + raw


BAD_HEADERS = {
    "empty": b"",
    "not msgpack": b"\xc1",
    "an array": b"\x90",
    "a number": b"\x01",
    "nil": b"\xc0",
    "cut short": packed()[:-1],
    "bytes after the end": packed() + b"\x00",
    "longer than 4 KiB": packed(x="y" * 5000),
    "an integer key": b"\x81\x01\x01",
    "a binary key": b"\x81\xc4\x01a\x01",
    "a key twice": b"\x82\xa1v\x01\xa1v\x01",
    "invalid UTF-8": b"\x81\xa1a\xa1\xff",
    "a surrogate": b"\x81\xa1a\xa3\xed\xa0\x80",
    "an extension": b"\x81\xa1a\xd4\x05\x00",
    "no id": packed(id=...),
    "an empty id": packed(id=""),
    "an id of 65 bytes": packed(id="x" * 65),
    "an id of 33 two-byte characters": packed(id="\u00e9" * 33),
    "an id that is a number": packed(id=7),
}

ANSWERABLE_HEADERS = {
    "no version": packed(v=...),
    "version 2": packed(v=2),
    "version true": packed(v=True),
    "version 1.0": packed(v=1.0),
    "no kind": packed(kind=...),
    "an unknown kind": packed(kind="shout"),
    "a kind that is a list": packed(kind=[]),
    "an ask without to": packed(to=...),
    "an ask without type": packed(type=...),
    "an empty to": packed(to=""),
    "a to that is a number": packed(to=1),
    "a negative ttl": packed(ttl=-1),
    "a ttl of text": packed(ttl="1"),
    "a ttl of a year": packed(ttl=31_536_000_000),
    "a fractional ttl": packed(ttl=1.5),
    "a boolean ttl": packed(ttl=True),
    "an unknown lane": packed(lane="express"),
    "a lane that is a map": packed(lane={}),
    "a key of 257 characters": packed(key="k" * 257),
    "a trace of nil": packed(trace=None),
    "a negative seq": packed(seq=-1),
    "an inc that is a number": packed(inc=1),
}

BAD_BODIES = {
    "empty": b"",
    "not msgpack": b"\xc1",
    "an array": b"\x90",
    "text": b"\xa1a",
    "cut short": b"\x81\xa1a",
    "bytes after the end": b"\x80\x80",
    "an integer key": b"\x81\x01\x01",
    "a nil key": b"\x81\xc0\x01",
    "a map as key": b"\x81\x80\x01",
    "a binary key": b"\x81\xc4\x01a\x01",
    "a binary key further in": value(b"\x81\xc4\x01a\x01"),
    "a key twice": b"\x82\xa1a\x01\xa1a\x02",
    "a key twice further in": value(b"\x91\x82\xa1a\x01\xa1a\x02"),
    "NaN": value(b"\xcb\x7f\xf8" + bytes(6)),
    "NaN of 4 bytes": value(b"\xca\x7f\xc0\x00\x00"),
    "infinity": value(b"\xcb\x7f\xf0" + bytes(6)),
    "minus infinity in a list": value(b"\x92\x01\xcb\xff\xf0" + bytes(6)),
    "an extension": value(b"\xd4\x05\x00"),
    "an extension of nothing": value(b"\xc7\x00\x05"),
    "a timestamp": value(b"\xd6\xff\x00\x00\x00\x01"),
    "invalid UTF-8": value(b"\xa1\xff"),
    "an overlong NUL": value(b"\xa2\xc0\x80"),
    "a surrogate": value(b"\xa3\xed\xa0\x80"),
    "a list that promises 4 billion": value(b"\xdd\xff\xff\xff\xff"),
    "a map that promises 4 billion": value(b"\xdf\xff\xff\xff\xff"),
    "text that promises 4 billion": value(b"\xdb\xff\xff\xff\xff"),
    "bytes that promise 4 billion": value(b"\xc6\xff\xff\xff\xff"),
    "17 deep": value(b"\x91" * 16 + b"\x01"),
    "2,000 deep": value(b"\x91" * 2000 + b"\x01"),
    "2,000 long lists in each other": value(b"\xdc\xff\xff" * 2000),
    "too many items in one list": value(b"\xdd\x00\x01\x00\x01" + b"\x00" * 65537),
    "too many items in all": value(b"\xdc\x04\x00" + (b"\xdc\x00\x80" + b"\x00" * 128) * 1024),
    "too many keys in one map": value(b"\xde\x20\x00" + b"".join(b"\xa4%04d\x01" % n for n in range(8192))),
    "larger than 1 MiB": value(b"\xc6\x00\x10\x00\x00" + bytes(1 << 20)),
}


@pytest.mark.parametrize("raw", BAD_HEADERS.values(), ids=BAD_HEADERS)
def test_a_header_that_does_not_tell_its_id_is_malformed(raw):
    with pytest.raises(Malformed) as caught:
        decode([raw, EMPTY])

    assert caught.value.id is None
    assert caught.value.reason.startswith("header_")


@pytest.mark.parametrize("raw", ANSWERABLE_HEADERS.values(), ids=ANSWERABLE_HEADERS)
def test_a_wrong_header_that_tells_its_id_can_be_answered(raw):
    with pytest.raises(Malformed) as caught:
        decode([raw, EMPTY])

    assert caught.value.id == "c1"


@pytest.mark.parametrize("raw", BAD_BODIES.values(), ids=BAD_BODIES)
def test_a_wrong_body_is_malformed_and_its_header_known(raw):
    with pytest.raises(Malformed) as caught:
        decode([packed(), raw])

    assert caught.value.id == "c1"
    assert caught.value.partial.type == "t.echo"


PLACES = {
    "memories.1.importance": {"memories": [{"text": "x"}, {"importance": float("nan")}]},
    "memories.0.metadata.list.2": {"memories": [{"metadata": {"list": [1, 2.5, float("-inf")]}}]},
    "memories.0.text": {"memories": [{"text": "half of a pair: \ud800"}]},
    "memories.0.metadata": {"memories": [{"metadata": {str(number): number for number in range(10_000)}}]},
}


@pytest.mark.parametrize("padding", [0, 5_000], ids=["small", "large"])
@pytest.mark.parametrize(("place", "body"), PLACES.items(), ids=PLACES)
def test_where_in_the_body_something_is_wrong_is_told(place, body, padding):
    raw = msgpack.packb({"first": "x" * padding, **body}, unicode_errors="surrogatepass")
    with pytest.raises(Malformed, match=f"^body: {place}: ") as caught:
        decode([packed(), raw])

    assert caught.value.detail["fields"][0]["field"] == place


@pytest.mark.parametrize("frames", [[], [packed()], [packed(), EMPTY, EMPTY]], ids=["none", "one", "three"])
def test_a_message_has_exactly_two_frames(frames):
    with pytest.raises(Malformed, match="two frames"):
        decode(frames)


@pytest.mark.parametrize("n", [0, -1, 1.0, True, "1", None, 1 << 40])
def test_a_credit_is_a_positive_integer(n):
    with pytest.raises(Malformed, match="credit"):
        decode([packed(kind="credit"), msgpack.packb({"n": n})])


def test_what_is_just_within_the_limits_is_taken():
    body = {"deep": 1, "list": list(range(60_000)), "text": "\u00e9" * 1000, "bytes": b"\xff", "float": -1.5e308}
    nested = body

    for _ in range(15):
        nested["deep"] = {"deep": 1}
        nested = nested["deep"]

    assert decode([packed(id="x" * 64, unknown={"a": [1]}), msgpack.packb(body)]).body == body


def test_an_entry_of_a_map_counts_once_however_its_frame_is_read():
    maps = [{str(key): key for key in range(4000)} for _ in range(10)]
    looks_dangerous = {"large": [1.5] * 3000, "headers": b"\xdc" * 40, "maps": maps}

    for body in ({"maps": maps}, looks_dangerous):
        assert decode([packed(), msgpack.packb(body)]).body == body


def test_every_header_field_arrives():
    sent = Envelope(
        "part", "i", to="a", type="b", ttl=5, key="k", lane="bg", seq=3, trace="00-x", incarnation="p1", body={"x": [1, None]}
    )
    received = decode(encode(sent.header(), sent.body))

    assert received.size == len(msgpack.packb(sent.body))
    received.size = 0
    assert received == sent


@pytest.mark.parametrize("body", [{"a": object()}, {"a": 1 << 80}, {"a": "\ud800"}, {"a": "x" * (1 << 20)}], ids=range(4))
def test_what_cannot_be_said_is_refused_before_it_is_sent_and_the_next_is_unharmed(body):
    with pytest.raises(Invalid):
        encode(HEADER, body)

    assert decode(encode(HEADER, {"a": 1})).body == {"a": 1}


BOMBS = {
    "empty maps": b"\xdd" + struct.pack(">I", 1_000_000) + b"\x80" * 1_000_000,
    "empty lists": b"\xdd" + struct.pack(">I", 200_000) + b"\x90" * 200_000 + b"\x00" * 700_000,
    "nested lists that promise much": (b"\xdd\x00\x00\xff\xff" * 1000) + b"\x00" * 900_000,
    "pairs of lists": b"\xdc\xff\xff" + b"\x92\x90\x90" * 65_535,
    "small lists in lists": (b"\xdc\x00\xff" * 15) + (b"\xdc\x00\xff" + b"\x90" * 255) * 2000,
}


@pytest.mark.parametrize("limits", [LIMITS, LARGE], ids=["default", "large"])
@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_a_bomb_costs_neither_memory_nor_time(bomb, limits):
    frames = [packed(), value(bomb)]
    # What a long run of tests has left in memory is not the bomb's: collections that it causes are not to walk over it.
    gc.freeze()
    began = time.process_time()

    with pytest.raises(Malformed):
        decode(frames, limits)

    assert time.process_time() - began < 0.5
    gc.unfreeze()
    tracemalloc.start()

    with pytest.raises(Malformed):
        decode(frames, limits)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < (48 << 20)


@given(st.lists(st.binary(max_size=300), max_size=3))
def test_no_bytes_raise_anything_but_malformed(frames):
    with contextlib.suppress(Malformed):
        decode(frames)


bodies = st.dictionaries(
    st.text(max_size=5),
    st.recursive(
        st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=20) | st.binary(max_size=20),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
        max_leaves=20,
    ),
    max_size=5,
)  # fmt: skip


@given(bodies)
def test_every_body_within_the_limits_arrives_as_it_was(body):
    try:
        assert decode(encode(HEADER, body)).body == body
    except Malformed as error:
        assert error.reason == "body_depth"  # noqa: PT017 (most bodies raise nothing)


@given(bodies, st.integers(0, 400), st.binary(min_size=1, max_size=3))
def test_a_damaged_message_is_an_envelope_or_malformed(body, at, damage):
    raw = bytearray(msgpack.packb(body))
    raw[at % len(raw) : at % len(raw) + len(damage)] = damage

    try:
        decode([packed(), bytes(raw)], WireLimits(items=64, array_items=32, map_items=32))
    except Malformed as error:
        assert error.id == "c1"  # noqa: PT017 (some damage does no harm)
