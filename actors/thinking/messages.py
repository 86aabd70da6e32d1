"""Contracts of the thinking actor: a question in, a public answer out, the thought kept apart."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue, StringConstraints

from actors.llm.messages import ChatMessage, Choice, Usage
from actors.message import Data, Message, Name, Namespace, Reply, Time

Effort = Literal["none", "low", "medium", "high"]

Rung = Literal["full", "fewer_steps", "one_call", "smaller_model", "memory", "cannot"]
"""How far down the ladder an answer was made, best first.

full: all steps of its effort. fewer_steps: some were left out or failed. one_call: a plain answer where more was asked for.
smaller_model: the settings' smaller model. memory: no model; what memory holds, marked degraded. cannot: an error with a
time to come back at.
"""

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


class Keep(Data):
    """The answer is to be kept, so that a later request can go on from it by its id."""

    previous: Name | None = None
    """The thought whose kept answer it follows; None: it begins a talk."""

    fresh: Annotated[int, Field(ge=0, le=4095)]
    """How many of the last messages are this request's own; those before came with what it follows."""

    asked: Annotated[str, Field(max_length=1 << 20)] = ""
    """What the asking dialect repeats of the request when the answer is read again, in a form of its own."""


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

    rung: Rung = "full"
    reused: bool = False
    """Whether it is an earlier thought's answer to the same question in the same state."""

    kept: bool = False
    """Whether it is on disk as a response, where that was asked for."""


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
    reasoning: Literal["hide", "show"] = "hide"
    """show: what is thought aloud comes as `reasoning_content`, in the parts and in the message."""

    reuse: bool = True
    """False: think anew, whatever was thought before."""

    talk: Name | None = None
    """What a talk is called that begins with this. Given where the client names its request (Idempotency-Key), so that the same
    request begins the same talk, whoever of those that answer it dies."""

    keep: Keep | None = None

    retry: bool = False
    """The client says that it repeats itself: join the call of the same envelope key. Without it a known key begins a new
    thought in its place: people do ask the same thing twice."""

    @property
    def rejoins(self) -> bool:
        """Only a repeated request is joined by its key."""
        return self.retry

    def asks_the_same(self, other: Message) -> bool:
        """Whether it asks for the same answer, however often it says so and in whatever way it is to be told.

        A client whose stream broke may want the rest in one piece.
        """
        return other.model_copy(update={name: getattr(self, name) for name in ("reuse", "talk", "retry", "stream")}) == self

    @property
    def takes_parts(self) -> bool:
        """Who did not ask for a stream gets none, also where another began the call as one."""
        return self.stream


class Step(Data):
    """One step of a thought: its name, when it began and how long it took, what came of it."""

    name: str
    started_ms: float
    took_ms: float
    outcome: str


class Draft(Data):
    """Something that a model wrote on the way to the answer."""

    step: str
    text: str
    """Its beginning. Empty once it was scrubbed."""

    reasoning: str = ""
    """What was thought aloud with it, its beginning."""

    model: str
    endpoint: str | None
    chosen: bool
    """Whether it is what went out."""


class ThoughtRecord(Reply, type="thinking.thought_found"):
    """What went on in private: intent, context with scores, strategy, drafts, timings, cost, what was missing.

    Its drafts and reasoning are texts, and may quote what the thought was given. They are scrubbed when memory forgets a
    record that the thought was given, that it left behind, or that was said earlier in the same talk.
    """

    thought_id: Name
    namespace: Namespace
    session: Name | None
    time: Time
    intent: str
    confidence: float
    intents: dict[str, float] = {}
    """Every intent's probability."""

    intent_by: Literal["classifier", "model"] = "classifier"
    mood: dict[str, float] = {}
    strategy: str = "direct"
    strategy_why: tuple[str, ...] = ()
    effort: Effort | None = None
    rung: Rung = "full"
    rung_why: tuple[str, ...] = ()
    """Why it is not `full`: each step that was left out or failed, with its reason."""

    context: tuple[dict[str, JsonValue], ...]
    """Ids and scores, by part; no texts. `shown` says whether it was in the prompt or cut."""

    missing: tuple[str, ...]
    """Parts that were not there in time or failed, each with its reason."""

    reasoning: str = ""
    """What the model thought aloud with the answer, its beginning."""

    drafts: tuple[Draft, ...] = ()
    steps: tuple[Step, ...]
    degraded: bool
    endpoint: str | None
    attempts: int
    calls: int = 0
    """Model calls of this thought; `attempts` counts those made upstream, failed ones included."""

    usage: Usage
    """Tokens of all its model calls together."""

    cost: float | None = None
    """What they cost, in the unit of the endpoints' prices; None where one has none."""

    notes: tuple[str, ...] = ()
    reused_from: Name | None = None
    """The thought whose answer was given again."""

    memories: tuple[str, ...] = ()
    """Records that it left behind: turns of the user and the answer."""

    scrubbed: bool = False
    """Its texts are gone, since memory forgot something that they may have quoted."""

    owed: bool = False
    """Memory is still to be told what was said. Known when the thought is asked for."""


class GetThought(Message, type="thinking.thought", reply=ThoughtRecord, idempotent=True):
    """A thought by its id. `not_found` when it is of another namespace."""

    namespace: Namespace = "default"
    thought_id: Name


class KeptResponse(Data):
    """An answer that was kept."""

    thought: Thought
    asked: str
    turns: tuple[ChatMessage, ...]
    """What was new in its request."""

    previous: Name | None


class ResponsesFound(Reply, type="thinking.response_found"):
    """Kept answers, the oldest first: the one that was asked for stands last."""

    responses: tuple[KeptResponse, ...]


class GetResponse(Message, type="thinking.response", reply=ResponsesFound, idempotent=True):
    """An answer that was kept. `not_found` when it is not (any more), or is of another namespace."""

    namespace: Namespace = "default"
    thought_id: Name
    talk: bool = False
    """With all that it follows. `not_found` also where a part of that is gone; `invalid` where it is larger than a request
    may be."""


class ResponseDeleted(Reply, type="thinking.response_deleted"):
    """The kept answer is in no file any more."""

    thought_id: Name


class DeleteResponse(Message, type="thinking.delete_response", reply=ResponseDeleted, idempotent=True):
    """Delete a kept answer, with what was new in its request. What memory holds of it stays. `not_found` when there is none."""

    namespace: Namespace = "default"
    thought_id: Name


class ThoughtLine(Data):
    """A thought in a list: what there is of it without a text."""

    thought_id: Name
    session: Name | None
    """None where it has none, and where memory could not be asked whether the talk was forgotten."""

    time: Time
    took_ms: float
    """Until its last step was over."""

    intent: str
    strategy: str
    effort: Effort | None
    rung: Rung
    degraded: bool
    endpoint: str | None
    calls: int


class ThoughtsFound(Reply, type="thinking.thoughts_listed"):
    """Thoughts, latest first."""

    thoughts: tuple[ThoughtLine, ...]


class ListThoughts(Message, type="thinking.thoughts", reply=ThoughtsFound, idempotent=True):
    """The latest thoughts of a namespace."""

    namespace: Namespace = "default"
    limit: Annotated[int, Field(ge=1, le=100)] = 20


class Analysis(Reply, type="thinking.analyzed"):
    """What a text seems to want."""

    intent: str
    confidence: float
    scores: dict[str, float]
    mood: dict[str, float] = {}
    strategy: str = "direct"
    """How an answer would be given, as far as the text alone says."""

    why: tuple[str, ...] = ()


class Analyze(Message, type="thinking.analyze", reply=Analysis, idempotent=True):
    """The intent of a text, its mood, and the strategy for it; without a model."""

    text: Annotated[str, Field(min_length=1, max_length=65_536)]


class BackedUp(Reply, type="thinking.backed_up"):
    """The copy is whole, checked, and on disk."""

    bytes: int


class Backup(Message, type="thinking.backup", reply=BackedUp):
    """Copy the database to `backups/<name>.thinking.db` in the data directory, while everything goes on."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
