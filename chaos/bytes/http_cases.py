"""The corpus of bad requests: what no proxy, parser or route is to take for something else than it is.

`/v1/memories` is what most of them are sent to: it takes JSON, and a record that slipped in could be found.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any, Final

from chaos.bytes.expected import Closed, Outcome, Pause, Pieces, Refused, Served
from chaos.bytes.http import HttpCase, request

__all__ = ["HTTP_CASES", "SLOW_HTTP_CASES"]

PATH: Final = "/v1/memories"
BAD: Final = Refused()
LARGEST: Final = 15 << 20
"""Bytes of a body that the gateway takes at most."""

SMUGGLED: Final = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
"""A request that stands where only a body can be: it must not be answered."""

GOOD: Final = b'{"text": "a"}'


def post(what: str, outcome: Outcome, *headers: str, body: bytes = GOOD, path: str = PATH) -> HttpCase:
    """A POST of these header lines."""
    return HttpCase(what, outcome, request("POST", path, *headers, body=body))


def chunked(what: str, chunks: bytes, outcome: Outcome = BAD) -> HttpCase:
    """A POST in chunks."""
    return HttpCase(what, outcome, request("POST", PATH, "Transfer-Encoding: chunked", body=chunks))


def plain(what: str, outcome: Outcome, sent: bytes) -> HttpCase:
    """Bytes as they are."""
    return HttpCase(what, outcome, sent)


def told(what: str, body: bytes | Any, names: str = "", *, path: str = PATH, statuses: tuple[int, ...] = (400,)) -> HttpCase:
    """A body that is no JSON, or not the route's."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpCase(what, Refused(names=names, statuses=statuses), request("POST", path, body=raw))


def got(what: str, path: str, outcome: Outcome) -> HttpCase:
    """A GET of a strange path."""
    return HttpCase(what, outcome, request("GET", path))


def repeated(head: bytes, piece: bytes, times: int, end: bytes = b"") -> Callable[[], Pieces]:
    """The same piece over and over, between a beginning and an end."""

    def pieces() -> Pieces:
        yield head
        for _ in range(times):
            yield piece
        yield end

    return pieces


NOT_FOUND: Final = Refused("not_found", statuses=(404,))
TOO_LARGE: Final = Refused("too_large", statuses=(413,))
CHUNK: Final = b"d\r\n" + GOOD + b"\r\n0\r\n\r\n"

SMUGGLING: Final = (
    post("length and chunks", BAD, "Content-Length: 13", "Transfer-Encoding: chunked", body=b"0\r\n\r\n" + SMUGGLED),
    post("chunks and length", BAD, "Transfer-Encoding: chunked", "Content-Length: 5", body=b"0\r\n\r\n" + SMUGGLED),
    post("two lengths", BAD, "Content-Length: 13", "Content-Length: 0", body=GOOD + SMUGGLED),
    post("two lengths that agree", BAD, "Content-Length: 13", "Content-Length: 13"),
    post("list of lengths", BAD, "Content-Length: 13, 0", body=GOOD + SMUGGLED),
    post("length with a plus", BAD, "Content-Length: +13"),
    post("length with a minus", BAD, "Content-Length: -1"),
    post("length in hexadecimal", BAD, "Content-Length: 0xd"),
    post("length with an underscore", BAD, "Content-Length: 1_3"),
    post("length of words", BAD, "Content-Length: thirteen"),
    post("length of nothing", BAD, "Content-Length:"),
    post("length of 20 digits", BAD, "Content-Length: 99999999999999999999"),
    post("length in Arabic digits", BAD, "Content-Length: \u0661\u0663"),
    post("chunks spelt wrong", BAD, "Transfer-Encoding: xchunked", body=b"0\r\n\r\n" + SMUGGLED),
    post("chunks and more", BAD, "Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n" + SMUGGLED),
    post("chunks twice", BAD, "Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n" + SMUGGLED),
    post("chunks that are coded further", Refused(statuses=(501,)), "Transfer-Encoding: gzip, chunked", body=CHUNK),
    post("chunks with a tab in front", BAD, "Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n" + SMUGGLED),
    post("blank before a colon", BAD, "Content-Length : 13"),
    post("folded header", BAD, "X-A: 1\r\n Content-Length: 0"),
    post("header of a bare LF", BAD, "X-A: 1\nContent-Length: 0", body=GOOD + SMUGGLED),
    post("header of a bare CR", BAD, "X-A: 1\rContent-Length: 0"),
    plain(
        "chunks in HTTP/1.0",
        BAD,
        b"POST /v1/memories HTTP/1.0\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNK,
    ),
)

CHUNKS: Final = (
    chunked("chunk of no size", b"\r\nabc\r\n0\r\n\r\n"),
    chunked("chunk whose size is no number", b"zz\r\nabc\r\n0\r\n\r\n"),
    chunked("chunk with 0x in front", b"0xd\r\n" + GOOD + b"\r\n0\r\n\r\n"),
    chunked("chunk with a plus in front", b"+d\r\n" + GOOD + b"\r\n0\r\n\r\n"),
    chunked("chunk of a negative size", b"-1\r\n" + GOOD + b"\r\n0\r\n\r\n"),
    chunked("chunk with an underscore", b"0_d\r\n" + GOOD + b"\r\n0\r\n\r\n"),
    chunked("chunk of 72 bits", b"ffffffffffffffffff\r\nabc\r\n"),
    chunked("chunk that is longer than it says", b"3\r\n" + GOOD + b"\r\n0\r\n\r\n"),
    chunked("chunk that ends in a bare LF", b"d\n" + GOOD + b"\n0\n\n"),
    chunked("chunk with an extension of a bare LF", b"d;\nxx\r\n" + GOOD + b"\r\n0\r\n\r\n" + SMUGGLED),
)

# Who is answered while he floods may see no answer: his own bytes make the kernel reset the connection.
HEADS: Final = (
    plain("no Host", BAD, b"GET /healthz HTTP/1.1\r\n\r\n"),
    plain("two Hosts", BAD, b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: example.com\r\n\r\n"),
    plain("NUL in a header", BAD, request("GET", "/healthz", "X-A: a\0b")),
    plain("NUL in a header's name", BAD, request("GET", "/healthz", "X\0A: a")),
    plain("header without a name", BAD, request("GET", "/healthz", ": a")),
    plain("header without a colon", BAD, request("GET", "/healthz", "nonsense")),
    plain("header's name of UTF-8", BAD, request("GET", "/healthz", "X-\u00e9: a")),
    plain("header of 16 KiB", BAD, request("GET", "/healthz", "X-A: " + "a" * 16384)),
    plain("header's name of 16 KiB", BAD, request("GET", "/healthz", "X" * 16384 + ": a")),
    plain("1,000 headers", BAD, request("GET", "/healthz", *(f"X-{n}: {n}" for n in range(1000)))),
    HttpCase(
        "headers without an end",
        Closed(),
        repeated(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n", b"X-A: aaaaaaaa\r\n" * 500, 200),
    ),
    HttpCase("header without an end", Closed(), repeated(b"GET /healthz HTTP/1.1\r\nX-A: ", b"a" * 4096, 500)),
    HttpCase("path without an end", Closed(), repeated(b"GET /", b"a" * 4096, 500)),
    HttpCase("method without an end", Closed(), repeated(b"", b"A" * 4096, 100)),
    plain("unknown method", BAD, request("FROB", "/healthz")),
    plain("method in small letters", BAD, request("get", "/healthz")),
    plain("version 9.9", BAD, b"GET /healthz HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n"),
    plain("HTTP/0.9", Refused(statuses=(505,)), b"GET /healthz\r\n\r\n"),
    plain("HTTP/2.0 in HTTP/1's clothes", Refused(statuses=(505,)), b"GET /healthz HTTP/2.0\r\nHost: 127.0.0.1\r\n\r\n"),
    plain("HTTP/2 from the first byte", Refused(statuses=(505,)), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9)),
    plain("TLS", BAD, b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + bytes(64)),
    plain("every byte there is", BAD, bytes(range(256))),
    plain("invalid UTF-8 in the path", BAD, b"GET /\xff\xfe HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"),
    plain("blank in the path", BAD, b"GET /v1/memo ries HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"),
    plain(
        "Host of another name",
        Refused("unauthorized", statuses=(403,)),
        b"GET /healthz HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    ),
    plain(
        "Origin of another site",
        Refused("unauthorized", statuses=(403,)),
        request("GET", "/healthz", "Origin: https://evil.example"),
    ),
    plain(
        "namespace of invalid UTF-8",
        Refused(names="X-Lattice-Namespace"),
        request("GET", PATH, "X-Lattice-Namespace: \udcff\udcfe"),
    ),
    plain(
        "namespace too long", Refused(names="X-Lattice-Namespace"), request("GET", PATH, "X-Lattice-Namespace: " + "n" * 129)
    ),
    plain("timeout NaN", Refused(names="X-Lattice-Timeout"), request("GET", PATH, "X-Lattice-Timeout: NaN")),
    plain("timeout below nothing", Refused(names="X-Lattice-Timeout"), request("GET", PATH, "X-Lattice-Timeout: -1")),
    plain(
        "key of invalid UTF-8", Refused(names="Idempotency-Key"), request("POST", PATH, "Idempotency-Key: \udcff", body=GOOD)
    ),
)

PATHS: Final = (
    got("path upwards", "/../../etc/passwd", NOT_FOUND),
    got("path upwards, encoded", "/v1/%2e%2e/%2e%2e/etc/passwd", NOT_FOUND),
    got("path upwards, encoded twice", "/v1/memories/%252e%252e%252fetc", Refused("not_found", statuses=(404,))),
    got("id with an encoded slash", "/v1/memories/..%2f..%2fetc%2fpasswd", NOT_FOUND),
    got("id with NUL", "/v1/memories/mem_%00", Refused(statuses=(400, 404), names="id")),
    got("id of invalid UTF-8", "/v1/memories/%ff%fe", Refused("not_found", statuses=(404,), names="id")),
    got("id of 5,000 characters", "/v1/memories/" + "a" * 5000, Refused(names="id")),
    got("double slash", "//v1//memories", NOT_FOUND),
    got("path of another host", "http://evil.example/v1/memories", Refused("unauthorized", statuses=(403,))),
    got("path that is a star", "*", Refused(statuses=(400, 404, 405))),
    got("percent without digits", "/v1/memories/%zz", Refused("not_found", statuses=(404,))),
    got("query parameter twice", "/v1/memories?limit=1&limit=2", Refused(names="limit")),
    got("query parameter that is none", "/v1/memories?limt=1", Refused(names="limt")),
    got("limit NaN", "/v1/memories?limit=NaN", Refused(names="limit")),
    got("limit of 100 digits", "/v1/memories?limit=" + "9" * 100, Refused(names="limit")),
    got("cursor of another's making", "/v1/memories?cursor=AAAA", Refused(names="cursor")),
    HttpCase("method that is not the route's", Refused("method_not_allowed", statuses=(405,)), request("PUT", PATH, body=GOOD)),
    HttpCase("TRACE", Refused("method_not_allowed", statuses=(405,)), request("TRACE", PATH)),
    HttpCase("CONNECT", NOT_FOUND, b"CONNECT evil.example:443 HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"),
)

DEEP: Final = 100_000

JSON: Final = (
    told("no body", b"", ""),
    told("body that is not JSON", b"text=a"),
    told("JSON cut short", b'{"text": "a'),
    told("JSON with more after it", b'{"text": "a"} {"text": "b"}'),
    told("JSON with a comma too many", b'{"text": "a",}'),
    told("JSON with single quotation marks", b"{'text': 'a'}"),
    told("JSON with a byte order mark", b"\xef\xbb\xbf" + GOOD),
    told("JSON in UTF-16", GOOD.decode().encode("utf-16")),
    told("JSON of invalid UTF-8", b'{"text": "\xff\xfe"}'),
    told("JSON with an overlong NUL", b'{"text": "\xc0\x80"}'),
    told("JSON with half a surrogate pair", b'{"text": "\\ud800"}'),
    told("JSON with a control character", b'{"text": "a\x01b"}'),
    told("NaN", b'{"text": "a", "importance": NaN}'),
    told("infinity", b'{"text": "a", "importance": -Infinity}'),
    told("number beyond all floats", b'{"text": "a", "importance": 1e400}', ""),
    told("number of 10,000 digits", b'{"text": "a", "importance": ' + b"9" * 10_000 + b"}"),
    told("JSON that is a list", b"[]"),
    told("JSON that is a number", b"1"),
    told("JSON that is null", b"null"),
    told("lists 100,000 deep", b"[" * DEEP + b"]" * DEEP),
    told("lists 100,000 deep, without an end", b"[" * DEEP),
    told("objects 100,000 deep", b'{"a":' * DEEP + b"1" + b"}" * DEEP),
    told("metadata 100 deep", b'{"text": "a", "metadata": {"a": ' + b"[" * 100 + b"]" * 100 + b"}}", "memories[0].metadata.a"),
    told("a million empty objects", b'{"memories": [' + b",".join([b"{}"] * 1_000_000) + b"]}"),
    told("100,000 empty objects", b'{"memories": [' + b",".join([b"{}"] * 100_000) + b"]}", "memories[0].text"),
    told("100,000 numbers for parts", {"messages": [{"role": "user", "content": [1] * 100_000}]}, path="/v1/chat/completions"),
    told("100,000 keys", {"text": "a", "metadata": {str(n): n for n in range(100_000)}}, "metadata"),
    told("100,000 fields", {str(n): n for n in range(100_000)}),
    told("4,000 keys", {"text": "a", "metadata": {str(n): n for n in range(4000)}}, "memories[0].metadata"),
    told("text that is a number", {"memories": [{"text": 7}]}, "memories[0].text"),
    told("text with NUL", {"memories": [{"text": "a\0"}]}, "memories[0].text"),
    told("field that there is not", {"memories": [{"text": "a", "__proto__": {}}]}, "memories[0].__proto__"),
    told("messages that are a map", {"messages": {"role": "user"}}, "messages", path="/v1/chat/completions"),
    told(
        "role that there is not",
        {"messages": [{"role": "king", "content": "a"}]},
        "messages[0].role",
        path="/v1/chat/completions",
    ),
    told(
        "temperature that is a word",
        {"messages": [{"role": "user", "content": "a"}], "stream": "maybe"},
        "stream",
        path="/v1/chat/completions",
    ),
)


def gzipped_zeros() -> Pieces:
    """100 MB of zeros in 100 kB."""
    body = gzip.compress(bytes(100_000_000), 1)
    yield request("POST", PATH, "Content-Encoding: gzip", f"Content-Length: {len(body)}") + body


BODIES: Final = (
    HttpCase("100 MB", TOO_LARGE, repeated(request("POST", PATH, "Content-Length: 100000000"), b"x" * 1_000_000, 100)),
    HttpCase(
        "100 MB in chunks",
        TOO_LARGE,
        repeated(
            request("POST", PATH, "Transfer-Encoding: chunked"), b"f4240\r\n" + b"x" * 1_000_000 + b"\r\n", 100, b"0\r\n\r\n"
        ),
    ),
    HttpCase(
        "100,000 chunks of a byte",
        BAD,
        repeated(request("POST", PATH, "Transfer-Encoding: chunked"), b"1\r\nx\r\n" * 1000, 100, b"0\r\n\r\n"),
    ),
    HttpCase("a byte more than is taken", TOO_LARGE, lambda: (request("POST", PATH, body=b"x" * (LARGEST + 1)),)),
    HttpCase("100 MB of zeros, zipped", TOO_LARGE, gzipped_zeros),
    post("gzip that is none", BAD, "Content-Encoding: gzip"),
    post("deflate that is none", BAD, "Content-Encoding: deflate", body=b"\xff" * 40),
    post("gzip cut short", BAD, "Content-Encoding: gzip", body=gzip.compress(GOOD)[:18]),
    post("zip within a zip", BAD, "Content-Encoding: gzip", body=gzip.compress(zlib.compress(GOOD))),
    post("unknown encoding", Refused(statuses=(400, 415)), "Content-Encoding: rot13", body=b'{"grkg": "n"}'),
    post("form in place of JSON", BAD, "Content-Type: application/x-www-form-urlencoded", body=b"text=a"),
    post("multipart in place of JSON", BAD, "Content-Type: multipart/form-data; boundary=x", body=b"--x\r\n\r\na\r\n--x--"),
    post("XML in place of JSON", BAD, "Content-Type: text/xml", body=b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'),
    post("wrong content type, right JSON", Served((201,)), "Content-Type: text/plain"),
    post("unknown charset", Served((201,)), "Content-Type: application/json; charset=klingon"),
    HttpCase("lines that are no records", BAD, request("POST", "/v1/memories/import?format=lattice", body=b"{}\n[]\n\xff\n")),
    HttpCase(
        "line without an end",
        TOO_LARGE,
        repeated(
            request("POST", "/v1/memories/import?format=lattice", "Transfer-Encoding: chunked"),
            b"f4240\r\n" + b"x" * 1_000_000 + b"\r\n",
            20,
            b"0\r\n\r\n",
        ),
    ),
    HttpCase(
        "import of an unknown format", Refused(names="format"), request("POST", "/v1/memories/import?format=wax", body=b"a")
    ),
)


def trickled(head: bytes, of: bytes) -> Callable[[], Pieces]:
    """Bytes one at a time for twice as long as is allowed."""

    def pieces() -> Pieces:
        yield head
        for byte in of:
            yield bytes((byte,))
            yield Pause(2 / len(of))

    return pieces


LATE: Final = Refused("timeout", statuses=(408,))

SLOW_HTTP_CASES: Final = (
    HttpCase("8 EiB announced", TOO_LARGE, request("POST", PATH, "Content-Length: 9223372036854775807")),
    chunked("last chunk with bytes after it", b"d\r\n" + GOOD + b"\r\n0\r\nX", LATE),
    HttpCase("body that stops in its middle", LATE, lambda: (request("POST", PATH, "Content-Length: 1000") + GOOD, Pause(2))),
    HttpCase("head that takes too long", LATE, trickled(b"GET /healthz HTTP/1.1\r\n", b"X-A: aaaaaaaaaaaaaaa")),
    HttpCase(
        "headers that never end", LATE, trickled(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n", b"X: 1\r\nY: 2\r\nZ: 3\r\n")
    ),
    HttpCase("connection that says nothing", Closed(), lambda: (Pause(3),)),
    HttpCase(
        "head of a second request that takes too long",
        Served(),
        trickled(request("GET", "/healthz", ends=False), b"GET /healthz HTTP/1"),
        answers=2,
    ),
    HttpCase("body that takes too long", LATE, trickled(request("POST", PATH, "Content-Length: 20"), b'{"text": "aaaaaaaaa')),
    HttpCase(
        "chunk that takes too long", LATE, trickled(request("POST", PATH, "Transfer-Encoding: chunked"), b"14\r\nxxxxxxxxxxxx")
    ),
    HttpCase(
        "import that takes too long", LATE, lambda: (request("POST", "/v1/memories/import", "Content-Length: 100"), Pause(2))
    ),
)
"""Requests that are slower than the gateway allows."""

HTTP_CASES: Final = (*SMUGGLING, *CHUNKS, *HEADS, *PATHS, *JSON, *BODIES)
