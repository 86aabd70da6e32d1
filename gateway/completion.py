"""OpenAI's chat.completion and its chunks, made of a thought. Knows no HTTP and asks nobody."""

from __future__ import annotations

from typing import Any, Literal, Protocol

from pydantic import JsonValue

from actors.llm.messages import Usage
from actors.message import Data
from actors.thinking.messages import Rung, Thought

__all__ = ["ChatCompletion", "Chunks", "Voice", "completion", "lattice"]


class Voice(Protocol):
    """How a dialect tells a streamed answer: each method gives what is sent."""

    @property
    def named(self) -> bool:
        """Whether the answer has its id yet."""
        ...

    def name(self, thought_id: str, created: int) -> None:
        """Give the answer its id."""
        ...

    def opening(self, index: int) -> Any:
        """A choice begins."""
        ...

    def piece(self, index: int, delta: dict[str, JsonValue], logprobs: JsonValue = None) -> Any:
        """A piece of a choice."""
        ...

    def ending(self, thought: Thought) -> list[Any]:
        """The end."""
        ...


class Lattice(Data):
    """What stands beside OpenAI's fields."""

    thought_id: str
    session: str | None
    memories: tuple[str, ...]
    """Ids of the records that the answer was given from."""

    degraded: bool
    """Whether the answer had to do without a model."""

    endpoint: str | None
    attempts: int
    rung: Rung
    """How far down the ladder the answer was made; see docs/thinking.md."""

    reused: bool
    """Whether it is an earlier thought's answer to the same question in the same state."""


class ChatChoice(Data):
    """One of the answers."""

    index: int
    message: dict[str, JsonValue]
    logprobs: JsonValue
    finish_reason: str


class ChatCompletion(Data):
    """A whole answer in OpenAI's form."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: tuple[ChatChoice, ...]
    usage: Usage
    system_fingerprint: str | None = None
    lattice: Lattice


def completion(thought: Thought, *, created: int) -> ChatCompletion:
    """A whole answer, from what thinking replied."""
    return ChatCompletion(
        id=completion_id(thought.thought_id),
        created=created,
        model=thought.model,
        choices=tuple(
            ChatChoice(
                index=choice.index,
                message={"content": None, "refusal": None, **choice.message, "role": "assistant"},
                logprobs=choice.logprobs,
                finish_reason=choice.finish_reason,
            )
            for choice in thought.choices
        ),
        usage=thought.usage,
        lattice=lattice(thought),
    )


def completion_id(thought_id: str) -> str:
    """OpenAI's id for a thought."""
    return f"chatcmpl-{thought_id.removeprefix('th_')}"


def lattice(thought: Thought) -> Lattice:
    """What stands beside OpenAI's fields, of a thought."""
    return Lattice(
        thought_id=thought.thought_id,
        session=thought.session,
        memories=thought.memories,
        degraded=thought.degraded,
        endpoint=thought.endpoint,
        attempts=thought.attempts,
        rung=thought.rung,
        reused=thought.reused,
    )


class Chunks:
    """The chunks of one streamed answer: all have its id and its time."""

    def __init__(self, *, model: str, usage: bool) -> None:
        self.id = ""
        self.created = 0
        self.model = model
        self.usage = usage
        """Whether the client asked for the usage in a last chunk of its own."""

    @property
    def named(self) -> bool:
        """Whether the answer has its id yet."""
        return bool(self.id)

    def name(self, thought_id: str, created: int) -> None:
        """Give the answer its id; what comes later, from a thought begun again, does not change it."""
        self.id = completion_id(thought_id)
        self.created = created

    def opening(self, index: int) -> dict[str, Any]:
        """The first chunk of a choice."""
        return self.chunk([self.choice(index, {"role": "assistant", "content": "", "refusal": None})])

    def piece(self, index: int, delta: dict[str, JsonValue], logprobs: JsonValue = None) -> dict[str, Any]:
        """A piece of a choice."""
        return self.chunk([self.choice(index, delta, logprobs)])

    def ending(self, thought: Thought) -> list[dict[str, Any]]:
        """The last chunks: each choice's finish, the usage where it was asked for; `lattice` stands on the last of all."""
        self.model = thought.model
        chunks = [self.chunk([self.choice(choice.index, {}, finish_reason=choice.finish_reason)]) for choice in thought.choices]
        if self.usage:
            chunks.append({**self.chunk([]), "usage": thought.usage.model_dump()})

        chunks[-1]["lattice"] = lattice(thought).model_dump()
        return chunks

    def chunk(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        """A chunk with these choices."""
        chunk: dict[str, Any] = {
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "system_fingerprint": None,
            "choices": choices,
        }
        return {**chunk, "usage": None} if self.usage else chunk

    @staticmethod
    def choice(
        index: int, delta: dict[str, JsonValue], logprobs: JsonValue = None, finish_reason: str | None = None
    ) -> dict[str, Any]:
        """A choice within a chunk."""
        return {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish_reason}
