"""OpenAI's Responses. Nothing is kept at the endpoint: the whole talk is sent each time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from actors.llm.continuation import instructed
from actors.llm.dialects.dialect import Listed, Request, error_failure, parsed
from actors.llm.dialects.openai import ANTHROPICS_MOST, MOST, OpenAI, is_anthropics, number
from actors.llm.failure import Blame, Failure
from actors.llm.form import Asked, Counted, Event, Finish, Piece
from actors.llm.messages import ChatMessage

CHATS_OWN = {
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "n",
    "presence_penalty",
    "reasoning_effort",
    "response_format",
    "seed",
    "stop",
    "stream_options",
    "tool_choice",
    "tools",
    "verbosity",
}
"""Options of chat completions that have another form here, or none."""

Item = dict[str, Any]


class Responses:
    """As in https://platform.openai.com/docs/api-reference/responses."""

    embeds = True
    models_path = "/models"
    stream_type = "text/event-stream"
    continuation: Literal["prefill", "instruction"] = "instruction"

    def __init__(self) -> None:
        self.chat = OpenAI()
        """Everything else is as with chat completions."""

    def base_url(self, url: str) -> str:
        """The URL as it is."""
        return url

    def headers(self, key: str | None) -> dict[str, str]:
        """What identifies us."""
        return self.chat.headers(key)

    def generate(self, asked: Asked) -> Request:
        """A response."""
        if asked.choices > 1:
            raise Failure(
                "this dialect gives one choice only", blame=Blame.REQUEST, told="n: this endpoint gives one choice only"
            )

        messages = instructed(asked.messages, asked.said) if asked.said else list(asked.messages)
        body = {"model": asked.model, "input": [item for message in messages for item in items(message)], "store": False}
        body |= options(asked.options)
        return Request("/responses", body | ({"stream": True} if asked.stream else {}))

    def reader(self) -> ResponsesReader:
        """A reader for one answer."""
        return ResponsesReader()

    def embed(self, model: str, texts: Sequence[str], options: Mapping[str, Any]) -> Request:
        """As with chat completions."""
        return self.chat.embed(model, texts, options)

    def embedded(self, body: Any) -> Any:
        """As it is."""
        return body

    def models(self, body: Any) -> list[Listed]:
        """What it lists."""
        return self.chat.models(body)

    def told(self, body: Any) -> str:
        """The error's message, where there is one."""
        return self.chat.told(body)


def items(message: ChatMessage) -> Iterator[Item]:
    """One message as items."""
    role = message.get("role")
    if role in {"tool", "function"}:
        output = message.get("content")
        texts = output if isinstance(output, str) else "".join(str(part.get("text") or "") for part in parts_of(output))
        yield {"type": "function_call_output", "call_id": message.get("tool_call_id"), "output": texts}
        return

    content = parts(message.get("content"))
    if content:
        # An assistant's turn in parts would be an item of theirs, with an id that only they can give.
        spoken = "".join(str(one.get("text") or "") for one in content)
        yield {"type": "message", "role": role, "content": spoken if role == "assistant" else content}

    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        function: Any = call.get("function") if isinstance(call, dict) else None
        if isinstance(call, dict) and isinstance(function, dict):
            named = {"call_id": call.get("id"), "name": function.get("name")}
            yield {"type": "function_call", **named, "arguments": function.get("arguments") or "{}"}


def parts(content: Any) -> list[Item]:
    """A message's content."""
    if isinstance(content, str):
        return [{"type": "input_text", "text": content}] if content else []

    return [part(one) for one in parts_of(content)]


def parts_of(content: Any) -> list[Any]:
    """The parts of a content that has any."""
    return [one for one in content if isinstance(one, dict)] if isinstance(content, list) else []


def part(given: Item) -> Item:
    """One part.

    Raises:
        Failure: (the request's own) when it is of a kind that this dialect has no form for.
    """
    match given.get("type"):
        case "text" | "refusal" as name:
            return {"type": "input_text", "text": str(given.get(name) or "")}
        case "image_url":
            image = given.get("image_url")
            image = image if isinstance(image, dict) else {"url": image}
            return {"type": "input_image", "image_url": image.get("url"), "detail": image.get("detail") or "auto"}
        case "file":
            file = given.get("file")
            return {"type": "input_file", **(file if isinstance(file, dict) else {})}
        case other:
            told = f"messages: a content part of type {str(other)[:64]!r} cannot be sent to this endpoint"
            raise Failure("a content part that this dialect has no form for", blame=Blame.REQUEST, told=told)


def options(given: Mapping[str, Any]) -> Item:
    """The options of chat completions in this dialect's words; what is not known is passed on."""
    body = {name: value for name, value in given.items() if name not in CHATS_OWN and not is_anthropics(name, value)}
    most = given.get("max_completion_tokens") or given.get("max_tokens")
    if most:
        body["max_output_tokens"] = most

    if given.get("reasoning_effort"):
        effort = given["reasoning_effort"]
        body["reasoning"] = {"effort": MOST if effort == ANTHROPICS_MOST else effort, "summary": "auto"}

    if given.get("logprobs"):
        body["include"] = ["message.output_text.logprobs"]

    tools = [tool["function"] for tool in given.get("tools") or () if isinstance(tool, dict) and "function" in tool]
    if tools:
        # Without the word, functions are strict here, which they are not in chat completions.
        body["tools"] = [{"type": "function", "strict": False, **function} for function in tools]

    choice = given.get("tool_choice")
    if choice:
        function = choice.get("function") if isinstance(choice, dict) else None
        body["tool_choice"] = {"type": "function", "name": function.get("name")} if isinstance(function, dict) else choice

    text = {"verbosity": given["verbosity"]} if given.get("verbosity") else {}
    form = given.get("response_format")
    if isinstance(form, dict):
        text["format"] = {"type": form.get("type"), **(form.get("json_schema") or {})}

    return body | ({"text": text} if text else {})


class ResponsesReader:
    """Reads the events of a response, or a whole one."""

    def __init__(self) -> None:
        self.ended = False
        self.calls: dict[int, int] = {}
        """Place among the tool calls, by the item's."""

        self.places: dict[str, int] = {}
        """Places of the items that are calls, by the call's id: not every server numbers its items alike at the end."""

        self.argued: set[int] = set()
        """Items whose arguments have come, in pieces or as a whole."""

        self.told: set[str] = set()
        """Of what there was something: content, refusal, reasoning_content, tool_calls."""

    def event(self, data: str) -> Iterator[Event]:
        """One event."""
        for told in self.read(parsed(data)):
            if isinstance(told, Piece):
                self.told |= set(told.delta)

            yield told

    def read(self, event: Item) -> Iterator[Event]:
        """What an event says."""
        match event.get("type"):
            case "response.created":
                yield counted(event["response"])
            case "response.output_text.delta" if event.get("delta"):
                tokens = event.get("logprobs")
                yield Piece(0, {"content": event["delta"]}, {"content": tokens} if tokens else None)
            case "response.refusal.delta" if event.get("delta"):
                yield Piece(0, {"refusal": event["delta"]})
            case "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" if event.get("delta"):
                yield Piece(0, {"reasoning_content": event["delta"]})
            case "response.completed" | "response.incomplete":
                yield counted(event["response"])
                yield from self.untold(event["response"])
                yield self.finish(event["response"])
                self.ended = True
            case "response.failed":
                raise error_failure(event["response"].get("error"))
            case "error":
                raise error_failure(event.get("error") or event)
            case _:
                yield from self.of_a_call(event)

    def of_a_call(self, event: Item) -> Iterator[Event]:
        """What an event says of a tool call."""
        match event.get("type"):
            case "response.output_item.added" if event["item"].get("type") == "function_call":
                yield self.call(event["output_index"], event["item"], "")
            case "response.function_call_arguments.delta" if event.get("delta"):
                yield self.arguments(event["output_index"], event["delta"])
            case "response.function_call_arguments.done":
                yield from self.whole_arguments(event.get("output_index"), event)
            case "response.output_item.done":
                yield from self.whole_arguments(event.get("output_index"), event.get("item") or {})
            case _:
                # What begins and ends parts says nothing new; whatever is added later is passed over.
                pass

    def whole(self, body: Any) -> Iterator[Event]:
        """A response that did not come as a stream."""
        if body.get("error"):
            raise error_failure(body["error"])

        if body.get("object") != "response":
            raise Failure("an answer that is no response")

        yield counted(body)
        for index, item in enumerate(body.get("output") or ()):
            yield from self.item(index, item)

        yield self.finish(body)
        self.ended = True

    def untold(self, response: Item) -> Iterator[Event]:
        """What the end of a stream holds and no event before it has told: some servers send the end alone.

        Reasoning that was kept back until then is not told behind the answer that it led to.
        """
        told = frozenset(self.told | {"reasoning_content"} if self.told else ())
        for index, item in enumerate(response.get("output") or ()):
            if item.get("type") == "function_call" and self.places:
                yield from self.untold_call(item)
                continue

            for event in self.item(index, item):
                if isinstance(event, Piece) and told.isdisjoint(event.delta):
                    yield event

    def untold_call(self, item: Item) -> Iterator[Event]:
        """A call at the end of a stream that has told some: all of it, its arguments, or nothing."""
        place = self.places.get(item["call_id"])
        if place is None:
            place = max(self.places.values()) + 1
            yield self.call(place, item, item.get("arguments") or "")
        else:
            yield from self.whole_arguments(place, item)

    def item(self, index: int, item: Item) -> Iterator[Event]:
        """One item of a whole response."""
        match item.get("type"):
            case "message":
                for one in item["content"]:
                    if one.get("text"):
                        yield Piece(0, {"content": one["text"]}, {"content": one["logprobs"]} if one.get("logprobs") else None)
                    elif one.get("refusal"):
                        yield Piece(0, {"refusal": one["refusal"]})
            case "reasoning":
                text = "".join(one["text"] for one in item.get("summary") or item.get("content") or ())
                if text:
                    yield Piece(0, {"reasoning_content": text})
            case "function_call":
                yield self.call(index, item, item.get("arguments") or "")
            case _:
                pass

    def call(self, place: int, item: Item, arguments: str) -> Piece:
        """A tool call begins."""
        index = self.calls.setdefault(place, len(self.calls))
        self.places[item["call_id"]] = place
        function = {"name": item["name"], "arguments": arguments}
        return Piece(0, {"tool_calls": [{"index": index, "id": item["call_id"], "type": "function", "function": function}]})

    def arguments(self, place: int, arguments: str) -> Piece:
        """A piece of a tool call's arguments."""
        self.argued.add(place)
        return Piece(0, {"tool_calls": [{"index": self.calls[place], "function": {"arguments": arguments}}]})

    def whole_arguments(self, place: Any, call: Item) -> Iterator[Event]:
        """A tool call's arguments at its end, where none came before."""
        if place in self.calls and place not in self.argued and call.get("arguments"):
            yield self.arguments(place, call["arguments"])

    def finish(self, response: Item) -> Finish:
        """Why it ended, in the words of chat completions.

        Raises:
            Failure: it has not.
        """
        status = response.get("status") or "completed"
        if status == "completed":
            return Finish(0, "tool_calls" if self.calls else "stop")

        if status != "incomplete":
            raise Failure("a response that is not complete", passing=True)

        reason = (response.get("incomplete_details") or {}).get("reason")
        return Finish(0, "content_filter" if reason == "content_filter" else "length")


def counted(response: Item) -> Counted:
    """Tokens and the model's name."""
    usage = response.get("usage") or {}
    model = response.get("model")
    return Counted(
        number(usage.get("input_tokens")),
        number(usage.get("output_tokens")),
        model[:256] if isinstance(model, str) else None,
        number((usage.get("input_tokens_details") or {}).get("cached_tokens")),
        number((usage.get("output_tokens_details") or {}).get("reasoning_tokens")),
    )
