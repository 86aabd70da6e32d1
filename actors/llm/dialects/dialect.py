"""What a dialect has to know, and what a reader of its answers does."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from pydantic_core import from_json

from actors.llm.failure import Blame, Failure
from actors.llm.form import Asked, Event

NAME = re.compile(r"[\w.:/-]{1,64}")
"""What an endpoint calls an error; anything else may be a sentence with contents in it."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent: the path behind the endpoint's base URL, and the body."""

    path: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Listed:
    """A model as an endpoint lists it; `created` in seconds since the epoch, 0 where it does not say."""

    id: str
    created: int = 0


class Reader(Protocol):
    """Reads one answer."""

    ended: bool
    """Nothing more is to be expected."""

    def event(self, data: str) -> Iterator[Event]:
        """One server-sent event's data.

        Raises:
            Failure: when it is an error, or not what the dialect allows.
        """
        ...

    def whole(self, body: Any) -> Iterator[Event]:
        """An answer that did not come as a stream."""
        ...


class Dialect(Protocol):
    """Stateless; one for all endpoints that speak it."""

    embeds: bool
    continuation: Literal["prefill", "instruction"]
    """How a model is best told to go on from what was already said."""

    models_path: str
    """Where it lists its models."""

    stream_type: str
    """Media type of its streams: events, or a JSON object a line."""

    def base_url(self, url: str) -> str:
        """Where the paths of its calls begin, without a slash at the end."""
        ...

    def headers(self, key: str | None) -> dict[str, str]:
        """What identifies us."""
        ...

    def generate(self, asked: Asked) -> Request:
        """A generation.

        Raises:
            Failure: (the request's own) when the dialect cannot say it.
        """
        ...

    def reader(self) -> Reader:
        """A reader for the answer of one generation."""
        ...

    def embed(self, model: str, texts: Sequence[str], options: Mapping[str, Any]) -> Request:
        """An embedding of texts."""
        ...

    def embedded(self, body: Any) -> Any:
        """The answer to an embedding, in OpenAI's form."""
        ...

    def models(self, body: Any) -> list[Listed]:
        """The answer to a GET of `models_path`."""
        ...

    def told(self, body: Any) -> str:
        """What an error's body says to the reader."""
        ...


def parsed(data: str | bytes) -> Any:
    """Decoded JSON of an endpoint: no NaN, no infinities, no depths that hurt; a byte order mark before it is passed over.

    Raises:
        Failure: when it is not that.
    """
    if isinstance(data, bytes):
        data = data.removeprefix(BOM_UTF8)

    try:
        return from_json(data, allow_inf_nan=False)
    except ValueError:
        raise Failure("what it sent is not JSON") from None


def error_failure(error: Any) -> Failure:
    """The failure for an error object inside an answer that began well."""
    kind = str(error.get("type") or error.get("code") or "unnamed") if isinstance(error, dict) else "unnamed"
    told = str(error.get("message") or "") if isinstance(error, dict) else str(error)
    blame = Blame.REQUEST if kind in {"invalid_request_error", "context_length_exceeded"} else Blame.ENDPOINT
    kind = kind if NAME.fullmatch(kind) else "unnamed"
    return Failure(f"an error inside the answer: {kind}", blame=blame, told=told[:500])
