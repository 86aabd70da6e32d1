"""OpenAI's response and the events of its stream, made of a thought. Knows no HTTP and asks nobody."""

from __future__ import annotations

import itertools
from typing import Any

from pydantic import JsonValue
from pydantic_core import from_json, to_json

from actors.llm.messages import Usage
from actors.thinking.messages import Thought
from gateway.completion import lattice
from gateway.errors import error_body
from gateway.in_turn import InTurn

__all__ = ["Items", "RequestEcho", "ResponseVoice", "response", "response_id"]

Event = dict[str, Any]

ECHOED: dict[str, Any] = {
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "temperature": None,
    "tool_choice": "auto",
    "tools": [],
    "top_p": None,
    "truncation": "disabled",
    "user": None,
}
"""Fields of the request that stand in its response, with what they are when it has none."""


class RequestEcho:
    """What of the request its response repeats."""

    def __init__(self, raw: dict[str, Any], *, previous: str | None = None, store: bool = False) -> None:
        self.previous = previous
        self.store = store
        """Whether it is to be kept."""

        self.fields = {name: raw.get(name) if raw.get(name) is not None else usual for name, usual in ECHOED.items()}
        self.fields["text"] = raw.get("text") or {"format": {"type": "text"}}
        self.fields["reasoning"] = {"effort": None, "summary": None, **(raw.get("reasoning") or {})}

    def told(self) -> str:
        """All of it, for whoever reads the response later."""
        return to_json({"fields": self.fields, "previous": self.previous}).decode()

    @classmethod
    def of(cls, told: str) -> RequestEcho:
        """What `told` has told."""
        known = from_json(told)
        return cls(known["fields"], previous=known["previous"], store=True)


def response(thought: Thought, asked: RequestEcho, created: int) -> dict[str, Any]:
    """A whole answer."""
    first = thought.choices[0]
    items = Items(thought.thought_id)
    return {
        **envelope(thought.thought_id, thought.model, created, asked),
        **ended(first.finish_reason),
        "output": items.of(first.message),
        "store": thought.kept,
        "usage": usage(thought.usage),
        "lattice": lattice(thought).model_dump(),
    }


def response_id(thought_id: str) -> str:
    """OpenAI's id for a thought."""
    return f"resp_{thought_id.removeprefix('th_')}"


def envelope(thought_id: str, model: str, created: int, asked: RequestEcho) -> dict[str, Any]:
    """A response that has only begun."""
    return {
        "id": response_id(thought_id),
        "object": "response",
        "created_at": created,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "model": model,
        "output": [],
        "previous_response_id": asked.previous,
        "store": asked.store,
        "usage": None,
        **asked.fields,
    }


def ended(finish_reason: str) -> dict[str, Any]:
    """How it ended."""
    reason = {"length": "max_output_tokens", "content_filter": "content_filter"}.get(finish_reason)
    return {
        "status": "completed" if reason is None else "incomplete",
        "incomplete_details": None if reason is None else {"reason": reason},
    }


def usage(counted: Usage) -> dict[str, Any]:
    """Tokens."""
    return {
        "input_tokens": counted.prompt_tokens,
        "input_tokens_details": {"cached_tokens": (counted.prompt_tokens_details or {}).get("cached_tokens", 0)},
        "output_tokens": counted.completion_tokens,
        "output_tokens_details": {
            "reasoning_tokens": (counted.completion_tokens_details or {}).get("reasoning_tokens", 0),
        },
        "total_tokens": counted.total_tokens,
    }


class Items:
    """Makes a response's items; all have ids that follow from the thought's."""

    def __init__(self, thought_id: str) -> None:
        self.stem = thought_id.removeprefix("th_")
        self.count = itertools.count()

    def of(self, said: dict[str, JsonValue]) -> list[dict[str, Any]]:
        """What was said, as items."""
        told: list[dict[str, Any]] = []
        if said.get("reasoning_content"):
            told.append(self.reasoning(str(said["reasoning_content"])))

        parts = [text_part(str(said["content"]))] if said.get("content") else []
        parts += [{"type": "refusal", "refusal": said["refusal"]}] if said.get("refusal") else []
        calls = said.get("tool_calls")
        if parts or not calls:
            told.append(self.message(parts or [text_part("")]))

        for call in calls if isinstance(calls, list) else ():
            function: Any = call.get("function") if isinstance(call, dict) else None
            if isinstance(call, dict) and isinstance(function, dict):
                told.append(self.call(str(call.get("id")), str(function.get("name")), str(function.get("arguments") or "")))

        return told

    def reasoning(self, text: str) -> dict[str, Any]:
        """What was thought aloud."""
        return {"type": "reasoning", "id": self.id("rs"), "summary": [{"type": "summary_text", "text": text}] if text else []}

    def message(self, parts: list[dict[str, Any]], status: str = "completed") -> dict[str, Any]:
        """What was said."""
        return {"type": "message", "id": self.id("msg"), "status": status, "role": "assistant", "content": parts}

    def call(self, call_id: str, name: str, arguments: str, status: str = "completed") -> dict[str, Any]:
        """A tool that is to be called."""
        call = {"type": "function_call", "id": self.id("fc"), "call_id": call_id, "name": name, "arguments": arguments}
        return {**call, "status": status}

    def id(self, kind: str) -> str:
        """The next item's id."""
        return f"{kind}_{self.stem}_{next(self.count)}"


def text_part(text: str, logprobs: list[Any] | None = None) -> dict[str, Any]:
    """A text as a part of a message."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": logprobs or []}


class ResponseVoice:
    """The events of one streamed answer: items one after the other, each opened, told and closed."""

    def __init__(self, asked: RequestEcho, model: str) -> None:
        self.asked = asked
        self.model = model
        self.id = ""
        self.created = 0
        self.sequence = itertools.count()
        self.items = Items("")
        self.done: list[dict[str, Any]] = []
        """Items that are told."""

        self.open: tuple[str, int] | None = None
        """The item that is being told: its kind, and which tool call it is."""

        self.in_turn = InTurn()
        self.item: dict[str, Any] = {}
        self.told: list[str] = []
        self.logprobs: list[Any] = []

    @property
    def named(self) -> bool:
        """Whether the answer has its id yet."""
        return bool(self.id)

    def name(self, thought_id: str, created: int) -> None:
        """Give the answer its id."""
        self.id, self.created = thought_id, created
        self.items = Items(thought_id)

    def opening(self, index: int) -> list[Event]:
        """The response begins; of several choices only the first is told."""
        if index:
            return []

        begun = envelope(self.id, self.model, self.created, self.asked)
        return [self.event("response.created", response=begun), self.event("response.in_progress", response=begun)]

    def piece(self, index: int, delta: dict[str, JsonValue], logprobs: JsonValue = None) -> list[Event]:
        """A piece of the first choice."""
        if index:
            return []

        return [event for part in self.in_turn.take(delta, logprobs) for event in self.tell(*part)]

    def tell(self, delta: dict[str, JsonValue], logprobs: JsonValue) -> list[Event]:
        """A piece whose turn it is."""
        events: list[Event] = []
        if thought := delta.get("reasoning_content"):
            events += self.begin("reasoning", 0, delta)
            events.append(self.more("response.reasoning_summary_text.delta", str(thought), summary_index=0))

        if text := delta.get("content"):
            events += self.begin("text", 0, delta)
            tokens = logprobs.get("content") if isinstance(logprobs, dict) else None
            tokens = tokens if isinstance(tokens, list) else []
            self.logprobs += tokens
            events.append(self.more("response.output_text.delta", str(text), content_index=0, logprobs=tokens))

        if refusal := delta.get("refusal"):
            events += self.begin("refusal", 0, delta)
            events.append(self.more("response.refusal.delta", str(refusal), content_index=0))

        calls = delta.get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            if isinstance(call, dict):
                events += self.begin("call", int(str(call.get("index") or 0)), call)
                function: Any = call.get("function")
                if isinstance(function, dict) and function.get("arguments"):
                    events.append(self.more("response.function_call_arguments.delta", str(function["arguments"])))

        return events

    def begin(self, kind: str, number: int, said: dict[str, Any]) -> list[Event]:
        """Begin an item, unless it is the one that is being told."""
        if self.open == (kind, number):
            return []

        events = self.close()
        self.open, self.told, self.logprobs = (kind, number), [], []
        match kind:
            case "reasoning":
                self.item = self.items.reasoning("")
            case "call":
                function = said.get("function") or {}
                self.item = self.items.call(str(said.get("id") or ""), str(function.get("name") or ""), "", "in_progress")
            case _:
                self.item = self.items.message([], "in_progress")

        events.append(self.event("response.output_item.added", output_index=len(self.done), item=self.item))
        if kind == "reasoning":
            part: dict[str, Any] = {"type": "summary_text", "text": ""}
            events.append(self.of_item("response.reasoning_summary_part.added", summary_index=0, part=part))
        elif kind != "call":
            part = text_part("") if kind == "text" else {"type": "refusal", "refusal": ""}
            events.append(self.of_item("response.content_part.added", content_index=0, part=part))

        return events

    def close(self) -> list[Event]:
        """End the item that is being told."""
        if self.open is None:
            return []

        text, kind = "".join(self.told), self.open[0]
        self.open = None
        match kind:
            case "reasoning":
                part: dict[str, Any] = {"type": "summary_text", "text": text}
                self.item = {**self.item, "summary": [part]}
                events = [
                    self.of_item("response.reasoning_summary_text.done", summary_index=0, text=text),
                    self.of_item("response.reasoning_summary_part.done", summary_index=0, part=part),
                ]
            case "call":
                self.item = {**self.item, "arguments": text, "status": "completed"}
                name = self.item["name"]
                events = [self.of_item("response.function_call_arguments.done", arguments=text, name=name)]
            case "refusal":
                part = {"type": "refusal", "refusal": text}
                self.item = {**self.item, "content": [part], "status": "completed"}
                events = [
                    self.of_item("response.refusal.done", content_index=0, refusal=text),
                    self.of_item("response.content_part.done", content_index=0, part=part),
                ]
            case _:
                part = text_part(text, self.logprobs)
                self.item = {**self.item, "content": [part], "status": "completed"}
                events = [
                    self.of_item("response.output_text.done", content_index=0, text=text, logprobs=self.logprobs),
                    self.of_item("response.content_part.done", content_index=0, part=part),
                ]

        events.append(self.event("response.output_item.done", output_index=len(self.done), item=self.item))
        self.done.append(self.item)
        return events

    def more(self, kind: str, text: str, **fields: Any) -> Event:
        """More of the item that is being told."""
        self.told.append(text)
        return self.of_item(kind, delta=text, **fields)

    def of_item(self, kind: str, **fields: Any) -> Event:
        """An event about the item that is being told."""
        return self.event(kind, item_id=self.item["id"], output_index=len(self.done), **fields)

    def event(self, kind: str, **fields: Any) -> Event:
        """The next event."""
        return {"type": kind, "sequence_number": next(self.sequence), **fields}

    def failure(self, error: Exception) -> Event:
        """The event that ends a stream which broke."""
        told = error_body(error)["error"]
        return self.event("error", code=told["code"], message=told["message"], param=told["param"])

    def ending(self, thought: Thought) -> list[list[Event]]:
        """The end, with the whole response once more."""
        events = [event for part in self.in_turn.close() for event in self.tell(*part)]
        events += self.close()
        how = ended(thought.choices[0].finish_reason)
        whole = {
            **envelope(self.id, thought.model, self.created, self.asked),
            **how,
            "output": self.done,
            "store": thought.kept,
            "usage": usage(thought.usage),
            "lattice": lattice(thought).model_dump(),
        }
        return [[*events, self.event(f"response.{how['status']}", response=whole)]]
