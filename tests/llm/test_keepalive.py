"""Keep-alive races: a server closes a connection just as a request goes out over it."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.llm.conftest import answer, ask, endpoint, routing
from transport.errors import Unavailable

BODY = b'data: {"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
RESET = "reset"
HALF_A_HEAD = "half a head, and a reset"


@asynccontextmanager
async def second_time(said: bytes | str) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that says so much to the second request of a connection, and closes it: its URL, and what was posted."""
    posted: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for time in (1, 2):
                head = await reader.readuntil(b"\r\n\r\n")
                posted.append(await reader.readexactly(int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])))
                if time == 1:
                    writer.write(WHOLE)
                elif said in {RESET, HALF_A_HEAD}:
                    if said == HALF_A_HEAD:
                        writer.write(b"HTTP/1.1 200 OK\r\nContent-Ty")
                        await asyncio.sleep(0)
                    linger = struct.pack("ii", 1, 0)
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    writer.transport.abort()
                elif isinstance(said, bytes):
                    writer.write(said)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", posted
    finally:
        server.close()


@pytest.mark.parametrize("said", [b"", RESET, HALF_A_HEAD], ids=["closed", "reset", "reset in the head"])
async def test_what_nobody_answered_to_is_sent_once_more_out_of_the_retry_budget(said) -> None:
    # Of a reset it is not known whether bytes of a head had come before it: the request may have been seen.
    async with second_time(said) as (url, posted), routing(endpoint("a", url), retry={"rounds": 0}) as router:
        for _ in range(2):
            text, reply = await answer(router, ask())
            assert text == "hi"

        assert reply.attempts == 2
        assert len(router.retries.latest) == 1
        assert router.endpoints[0].failures == 0

    assert len(posted) == 3


@pytest.mark.parametrize("said", [b"H", b"HTTP/1.1 200 OK\r\nContent-Ty", WHOLE[:-20]], ids=["a byte", "head", "body"])
async def test_what_was_answered_to_by_a_byte_is_never_sent_twice(said) -> None:
    async with second_time(said) as (url, posted), routing(endpoint("a", url), retry={"rounds": 0}) as router:
        await answer(router, ask())
        with pytest.raises(Unavailable):
            await answer(router, ask())

    assert len(posted) == 2
