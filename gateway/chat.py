"""/v1/chat/completions: OpenAI's request becomes a thought, the thought OpenAI's answer, whole or streamed."""

from __future__ import annotations

from typing import Literal

from aiohttp import web
from pydantic import ConfigDict, Field, JsonValue

from actors.message import Name
from actors.thinking.messages import Thought
from gateway.bodies import CHAT_HEADERS, Body, Flag, Number, Part, Whole
from gateway.completion import ChatCompletion, Chunks, completion
from gateway.dialect import asked, key_of, now
from gateway.incoming import Incoming
from gateway.route import Routes
from gateway.telling import Telling

__all__ = ["routes"]

routes = Routes("Chat")

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
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
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
    think = asked(
        call,
        model=body.model,
        messages=call.raw["messages"],
        options=options_of(call.raw),
        effort=body.reasoning_effort,
        stream=bool(body.stream),
        session=body.session,
    )
    if think.stream:
        usage = bool(body.stream_options and body.stream_options.include_usage)
        return await Telling(call, think, Chunks(model=body.model or "default", usage=usage)).tell()

    thought: Thought = await call.ask(think, key=key_of(call))
    return completion(thought, created=thought.created or now())


def options_of(raw: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """What reaches the model as it is: every field that is not ours."""
    return {name: value for name, value in raw.items() if name not in OURS}
