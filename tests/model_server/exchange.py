"""One request answered as its behaviour says: whole, or spoilt by its fault."""

from __future__ import annotations

import asyncio
import base64
import itertools
import socket
import struct
import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.model_server.answers import answer, text_of, tokens_of, vector
from tests.model_server.house import Broken, House, Seen
from tests.model_server.script import Behaviour
from tests.model_server.wire import Anthropic, OpenAI, Said
from tests.model_server.wire_newer import Ollama, Responses

MAX_ENDLESS_BYTES = 256 << 20
PAGE = "<html><body><h1>Bad gateway</h1></body></html>"
SPOIL_STREAMS = {"hang_mid", "garbage", "error_inside", "cut", "cut_clean"}
SPOIL_BODIES = {"hang_first_token", "hang_mid", "cut", "drip", "endless"}
UNREAD_S = 5.0
"""Of a client that reads nothing."""


@dataclass(slots=True)
class Exchange:
    """A request and how it is to be answered."""

    request: web.Request
    house: House
    seen: Seen
    behaviour: Behaviour
    dialect: OpenAI | Anthropic | Responses | Ollama

    async def answer(self) -> web.StreamResponse:
        """The response, prepared and ended where it streams.

        Raises:
            Broken: when the connection is to be reset.
        """
        if self.behaviour.fault == "refuse":
            raise Broken

        if self.behaviour.fault == "hang":
            await self.house.hold(self.seen)

        if self.behaviour.fault in {"status", "html", "wrong_type"}:
            return self.refusal()

        await asyncio.sleep(self.behaviour.delay_first_s)
        if self.behaviour.on == "models":
            listed = [{"id": m, "object": "model", "created": 1_750_000_000, "owned_by": "scripted"} for m in self.house.models]
            named = [{"name": model["id"], "modified_at": "2025-06-15T12:00:00Z"} for model in listed]
            return await self.plain(
                {"models": named} if isinstance(self.dialect, Ollama) else {"object": "list", "data": listed}
            )

        if self.behaviour.on == "embeddings":
            body = embeddings(self.seen.body)
            return await self.plain(Ollama.embeddings(body) if isinstance(self.dialect, Ollama) else body)

        return await self.generation()

    def refusal(self) -> web.Response:
        """A status with an error, or a page where JSON should be."""
        behaviour = self.behaviour
        if behaviour.fault == "status":
            headers = {} if behaviour.retry_after is None else {"Retry-After": behaviour.retry_after}
            body = self.dialect.error(behaviour.status, behaviour.message)
            return web.json_response(body, status=behaviour.status, headers=headers)

        status = 200 if behaviour.fault == "wrong_type" else 502 if behaviour.status == 500 else behaviour.status
        return web.Response(text=PAGE, status=status, content_type="text/html")

    async def generation(self) -> web.StreamResponse:
        """A chat completion or a message."""
        problem = refused(self.seen.body, self.dialect)
        if problem:
            return web.json_response(self.dialect.error(400, problem), status=400)

        said = compose(self.behaviour, self.seen.body, self.dialect)
        if self.seen.body.get("stream", self.dialect.streams_unless_told):
            return await self.streamed(said)

        self.seen.tokens = len(said.tokens)
        return await self.plain(self.dialect.body(said))

    async def plain(self, body: dict[str, Any]) -> web.StreamResponse:
        """One JSON body."""
        fault = self.behaviour.fault
        if fault == "error_inside":
            return web.json_response(self.dialect.error(500, self.behaviour.message))

        if fault == "garbage":
            return web.Response(body=b'{"id": "scripted", "choi', content_type="application/json")

        response = web.json_response(body)
        assert isinstance(response.body, bytes)
        whole = response.body
        if fault == "cut_clean":
            return web.Response(body=whole[: len(whole) // 2], content_type="application/json")

        if fault not in SPOIL_BODIES:
            return response

        slow = web.StreamResponse(headers={"Content-Type": "application/json"})
        if fault != "endless":
            slow.content_length = len(whole)

        await slow.prepare(self.request)
        if fault == "endless":
            await self.without_end(slow, b" " * 65_536)
        elif fault == "drip":
            await self.drip(slow, whole)
        else:
            await self.in_halves(slow, whole)

        await slow.write_eof()
        return slow

    async def in_halves(self, response: web.StreamResponse, whole: bytes) -> None:
        """Stop in the middle of a body (or right before it), for ever or until released."""
        half = 0 if self.behaviour.fault == "hang_first_token" else len(whole) // 2
        await response.write(whole[:half])
        if self.behaviour.fault == "cut":
            await self.break_off()

        await self.house.hold(self.seen)
        await response.write(whole[half:])

    async def streamed(self, said: Said) -> web.StreamResponse:
        """Server-sent events."""
        fault = self.behaviour.fault
        head, tokens, end = self.dialect.events(said, self.seen.body)
        response = web.StreamResponse(headers={"Content-Type": self.dialect.stream_type})
        await response.prepare(self.request)
        if fault == "drip":
            await self.drip(response, b"".join([*head, *tokens, *end]))
            await response.write_eof()
            return response

        if fault == "hang_first_token":
            await self.house.hold(self.seen)

        await response.write(b"".join(head))
        spoil_at = min(self.behaviour.after_tokens, max(len(tokens) - 1, 0)) if fault in SPOIL_STREAMS else -1
        for n, token in enumerate(tokens):
            if n == spoil_at and await self.spoil(response):
                await response.write_eof()
                return response

            await response.write(token)
            self.seen.tokens += 1
            if self.behaviour.delay_between_s:
                await asyncio.sleep(self.behaviour.delay_between_s)

        if fault == "endless" and tokens:
            await (self.counting(response, said) if self.behaviour.counting else self.without_end(response, tokens[0]))

        await response.write(b"".join(end))
        await response.write_eof()
        return response

    async def spoil(self, response: web.StreamResponse) -> bool:
        """Do what the fault says in the middle of a stream. True when the stream is over with it."""
        match self.behaviour.fault:
            case "hang_mid":
                await self.house.hold(self.seen)
                return False
            case "cut":
                await self.break_off()
            case "garbage":
                await response.write(self.dialect.garbage)
            case "error_inside":
                await response.write(self.dialect.error_event(529, self.behaviour.message))
            case _:
                pass

        return True

    async def break_off(self) -> None:
        """Reset the connection, once what was written has been read: who finds both at once hears nothing but the reset."""
        transport = self.request.transport
        if transport is not None and (reader := transport.get_extra_info("peername")) is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(UNREAD_S):
                    while transport.get_write_buffer_size() or unread(reader):  # noqa: ASYNC110 (no event tells of another's reading)
                        await asyncio.sleep(0.01)
            # For it to be passed on where it was read.
            await asyncio.sleep(0.02)
        raise Broken

    async def drip(self, response: web.StreamResponse, whole: bytes) -> None:
        """One byte at a time."""
        for byte in whole:
            await response.write(bytes([byte]))
            await asyncio.sleep(self.behaviour.delay_between_s or 1.0)

    async def without_end(self, response: web.StreamResponse, piece: bytes) -> None:
        """The same piece again and again, up to a bound that no client should reach."""
        for _ in range(MAX_ENDLESS_BYTES // len(piece)):
            await response.write(piece)
            await asyncio.sleep(self.behaviour.delay_between_s)

    async def counting(self, response: web.StreamResponse, said: Said) -> None:
        """Numbers, for as long."""
        sent = 0
        for number in itertools.count():
            _, [piece], _ = self.dialect.events(
                replace(said, tokens=[f"{number} "], reasoning="", tool_calls=[]), self.seen.body
            )
            await response.write(piece)
            await asyncio.sleep(self.behaviour.delay_between_s)
            sent += len(piece)
            if sent > MAX_ENDLESS_BYTES:
                return


def unread(address: tuple[str, int]) -> bool:
    """Whether the socket of this machine at an address has bytes that its process has not taken yet."""
    local = f"{int.from_bytes(socket.inet_aton(address[0]), sys.byteorder):08X}:{address[1]:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()]
    return any(row[1] == local and int(row[4].rpartition(":")[2], 16) > 0 for row in rows)


def refused(body: Any, dialect: OpenAI | Anthropic | Responses | Ollama) -> str | None:
    """What the real servers refuse."""
    talk = "input" if isinstance(dialect, Responses) else "messages"
    if not isinstance(body, dict) or not isinstance(body.get(talk), list) or not body[talk]:
        return f"{talk}: required"

    if not isinstance(body.get("model"), str):
        return "model: required"

    return dialect.refused(body)


def compose(behaviour: Behaviour, body: dict[str, Any], dialect: OpenAI | Anthropic | Responses | Ollama) -> Said:
    """The answer to a request, cut to its token limit."""
    messages = dialect.messages(body)
    tokens = [] if behaviour.tool_calls else tokens_of(answer(behaviour, messages))
    limit = dialect.limit(body)
    finish = behaviour.finish_reason or ("tool_calls" if behaviour.tool_calls else "stop")
    if isinstance(limit, int) and len(tokens) > limit:
        tokens, finish = tokens[:limit], "length"

    calls = [{"id": f"call_{i}", "arguments": "{}", **call} for i, call in enumerate(behaviour.tool_calls)]
    asked = sum(len(tokens_of(text_of(message.get("content")))) for message in messages)
    choices = min(int(body.get("n") or 1), 16)
    return Said(body["model"], tokens, behaviour.reasoning, calls, finish, asked, behaviour.usage, choices)


def embeddings(body: dict[str, Any]) -> dict[str, Any]:
    """A vector a text, as floats or packed, as the openai package asks by default."""
    texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
    vectors = [vector(str(text), int(body.get("dimensions") or 64)) for text in texts]
    packed = body.get("encoding_format") == "base64"
    data = [
        {
            "object": "embedding",
            "index": i,
            "embedding": base64.b64encode(struct.pack(f"<{len(v)}f", *v)).decode() if packed else v,
        }
        for i, v in enumerate(vectors)
    ]
    count = sum(len(tokens_of(str(text))) for text in texts)
    usage = {"prompt_tokens": count, "total_tokens": count}
    return {"object": "list", "data": data, "model": body.get("model", ""), "usage": usage}
