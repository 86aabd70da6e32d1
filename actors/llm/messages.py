"""Contracts of the llm actor. The one internal form of a talk is OpenAI's chat form, as JSON."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue, StringConstraints

from actors.message import Data, Message, Name, Namespace, Reply

ChatMessage = dict[str, JsonValue]
"""One message in OpenAI's chat form: role, content (text or parts), tool_calls, tool_call_id, name."""


class Usage(Data):
    """Tokens as the endpoint counted them, or estimated where it did not."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    prompt_tokens_details: dict[str, int] | None = None
    """Where the endpoint says so: `cached_tokens`."""

    completion_tokens_details: dict[str, int] | None = None
    """Where the endpoint says so: `reasoning_tokens`."""


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

    cost: float | None = None
    """What all of them cost, in the unit of the endpoints' prices; None where an endpoint has none."""


class Generate(Message, type="llm.generate", reply=Generated, part=Delta, kept=True, max_bytes=16 << 20):
    """Ask a model. Endpoints are tried in order until one answers; `unavailable` when none does.

    `options` are the request's further fields in OpenAI's form (temperature, max_tokens, tools, response_format, stop ...).
    """

    namespace: Namespace = "default"
    """Whom the usage is counted for."""

    model: Name | None = None
    """A model, or an alias of `[llm.aliases]`. None: the first endpoint's first model."""

    tags: Annotated[tuple[Name, ...], Field(max_length=16)] = ()
    """Endpoints that have all of these (cheap, long-context, vision ...) are asked first, and others where there are none."""

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

    namespace: Namespace = "default"
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


class Budget(Data):
    """What an endpoint has used of its day (UTC); a limit is None where there is none."""

    tokens: int
    tokens_per_day: int | None
    cost: float
    cost_per_day: float | None


class EndpointState(Data):
    """An endpoint as it stands: its breakers, what is in flight, what it has done since the actor started."""

    name: Name
    dialect: str
    base_url: str
    models: tuple[str, ...]
    priority: int
    weight: float
    breaker: Literal["closed", "open", "half_open"]
    """The state of the endpoint's breaker as a whole; while that is closed, of the worst of its models'."""

    in_flight: int
    calls: int
    failures: int
    last_error: str | None
    tags: tuple[str, ...] = ()
    breakers: dict[str, Literal["closed", "open", "half_open"]] = {}
    """By model, those that are not closed."""

    state: Literal["in_use", "draining"] = "in_use"
    ejected: bool = False
    """It does worse than its equals, and is asked after them."""

    limit: int = 0
    """Calls that it may have in flight now; see docs/models.md."""

    first_token_p50_ms: float | None = None
    first_token_p95_ms: float | None = None
    budget: Budget | None = None


class Endpoints(Reply, type="llm.endpoints_listed"):
    """All endpoints, in the order in which they are tried."""

    endpoints: tuple[EndpointState, ...]


class ListEndpoints(Message, type="llm.endpoints", reply=Endpoints, idempotent=True):
    """The endpoints and their state."""


class EndpointFound(Reply, type="llm.endpoint_found"):
    """One endpoint."""

    endpoint: EndpointState


class AddEndpoint(Message, type="llm.add_endpoint", reply=EndpointFound, idempotent=True):
    """Take up an endpoint, or change the one of that name: kept until it is removed, also over restarts."""

    endpoint: dict[Name, JsonValue]
    """As in `[[llm.endpoints]]`."""


class DrainEndpoint(Message, type="llm.drain_endpoint", reply=EndpointFound, idempotent=True):
    """Give an endpoint no further calls; those that it has are finished. It stays so until it is added anew."""

    name: Name


class RemoveEndpoint(Message, type="llm.remove_endpoint", reply=Endpoints, idempotent=True):
    """Forget an endpoint; the calls that it has are finished first, up to its total timeout."""

    name: Name


class UsageRow(Data):
    """What was used of one model at one endpoint, for one namespace, in one day (UTC)."""

    day: str
    namespace: str
    endpoint: str
    model: str
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost: float


class UsageFound(Reply, type="llm.usage_found"):
    """Usage, the latest day first."""

    rows: tuple[UsageRow, ...]


class GetUsage(Message, type="llm.usage", reply=UsageFound, idempotent=True):
    """What was used, by day, namespace, endpoint and model; failed attempts included, as far as they got."""

    namespace: Namespace | None = None
    """None: all."""

    days: Annotated[int, Field(ge=1, le=3660)] = 30
    limit: Annotated[int, Field(ge=1, le=5000)] = 1000


class BackedUp(Reply, type="llm.backed_up"):
    """The copy is whole, checked, and on disk."""

    bytes: int


class Backup(Message, type="llm.backup", reply=BackedUp):
    """Copy the database to `backups/<name>.llm.db` in the data directory, while everything goes on."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
