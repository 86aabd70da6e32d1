"""The one internal form: what is asked of an endpoint, the events that come back, and the answer that they add up to.

It is OpenAI's chat form; the dialects turn it into theirs, and back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from actors.llm.failure import Failure
from actors.llm.messages import ChatMessage, Choice, Usage

MAX_CHOICES = 128
MAX_TOOL_CALLS = 256


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of one endpoint."""

    model: str
    messages: Sequence[ChatMessage]
    options: Mapping[str, Any]
    stream: bool = True
    said: str = ""
    """What was already said of the answer: the model is to go on from there."""

    continuation: Literal["prefill", "instruction"] = "instruction"
    """How the model is told to go on."""

    counted: bool = True
    """Ask for token counts at the end of a stream."""

    @property
    def choices(self) -> int:
        """How many answers are asked for."""
        n = self.options.get("n")
        return n if isinstance(n, int) and 1 <= n <= MAX_CHOICES else 1


TEXTS = ("content", "refusal", "reasoning_content")
"""The fields of a delta that are text in every dialect."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Something that the model said."""

    index: int
    delta: dict[str, Any]
    logprobs: Any = None

    @property
    def text(self) -> str:
        """What it adds to texts that grow."""
        content, reasoning = self.delta.get("content"), self.delta.get("reasoning_content")
        return (content if isinstance(content, str) else "") + (reasoning if isinstance(reasoning, str) else "")

    @property
    def has_texts(self) -> bool:
        """Whether what should be text is: of the delta, and of its tool calls."""
        calls = self.delta.get("tool_calls", [])
        functions = [call.get("function") or {} for call in calls if isinstance(call, dict)]
        return all(isinstance(self.delta.get(name, ""), str) for name in TEXTS) and all(
            isinstance(function.get(name) or "", str) for function in functions for name in ("name", "arguments")
        )

    def goes_on(self, other: Piece) -> bool:
        """Whether it is the same choice's plain text as the other."""
        return self.index == other.index and self.is_plain and other.is_plain

    @property
    def is_plain(self) -> bool:
        """Whether it is text and nothing else."""
        return self.delta.keys() == {"content"} and isinstance(self.delta["content"], str) and self.logprobs is None


@dataclass(frozen=True, slots=True)
class Finish:
    """A choice is complete, and why."""

    index: int
    reason: str


@dataclass(frozen=True, slots=True)
class Counted:
    """Tokens as the endpoint counted them, and the model's name as it gave it; either may be missing."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    model: str | None = None
    cached_tokens: int | None = None
    """Tokens of the prompt that were read from a cache."""

    reasoning_tokens: int | None = None
    """Tokens of the answer that were private reasoning."""


Event = Piece | Finish | Counted


def joined(events: Sequence[Event]) -> list[Event]:
    """Events that came at once, with neighbouring pieces of plain text made one.

    Who is too busy to keep up with a stream reads more of it at a time, and passes it on in fewer and longer parts.
    """
    together: list[Event] = []
    for event in events:
        last = together[-1] if together else None
        if isinstance(event, Piece) and isinstance(last, Piece) and event.goes_on(last):
            together[-1] = Piece(event.index, {"content": last.delta["content"] + event.delta["content"]})
        else:
            together.append(event)

    return together


@dataclass(slots=True)
class Said:
    """One choice, as far as it has come."""

    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    refusal: list[str] = field(default_factory=list)
    tool_calls: dict[int, dict[str, Any]] = field(default_factory=dict)
    others: dict[str, Any] = field(default_factory=dict)
    logprobs: dict[str, list[Any]] = field(default_factory=dict)
    finish_reason: str | None = None

    def add(self, delta: Mapping[str, Any]) -> None:
        """Take in one delta."""
        for name, value in delta.items():
            if value is None or name == "role":
                continue

            match name:
                case "content":
                    self.text.append(str(value))
                case "reasoning_content":
                    self.reasoning.append(str(value))
                case "refusal":
                    self.refusal.append(str(value))
                case "tool_calls":
                    self.add_calls(value)
                case _:
                    self.add_other(name, value)

    def add_calls(self, calls: Any) -> None:
        """Join tool calls, whose arguments come in pieces, by their index."""
        for place, call in enumerate(calls if isinstance(calls, list) else []):
            if not isinstance(call, dict):
                continue

            index = call.get("index", place)
            if not isinstance(index, int) or isinstance(index, bool):
                raise Failure("a tool call of an unknown form")

            known = self.tool_calls.setdefault(index, {"id": "", "type": "function", "function": {"name": "", "arguments": ""}})
            if len(self.tool_calls) > MAX_TOOL_CALLS:
                raise Failure(f"more than {MAX_TOOL_CALLS} tool calls in one answer")

            function = call.get("function")
            function = function if isinstance(function, dict) else {}
            known["id"] = known["id"] or str(call.get("id") or "")
            known["type"] = call.get("type") or known["type"]
            known["function"]["name"] += str(function.get("name") or "")
            known["function"]["arguments"] += str(function.get("arguments") or "")

    def add_other(self, name: str, value: Any) -> None:
        """Keep what a newer or another server says that is not known here: texts and lists grow, the rest is replaced."""
        known = self.others.get(name)
        if isinstance(known, str) and isinstance(value, str):
            self.others[name] = known + value
        elif isinstance(known, list) and isinstance(value, list):
            self.others[name] = [*known, *value]
        else:
            self.others[name] = value

    def message(self) -> ChatMessage:
        """The whole message in OpenAI's form."""
        text = "".join(self.text)
        message: ChatMessage = {"role": "assistant", "content": text or (None if self.tool_calls or self.refusal else "")}
        if self.reasoning:
            message["reasoning_content"] = "".join(self.reasoning)

        if self.refusal:
            message["refusal"] = "".join(self.refusal)

        if self.tool_calls:
            message["tool_calls"] = [self.tool_calls[index] for index in sorted(self.tool_calls)]

        return {**message, **self.others}


class Answer:
    """What was said so far, over all endpoints that had a part in it."""

    def __init__(self) -> None:
        self.said: dict[int, Said] = {}
        self.counted = Counted()
        self.taken_over_characters = 0
        self.taken_over = False

    def add(self, event: Event) -> None:
        """Take in one event."""
        match event:
            case Piece():
                said = self.choice(event.index)
                said.add(event.delta)
                if event.text:
                    said.finish_reason = None
                if isinstance(event.logprobs, dict):
                    for name, entries in event.logprobs.items():
                        if isinstance(entries, list):
                            said.logprobs.setdefault(name, []).extend(entries)
            case Finish():
                self.choice(event.index).finish_reason = event.reason
            case Counted():
                self.counted = merged(self.counted, event)

    def choice(self, index: int) -> Said:
        """A choice as far as it has come."""
        if index not in self.said and len(self.said) >= MAX_CHOICES:
            raise Failure(f"more than {MAX_CHOICES} choices in one answer")

        return self.said.setdefault(index, Said())

    @property
    def text(self) -> str:
        """What the first choice said."""
        return "".join(self.said[0].text) if 0 in self.said else ""

    @property
    def begun(self) -> bool:
        """Whether anything was said."""
        return any(said.text or said.reasoning or said.refusal or said.tool_calls or said.others for said in self.said.values())

    @property
    def can_go_on(self) -> bool:
        """Whether another model could take over: one choice, of text alone."""
        return set(self.said) <= {0} and not any(said.tool_calls or said.refusal or said.others for said in self.said.values())

    def broke(self) -> None:
        """The endpoint is gone, another goes on: what it counted is lost, what it said is kept."""
        self.counted = Counted()
        self.taken_over = True
        self.taken_over_characters = len(self.text)

    def is_repeated(self, event: Event) -> bool:
        """Whether an event is reasoning of a model that goes on where another had reasoned already."""
        return (
            self.taken_over
            and isinstance(event, Piece)
            and set(event.delta) == {"reasoning_content"}
            and 0 in self.said
            and bool(self.said[0].reasoning)
        )

    def finished(self, choices: int) -> bool:
        """Whether so many choices, and all that have begun, are complete."""
        return len(self.said) >= choices and all(said.finish_reason is not None for said in self.said.values())

    def whole(self) -> tuple[Choice, ...]:
        """The choices, complete."""
        return tuple(
            Choice(
                index=index,
                message=said.message(),
                finish_reason=said.finish_reason or "stop",
                logprobs=said.logprobs or None,
            )
            for index, said in sorted(self.said.items())
        )

    def usage(self, asked: Asked) -> Usage:
        """Tokens, with an estimate (four characters a token) for what was not counted."""
        prompt = self.counted.prompt_tokens
        if prompt is None:
            prompt = estimated_tokens(asked.messages)

        completion = self.counted.completion_tokens
        if completion is None:
            said = sum(len("".join([*said.text, *said.reasoning])) for said in self.said.values())
            completion = (said - self.taken_over_characters + 3) // 4

        completion += (self.taken_over_characters + 3) // 4
        cached, reasoning = self.counted.cached_tokens, self.counted.reasoning_tokens
        return Usage(
            prompt_tokens=prompt,
            completion_tokens=completion,
            total_tokens=prompt + completion,
            prompt_tokens_details=None if cached is None else {"cached_tokens": cached},
            completion_tokens_details=None if reasoning is None else {"reasoning_tokens": reasoning},
        )


def merged(known: Counted, new: Counted) -> Counted:
    """Later counts replace earlier ones."""
    return Counted(
        new.prompt_tokens if new.prompt_tokens is not None else known.prompt_tokens,
        new.completion_tokens if new.completion_tokens is not None else known.completion_tokens,
        new.model or known.model,
        new.cached_tokens if new.cached_tokens is not None else known.cached_tokens,
        new.reasoning_tokens if new.reasoning_tokens is not None else known.reasoning_tokens,
    )


def estimated_tokens(messages: Sequence[ChatMessage]) -> int:
    """Tokens of a prompt, at four characters each."""
    return sum(len(str(message.get("content") or "")) for message in messages) // 4 + 1
