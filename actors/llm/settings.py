"""What can be set of the llm actor: its endpoints, and how failures are met. Keys themselves never stand here.

Every command reads these, so this knows the dialects by name only: their import would be a seventh of a command's start.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails

from actors.named_files import Problem, is_missing, read_text

Seconds = Annotated[float, Field(le=604_800, allow_inf_nan=False)]
"""A week at most, as `limits.call_s`: what is longer is a slip of the unit, and not a time that anybody waits."""

Count = Annotated[int, Field(le=1_000_000)]
Price = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
MAX_KEY_FILE_BYTES = 64 << 10
EndpointName = Annotated[str, StringConstraints(min_length=1, max_length=128)]

DIALECTS = ("anthropic", "ollama", "openai", "responses")
"""Those of actors/llm/dialects."""


class BreakerSettings(BaseModel):
    """When an endpoint is left alone, and for how long."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    consecutive_failures: Count = Field(3, ge=1)
    """So many failures in a row open it."""

    failure_rate: float = Field(0.5, gt=0, le=1)
    """This share of failures within the window opens it too, once there were `minimum_calls`."""

    window_s: Seconds = Field(30.0, gt=0)
    minimum_calls: Count = Field(10, ge=1)
    open_when_silent: bool = True
    """A foreground call that got no token within its allowance, while nobody else got one either, opens it by itself: each
    further call would cost a user the whole allowance again. A probe finds out within `open_s` whether it was the call."""

    slow_s: Seconds | None = Field(None, gt=0)
    """A first token that took longer counts as failed, though the answer is used. None: only what runs into a timeout does."""

    open_s: Seconds = Field(1.0, gt=0)
    """How long it stays open before it is probed; doubled each time the probe fails."""

    max_open_s: Seconds = Field(15.0, gt=0)
    """A probe costs a token or two, so an endpoint that is back is found within so long, though nobody asks for one."""

    early_probe_s: Seconds = Field(0.5, gt=0)
    """A call that finds nobody to ask has the next probe made at once, so long after the last failure at the earliest, and not
    before a quarter of the time has passed for which the endpoint is left alone."""


class RetrySettings(BaseModel):
    """How much may be asked again of endpoints that have not shown that they are sound."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    share: float = Field(0.2, ge=0, le=10, allow_inf_nan=False)
    """The share of the last ten seconds' requests that may be asked again."""

    at_least_per_s: int = Field(3, ge=0, le=10_000)
    rounds: int = Field(1, ge=0, le=10)
    """How often, when all endpoints have failed, those whose failure may pass at once are asked once more."""

    base_s: Seconds = Field(0.1, gt=0)
    """Before a further round it waits for a random part of so many seconds (full jitter), doubled with each round."""

    max_s: Seconds = Field(1.0, gt=0)


class HedgeSettings(BaseModel):
    """A second endpoint is asked when the first is slower than it usually is; whoever speaks first answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = False
    """Off: a hedged call may be paid twice."""

    percentile: float = Field(0.95, gt=0, lt=1)
    """After this percentile of the endpoint's latest first tokens a second endpoint is asked."""

    minimum_calls: int = Field(20, ge=1, le=256)
    at_least_s: Seconds = Field(0.05, ge=0)


class BackgroundSettings(BaseModel):
    """What calls of the background lane (the daemon's) may spend: a token bucket."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tokens_per_minute: int | None = Field(30_000, ge=1, le=10**12)
    """None: as much as it likes."""

    burst_tokens: int = Field(120_000, ge=1, le=10**12)


class CacheSettings(BaseModel):
    """Answers used again for identical calls at temperature 0. Off unless asked for: people do ask the same thing twice."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seconds: Annotated[float, Field(ge=0, le=31_622_400, allow_inf_nan=False)] = 0.0
    """How long an answer is good; 0: none is kept."""

    entries: int = Field(256, ge=1, le=100_000)
    max_bytes: int = Field(16 << 20, ge=1024, le=1 << 40)
    single_flight: bool = False
    """Identical calls that are in flight at once share one call upstream."""


class EndpointSettings(BaseModel):
    """One model endpoint."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: EndpointName
    dialect: str = "openai"
    base_url: str
    """With the version, as OpenAI's clients take it: https://api.openai.com/v1. Anthropic's may leave /v1 out."""

    api_key_env: str | None = None
    """Name of the environment variable that holds the key."""

    api_key_file: Path | None = None
    models: tuple[str, ...] = ()
    """Empty: all that the endpoint lists."""

    embedding_models: tuple[str, ...] = ()
    """The first is used where a request names none."""

    priority: int = Field(0, ge=-1_000_000, le=1_000_000)
    """Lower first; equal ones share by weight."""

    weight: float = Field(1.0, gt=0, le=1e6, allow_inf_nan=False)
    connect_timeout_s: Seconds = 3.0
    first_token_timeout_s: Seconds = 30.0
    between_tokens_timeout_s: Seconds = 20.0
    total_timeout_s: Seconds = 300.0
    sign_of_life_s: Seconds = Field(0.65, ge=0)
    """When a call has not had a byte for so long, and neither has any other, nor a question for the list of models that is put
    meanwhile over another connection, the endpoint hangs: the next one is asked, without waiting for the first token's time.
    0.65 leaves such a question 0.45 s, three round trips across an ocean, and more on a machine that is busy. 0: never, for
    servers that answer nothing else while they work (one that does is found out by the first such question that it answers
    late)."""

    max_in_flight: Count = Field(256, ge=1)
    """Further calls go to the next endpoint, or wait in line where there is none. Below it the limit adapts by itself."""

    tags: Annotated[tuple[EndpointName, ...], Field(max_length=32)] = ()
    """What it is good for, in your own words: cheap, long-context, vision. Requests may ask for them."""

    price_in: Price | None = None
    """The price of a million prompt tokens, in your currency."""

    price_out: Price | None = None
    """The price of a million tokens of the answer."""

    tokens_per_day: int | None = Field(None, ge=1, le=10**15)
    """When they are used up it is left alone until midnight UTC."""

    cost_per_day: float | None = Field(None, gt=0, le=1e12, allow_inf_nan=False)
    """The same in money; needs both prices."""

    streams: bool = True
    """Ask for streams even where the caller wants none, so that an endpoint that hangs is seen within its first-token timeout.
    False for endpoints that cannot: then the first-token timeout is for the whole answer."""

    breaker: BreakerSettings = BreakerSettings()

    @field_validator("dialect")
    @classmethod
    def known_dialect(cls, dialect: str) -> str:
        """One of those that there are."""
        if dialect not in DIALECTS:
            raise ValueError(f"there is no dialect {dialect!r}; there are: {', '.join(DIALECTS)}")

        return dialect

    @field_validator("base_url")
    @classmethod
    def usable_url(cls, url: str) -> str:
        """An address over HTTP, without a password in it."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or not has_port(parts):
            raise ValueError(f"{url!r} is no URL of an endpoint; it looks like https://api.openai.com/v1")

        if parts.username or parts.password:
            raise ValueError("a URL must not hold a password; name a variable in api_key_env, or a file in api_key_file")

        return url.rstrip("/")

    @field_validator("api_key_file")
    @classmethod
    def from_one_place(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        """A key from one place. Whether the file can be read is asked when the endpoint is taken up: see `key_problem`."""
        if path is not None and info.data.get("api_key_env"):
            raise ValueError(f"endpoint {info.data.get('name', '')!r} has both api_key_env and api_key_file; leave one out")

        return path

    @field_validator("connect_timeout_s", "first_token_timeout_s", "between_tokens_timeout_s", "total_timeout_s")
    @classmethod
    def positive(cls, seconds: float) -> float:
        """Times are more than nothing."""
        if seconds <= 0:
            raise ValueError(f"a timeout is more than 0 seconds, not {seconds:g}")

        return seconds

    @model_validator(mode="after")
    def priced(self) -> Self:
        """A budget of money needs prices."""
        if self.cost_per_day is not None and (self.price_in is None or self.price_out is None):
            raise ValueError(f"endpoint {self.name!r} has cost_per_day and not both of price_in and price_out")

        return self

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float | None:
        """What so many tokens cost; None where it has no prices."""
        if self.price_in is None or self.price_out is None:
            return None

        return (prompt_tokens * self.price_in + completion_tokens * self.price_out) / 1e6

    def key(self) -> str | None:
        """The key, read anew from where it is kept. None where none is named, or it is not there: see `key_problem`."""
        if self.api_key_file is None:
            return os.environ.get(self.api_key_env) or None if self.api_key_env else None

        with contextlib.suppress(ValueError):
            return read_key_file(self.name, self.api_key_file)

        return None

    def key_problem(self) -> str:
        """What is wrong with its key, for doctor and the log; empty when nothing is."""
        if self.api_key_env and not os.environ.get(self.api_key_env):
            return f"the environment variable {self.api_key_env}, named by api_key_env, is not set"

        return self.file_problem()

    def file_problem(self) -> str:
        """Why the file with its key cannot be used; empty when it can, or none is named."""
        try:
            if self.api_key_file is not None:
                read_key_file(self.name, self.api_key_file)
        except ValueError as error:
            return str(error)

        return ""


class LlmSettings(BaseModel):
    """The llm actor's settings: `[llm]` in lattice.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    endpoints: tuple[EndpointSettings, ...] = ()
    discover: bool = True
    """With no endpoint given: take them from OPENAI_API_KEY, OPENAI_BASE_URL, ANTHROPIC_API_KEY, and a local Ollama."""

    other_models: bool = True
    """When every endpoint that has the model asked for has failed, let the others answer with their own first model; the
    answer says which. False: `unavailable` instead."""

    continue_streams: bool = True
    """When a stream breaks after its first token, let the next endpoint go on from there. False: an error at once."""

    queue_timeout_s: Seconds = Field(10.0, ge=0)
    """How long a call waits in line when every endpoint that could serve it is full. One that would wait longer, by how fast
    the line moves, is answered `overloaded` at once."""

    queue_limit: int = Field(256, ge=0, le=100_000)
    """How many calls may wait in line; the next one is answered `overloaded` at once."""

    aliases: dict[EndpointName, Annotated[tuple[EndpointName, ...], Field(min_length=1, max_length=64)]] = {}
    """Models by another name, in the order in which they are tried: `fast = ["gpt-5-mini", "claude-haiku-4-5"]`."""

    retry: RetrySettings = RetrySettings()
    hedge: HedgeSettings = HedgeSettings()
    background: BackgroundSettings = BackgroundSettings()
    cache: CacheSettings = CacheSettings()
    probe: Literal["generate", "models"] = "generate"
    """How an endpoint that was left alone is tried: by an answer of one token, which shows that it can; or by its list of
    models, which costs nothing and shows less."""

    max_response_bytes: int = Field(16 << 20, ge=1024, le=1 << 30)
    max_repetition: int = Field(2048, ge=0, le=1_000_000)
    """An answer whose last so many characters only repeat a phrase is a failure of the endpoint: models do fall into that, and
    would go on until their limit. A word is too often after 64 times, a line after 20; where the question asks for repetition,
    sixteen times so many characters are let through. 0: let them."""

    models_timeout_s: Seconds = Field(1.0, gt=0)
    """How long a listing of models waits for an endpoint."""

    models_cache_s: Seconds = Field(60.0, ge=0)

    @field_validator("endpoints")
    @classmethod
    def distinct_names(cls, endpoints: tuple[EndpointSettings, ...]) -> tuple[EndpointSettings, ...]:
        """No two endpoints of one name; the error is the second one's."""
        seen: set[str] = set()
        for number, endpoint in enumerate(endpoints):
            if endpoint.name in seen:
                problem = ValueError(f"two endpoints are called {endpoint.name!r}; give each its own name")
                told = InitErrorDetails(type="value_error", loc=(number, "name"), input=endpoint.name, ctx={"error": problem})
                raise ValidationError.from_exception_data(cls.__name__, [told])

            seen.add(endpoint.name)

        return endpoints

    def file_problems(self) -> Iterator[Problem]:
        """Of key files that cannot be used."""
        for number, endpoint in enumerate(self.endpoints):
            if problem := endpoint.file_problem():
                path = endpoint.api_key_file
                yield Problem(("endpoints", number, "api_key_file"), problem, may_pass=path is not None and is_missing(path))


def has_port(parts: SplitResult) -> bool:
    """Whether the port of a URL is one, or is left out."""
    try:
        return parts.port != 0
    except ValueError:
        return False


def read_key_file(endpoint: str, path: Path) -> str:
    """The key in a file, without the space around it.

    Raises:
        ValueError: when the file cannot be read or holds no key.
    """
    try:
        key = read_text(path, MAX_KEY_FILE_BYTES).strip()
    except ValueError as error:
        raise ValueError(f"endpoint {endpoint!r}: the key file {error}") from None

    if not key or not key.isprintable():
        raise ValueError(f"endpoint {endpoint!r}: the key file {path} should hold one line, the key")

    return key
