"""The corpus of bad messages: every way in which bytes on an actor's socket can be no message of the protocol.

Where the sender cannot be told, nothing is said; where it can, the error names what is wrong; what breaks ZMTP or the
largest frame ends the connection. docs/protocol.md says which is which.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Final

import msgpack

from chaos.bytes.expected import Closed, Dropped, Outcome, Pause, Pieces, Refused, Served
from chaos.bytes.wire import BAD, Frames, WireCase, ask
from chaos.bytes.zmtp import LONG, MORE, command, frame, greeting, message, ready

__all__ = ["CONTRACT_CASES", "CURVE_CASES", "SLOW_CASES", "WIRE_CASES"]

EMPTY: Final = b"\x80"
LARGEST: Final = (16 << 20) + 65536
"""Bytes of a frame at hosts that take whole talks; no other takes more."""


def header(what: str, outcome: Outcome, **changes: Any) -> WireCase:
    """An ask whose header is wrong, and whose body is not."""
    return WireCase(what, outcome, lambda to: [ask(to, BAD, **changes)])


def raw_header(what: str, raw: bytes) -> WireCase:
    """A header that cannot be read: nobody can be told."""
    return WireCase(what, Dropped(), lambda _: [(raw, EMPTY)])


def body(what: str, raw: bytes | Callable[[], bytes], names: str = "body") -> WireCase:
    """A body that is wrong, behind a right header."""
    return WireCase(what, Refused(names=names), lambda to: [(ask(to, BAD)[0], raw if isinstance(raw, bytes) else raw())])


def frames(what: str, outcome: Outcome, make: Callable[[bytes], list[Frames]]) -> WireCase:
    """Wrong frames around a right header."""
    return WireCase(what, outcome, lambda to: make(ask(to, BAD)[0]))


def inside(raw: bytes) -> bytes:
    """A body of one field with this value."""
    return b"\x81\xa1a" + raw


def bomb(item: bytes, count: int) -> Callable[[], bytes]:
    """One array of many items."""
    return lambda: inside(b"\xdd" + struct.pack(">I", count) + item * count)


HEADERS: Final = (
    raw_header("header of no bytes", b""),
    raw_header("header that is not msgpack", b"\xc1"),
    raw_header("header that is an array", b"\x90"),
    raw_header("header that is nil", b"\xc0"),
    raw_header("header that is JSON", b'{"v": 1, "kind": "ask", "id": "bad"}'),
    raw_header("header cut short", msgpack.packb({"v": 1, "kind": "ask", "id": BAD})[:-2]),
    raw_header("header with bytes after its end", msgpack.packb({"v": 1, "kind": "ask", "id": BAD}) + b"\0"),
    raw_header("header of 5,000 bytes", msgpack.packb({"v": 1, "kind": "ask", "id": BAD, "x": "y" * 5000})),
    raw_header("header of 70,000 bytes", msgpack.packb({"id": "x" * 70_000})),
    raw_header("header with a key that is a number", b"\x82\x01\x01\xa2id\xa3bad"),
    raw_header("header with a key of bytes", b"\x82\xc4\x01a\x01\xa2id\xa3bad"),
    raw_header("header with its id twice", b"\x82\xa2id\xa3bad\xa2id\xa3bad"),
    raw_header("header of invalid UTF-8", b"\x81\xa2id\xa3\xff\xfe\xfd"),
    raw_header("header with half a surrogate pair", b"\x81\xa2id\xa3\xed\xa0\x80"),
    raw_header("header with an extension", b"\x82\xa2id\xa3bad\xa1x\xd4\x05\0"),
    raw_header("header that promises 4 billion entries", b"\xdf\xff\xff\xff\xff"),
    raw_header("header of 100 entries", msgpack.packb({"id": BAD} | {str(n): n for n in range(100)})),
    raw_header("header 40 deep", b"\x82\xa2id\xa3bad\xa1x" + b"\x91" * 40 + b"\x01"),
    raw_header("header with NaN", b"\x82\xa2id\xa3bad\xa1x\xcb\x7f\xf8" + bytes(6)),
    header("no id", Dropped(), id=...),
    header("empty id", Dropped(), id=""),
    header("id of 65 bytes", Dropped(), id="x" * 65),
    header("id of 64 characters and more bytes", Dropped(), id="\u00e9" * 64),
    header("id that is a number", Dropped(), id=7),
    header("id of bytes", Dropped(), id=b"bad"),
    header("id that is a list", Dropped(), id=["bad"]),
    header("no version", Refused(names="v"), v=...),
    header("version 2", Refused(names="v"), v=2),
    header("version 0", Refused(names="v"), v=0),
    header("version true", Refused(names="v"), v=True),
    header("version 1.0", Refused(names="v"), v=1.0),
    header("version of text", Refused(names="v"), v="1"),
    header("no kind", Refused(names="kind"), kind=...),
    header("unknown kind", Refused(names="kind"), kind="shout"),
    header("kind that is a map", Refused(names="kind"), kind={}),
    header("no actor", Refused(names="to"), to=...),
    header("empty actor", Refused(names="to"), to=""),
    header("actor of 129 characters", Refused(names="to"), to="a" * 129),
    header("actor that does not live here", Refused("unknown_actor", "nobody"), to="nobody"),
    header("actor that is a path", Refused("unknown_actor"), to="../../etc/passwd"),
    header("no type", Refused(names="type"), type=...),
    header("type that is a number", Refused(names="type"), type=1),
    header("type that nobody has", Refused("unknown_type"), type="no.such"),
    header("type with NUL", Refused("unknown_type"), type="sys\0.ping"),
    header("type of right-to-left text", Refused("unknown_type"), type="\u202egnip.sys"),
    header("negative ttl", Refused(names="ttl"), ttl=-1),
    header("ttl of a year", Refused(names="ttl"), ttl=31_536_000_000),
    header("ttl of 64 bits", Refused(names="ttl"), ttl=2**64 - 1),
    header("ttl of text", Refused(names="ttl"), ttl="1"),
    header("ttl that is a fraction", Refused(names="ttl"), ttl=1.5),
    header("ttl true", Refused(names="ttl"), ttl=True),
    header("ttl nil", Refused(names="ttl"), ttl=None),
    header("unknown lane", Refused(names="lane"), lane="express"),
    header("lane that is a list", Refused(names="lane"), lane=[]),
    header("key of 257 characters", Refused(names="key"), key="k" * 257),
    header("empty key", Refused(names="key"), key=""),
    header("trace nil", Refused(names="trace"), trace=None),
    header("negative seq", Refused(names="seq"), seq=-1),
    header("incarnation that is a number", Refused(names="inc"), inc=1),
    header("incarnation that has been", Refused("unavailable"), inc="0123456789abcdef"),
    header("unknown field of the header", Served(), colour={"red": [1]}),
)

KINDS: Final = (
    header("reply sent to a server", Dropped(), kind="reply"),
    header("error sent to a server", Dropped(), kind="error"),
    header("part sent to a server", Dropped(), kind="part", seq=0),
    header("cancel of a call that is not known", Dropped(), kind="cancel"),
    header("credit of nothing", Refused(names="n"), kind="credit"),
    header("credit below nothing", Refused(names="n"), kind="credit", body={"n": -1}),
    header("credit of 64 bits", Refused(names="n"), kind="credit", body={"n": 2**63}),
    header("credit for a call that is not known", Dropped(), kind="credit", body={"n": 5}),
    header("tell of what is asked, not told, and wrong", Dropped(), kind="tell", type="no.such"),
    header("tell to an actor that does not live here", Dropped(), kind="tell", to="nobody"),
)

FRAMES: Final = (
    frames("one frame", Refused(names="two frames"), lambda right: [(right,)]),
    frames("three frames", Refused(names="two frames"), lambda right: [(right, EMPTY, EMPTY)]),
    frames("1,000 frames", Refused(names="two frames"), lambda right: [(right, *([EMPTY] * 999))]),
    frames("one empty frame", Dropped(), lambda _: [(b"",)]),
    frames("two empty frames", Dropped(), lambda _: [(b"", b"")]),
    frames("1,000 empty frames", Dropped(), lambda _: [(b"",) * 1000]),
    frames("envelope of a REQ socket", Dropped(), lambda right: [(b"", right, EMPTY)]),
    frames("reply route of another's in front", Dropped(), lambda right: [(b"\0\0\0\0\1", b"", right, EMPTY)]),
    frames("body before the header", Dropped(), lambda right: [(EMPTY, right)]),
    frames("frame above all limits", Closed(), lambda right: [(right, bytes(LARGEST + 1))]),
    frames("header above all limits", Closed(), lambda _: [(bytes(LARGEST + 1), EMPTY)]),
)

BODIES: Final = (
    body("body of no bytes", b""),
    body("body that is not msgpack", b"\xc1"),
    body("body that is an array", b"\x90"),
    body("body that is text", b"\xa4body"),
    body("body that is JSON", b"{}"),
    body("body cut short", b"\x81\xa1a"),
    body("body with bytes after its end", b"\x80\x80"),
    body("body with a key that is a number", b"\x81\x01\x01"),
    body("body with a key that is nil", b"\x81\xc0\x01"),
    body("body with a map for a key", b"\x81\x80\x01"),
    body("body with a key of bytes, further in", inside(b"\x81\xc4\x01a\x01")),
    body("body with a key twice", b"\x82\xa1a\x01\xa1a\x02", "twice"),
    body("body with a key twice, further in", inside(b"\x91\x82\xa1a\x01\xa1a\x02"), "twice"),
    body("body with NaN", inside(b"\xcb\x7f\xf8" + bytes(6)), "NaN"),
    body("body with NaN of 4 bytes", inside(b"\xca\x7f\xc0\0\0"), "NaN"),
    body("body with infinity", inside(b"\x92\x01\xcb\x7f\xf0" + bytes(6)), "infinities"),
    body("body with an extension", inside(b"\xd4\x05\0"), "extension"),
    body("body with a timestamp", inside(b"\xd6\xff\0\0\0\x01"), "extension"),
    body("body of invalid UTF-8", inside(b"\xa1\xff")),
    body("body with an overlong NUL", inside(b"\xa2\xc0\x80")),
    body("body with half a surrogate pair", inside(b"\xa3\xed\xa0\x80")),
    body("array that promises 4 billion", inside(b"\xdd\xff\xff\xff\xff")),
    body("map that promises 4 billion", inside(b"\xdf\xff\xff\xff\xff")),
    body("text that promises 4 GiB", inside(b"\xdb\xff\xff\xff\xff")),
    body("bytes that promise 4 GiB", inside(b"\xc6\xff\xff\xff\xff")),
    body("body 40 deep", inside(b"\x91" * 40 + b"\x01"), "deep"),
    body("body 100,000 deep", inside(b"\x91" * 100_000 + b"\x01")),
    body("body 2,000 deep that promises much", inside(b"\xdc\xff\xff" * 2000)),
    body("maps 10,000 deep", b"\x81\xa1a" * 10_000 + b"\x80"),
    body("bomb of empty maps", bomb(b"\x80", 1_000_000)),
    body("bomb of empty arrays", bomb(b"\x90", 1_000_000)),
    body("bomb of pairs of arrays", bomb(b"\x92\x90\x90", 300_000)),
    body("bomb of nested arrays that promise much", lambda: inside(b"\xdd\0\0\xff\xff" * 1000 + bytes(900_000))),
    body("map of 8,192 keys", lambda: inside(b"\xde\x20\x00" + b"".join(b"\xa4%04d\x01" % number for number in range(8192)))),
    body("field that the contract does not have", inside(b"\x01"), "a"),
)


def trickled(whole: bytes) -> Callable[[], Pieces]:
    """Bytes one at a time, so that they take twice what is allowed."""

    def pieces() -> Pieces:
        for byte in whole:
            yield bytes((byte,))
            yield Pause(2 / len(whole))

    return pieces


ZMTP: Final = (
    WireCase("greeting of another protocol's version", Closed(), raw=greeting(version=(0, 0))[:10] + b"\x00" * 54),
    WireCase("unknown mechanism", Closed(), raw=greeting(b"KERBEROS")),
    WireCase("CURVE where there is none", Closed(), raw=greeting(b"CURVE") + command(b"HELLO", bytes(194))),
    WireCase("handshake with a PUB", Closed(), raw=greeting() + ready(b"PUB")),
    WireCase("handshake with a socket of no kind", Closed(), raw=greeting() + ready(b"BROKER")),
    WireCase("READY cut short", Closed(), raw=greeting() + command(b"READY", b"\x0bSocket-Type\0\0\0\xffDEALER")),
    WireCase("READY that promises 4 GiB", Closed(), raw=greeting() + command(b"READY", b"\x0bSocket-Type\xff\xff\xff\xffD")),
    WireCase("another command in READY's place", Closed(), raw=greeting() + command(b"HELLO")),
    WireCase("message before the handshake's end", Closed(), raw=greeting() + message(*ask("memory", BAD))),
    WireCase("frame that promises 8 EiB", Closed(), raw=greeting() + ready() + bytes((LONG,)) + b"\x7f" + b"\xff" * 7),
    WireCase("frame of a negative size", Closed(), raw=greeting() + ready() + bytes((LONG,)) + b"\xff" * 8),
    WireCase(
        "frame with flags that there are not", Dropped(), raw=greeting() + ready() + frame(b"half", MORE) + frame(b"a", 0x78)
    ),
    WireCase("HTTP", Closed(), raw=b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" + b"\xff" * 4096),
    WireCase("TLS", Dropped(), raw=b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + bytes(range(256)) * 2),
    WireCase("REQ socket", Dropped(), lambda to: [(b"", *ask(to, BAD))], socket_type=b"REQ"),
    WireCase("identity that ZeroMQ keeps for itself", Served(), lambda to: [ask(to, BAD)], identity=b"\0\0\0\0\1"),
    WireCase("identity of 255 bytes", Served(), lambda to: [ask(to, BAD)], identity=b"i" * 255),
)

SLOW_CASES: Final = (
    WireCase("connection that says nothing", Closed(), raw=lambda: (Pause(2),)),
    WireCase("greeting that takes too long", Closed(), raw=trickled(greeting())),
    WireCase("greeting and then nothing", Closed(), raw=lambda: (greeting(), Pause(2))),
    WireCase("READY that takes too long", Closed(), raw=lambda: (greeting(), *trickled(ready())())),
)
"""Handshakes that are slower than the house allows."""

CURVE_CASES: Final = (
    WireCase("plain client where CURVE is spoken", Closed(), raw=greeting() + ready(), curve=True),
    WireCase("client of ZeroMQ 2 where CURVE is spoken", Closed(), raw=message(b"", *ask("memory", BAD)), curve=True),
    WireCase(
        "CURVE with a wrong key", Closed(), raw=greeting(b"CURVE") + command(b"HELLO", b"\x01\0" + b"\x5a" * 192), curve=True
    ),
    WireCase(
        "CURVE of another version", Closed(), raw=greeting(b"CURVE") + command(b"HELLO", b"\x09\x09" + bytes(192)), curve=True
    ),
    WireCase("CURVE cut short", Closed(), raw=greeting(b"CURVE") + command(b"HELLO", b"\x01\0"), curve=True),
    WireCase("CURVE that begins with its end", Closed(), raw=greeting(b"CURVE") + command(b"INITIATE", bytes(257)), curve=True),
    WireCase("message in CURVE's place", Closed(), raw=greeting(b"CURVE") + message(*ask("memory", BAD)), curve=True),
    WireCase("CURVE and then nothing", Closed(), raw=lambda: (greeting(b"CURVE"), Pause(2)), curve=True),
)

WIRE_CASES: Final = (*HEADERS, *KINDS, *FRAMES, *BODIES, *ZMTP)
"""For any actor of a house."""


def contract(what: str, names: str, type_name: str, told: Any) -> WireCase:
    """A message whose form is right and whose content its contract does not take."""
    return WireCase(what, Refused(names=names), lambda to: [ask(to, BAD, told, type=type_name)])


CONTRACT_CASES: Final = (
    contract("nothing to remember", "memories", "memory.remember", {"memories": []}),
    contract("1,001 memories", "memories", "memory.remember", {"memories": [{"text": "a"}] * 1001}),
    contract("memories that are a map", "memories", "memory.remember", {"memories": {"text": "a"}}),
    contract("memory without a text", "memories.0.text", "memory.remember", {"memories": [{}]}),
    contract("text of bytes that are no UTF-8", "memories.0.text", "memory.remember", {"memories": [{"text": b"\xff"}]}),
    contract("text with NUL", "memories.1.text", "memory.remember", {"memories": [{"text": "a"}, {"text": "a\0"}]}),
    contract("unknown field", "memories.0.colour", "memory.remember", {"memories": [{"text": "a", "colour": 1}]}),
    contract("namespace too long", "namespace", "memory.remember", {"namespace": "n" * 129, "memories": [{"text": "a"}]}),
    contract(
        "metadata 9 deep", "metadata", "memory.remember", {"memories": [{"text": "a", "metadata": {"a": [[[[[[[[1]]]]]]]]}}]}
    ),
    contract("query that is a number", "query", "memory.recall", {"query": 7}),
    contract("k of true", "k", "memory.recall", {"query": "a", "k": "many"}),
    contract("query above its limit", "query", "memory.recall", {"query": "x" * 20_000}),
    contract("id of nothing", "id", "memory.get", {"id": ""}),
)
"""For memory."""
