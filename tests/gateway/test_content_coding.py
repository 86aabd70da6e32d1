"""Bodies that are coded (`Content-Encoding`), and what a few bytes that are many may cost."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from gateway.content_coding import PIECE, decoder_of
from gateway.errors import HttpError
from tests.gateway.house import House

MEMORIES = "/v1/memories"
CHECK = "/v1/paradoxes/check"
BODY = json.dumps({"statements": "none"}).encode()
"""What is no request, so that it is read and refused without any actor."""


def bare_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def two_members(data: bytes) -> bytes:
    return gzip.compress(data[:5]) + gzip.compress(data[5:])


async def told(bare: House, data: bytes, coding: str, path: str = CHECK) -> tuple[int, Any, str | None]:
    async with bare.http.post(bare.url + path, data=data, headers={"Content-Encoding": coding}) as response:
        return response.status, (await response.json())["error"], response.headers.get("Accept-Encoding")


# What is packed is made in the test: gzip writes the time into it, and a name that holds the time differs from one
# worker to the next.
@pytest.mark.parametrize(
    ("coding", "pack"),
    [
        ("gzip", gzip.compress),
        ("GZIP", gzip.compress),
        ("x-gzip", gzip.compress),
        ("gzip", two_members),
        ("deflate", zlib.compress),
        ("deflate", bare_deflate),
        ("identity", bytes),
    ],
)
async def test_a_coded_body_is_read(bare: House, coding: str, pack: Callable[[bytes], bytes]) -> None:
    status, error, _ = await told(bare, pack(BODY), coding)
    assert (status, error["param"]) == (400, "statements")


@pytest.mark.parametrize("coding", ["br", "zstd", "rot13", "gzip, gzip", "compress"])
@pytest.mark.parametrize("path", [CHECK, "/v1/memories/import", "/mcp"])
async def test_a_coding_that_is_not_taken_is_refused_with_those_that_are(bare: House, coding: str, path: str) -> None:
    status, error, accepted = await told(bare, b"(\xb5/\xfd abc", coding, path)
    assert (status, error["code"], error["param"]) == (415, "invalid", "Content-Encoding")
    assert "gzip or deflate" in error["message"]
    assert accepted == "gzip, deflate"


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_a_body_that_breaks_off_in_its_coding_is_refused(bare: House, coding: str) -> None:
    whole = gzip.compress(BODY) if coding == "gzip" else zlib.compress(BODY)
    for data in (whole[:-6], b"", whole + b"more"):
        if data:
            status, error, _ = await told(bare, data, coding)
            assert (status, error["code"]) == (400, "invalid")


async def test_what_is_small_only_in_its_coding_is_refused_as_what_it_is(bare: House, logged: list[dict[str, Any]]) -> None:
    packed = gzip.compress(b" " * (64 << 20))
    most = 0.0

    async def watch() -> None:
        nonlocal most
        while True:
            before = time.thread_time()
            await asyncio.sleep(0)
            most = max(most, time.thread_time() - before)

    watched = asyncio.create_task(watch())
    status, error, _ = await told(bare, packed, "gzip")
    watched.cancel()

    assert (status, error["code"]) == (413, "too_large")
    # Of processor time: the loop has a piece at a time in its hands; all of it at once takes half a second and more.
    assert most < 0.3
    assert [record for record in logged if record["exception"]] == []


def test_what_is_unpacked_comes_in_pieces() -> None:
    decoder = decoder_of("gzip")
    assert decoder is not None
    content = bytes(range(256)) * 4096
    packed = gzip.compress(content)
    pieces = [piece for at in range(0, len(packed), 7) for piece in decoder.pieces(packed[at : at + 7])]
    decoder.end()
    assert b"".join(pieces) == content
    assert max(map(len, pieces)) <= PIECE


def test_nothing_is_no_coded_body() -> None:
    decoder = decoder_of("gzip")
    assert decoder is not None
    with pytest.raises(HttpError):
        decoder.end()
