"""Anthropic's messages. What of a request it has no words for is left out, except where that would change the answer's form."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic_core import from_json, to_json

from actors.llm.continuation import instructed, prefilled
from actors.llm.dialects.dialect import Listed, Request, error_failure, parsed
from actors.llm.failure import Blame, Failure
from actors.llm.form import Asked, Counted, Event, Finish, Piece
from actors.llm.messages import ChatMessage

VERSION = "2023-06-01"
DEFAULT_MAX_TOKENS = 8192
"""Anthropic asks for a limit where OpenAI does not."""

PASSED_ON = ("top_k", "thinking", "output_config", "cache_control")
DATA_URL = re.compile(r"data:(?P<type>[\w.+-]+/[\w.+-]+);base64,(?P<data>.*)", re.DOTALL)
FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}

EFFORTS = ("low", "medium", "high", "xhigh", "max")
"""Anthropic's words for effort, the least first."""

TAKES_EFFORT: tuple[tuple[re.Pattern[str], frozenset[str]], ...] = (
    (re.compile(r"opus[-.]4[-.]5"), frozenset({"low", "medium", "high"})),
    (re.compile(r"(opus|sonnet)[-.]4[-.]6"), frozenset({"low", "medium", "high", "max"})),
    (re.compile(r"(opus|sonnet)[-.]4[-.][7-9](?!\d)|(opus|sonnet|fable|mythos)[-.][5-9](?!\d)"), frozenset(EFFORTS)),
)
"""Models that can be told how much to think, by their names, and the words that they know. Others refuse the whole request."""

SERVICE_TIERS = ("auto", "standard_only")
"""OpenAI has others under the same name."""

INSTRUCTING = {"system", "developer"}

Block = dict[str, Any]


class Anthropic:
    """As in https://docs.anthropic.com/en/api/messages (version 2023-06-01)."""

    embeds = False
    models_path = "/models"
    stream_type = "text/event-stream"
    continuation: Literal["prefill", "instruction"] = "prefill"

    def base_url(self, url: str) -> str:
        """The URL, with its version."""
        return url if url.endswith("/v1") else f"{url}/v1"

    def headers(self, key: str | None) -> dict[str, str]:
        """What identifies us."""
        return {"anthropic-version": VERSION} | ({"x-api-key": key} if key else {})

    def generate(self, asked: Asked) -> Request:
        """A message."""
        if asked.choices > 1:
            raise Failure(
                "this dialect gives one choice only", blame=Blame.REQUEST, told="n: this endpoint gives one choice only"
            )

        messages = list(asked.messages)
        # A final turn of nothing but space is refused; there is nothing to go on from in it either.
        if asked.said.strip():
            go_on = prefilled if asked.continuation == "prefill" else instructed
            messages = go_on(messages, asked.said)

        body: dict[str, Any] = {"model": asked.model, "messages": turns(messages), **options(asked.options)}
        effort = effort_of(asked.model, asked.options)
        if effort == "none":
            body["thinking"] = {"type": "disabled"}
        elif effort is not None:
            body["output_config"] = {**body.get("output_config", {}), "effort": effort}

        system = instructions(messages, None if asks_for_a_form(asked.options) else asked.options.get("response_format"))
        if system:
            body["system"] = system

        if asked.stream:
            body["stream"] = True

        return Request("/messages", body)

    def reader(self) -> AnthropicReader:
        """A reader for one answer."""
        return AnthropicReader()

    def embed(self, model: str, texts: Sequence[str], options: Mapping[str, Any]) -> Request:
        """There are none."""
        del texts, options
        raise Failure("this dialect has no embeddings", blame=Blame.MODEL, told=model)

    def embedded(self, body: Any) -> Any:
        """As it is."""
        return body

    def models(self, body: Any) -> list[Listed]:
        """What it lists."""
        listed = body.get("data") if isinstance(body, dict) else None
        if not isinstance(listed, list):
            raise Failure("its list of models has an unknown form")

        # Newest first; the order stands in for the dates.
        newest = len(listed)
        return [
            Listed(str(model["id"])[:256], newest - place)
            for place, model in enumerate(listed[:10_000])
            if isinstance(model, dict) and model.get("id")
        ]

    def told(self, body: Any) -> str:
        """The error's message, where there is one."""
        error = body.get("error") if isinstance(body, dict) else None
        return str(error.get("message") or "") if isinstance(error, dict) else ""


def asks_for_a_form(options: Mapping[str, Any]) -> bool:
    """Whether the form of the answer is asked for in Anthropic's own option, which then needs no words."""
    config = options.get("output_config")
    return isinstance(config, dict) and bool(config.get("format"))


def instructions(messages: Sequence[ChatMessage], response_format: Any) -> list[Block]:
    """The system and developer messages that a talk begins with, which Anthropic keeps apart, and the form asked for.

    A later one stays at its place in the talk (see `turns`): put in front, it would spoil the prefix cache of all that follows.
    """
    leading = itertools.takewhile(lambda message: message.get("role") in INSTRUCTING, messages)
    blocks = [block for message in leading for block in content_blocks(message.get("content"))]
    kind = response_format.get("type") if isinstance(response_format, dict) else None
    if kind == "json_object":
        blocks.append({"type": "text", "text": "Answer with one JSON object and nothing else."})
    elif kind == "json_schema":
        schema = (response_format.get("json_schema") or {}).get("schema")
        wanted = to_json(schema).decode()
        blocks.append({"type": "text", "text": f"Answer with JSON alone, that fits this JSON schema: {wanted}"})

    return blocks


def turns(messages: Sequence[ChatMessage]) -> list[Block]:
    """The talk proper: user and assistant in turn, a tool's results and late instructions in the user's."""
    joined: list[Block] = []
    for message in itertools.dropwhile(lambda message: message.get("role") in INSTRUCTING, messages):
        role = message.get("role")
        blocks = blocks_of(message)
        if not blocks:
            continue

        speaker = "assistant" if role == "assistant" else "user"
        if joined and joined[-1]["role"] == speaker:
            joined[-1]["content"] += blocks
        else:
            joined.append({"role": speaker, "content": blocks})

    for turn in joined:
        # Results are to stand first, whatever instruction came between a call and them.
        turn["content"].sort(key=lambda block: block["type"] != "tool_result")

    if not joined or joined[0]["role"] == "assistant":
        joined.insert(0, {"role": "user", "content": [{"type": "text", "text": "…"}]})

    return joined


def blocks_of(message: ChatMessage) -> list[Block]:
    """One message's content as blocks."""
    content = message.get("content")
    if message.get("role") in {"tool", "function"}:
        result: Block = {"type": "tool_result", "tool_use_id": message.get("tool_call_id") or message.get("name")}
        blocks = content_blocks(content)
        return [result | ({"content": blocks} if blocks else {})]

    blocks = content_blocks(content)
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(call, dict) and isinstance(function, dict):
            name, arguments = function.get("name"), tool_input(str(function.get("arguments") or ""))
            blocks.append({"type": "tool_use", "id": call.get("id"), "name": name, "input": arguments})

    return blocks


def content_blocks(content: Any) -> list[Block]:
    """Text, images and documents; empty texts are refused by Anthropic, and say nothing."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []

    return [block for part in content or () if (block := block_of(part))] if isinstance(content, list) else []


def block_of(part: Any) -> Block | None:
    """One part of a message's content.

    Raises:
        Failure: (the request's own) when it is of a kind that Anthropic cannot take.
    """
    kind = part.get("type") if isinstance(part, dict) else None
    match kind:
        case "text" | "refusal":
            text = str(part.get(kind) or "")
            cached = {"cache_control": part["cache_control"]} if "cache_control" in part else {}
            return {"type": "text", "text": text, **cached} if text else None
        case "image_url":
            image = part.get("image_url")
            return {"type": "image", "source": source(str(image.get("url") if isinstance(image, dict) else image))}
        case "file":
            file = part.get("file")
            return {"type": "document", "source": source(str(file.get("file_data") if isinstance(file, dict) else ""))}
        case _:
            told = f"messages: a content part of type {str(kind)[:64]!r} cannot be sent to this endpoint"
            raise Failure("a content part that this dialect has no form for", blame=Blame.REQUEST, told=told)


def source(url: str) -> Block:
    """Where an image's or a document's bytes are: in a data URL, or behind a URL."""
    inside = DATA_URL.fullmatch(url)
    if inside is None:
        return {"type": "url", "url": url}

    return {"type": "base64", "media_type": inside["type"], "data": inside["data"]}


def tool_input(arguments: str) -> Any:
    """Arguments as an object: what is not one is kept as text under a name of its own."""
    try:
        value = from_json(arguments or "{}")
    except ValueError:
        value = arguments

    return value if isinstance(value, dict) else {"arguments": value}


def options(given: Mapping[str, Any]) -> dict[str, Any]:
    """OpenAI's options in Anthropic's words."""
    body: dict[str, Any] = {name: given[name] for name in PASSED_ON if given.get(name) is not None}
    body["max_tokens"] = given.get("max_completion_tokens") or given.get("max_tokens") or DEFAULT_MAX_TOKENS
    body |= sampling(given)
    if given.get("thinking_disabled"):
        # Some models think unless they are told not to.
        body["thinking"] = {"type": "disabled"}

    if given.get("service_tier") in SERVICE_TIERS:
        body["service_tier"] = given["service_tier"]

    stop = given.get("stop")
    if stop:
        body["stop_sequences"] = [stop] if isinstance(stop, str) else stop

    if isinstance(given.get("user"), str):
        body["metadata"] = {"user_id": given["user"]}

    functions = [tool["function"] for tool in given.get("tools") or () if isinstance(tool, dict) and "function" in tool]
    if functions:
        body["tools"] = [
            {
                "name": function.get("name"),
                "input_schema": function.get("parameters") or {"type": "object", "properties": {}},
                **({"description": function["description"]} if function.get("description") else {}),
            }
            for function in functions
        ]
        choice = tool_choice(given.get("tool_choice"))
        if given.get("parallel_tool_calls") is False and choice["type"] != "none":
            choice["disable_parallel_tool_use"] = True

        body["tool_choice"] = choice

    return body


def effort_of(model: str, given: Mapping[str, Any]) -> str | None:
    """OpenAI's word for effort in Anthropic's, weaker where the model does not know it, or `none`; None: nothing is to be said.

    What is said in Anthropic's own words (a budget, `disabled`, an effort) counts before it, also where it is wrong: the
    endpoint tells what it wants.
    """
    said, own = given.get("reasoning_effort"), given.get("output_config")
    says_effort = own is not None and (not isinstance(own, dict) or "effort" in own)
    if given.get("thinking") or given.get("thinking_disabled") or says_effort:
        return None

    known = next((words for pattern, words in TAKES_EFFORT if pattern.search(model)), frozenset())
    wanted = "low" if said == "minimal" else said
    if known and wanted == "none":
        return "none"
    if not known or wanted not in EFFORTS:
        return None

    return next(word for word in reversed(EFFORTS[: EFFORTS.index(wanted) + 1]) if word in known)


def sampling(given: Mapping[str, Any]) -> dict[str, Any]:
    """Temperature and top_p. Newer models refuse to be given both; many clients send both, and 1 says nothing."""
    temperature, top_p = given.get("temperature"), given.get("top_p")
    said = {}
    if isinstance(temperature, int | float):
        said["temperature"] = min(temperature, 1)
    if isinstance(top_p, int | float):
        said["top_p"] = top_p

    return {name: value for name, value in said.items() if value != 1} if len(said) > 1 else said


def tool_choice(choice: Any) -> dict[str, Any]:
    """auto, none, required or one function."""
    if isinstance(choice, dict):
        return {"type": "tool", "name": (choice.get("function") or {}).get("name")}

    return {"type": {"none": "none", "required": "any"}.get(str(choice), "auto")}


class AnthropicReader:
    """Reads the events of a message, or a whole one."""

    def __init__(self) -> None:
        self.ended = False
        self.tools: dict[int, int] = {}
        """Place among the tool calls, by block."""

    def event(self, data: str) -> Iterator[Event]:
        """One event."""
        event = parsed(data)
        match event.get("type"):
            case "message_start":
                message = event["message"]
                yield counted(message.get("usage"), message.get("model"), starting=True)
            case "content_block_start":
                yield from self.block(event["index"], event["content_block"])
            case "content_block_delta":
                yield from self.delta(event["index"], event["delta"])
            case "message_delta":
                if event.get("usage"):
                    yield counted(event["usage"])

                yield from finish(event["delta"].get("stop_reason"))
            case "message_stop":
                self.ended = True
            case "error":
                raise error_failure(event.get("error"))
            case _:
                # ping, content_block_stop, and whatever is added later, as Anthropic asks its readers to do.
                pass

    def whole(self, body: Any) -> Iterator[Event]:
        """A message that did not come as a stream."""
        if not isinstance(body, dict) or body.get("type") != "message":
            raise (
                error_failure(body["error"])
                if isinstance(body, dict) and body.get("error")
                else Failure("an answer that is no message")
            )

        yield counted(body.get("usage"), body.get("model"))
        for index, block in enumerate(body.get("content") or ()):
            yield from self.block(index, block)
            if block.get("type") == "tool_use":
                yield self.arguments(index, to_json(block.get("input") or {}).decode())

        yield from finish(body.get("stop_reason"))
        self.ended = True

    def block(self, index: int, block: dict[str, Any]) -> Iterator[Event]:
        """What a block begins with."""
        match block.get("type"):
            case "text" if block.get("text"):
                yield Piece(0, {"content": block["text"]})
            case "thinking" if block.get("thinking"):
                yield Piece(0, {"reasoning_content": block["thinking"]})
            case "tool_use":
                place = self.tools.setdefault(index, len(self.tools))
                call = {"index": place, "id": block["id"], "type": "function"}
                yield Piece(0, {"tool_calls": [call | {"function": {"name": block["name"], "arguments": ""}}]})
            case _:
                pass

    def delta(self, index: int, delta: dict[str, Any]) -> Iterator[Event]:
        """What a block goes on with."""
        match delta.get("type"):
            case "text_delta" if delta.get("text"):
                yield Piece(0, {"content": delta["text"]})
            case "thinking_delta" if delta.get("thinking"):
                yield Piece(0, {"reasoning_content": delta["thinking"]})
            case "input_json_delta" if delta.get("partial_json"):
                yield self.arguments(index, delta["partial_json"])
            case _:
                pass

    def arguments(self, index: int, arguments: str) -> Piece:
        """A piece of a tool call's arguments."""
        return Piece(0, {"tool_calls": [{"index": self.tools[index], "function": {"arguments": arguments}}]})


def finish(stop_reason: Any) -> Iterator[Finish]:
    """The end, in OpenAI's words."""
    if stop_reason:
        yield Finish(0, FINISH_REASONS.get(str(stop_reason), "stop"))


def counted(usage: Any, model: Any = None, *, starting: bool = False) -> Counted:
    """Tokens; what was written to or read from a cache was in the prompt. An answer that begins has not been counted yet."""
    usage = usage if isinstance(usage, dict) else {}
    parts = [usage.get(name) for name in ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")]
    numbers = [part for part in parts if isinstance(part, int)]
    done = usage.get("output_tokens")
    return Counted(
        sum(numbers) if numbers else None,
        done if isinstance(done, int) and not starting else None,
        model[:256] if isinstance(model, str) else None,
        usage.get("cache_read_input_tokens") if isinstance(usage.get("cache_read_input_tokens"), int) else None,
    )
