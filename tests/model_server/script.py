"""What the scripted server is told to do: one `Behaviour` a request, from a queue, else the default."""

from __future__ import annotations

from collections import deque
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Route = Literal["chat", "models", "embeddings"]
Fault = Literal[
    "refuse",  # the request is read, then the connection is reset without a byte (a closed port: ModelServer.stop)
    "hang",  # nothing at all is sent until /release, then it goes on as if nothing had been (before accept: ModelServer.pause)
    "hang_first_token",  # headers come, no token until /release
    "hang_mid",  # stops after `after_tokens` tokens (plain: in the middle of the body) until /release
    "status",  # answers `status` with an error in the dialect's form, and Retry-After where `retry_after` is set
    "html",  # answers `status` (502 unless set) with an HTML page
    "garbage",  # 200 and the right content type, but no JSON (streaming: after `after_tokens` tokens)
    "error_inside",  # 200 with an error object inside (streaming: as an event after `after_tokens` tokens)
    "cut",  # the connection breaks after `after_tokens` tokens (plain: in the middle of the body)
    "cut_clean",  # the stream ends in good order as HTTP sees it, but without its finish (plain: half of the JSON)
    "wrong_type",  # 200 with text/html and an HTML page
    "drip",  # one byte each `delay_between_s`
    "endless",  # never stops of itself: tokens (plain: blanks)
]


class Behaviour(BaseModel):
    """How one request is answered."""

    model_config = ConfigDict(extra="forbid")

    on: Route = "chat"
    """Which requests it is for; chat is both dialects' generation."""

    times: int = Field(1, ge=1, le=100_000)
    """For how many requests, where it stands in a queue."""

    mode: Literal["say", "echo", "find", "nearest"] = "say"
    """say: `text`. echo: the last user message. find: the latest sentence of the prompt, questions left out, that holds all of
    `words`, else `text`. nearest: the one that shares most words with the last user message, else `text`."""

    text: str = Field("The scripted model answers with these ten plain words, always.", max_length=1 << 20)
    words: list[str] = []
    reasoning: str = ""
    tool_calls: list[dict[str, str]] = []
    """`{"id"?, "name", "arguments"}`, arguments as JSON text."""

    finish_reason: str | None = None
    usage: bool = True
    counting: bool = False
    """endless: every token is another number."""

    overlap: int = Field(0, ge=0, le=1000)
    """On a continuation: say again so many of the last tokens of what was already said."""

    delay_first_s: float = Field(0.0, ge=0, le=120)
    delay_between_s: float = Field(0.0, ge=0, le=120)
    fault: Fault | None = None
    after_tokens: int = Field(3, ge=0, le=100_000)
    status: int = Field(500, ge=400, le=599)
    retry_after: str | None = None
    message: str = "scripted failure"


class Script:
    """The queue of what comes next, and what happens when it is empty."""

    def __init__(self) -> None:
        self.default: dict[Route, Behaviour] = {}
        self.queue: dict[Route, deque[Behaviour]] = {}

    def load(self, told: ScriptRequest) -> None:
        """Take over what `POST /script` brought."""
        if told.clear:
            self.default.clear()
            self.queue.clear()

        if told.default is not None:
            self.default[told.default.on] = told.default

        for behaviour in told.next:
            self.queue.setdefault(behaviour.on, deque(maxlen=10_000)).append(behaviour)

    def take(self, route: Route) -> Behaviour:
        """The behaviour for a request that has just come."""
        queue = self.queue.get(route)
        if not queue:
            return self.default.get(route) or Behaviour(on=route)

        first = queue[0]
        if first.times > 1:
            queue[0] = first.model_copy(update={"times": first.times - 1})
        else:
            queue.popleft()

        return first


class ScriptRequest(BaseModel):
    """Body of `POST /script`."""

    model_config = ConfigDict(extra="forbid")

    clear: bool = False
    default: Behaviour | None = None
    next: list[Behaviour] = Field([], max_length=10_000)
    models: list[str] | None = Field(None, max_length=1000)
