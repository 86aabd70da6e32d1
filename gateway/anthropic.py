"""/v1/messages: Anthropic's request becomes a thought, the thought Anthropic's message, whole or streamed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

from aiohttp import web
from pydantic import ConfigDict, Field, JsonValue
from pydantic_core import to_json

from actors.thinking.messages import Thought
from gateway.anthropic_events import MessageVoice, failure, message
from gateway.bodies import CHAT_HEADERS, Body, Flag, Part, Whole
from gateway.dialect import asked, key_of, must_be, text_in
from gateway.errors import HttpError
from gateway.incoming import Incoming
from gateway.route import Routes
from gateway.telling import NamedTelling

__all__ = ["PATH", "MessagesBody", "routes", "speaks_anthropic", "talk", "tool"]

PATH = "/v1/messages"

routes = Routes("Chat")

Block = dict[str, JsonValue]

NO_THREADS: Final = "thread: messages are not kept here; send the whole talk, and name it in X-Lattice-Session"
UNTHREADED: Final[Mapping[str, JsonValue]] = {"error_code": "thread_unsupported_request", "unsupported": ["thread"]}
"""What the anthropic packages' tool runners go by: they send the same request again with the whole talk, and go on so."""

OURS = {
    "max_tokens",
    "messages",
    "metadata",
    "model",
    "output_config",
    "stop_sequences",
    "stream",
    "system",
    "thinking",
    "thread",
    "tool_choice",
    "tools",
}


class MessageTurn(Part):
    """A message in Anthropic's form."""

    model_config = ConfigDict(extra="allow")

    role: Literal["user", "assistant", "system"]
    content: str | list[Block]


class MessagesBody(Body):
    """Anthropic's request. Fields that are not named here are passed on to the model as they are."""

    model_config = ConfigDict(extra="allow")

    model: str | None = Field(None, max_length=256)
    messages: list[MessageTurn] = Field(min_length=1, max_length=4095)
    max_tokens: Whole = Field(ge=1)
    system: str | list[Block] | None = None
    stream: Flag | None = None
    stop_sequences: list[str] | None = None
    tools: list[Block] | None = None
    tool_choice: Block | None = None
    thinking: Block | None = None
    metadata: Block | None = None
    output_config: Block | None = None
    thread: JsonValue = None


def speaks_anthropic(path: str) -> bool:
    """Whether who asks there expects Anthropic's form of errors, also of what there is not."""
    return path == PATH or path.startswith(f"{PATH}/")


@routes.post(PATH, streams=True, headers=CHAT_HEADERS)
async def messages(call: Incoming, body: MessagesBody) -> web.StreamResponse:
    """Answer the last message of a talk, in Anthropic's form.

    Anthropic's request and answer, with `lattice` beside it. With `stream` the answer is a stream of Anthropic's events that
    ends with `message_stop`, or with an `error` event: it is never silently short. The headers are those of
    /v1/chat/completions.
    """
    for name in ("mcp_servers", "container"):
        must_be(not call.raw.get(name), name, "only tools of the client's own can be used here")
    if body.thread is not None:
        raise HttpError(400, "invalid", NO_THREADS, param="thread", detail=UNTHREADED)

    think = asked(
        call,
        model=body.model,
        messages=talk(body),
        options=options(body, call.raw),
        effort=effort(body),
        stream=bool(body.stream),
        shown=is_shown(body.thinking),
    )
    if think.stream:
        return await NamedTelling(call, think, MessageVoice(body.model or "default"), failure).tell()

    thought: Thought = await call.ask(think, key=key_of(call))
    return web.Response(body=to_json(message(thought)), content_type="application/json")


def is_shown(thinking: Block | None) -> bool:
    """Whether what is thought aloud is asked for."""
    return bool(thinking and thinking.get("type") in {"enabled", "adaptive"} and thinking.get("display") != "omitted")


def talk(body: MessagesBody) -> list[dict[str, JsonValue]]:
    """The whole talk in the internal form."""
    turns: list[dict[str, JsonValue]] = []
    if body.system:
        turns.append({"role": "system", "content": content(body.system, "system")})

    for number, turn in enumerate(body.messages):
        where = f"messages[{number}].content"
        if isinstance(turn.content, str):
            turns.append({"role": turn.role, "content": turn.content})
        elif turn.role == "assistant":
            turns.append(said(turn.content, where))
        else:
            numbered = enumerate(turn.content)
            turns += [result(block, f"{where}[{n}]") for n, block in numbered if block.get("type") == "tool_result"]
            if rest := [(n, block) for n, block in enumerate(turn.content) if block.get("type") != "tool_result"]:
                turns.append({"role": turn.role, "content": parts_of(rest, where)})

    return turns


APART: Final = ("tool_use", "thinking", "redacted_thinking")
"""Blocks of the assistant's that are no content: tools that it called, and what it thought in private."""


def said(blocks: list[Block], where: str) -> dict[str, JsonValue]:
    """A turn of the assistant's: its text, and the tools that it called. What it thought in private is its own."""
    calls: list[JsonValue] = [
        {
            "id": text_in(block, "id", f"{where}[{number}]"),
            "type": "function",
            "function": {
                "name": text_in(block, "name", f"{where}[{number}]"),
                "arguments": to_json(block.get("input") or {}).decode(),
            },
        }
        for number, block in enumerate(blocks)
        if block.get("type") == "tool_use"
    ]
    rest = [(number, block) for number, block in enumerate(blocks) if block.get("type") not in APART]
    turn: dict[str, JsonValue] = {"role": "assistant", "content": parts_of(rest, where) if rest else None}
    return {**turn, "tool_calls": calls} if calls else turn


def result(block: Block, where: str) -> dict[str, JsonValue]:
    """What a tool answered."""
    told = block.get("content")
    return {
        "role": "tool",
        "tool_call_id": text_in(block, "tool_use_id", where),
        "content": content(told, f"{where}.content") if isinstance(told, str | list) else "",
    }


def content(blocks: str | list[Any], where: str) -> JsonValue:
    """Text, or parts where there is more than one text."""
    return blocks if isinstance(blocks, str) else parts_of(enumerate(blocks), where)


def parts_of(numbered: Iterable[tuple[int, Any]], where: str) -> JsonValue:
    """Blocks of a content, each with its place in it: text, or parts where there is more than one text."""
    parts = [part(block, f"{where}[{number}]") for number, block in numbered]
    only = parts[0] if len(parts) == 1 else None
    return only["text"] if only is not None and set(only) == {"type", "text"} else list(parts)


def part(block: Any, where: str) -> dict[str, JsonValue]:
    """A block as a part of a message."""
    must_be(isinstance(block, dict), where, "a content block is an object")
    match block.get("type"):
        case "text":
            must_be(isinstance(block.get("text"), str), f"{where}.text", "a text is wanted")
            cached = {"cache_control": block["cache_control"]} if "cache_control" in block else {}
            return {"type": "text", "text": block["text"], **cached}
        case "image":
            return {"type": "image_url", "image_url": {"url": address(block, where)}}
        case "document" if isinstance(block.get("source"), dict) and block["source"].get("type") == "text":
            return {"type": "text", "text": text_in(block["source"], "data", f"{where}.source")}
        case "document":
            return {"type": "file", "file": {"file_data": address(block, where)}}
        case kind:
            must_be(False, f"{where}.type", f"a block of type {str(kind)[:64]!r} cannot be taken here")
            raise AssertionError("unreachable")


def address(block: Block, where: str) -> str:
    """The URL of what a block brings, or points to."""
    where = f"{where}.source"
    must_be(isinstance(block.get("source"), dict), where, "a JSON object is wanted")
    source: Any = block["source"]
    match source.get("type"):
        case "url":
            return text_in(source, "url", where)
        case "base64":
            return f"data:{text_in(source, 'media_type', where)};base64,{text_in(source, 'data', where)}"
        case kind:
            must_be(False, f"{where}.type", f"a source of type {str(kind)[:64]!r} cannot be read here")
            raise AssertionError("unreachable")


def options(body: MessagesBody, raw: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Anthropic's options in the internal form. What is null is not given."""
    given: dict[str, JsonValue] = {
        name: value for name, value in raw.items() if name not in OURS | set(Body.model_fields) and value is not None
    }
    given["max_tokens"] = body.max_tokens
    if body.stop_sequences:
        given["stop"] = list(body.stop_sequences)

    if body.metadata and isinstance(body.metadata.get("user_id"), str):
        given["user"] = body.metadata["user_id"]

    if body.thinking and body.thinking.get("type") == "disabled":
        # By a name of its own: in other vendors' dialects the same word is an option of theirs, and many refuse it.
        given["thinking_disabled"] = True
    elif body.thinking:
        given["thinking"] = body.thinking

    if body.output_config:
        given |= output(body.output_config)

    if body.tools:
        given["tools"] = [tool(one, f"tools[{number}]") for number, one in enumerate(body.tools)]

    if body.tool_choice:
        given |= choice(body.tool_choice)

    return given


def tool(block: Block, where: str) -> JsonValue:
    """A tool as a function."""
    must_be(block.get("type", "custom") == "custom", f"{where}.type", "only tools of the client's own can be used here")
    function: dict[str, JsonValue] = {
        "name": text_in(block, "name", where),
        "parameters": block.get("input_schema") or {"type": "object"},
    }
    if block.get("description"):
        function["description"] = block["description"]

    return {"type": "function", "function": function}


def choice(block: Block) -> dict[str, JsonValue]:
    """Which tool is to be called."""
    chosen: dict[str, JsonValue] = {}
    match block.get("type"):
        case "tool":
            chosen["tool_choice"] = {"type": "function", "function": {"name": text_in(block, "name", "tool_choice")}}
        case "any":
            chosen["tool_choice"] = "required"
        case "none":
            chosen["tool_choice"] = "none"
        case "auto":
            chosen["tool_choice"] = "auto"
        case kind:
            must_be(False, "tool_choice.type", f"there is no choice {str(kind)[:64]!r}")

    if block.get("disable_parallel_tool_use"):
        chosen["parallel_tool_calls"] = False

    return chosen


def output(config: Block) -> dict[str, JsonValue]:
    """The form that is asked for: as it is for Anthropic's endpoints, and in the internal form for all others."""
    form = config.get("format")
    if not isinstance(form, dict) or form.get("type") != "json_schema":
        return {"output_config": config}

    schema: JsonValue = {"name": "answer", "schema": form.get("schema")}
    return {"output_config": config, "response_format": {"type": "json_schema", "json_schema": schema}}


def effort(body: MessagesBody) -> str | None:
    """How much thought it is worth: by the word for it, or by the tokens that may be spent on it."""
    thinking, said = body.thinking, (body.output_config or {}).get("effort")
    budget = thinking.get("budget_tokens") if thinking and thinking.get("type") == "enabled" else None
    if not isinstance(budget, int):
        return said if isinstance(said, str) else None

    return "low" if budget < 4096 else "medium" if budget < 16_384 else "high"
