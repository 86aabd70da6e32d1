"""/v1/chat/completions: OpenAI's request becomes a thought, the thought OpenAI's answer, whole or streamed."""

from __future__ import annotations

import secrets
import time
from contextlib import aclosing
from typing import Literal

from aiohttp import web
from pydantic import ConfigDict, Field, JsonValue

from actors.message import Name
from actors.thinking.messages import Effort, Saying, Think, Thought
from gateway.bodies import CHAT_HEADERS, DEFAULT_MODELS, Body, Flag, Number, Part, Whole
from gateway.completion import ChatCompletion, Chunks, Voice, completion
from gateway.errors import HttpError
from gateway.incoming import Incoming, digest
from gateway.route import Routes
from gateway.said import Said
from gateway.sse import EventStream, with_silences
from transport.errors import LatticeError, PeerReplaced

__all__ = ["routes"]

routes = Routes("Chat")

EFFORTS: dict[str, Effort] = {
    "none": "none",
    "minimal": "none",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
}
"""Ours by OpenAI's."""


OURS = frozenset({"namespace", "session", "model", "messages", "stream", "stream_options", "reasoning_effort"})
"""Fields that do not reach the model as they are."""


class ChatTurn(Part):
    """A message in OpenAI's form; its further fields are passed on as they are."""

    model_config = ConfigDict(extra="allow")

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[dict[str, JsonValue]] | None = None


class StreamOptions(Part):
    """OpenAI's stream_options."""

    model_config = ConfigDict(extra="allow")

    include_usage: Flag | None = None


class ChatBody(Body):
    """OpenAI's request. Fields that are not named here are passed on to the model as they are."""

    model_config = ConfigDict(extra="allow")

    model: str | None = Field(None, max_length=256)
    messages: list[ChatTurn] = Field(min_length=1, max_length=4095)
    stream: Flag | None = None
    stream_options: StreamOptions | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    session: Name | None = None

    # Passed on as well. What OpenAI refuses is refused here too, whatever the endpoint of the day makes of it.
    temperature: Number | None = None
    top_p: Number | None = None
    presence_penalty: Number | None = None
    frequency_penalty: Number | None = None
    n: Whole | None = None
    seed: Whole | None = None
    max_tokens: Whole | None = None
    max_completion_tokens: Whole | None = None
    top_logprobs: Whole | None = None
    logprobs: Flag | None = None
    parallel_tool_calls: Flag | None = None
    store: Flag | None = None


@routes.post("/v1/chat/completions", streams=True, headers=CHAT_HEADERS)
async def chat(call: Incoming, body: ChatBody) -> ChatCompletion | web.StreamResponse:
    """Answer the last message of a talk.

    OpenAI's request and answer; `lattice` beside it says what the answer was given from. With `stream` the answer is a stream
    of `chat.completion.chunk` events that ends with `[DONE]`, or with an error event: it is never silently short.
    X-Lattice-Session names the talk, X-Lattice-Memory (on, read, off) says what it may have to do with memory, and
    X-Lattice-Reasoning (hide, field, comments) whether what is thought aloud is shown.
    """
    session = call.session(body.session)
    memory = memory_of(call)
    shown = reasoning_of(call)
    given = None if call.idempotency_key is None else call.write_key
    key = given or f"body:{digest(call.namespace, session, memory, shown, call.fingerprint)}"
    think = Think(
        namespace=call.namespace,
        session=session,
        memory=memory,
        model=None if body.model in DEFAULT_MODELS else body.model,
        messages=call.raw["messages"],
        options=options_of(call.raw),
        effort=None if body.reasoning_effort is None else EFFORTS[body.reasoning_effort],
        stream=bool(body.stream),
        reasoning="show" if shown == "field" or (shown == "comments" and body.stream) else "hide",
        reuse="no-cache" not in call.request.headers.get("Cache-Control", "").lower(),
        talk=None if given is None else f"talk-{digest(given)[:24]}",
        retry=given is not None or is_repeated(call),
    )

    if think.stream:
        options = body.stream_options or StreamOptions()
        return await Telling(call, think, key, Chunks(model=body.model or "default", usage=bool(options.include_usage))).tell()

    thought: Thought = await call.ask(think, key=key)
    return completion(thought, created=thought.created or now())


class Telling:
    """One streamed answer on its way to the client."""

    def __init__(self, call: Incoming, think: Think, key: str, chunks: Voice) -> None:
        self.call = call
        self.think = think
        self.key = key
        self.chunks = chunks
        self.said = Said()
        self.comments = reasoning_of(call) == "comments"
        self.events = EventStream(call.request, call.settings.write_timeout_s)

    async def tell(self) -> web.StreamResponse:
        """Tell the whole answer, or end with an error event.

        Raises:
            LatticeError: before anything went out.
            ConnectionError: the client is gone.
        """
        try:
            thought = await self.pieces()
            await self.end(thought)
        except LatticeError as error:
            if not self.events.begun:
                raise

            self.call.failed(error)
            await self.events.fail(error)

        return self.events.response

    async def pieces(self) -> Thought:
        """Send the pieces as they come. When the process that thinks is replaced, the next one tells the same answer anew."""
        call_id = secrets.token_hex(12)

        while True:
            try:
                async with self.call.stream(self.think, key=self.key, id=call_id) as stream:
                    async with aclosing(with_silences(stream, self.call)) as parts:
                        async for saying in parts:
                            if saying is None:
                                await self.events.heartbeat()
                            else:
                                await self.send(saying)

                    self.said.check_whole()
                    thought: Thought = stream.reply
                    return thought
            except PeerReplaced:
                self.said.again()
                self.think = self.think.model_copy(update={"retry": True})

    async def send(self, saying: Saying) -> None:
        """Send what of a piece the client does not have."""
        if not self.chunks.named:
            self.chunks.name(saying.thought_id or f"th_{secrets.token_hex(12)}", saying.created or now())

        if self.said.opens(saying.index):
            await self.events.send(self.chunks.opening(saying.index))

        new = self.said.take(saying.index, saying.delta)
        if self.comments and isinstance(thought := new.pop("reasoning_content", None), str):
            await self.events.comment(thought)
        if new:
            await self.events.send(self.chunks.piece(saying.index, new, saying.logprobs))

    async def end(self, thought: Thought) -> None:
        """Send what was never said in pieces, and the end."""
        if not self.chunks.named:
            self.chunks.name(thought.thought_id, thought.created or now())

        for choice in thought.choices:
            rest = self.said.rest(choice.index, choice.message)
            if self.comments:
                rest.pop("reasoning_content", None)
            if self.said.opens(choice.index):
                await self.events.send(self.chunks.opening(choice.index))
            if rest:
                await self.events.send(self.chunks.piece(choice.index, rest))

        for chunk in self.chunks.ending(thought):
            await self.events.send(chunk)

        await self.events.done()


def options_of(raw: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """What reaches the model as it is: every field that is not ours, and the effort in the client's own word."""
    options = {name: value for name, value in raw.items() if name not in OURS}
    if raw.get("reasoning_effort") is not None:
        options["reasoning_effort"] = raw["reasoning_effort"]

    return options


def memory_of(call: Incoming) -> Literal["on", "read", "off"]:
    """What the talk may have to do with memory."""
    match call.request.headers.get("X-Lattice-Memory", "on").lower():
        case "on":
            return "on"
        case "read":
            return "read"
        case "off":
            return "off"
        case _:
            raise HttpError(400, "invalid", "X-Lattice-Memory is on, read or off", param="X-Lattice-Memory")


def reasoning_of(call: Incoming) -> Literal["hide", "field", "comments"]:
    """Whether what is thought aloud is shown: in `reasoning_content`, or (of a stream) in comments."""
    match call.request.headers.get("X-Lattice-Reasoning", "hide").lower():
        case "hide":
            return "hide"
        case "field":
            return "field"
        case "comments":
            return "comments"
        case _:
            raise HttpError(400, "invalid", "X-Lattice-Reasoning is hide, field or comments", param="X-Lattice-Reasoning")


def is_repeated(call: Incoming) -> bool:
    """Whether the client says that it has sent this request before: the openai and anthropic packages do by a count."""
    headers = call.request.headers
    count = headers.get("x-stainless-retry-count", "0")
    return (count.isascii() and count.isdigit() and int(count) > 0) or headers.get("X-Lattice-Retry", "").lower() == "true"


def now() -> int:
    """Unix time in seconds."""
    return int(time.time())
