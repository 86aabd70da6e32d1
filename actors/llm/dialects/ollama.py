"""Ollama's own dialect: /api/chat and /api/embed, whose streams are a JSON object a line."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic_core import from_json, to_json

from actors.llm.continuation import instructed, prefilled
from actors.llm.dialects.dialect import Listed, Request, parsed
from actors.llm.dialects.openai import number
from actors.llm.failure import Blame, Failure
from actors.llm.form import Asked, Counted, Event, Finish, Piece
from actors.llm.messages import ChatMessage

DATA_URL = re.compile(r"data:[\w.+-]+/[\w.+-]+;base64,(?P<data>.*)", re.DOTALL)
SAMPLING = (
    "frequency_penalty",
    "min_p",
    "num_ctx",
    "presence_penalty",
    "repeat_penalty",
    "seed",
    "temperature",
    "top_k",
    "top_p",
)
"""Options that stand in `options` under the same name."""

BESIDE = ("keep_alive", "think", "logprobs", "top_logprobs")

Item = dict[str, Any]


class Ollama:
    """As in https://docs.ollama.com/api."""

    embeds = True
    models_path = "/api/tags"
    stream_type = "application/x-ndjson"
    continuation: Literal["prefill", "instruction"] = "prefill"

    def base_url(self, url: str) -> str:
        """The URL without a path; that of its OpenAI dialect will do too."""
        return url.removesuffix("/v1").removesuffix("/api")

    def headers(self, key: str | None) -> dict[str, str]:
        """What identifies us, where there is something before it that asks."""
        return {"Authorization": f"Bearer {key}"} if key else {}

    def generate(self, asked: Asked) -> Request:
        """A chat."""
        if asked.choices > 1:
            raise Failure(
                "this dialect gives one choice only", blame=Blame.REQUEST, told="n: this endpoint gives one choice only"
            )

        messages = list(asked.messages)
        if asked.said:
            go_on = prefilled if asked.continuation == "prefill" else instructed
            messages = go_on(messages, asked.said)

        return Request(
            "/api/chat",
            {"model": asked.model, "messages": turns(messages), "stream": asked.stream, **options(asked.options)},
        )

    def reader(self) -> OllamaReader:
        """A reader for one answer."""
        return OllamaReader()

    def embed(self, model: str, texts: Sequence[str], options: Mapping[str, Any]) -> Request:
        """An embedding."""
        dimensions = {"dimensions": options["dimensions"]} if options.get("dimensions") else {}
        return Request("/api/embed", {"model": model, "input": list(texts), **dimensions})

    def embedded(self, body: Any) -> Any:
        """Its vectors in OpenAI's form."""
        if not isinstance(body, dict) or not isinstance(body.get("embeddings"), list):
            return body

        data = [{"index": index, "embedding": vector} for index, vector in enumerate(body["embeddings"])]
        return {"data": data, "model": body.get("model"), "usage": {"prompt_tokens": body.get("prompt_eval_count") or 0}}

    def models(self, body: Any) -> list[Listed]:
        """What it lists: the one that was changed last is the newest."""
        listed = body.get("models") if isinstance(body, dict) else None
        if not isinstance(listed, list):
            raise Failure("its list of models has an unknown form")

        known = [model for model in listed[:10_000] if isinstance(model, dict) and model.get("name")]
        dates = sorted({str(model.get("modified_at")) for model in known})
        return [Listed(str(model["name"])[:256], dates.index(str(model.get("modified_at")))) for model in known]

    def told(self, body: Any) -> str:
        """The error's message, where there is one."""
        return str(body.get("error") or "") if isinstance(body, dict) else ""


def turns(messages: Sequence[ChatMessage]) -> list[Item]:
    """The talk; a tool's result says which tool's it is by the tool's name."""
    names: dict[Any, Any] = {}
    told = []
    for message in messages:
        role = "system" if message.get("role") == "developer" else message.get("role")
        turn: Item = {"role": "tool" if role == "function" else role, **content(message.get("content"))}
        calls = [call for call in listed(message.get("tool_calls")) if isinstance(call.get("function"), dict)]
        names |= {call.get("id"): call["function"].get("name") for call in calls}
        if calls:
            turn["tool_calls"] = [{"function": called(call["function"])} for call in calls]

        if turn["role"] == "tool":
            turn["tool_name"] = names.get(message.get("tool_call_id")) or message.get("name") or ""

        told.append(turn)

    return told


def listed(value: Any) -> list[Any]:
    """The objects of a list, if it is one."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def called(function: Item) -> Item:
    """A call's name, and its arguments as an object."""
    try:
        arguments = from_json(str(function.get("arguments") or "{}"))
    except ValueError:
        arguments = function.get("arguments")

    return {"name": function.get("name"), "arguments": arguments if isinstance(arguments, dict) else {"arguments": arguments}}


def content(given: Any) -> Item:
    """A message's text, and its images apart.

    Raises:
        Failure: (the request's own) for what is neither, and for images that are elsewhere.
    """
    if not isinstance(given, list):
        return {"content": str(given or "")}

    texts, images = [], []
    for part in listed(given):
        match part.get("type"):
            case "text" | "refusal" as kind:
                texts.append(str(part.get(kind) or ""))
            case "image_url":
                image = part.get("image_url")
                inside = DATA_URL.fullmatch(str(image.get("url") if isinstance(image, dict) else image))
                if inside is None:
                    told = "messages: this endpoint takes images as data URLs only"
                    raise Failure("an image that is elsewhere", blame=Blame.REQUEST, told=told)

                images.append(inside["data"])
            case kind:
                told = f"messages: a content part of type {str(kind)[:64]!r} cannot be sent to this endpoint"
                raise Failure("a content part that this dialect has no form for", blame=Blame.REQUEST, told=told)

    return {"content": "\n".join(texts), **({"images": images} if images else {})}


def options(given: Mapping[str, Any]) -> Item:
    """OpenAI's options in Ollama's words; what it has no word for is left out."""
    sampling = {name: given[name] for name in SAMPLING if given.get(name) is not None}
    most = given.get("max_completion_tokens") or given.get("max_tokens")
    if most:
        sampling["num_predict"] = most

    stop = given.get("stop")
    if stop:
        sampling["stop"] = [stop] if isinstance(stop, str) else stop

    body: Item = {name: given[name] for name in BESIDE if given.get(name) is not None}
    if sampling:
        body["options"] = sampling

    tools = offered(given)
    if tools:
        body["tools"] = tools

    effort = given.get("reasoning_effort")
    if given.get("thinking_disabled"):
        body["think"] = False
    elif effort and "think" not in body:
        body["think"] = effort if effort in {"low", "medium", "high"} else effort in {"xhigh", "max"}

    form = given.get("response_format")
    if isinstance(form, dict) and form.get("type") in {"json_object", "json_schema"}:
        body["format"] = (form.get("json_schema") or {}).get("schema") or "json"

    return body


def offered(given: Mapping[str, Any]) -> list[Any]:
    """The tools that may be called. There is no option for one that must be, or for some alone: no others are offered."""
    tools, choice = listed(given.get("tools")), given.get("tool_choice")
    if not isinstance(choice, dict):
        return [] if choice == "none" else tools

    allowed = choice.get("allowed_tools")
    named = listed(allowed.get("tools")) if isinstance(allowed, dict) else [choice]
    wanted = {name_of(one) for one in named}
    return [tool for tool in tools if name_of(tool) in wanted]


def name_of(tool: Item) -> Any:
    """The name of a function."""
    function = tool.get("function")
    return function.get("name") if isinstance(function, dict) else None


class OllamaReader:
    """Reads the objects of a chat, one a line, or a whole one."""

    def __init__(self) -> None:
        self.ended = False
        self.calls = 0

    def event(self, data: str) -> Iterator[Event]:
        """One line."""
        yield from self.whole(parsed(data), last=False)

    def whole(self, body: Any, *, last: bool = True) -> Iterator[Event]:
        """A chat that did not come as a stream; or, where it is not the `last`, an object of one that did."""
        if not isinstance(body, dict):
            raise Failure("a piece of its answer has an unknown form")

        if body.get("error"):
            raise Failure("an error inside the answer", told=str(body["error"])[:500])

        message = body.get("message") or {}
        if message.get("thinking"):
            yield Piece(0, {"reasoning_content": message["thinking"]})

        if message.get("content"):
            yield Piece(0, {"content": message["content"]})

        for call in listed(message.get("tool_calls")):
            yield self.call(call)

        if not body.get("done"):
            if last:
                raise Failure("its answer ended without a finish")

            return

        yield Counted(number(body.get("prompt_eval_count")), number(body.get("eval_count")), str(body.get("model") or "")[:256])
        yield Finish(0, "length" if body.get("done_reason") == "length" else "tool_calls" if self.calls else "stop")
        self.ended = True

    def call(self, call: Item) -> Piece:
        """A tool call, which comes whole; older servers give it no id."""
        function = {"name": call["function"]["name"], "arguments": to_json(call["function"].get("arguments") or {}).decode()}
        named = {"index": self.calls, "id": str(call.get("id") or f"call_{secrets.token_hex(8)}"), "type": "function"}
        self.calls += 1
        return Piece(0, {"tool_calls": [{**named, "function": function}]})
