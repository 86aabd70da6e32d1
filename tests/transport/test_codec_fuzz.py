"""The decoder against drawn bytes: an envelope or `Malformed`, and the same as a slow reader that is plainly right.

The slow reader knows msgpack's format and the protocol's limits, and shares no code with the decoder.
"""

from __future__ import annotations

import math
import struct
import time

import msgpack
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.transport.test_codec import HEADER, packed
from transport.codec import LARGE, Malformed, WireLimits, decode
from transport.envelope import KINDS, Envelope

SLOW = settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow])
SMALL = WireLimits(body_bytes=4096, array_items=16, map_items=8, items=40, depth=4)
SECONDS = 0.5


class Wrong(Exception):
    """Not a value that is taken."""


def slow_read(raw, limits):
    """The value that bytes hold, read one byte after the other."""
    value, end, items = slow_value(raw, 0, limits, limits.depth, [limits.items])
    del items
    if end != len(raw):
        raise Wrong("bytes after the end")
    if type(value) is not dict:
        raise Wrong("no map")
    return value


def slow_value(raw, at, limits, depth, left):  # noqa: C901, PLR0912 (msgpack's table, as it stands)
    def take(size):
        nonlocal at
        if at + size > len(raw):
            raise Wrong("cut short")
        at += size
        return raw[at - size : at]

    def number(size, form):
        return struct.unpack(form, take(size))[0]

    def text(size):
        try:
            return take(size).decode()
        except UnicodeDecodeError:
            raise Wrong("UTF-8") from None

    def container(count, most, *, is_map):
        nonlocal at
        left[0] -= count + 1
        if depth == 0 or count > most or count > len(raw) - at or (left[0] < 0 and len(raw) >= 2048):
            raise Wrong("too much")
        if not is_map:
            values = []
            for _ in range(count):
                value, at, _ = slow_value(raw, at, limits, depth - 1, left)
                values.append(value)
            return values
        mapping = {}
        for _ in range(count):
            key, at, _ = slow_value(raw, at, limits, depth - 1, left)
            if type(key) is not str or key in mapping:
                raise Wrong("key")
            mapping[key], at, _ = slow_value(raw, at, limits, depth - 1, left)
        return mapping

    byte = take(1)[0]
    if byte < 0x80:
        value = byte
    elif byte >= 0xE0:
        value = byte - 256
    elif byte < 0x90:
        value = container(byte & 15, limits.map_items, is_map=True)
    elif byte < 0xA0:
        value = container(byte & 15, limits.array_items, is_map=False)
    elif byte < 0xC0:
        value = text(byte & 31)
    elif byte in {0xC0, 0xC2, 0xC3}:
        value = {0xC0: None, 0xC2: False, 0xC3: True}[byte]
    elif byte in {0xC4, 0xC5, 0xC6}:
        value = take(int.from_bytes(take(1 << byte - 0xC4)))
    elif byte in {0xCA, 0xCB}:
        value = number(4, ">f") if byte == 0xCA else number(8, ">d")
        if not math.isfinite(value):
            raise Wrong("number")
    elif 0xCC <= byte <= 0xCF:
        value = int.from_bytes(take(1 << byte - 0xCC))
    elif 0xD0 <= byte <= 0xD3:
        value = int.from_bytes(take(1 << byte - 0xD0), signed=True)
    elif byte in {0xD9, 0xDA, 0xDB}:
        value = text(int.from_bytes(take(1 << byte - 0xD9)))
    elif byte in {0xDC, 0xDD}:
        value = container(int.from_bytes(take(2 << byte - 0xDC)), limits.array_items, is_map=False)
    elif byte in {0xDE, 0xDF}:
        value = container(int.from_bytes(take(2 << byte - 0xDE)), limits.map_items, is_map=True)
    else:
        raise Wrong("no value that is taken begins so")
    return value, at, left


# Values as bytes: right ones, and such as lie about how much is in them.
small_counts = st.integers(0, 5)
lies = st.sampled_from((0, 0, 0, 0, 0, 1, -1, 3, 65_000, 1 << 31))


@st.composite
def texts(draw):
    content = draw(st.one_of(st.text(max_size=6).map(str.encode), st.binary(max_size=6)))
    size = max(len(content) + draw(lies), 0)
    form = draw(st.sampled_from(("fix", "8", "16", "32", "bin")))
    if form == "fix":
        return bytes((0xA0 | min(size, 31),)) + content
    if form == "8":
        return b"\xd9" + bytes((size & 255,)) + content
    if form == "16":
        return b"\xda" + struct.pack(">H", size & 0xFFFF) + content
    return (b"\xdb" if form == "32" else b"\xc6") + struct.pack(">I", size) + content


numbers = st.one_of(
    st.integers(-(1 << 63), (1 << 64) - 1).map(msgpack.packb),
    st.floats().map(msgpack.packb),
    st.floats(width=32).map(lambda value: b"\xca" + struct.pack(">f", value)),
    st.sampled_from((b"\xc0", b"\xc1", b"\xc2", b"\xc3", b"\xd4\x05\x00", b"\xc7\x00\x05", b"\xd6\xff\x00\x00\x00\x01")),
)


@st.composite
def containers(draw, inner, is_map=None):
    is_map = draw(st.booleans()) if is_map is None else is_map
    entries = draw(small_counts)
    keys = st.one_of(st.sampled_from("abcd").map(msgpack.packb), inner)
    content = b"".join((draw(keys) if is_map else b"") + draw(inner) for _ in range(entries))
    count = max(entries + draw(lies), 0)
    if draw(st.booleans()) and count < 16:
        return bytes(((0x80 if is_map else 0x90) | count,)) + content
    if draw(st.booleans()):
        return (b"\xde" if is_map else b"\xdc") + struct.pack(">H", count & 0xFFFF) + content
    return (b"\xdf" if is_map else b"\xdd") + struct.pack(">I", count) + content


values = st.recursive(st.one_of(texts(), numbers), containers, max_leaves=12)
bodies = st.one_of(containers(values, is_map=True), containers(values, is_map=True), values)


def same(one, other):
    return msgpack.packb(one) == msgpack.packb(other)


@SLOW
@given(bodies, st.sampled_from((SMALL, LARGE)), st.integers(0, 3))
@example(b"\x81\xa1a" + b"\xdd\x00\x00\xff\xff" * 300 + bytes(900), SMALL, 0)
@example(b"\x81\xa1a" + b"\x91" * 31 + b"\x01", LARGE, 0)
def test_whatever_the_structure_the_decoder_and_the_slow_reader_agree(raw, limits, padding):
    raw += b"\xc0" * (padding if padding == 1 else 0)
    began = time.process_time()
    try:
        read = decode([packed(), raw], limits).body
    except Malformed:
        read = None
    assert time.process_time() - began < SECONDS

    try:
        slow = slow_read(raw, limits)
    except Wrong:
        slow = None
    assert (read is None) == (slow is None)
    assert read is None or same(read, slow)


@SLOW
@given(st.lists(st.tuples(st.integers(0, 10_000), st.binary(max_size=4), st.integers(0, 4)), min_size=1, max_size=4))
def test_a_header_that_was_tampered_with_is_refused_or_within_its_limits(damages):
    header = bytearray(packed(key="k" * 20, lane="bg", trace="00-x", inc="p1", seq=3))
    for at, put, cut in damages:
        at %= len(header) + 1  # noqa: PLW2901 (into the header)
        header[at : at + cut] = put

    try:
        envelope = decode([bytes(header), b"\x80"])
    except Malformed as refused:
        assert refused.id is None or 0 < len(refused.id.encode()) <= 64  # noqa: PT017 (some damage does no harm)
        return

    within(envelope)


def within(envelope: Envelope) -> None:
    """All that docs/protocol.md says of a header's fields."""
    assert envelope.kind in KINDS
    assert 0 < len(envelope.id.encode()) <= 64
    assert envelope.lane in {"fg", "bg"}
    assert envelope.ttl is None or 0 <= envelope.ttl <= 604_800_000
    for text, most in ((envelope.to, 128), (envelope.type, 128), (envelope.key, 256), (envelope.trace, 128)):
        assert text is None or 0 < len(text) <= most


@SLOW
@given(st.dictionaries(st.sampled_from([*HEADER, "key", "lane", "seq", "trace", "inc", "x"]), values, max_size=11))
def test_a_header_of_any_values_is_refused_or_within_its_limits(fields):
    raw = bytes((0x80 | len(fields),)) + b"".join(msgpack.packb(name) + value for name, value in fields.items())
    try:
        within(decode([raw, b"\x80"]))
    except Malformed as refused:
        assert refused.reason  # noqa: PT017 (nearly all are)


@SLOW
@given(
    st.binary(min_size=2000, max_size=6000),
    st.sampled_from((b"\xdc\xff\xff", b"\xdd\x00\x00\xff\xff", b"\xdf\x00\x00\x0f\xff", b"\x9f", b"\x8f")),
)
def test_large_bodies_of_anything_end_in_time(noise, promise):
    for raw in (noise, b"\x81\xa1a" + promise * 500 + noise, b"\x81\xa1a\xdd\x00\x00\x10\x00" + noise + promise * 500):
        began = time.process_time()
        try:
            decode([packed(), raw], LARGE)
        except Malformed as refused:
            assert refused.id == "c1"  # noqa: PT017 (noise may be a message)
        assert time.process_time() - began < SECONDS
