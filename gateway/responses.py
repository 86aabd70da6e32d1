"""/v1/responses: OpenAI's newer request becomes a thought, the thought a response, whole or streamed."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web
from pydantic import ConfigDict, Field, JsonValue
from pydantic_core import to_json

from actors.message import Name
from actors.thinking.messages import Keep, Thought
from gateway.bodies import CHAT_HEADERS, Body, Flag, Whole
from gateway.dialect import asked, key_of, memory_of, must_be, now, text_in
from gateway.errors import HttpError
from gateway.incoming import Incoming
from gateway.kept_responses import TalkBefore, talk_before
from gateway.references import put_back
from gateway.response_events import RequestEcho, ResponseVoice, response
from gateway.route import Routes
from gateway.telling import NamedTelling

__all__ = ["routes"]

routes = Routes("Chat")

Item = dict[str, JsonValue]

MOST_TOLD: Final = 1 << 20
"""Characters that a kept response may repeat of its request."""

OURS = {
    "background",
    "conversation",
    "include",
    "input",
    "instructions",
    "max_output_tokens",
    "previous_response_id",
    "prompt",
    "reasoning",
    "store",
    "stream_options",
    "text",
    "tool_choice",
    "tools",
    "truncation",
}
"""Fields that have other names, or no meaning, in the internal form."""


class ResponsesBody(Body):
    """OpenAI's request. Fields that are not named here are passed on to the model as they are."""

    model_config = ConfigDict(extra="allow")

    model: str | None = Field(None, max_length=256)
    input: str | list[Item] = Field(min_length=1)
    instructions: str | None = None
    max_output_tokens: Whole | None = Field(None, ge=1)
    stream: Flag | None = None
    reasoning: Item | None = None
    text: Item | None = None
    tools: list[Item] | None = None
    tool_choice: str | Item | None = None
    previous_response_id: str | None = None
    store: Flag | None = None
    conversation: JsonValue = None
    prompt: JsonValue = None
    background: Flag | None = None
    session: Name | None = None


@routes.post("/v1/responses", streams=True, headers=CHAT_HEADERS)
async def responses(call: Incoming, body: ResponsesBody) -> web.StreamResponse:
    """Answer an input, in the form of OpenAI's Responses.

    OpenAI's request and answer, with `lattice` beside it. With `stream` the answer is a stream of OpenAI's events that ends
    with `response.completed` (or `.incomplete`), or with an `error` event: it is never silently short. It is kept unless
    `store` is false (or memory is kept out and `store` is not said), and `previous_response_id` goes on from it.
    X-Lattice-Session names the talk; without it a talk keeps its name. The headers are those of /v1/chat/completions.
    """
    for name in ("conversation", "prompt", "background"):
        must_be(not getattr(body, name), name, "cannot be taken here: use previous_response_id, or send the whole input")

    before = await talk_before(call, body.previous_response_id)
    items = body.input if isinstance(body.input, str) else await put_back(call, body.input)
    fresh = talk(items)
    must_be(any(turn["role"] != "system" for turn in fresh), "input", "there is nothing to answer")
    told = RequestEcho(call.raw, previous=body.previous_response_id or None, store=is_kept(call, body))
    effort = body.reasoning.get("effort") if body.reasoning else None
    think = asked(
        call,
        model=body.model,
        messages=[*instructed(body.instructions), *before.turns, *fresh],
        options=options(body, call.raw),
        effort=effort if isinstance(effort, str) else None,
        stream=bool(body.stream),
        shown=bool(body.reasoning and body.reasoning.get("summary")),
        session=call.session(body.session) or before.session,
        keep=keep(told, before, len(fresh), must=bool(body.store)),
    )
    if think.stream:
        voice = ResponseVoice(told, body.model or "default")
        return await NamedTelling(call, think, voice, voice.failure).tell()

    thought: Thought = await call.ask(think, key=key_of(call))
    return web.Response(body=to_json(response(thought, told, thought.created or now())), content_type="application/json")


def is_kept(call: Incoming, body: ResponsesBody) -> bool:
    """Whether the answer is to be kept: as OpenAI does it, unless the client says otherwise, or wants nothing remembered."""
    return body.store if body.store is not None else memory_of(call) == "on"


def keep(told: RequestEcho, before: TalkBefore, fresh: int, *, must: bool) -> Keep | None:
    """How the answer is to be kept; None where it is not. `must`: the client says so.

    Raises:
        HttpError: 413, what the response repeats of its request is too large.
    """
    said = told.told() if told.store else ""
    if len(said) > MOST_TOLD:
        if must:
            raise HttpError(
                413, "too_large", "store: with over 1 MiB of instructions and tools it cannot be kept", param="store"
            )
        told.store = False

    return Keep(previous=before.thought_id, fresh=fresh, asked=said) if told.store else None


def instructed(instructions: str | None) -> list[dict[str, JsonValue]]:
    """What stands before the talk. It counts for this response alone, as OpenAI has it."""
    return [{"role": "system", "content": instructions}] if instructions else []


def talk(items: str | list[Item]) -> list[dict[str, JsonValue]]:
    """The input in the internal form."""
    if isinstance(items, str):
        return [{"role": "user", "content": items}]

    turns: list[dict[str, JsonValue]] = []
    for number, item in enumerate(items):
        where = f"input[{number}]"
        match item.get("type", "message"):
            case "message":
                role = item.get("role")
                must_be(role in {"user", "assistant", "system", "developer"}, f"{where}.role", "there is no such role")
                turns.append({"role": role, "content": content(item.get("content"), f"{where}.content")})
            case "function_call":
                called(turns, item, where)
            case "function_call_output":
                output = item.get("output")
                told = output if isinstance(output, str) else content(output, f"{where}.output")
                turns.append({"role": "tool", "tool_call_id": text_in(item, "call_id", where), "content": told})
            case "reasoning":
                # What was thought in private stays there.
                pass
            case kind:
                must_be(False, f"{where}.type", f"an item of type {str(kind)[:64]!r} cannot be taken here")

    return turns


def called(turns: list[dict[str, JsonValue]], item: Item, where: str) -> None:
    """A tool that the assistant called: in its last turn, or in one of its own."""
    function: Item = {"name": text_in(item, "name", where), "arguments": item.get("arguments") or "{}"}
    call: Item = {"id": text_in(item, "call_id", where), "type": "function", "function": function}
    last = turns[-1] if turns and turns[-1]["role"] == "assistant" else None
    if last is None:
        last = {"role": "assistant", "content": None}
        turns.append(last)

    calls = last.setdefault("tool_calls", [])
    if isinstance(calls, list):
        calls.append(call)


def content(given: Any, where: str) -> JsonValue:
    """Text, or parts where there is more than one text."""
    if isinstance(given, str):
        return given

    must_be(isinstance(given, list), where, "a text, or a list of parts")
    parts = [part(one, f"{where}[{number}]") for number, one in enumerate(given)]
    only = parts[0] if len(parts) == 1 else None
    return only["text"] if only is not None and only["type"] == "text" else list(parts)


def part(given: Any, where: str) -> dict[str, JsonValue]:
    """A part of a message."""
    must_be(isinstance(given, dict), where, "a content part is an object")
    match given.get("type"):
        case "input_text" | "output_text" | "text":
            must_be(isinstance(given.get("text"), str), f"{where}.text", "a text is wanted")
            return {"type": "text", "text": given["text"]}
        case "refusal":
            return {"type": "text", "text": str(given.get("refusal") or "")}
        case "input_image":
            must_be(given.get("image_url"), f"{where}.image_url", "files that were uploaded elsewhere cannot be read here")
            image: dict[str, JsonValue] = {"url": given["image_url"]}
            return {"type": "image_url", "image_url": image | ({"detail": given["detail"]} if given.get("detail") else {})}
        case "input_file":
            must_be(
                given.get("file_data") or given.get("file_url"), where, "files that were uploaded elsewhere cannot be read here"
            )
            file = {"file_data": given.get("file_data") or given.get("file_url")}
            return {"type": "file", "file": file | ({"filename": given["filename"]} if given.get("filename") else {})}
        case kind:
            must_be(False, f"{where}.type", f"a part of type {str(kind)[:64]!r} cannot be taken here")
            raise AssertionError("unreachable")


def options(body: ResponsesBody, raw: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """The further fields, as chat completions call them."""
    given: dict[str, JsonValue] = {
        name: value for name, value in raw.items() if name not in OURS | set(ResponsesBody.model_fields) and value is not None
    }
    if body.max_output_tokens is not None:
        given["max_completion_tokens"] = body.max_output_tokens

    if body.tools:
        given["tools"] = [tool(one, f"tools[{number}]") for number, one in enumerate(body.tools)]

    if body.tool_choice is not None:
        given["tool_choice"] = chosen(body.tool_choice)

    form = body.text.get("format") if body.text else None
    if isinstance(form, dict) and form.get("type") not in {None, "text"}:
        schema = {name: value for name, value in form.items() if name != "type"}
        given["response_format"] = {"type": form["type"], **({"json_schema": schema} if schema else {})}

    if body.text and body.text.get("verbosity"):
        given["verbosity"] = body.text["verbosity"]

    return given


def chosen(choice: str | Item) -> JsonValue:
    """Which tool is to be called."""
    if isinstance(choice, str):
        return choice

    must_be(choice.get("type") == "function", "tool_choice.type", "only functions of the client's own can be used here")
    return {"type": "function", "function": {"name": text_in(choice, "name", "tool_choice")}}


def tool(item: Item, where: str) -> JsonValue:
    """A tool as a function."""
    must_be(item.get("type") == "function", f"{where}.type", "only functions of the client's own can be used here")
    text_in(item, "name", where)
    return {
        "type": "function",
        "function": {name: value for name, value in item.items() if name != "type" and value is not None},
    }
