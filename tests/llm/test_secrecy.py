"""A key is before nobody's eyes, wherever an endpoint repeats it."""

import asyncio
import json

import pytest

from actors.llm.secrecy import redacted
from tests.llm.conftest import answer, ask, endpoint, routing
from transport.errors import LatticeError

KEY = "sk-very-secret-0123456789abcdef"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"bad key {KEY}, {KEY}", "bad key …, …"),
        (f"bad key {KEY[3:]} and {KEY[:-2]}**", "bad key … and …**"),
        ("bad key sk-****cdef", "bad key sk-****cdef"),
        ("nothing of it", "nothing of it"),
    ],
)
def test_no_longer_piece_of_a_key_is_told(text, left) -> None:
    assert redacted(text, KEY) == left


@pytest.mark.parametrize("key", [None, "", "none"])
def test_a_key_that_is_a_word_spoils_no_sentence(key) -> None:
    assert redacted("none of it", key) == "none of it"


@pytest.mark.parametrize("kind", ["invalid_request_error", KEY, f"the key {KEY} is bad"])
@pytest.mark.parametrize("begun", [b"", b'data: {"choices": [{"index": 0, "delta": {"content": "Well then"}}]}\n\n'])
async def test_an_error_inside_an_answer_does_not_bring_the_key_with_it(monkeypatch, kind, begun) -> None:
    monkeypatch.setenv("KEY", KEY)
    error = json.dumps({"error": {"message": f"Incorrect key {KEY}", "type": kind}}).encode()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        assert KEY.encode() in head
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        writer.write(begun + b"data: " + error + b"\n\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with routing(endpoint("a", f"http://127.0.0.1:{port}/v1", api_key_env="KEY")) as router:
            with pytest.raises(LatticeError) as told:
                await answer(router, ask(stream=True))
            assert "secret" not in f"{told.value.message} {told.value.detail} {router.endpoints[0].last_error}"
