"""Anthropic's message and the events of its stream, made of a thought. Knows no HTTP and asks nobody."""

from __future__ import annotations

from typing import Any

from pydantic import JsonValue
from pydantic_core import from_json

from actors.llm.messages import Choice, Usage
from actors.thinking.messages import Thought
from gateway.completion import lattice
from gateway.errors import error_body
from gateway.in_turn import InTurn

__all__ = ["MessageVoice", "failure", "message"]

STOP_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}

Event = dict[str, Any]


def message(thought: Thought) -> dict[str, Any]:
    """A whole answer."""
    first = thought.choices[0]
    return {
        **envelope(thought.thought_id, thought.model, usage(thought.usage)),
        "content": blocks(first.message),
        "stop_reason": stop_reason(first),
        "lattice": lattice(thought).model_dump(),
    }


def envelope(thought_id: str, model: str, counted: dict[str, int]) -> dict[str, Any]:
    """A message without its content."""
    return {
        "id": f"msg_{thought_id.removeprefix('th_')}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": counted,
    }


def usage(counted: Usage) -> dict[str, int]:
    """Tokens; what was read from a cache stands apart."""
    cached = (counted.prompt_tokens_details or {}).get("cached_tokens", 0)
    return {
        "input_tokens": counted.prompt_tokens - cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": cached,
        "output_tokens": counted.completion_tokens,
    }


def blocks(said: dict[str, JsonValue]) -> list[dict[str, Any]]:
    """What was said, as blocks."""
    told: list[dict[str, Any]] = []
    if said.get("reasoning_content"):
        told.append({"type": "thinking", "thinking": said["reasoning_content"], "signature": ""})

    text = "".join(str(said.get(name) or "") for name in ("content", "refusal"))
    if text:
        told.append({"type": "text", "text": text})

    calls = said.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        function: Any = call.get("function") if isinstance(call, dict) else None
        if isinstance(call, dict) and isinstance(function, dict):
            arguments = tool_input(str(function.get("arguments") or ""))
            told.append({"type": "tool_use", "id": call.get("id"), "name": function.get("name"), "input": arguments})

    return told


def tool_input(arguments: str) -> Any:
    """Arguments as an object: what is none is kept as text under a name of its own."""
    try:
        value = from_json(arguments or "{}")
    except ValueError:
        value = arguments

    return value if isinstance(value, dict) else {"arguments": value}


def stop_reason(choice: Choice) -> str:
    """Why it ended, in Anthropic's words."""
    return "refusal" if choice.message.get("refusal") else STOP_REASONS.get(choice.finish_reason, "end_turn")


def failure(error: Exception) -> Event:
    """The event that ends a stream which broke."""
    return error_body(error, anthropic=True)


class MessageVoice:
    """The events of one streamed answer: blocks one after the other, each opened, told and closed."""

    def __init__(self, model: str) -> None:
        self.model = model
        self.id = ""
        self.count = 0
        """Blocks begun."""

        self.open: tuple[str, int] | None = None
        """The block that is being told: its kind, and which tool call it is."""

        self.in_turn = InTurn()

    @property
    def named(self) -> bool:
        """Whether the answer has its id yet."""
        return bool(self.id)

    def name(self, thought_id: str, created: int) -> None:
        """Give the answer its id."""
        del created
        self.id = thought_id

    def opening(self, index: int) -> list[Event]:
        """The message begins; of several choices only the first is told."""
        if index:
            return []

        counted = {"input_tokens": 0, "output_tokens": 0}
        return [{"type": "message_start", "message": envelope(self.id, self.model, counted)}]

    def piece(self, index: int, delta: dict[str, JsonValue], logprobs: JsonValue = None) -> list[Event]:
        """A piece of the first choice."""
        del logprobs
        if index:
            return []

        return [event for part, _ in self.in_turn.take(delta) for event in self.tell(part)]

    def tell(self, delta: dict[str, JsonValue]) -> list[Event]:
        """A piece whose turn it is."""
        events: list[Event] = []
        if thinking := delta.get("reasoning_content"):
            events += self.block("thinking", 0, {"type": "thinking", "thinking": "", "signature": ""})
            events.append(self.delta({"type": "thinking_delta", "thinking": thinking}))

        for name in ("content", "refusal"):
            if text := delta.get(name):
                events += self.block("text", 0, {"type": "text", "text": ""})
                events.append(self.delta({"type": "text_delta", "text": text}))

        calls = delta.get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            if isinstance(call, dict):
                events += self.call(call)

        return events

    def call(self, call: dict[str, Any]) -> list[Event]:
        """A piece of a tool call."""
        function = call.get("function") or {}
        begun: dict[str, Any] = {
            "type": "tool_use",
            "id": call.get("id") or "",
            "name": function.get("name") or "",
            "input": {},
        }
        events = self.block("tool_use", int(call.get("index") or 0), begun)
        if function.get("arguments"):
            events.append(self.delta({"type": "input_json_delta", "partial_json": function["arguments"]}))

        return events

    def block(self, kind: str, number: int, begun: dict[str, Any]) -> list[Event]:
        """Begin a block, unless it is the one that is being told."""
        if self.open == (kind, number):
            return []

        events = self.close()
        self.open = (kind, number)
        self.count += 1
        return [*events, {"type": "content_block_start", "index": self.count - 1, "content_block": begun}]

    def delta(self, delta: dict[str, Any]) -> Event:
        """More of the block that is being told."""
        return {"type": "content_block_delta", "index": self.count - 1, "delta": delta}

    def close(self) -> list[Event]:
        """End the block that is being told."""
        if self.open is None:
            return []

        self.open = None
        return [{"type": "content_block_stop", "index": self.count - 1}]

    def ending(self, thought: Thought) -> list[list[Event]]:
        """The end: why, and what it used."""
        reason = stop_reason(thought.choices[0])
        end: Event = {
            "type": "message_delta",
            "delta": {"stop_reason": reason, "stop_sequence": None},
            "usage": usage(thought.usage),
            "lattice": lattice(thought).model_dump(),
        }
        last = [event for part, _ in self.in_turn.close() for event in self.tell(part)]
        return [[*last, *self.close(), end, {"type": "message_stop"}]]
