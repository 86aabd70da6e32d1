"""Contracts of the thinking actor: a question in, a public answer out, the thought kept apart."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from actors.llm.messages import ChatMessage, Choice, Usage
from actors.message import Data, Message, Name, Namespace, Reply, Time

Effort = Literal["none", "low", "medium", "high"]

INTENTS = (
    "information_seeking",
    "emotional_support",
    "problem_solving",
    "creative_collaboration",
    "social_interaction",
    "philosophical",
    "validation_seeking",
    "challenge_authority",
    "mixed",
)


class Saying(Reply, type="thinking.saying"):
    """A public piece of the answer, as OpenAI streams a choice."""

    index: int = 0
    delta: dict[str, JsonValue]
    logprobs: JsonValue = None
    thought_id: Name | None = None
    """On a stream's first part: whose answer it is, so that it can be named before it is whole."""

    created: int | None = None
    """On a stream's first part: when the thought was begun, in Unix time."""


class Thought(Reply, type="thinking.thought_had"):
    """The answer as a whole, and what HTTP tells beside it as `lattice`."""

    thought_id: Name
    session: Name | None
    choices: tuple[Choice, ...]
    model: str
    usage: Usage
    memories: tuple[str, ...]
    """Ids of the records that the answer was given from."""

    degraded: bool
    endpoint: str | None
    """None when no model was asked."""

    attempts: int
    created: int | None = None
    """When the thought was begun, in Unix time: the same for everyone who is joined to it."""


class Think(Message, type="thinking.think", reply=Thought, part=Saying, kept=True, max_bytes=16 << 20):
    """Answer the last turn of `messages`. Parts come only with `stream`."""

    namespace: Namespace = "default"
    session: Name | None = None
    memory: Literal["on", "read", "off"] = "on"
    """on: recall and remember; read: recall only; off: neither."""

    model: Name | None = None
    messages: Annotated[tuple[ChatMessage, ...], Field(min_length=1, max_length=4095)]
    """One fewer than `llm.generate` takes: the prompt may add a system message."""

    options: dict[Name, JsonValue] = {}
    effort: Effort | None = None
    stream: bool = False
    talk: Name | None = None
    """What a talk is called that begins with this. Given where the client names its request (Idempotency-Key), so that the same
    request begins the same talk, whoever of those that answer it dies."""

    retry: bool = False
    """The client says that it repeats itself: join the call of the same envelope key. Without it a known key begins a new
    thought in its place: people do ask the same thing twice."""

    @property
    def rejoins(self) -> bool:
        """Only a repeated request is joined by its key."""
        return self.retry


class Step(Data):
    """One step of a thought: its name, when it began and how long it took, what came of it."""

    name: str
    started_ms: float
    took_ms: float
    outcome: str


class ThoughtRecord(Reply, type="thinking.thought_found"):
    """What went on in private: intent, context with scores, strategy, timings, what was missing."""

    thought_id: Name
    namespace: Namespace
    session: Name | None
    time: Time
    intent: str
    confidence: float
    strategy: str = "direct"
    """How the answer was made. "direct": one model call, whatever the effort."""

    effort: Effort | None = None
    context: tuple[dict[str, JsonValue], ...]
    """Ids and scores, by part; no texts."""

    missing: tuple[str, ...]
    """Parts that were not there in time or failed, each with its reason."""

    steps: tuple[Step, ...]
    degraded: bool
    endpoint: str | None
    attempts: int
    usage: Usage


class GetThought(Message, type="thinking.thought", reply=ThoughtRecord, idempotent=True):
    """A thought by its id. `not_found` when it is of another namespace."""

    namespace: Namespace = "default"
    thought_id: Name


class Analysis(Reply, type="thinking.analyzed"):
    """What a text seems to want."""

    intent: str
    confidence: float
    scores: dict[str, float]


class Analyze(Message, type="thinking.analyze", reply=Analysis, idempotent=True):
    """The intent of a text, without a model."""

    text: Annotated[str, Field(min_length=1, max_length=65_536)]
