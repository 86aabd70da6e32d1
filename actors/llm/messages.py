"""Contracts of the llm actor. The one internal form of a talk is OpenAI's chat form, as JSON."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from actors.message import Data, Message, Name, Reply

ChatMessage = dict[str, JsonValue]
"""One message in OpenAI's chat form: role, content (text or parts), tool_calls, tool_call_id, name."""


class Usage(Data):
    """Tokens as the endpoint counted them, or estimated where it did not."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0


class Delta(Reply, type="llm.delta"):
    """A piece of a choice's message, as OpenAI streams it: content, tool_calls, reasoning_content, refusal."""

    index: int = 0
    delta: dict[str, JsonValue]
    logprobs: JsonValue = None


class Choice(Data):
    """A whole answer: OpenAI's message, and why it ended."""

    index: int = 0
    message: ChatMessage
    finish_reason: str
    logprobs: JsonValue = None


class Generated(Reply, type="llm.generated"):
    """The whole answer, also after a stream of its parts."""

    choices: tuple[Choice, ...]
    model: str
    usage: Usage
    endpoint: Name
    attempts: int
    """Calls made upstream, failed ones included."""


class Generate(Message, type="llm.generate", reply=Generated, part=Delta, kept=True, max_bytes=16 << 20):
    """Ask a model. Endpoints are tried in order until one answers; `unavailable` when none does.

    `options` are the request's further fields in OpenAI's form (temperature, max_tokens, tools, response_format, stop ...).
    """

    model: Name | None = None
    """None: the first endpoint's first model."""

    messages: Annotated[tuple[ChatMessage, ...], Field(min_length=1, max_length=4096)]
    options: dict[Name, JsonValue] = {}
    stream: bool = False
    """Send parts as they come. Without it only the reply is sent."""

    said: str = ""
    """What was already said of this answer by a stream that broke: the model goes on from there, and neither the parts nor
    the reply repeat it."""


class Vectors(Reply, type="llm.vectors"):
    """One vector a text, in order, `[n, d] float`."""

    vectors: tuple[tuple[float, ...], ...]
    model: str
    usage: Usage
    endpoint: Name


class Embed(Message, type="llm.embed", reply=Vectors, idempotent=True, max_bytes=4 << 20):
    """Embed texts at the first endpoint that can."""

    model: Name | None = None
    texts: Annotated[tuple[str, ...], Field(min_length=1, max_length=2048)]
    options: dict[Name, JsonValue] = {}


class Model(Data):
    """A model that can be asked for now."""

    id: Name
    endpoint: Name
    created: int = 0


class Models(Reply, type="llm.models_listed"):
    """Every model of every endpoint, each once, in the endpoints' order."""

    models: tuple[Model, ...]


class ListModels(Message, type="llm.models", reply=Models, idempotent=True):
    """What can be asked for."""


class EndpointState(Data):
    """An endpoint as it stands: its breaker, what is in flight, what it has done since the actor started."""

    name: Name
    dialect: str
    base_url: str
    models: tuple[str, ...]
    priority: int
    weight: float
    breaker: Literal["closed", "open", "half_open"]
    in_flight: int
    calls: int
    failures: int
    last_error: str | None


class Endpoints(Reply, type="llm.endpoints_listed"):
    """All endpoints, in the order in which they are tried."""

    endpoints: tuple[EndpointState, ...]


class ListEndpoints(Message, type="llm.endpoints", reply=Endpoints, idempotent=True):
    """The endpoints and their state."""
