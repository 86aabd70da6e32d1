"""What the dialects beside OpenAI's chat have in common: a request in the one internal form, and named events back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import web
from pydantic import JsonValue
from pydantic_core import to_json

from actors.thinking.messages import Think
from gateway.bodies import DEFAULT_MODELS
from gateway.chat import EFFORTS, Telling, is_repeated, memory_of, reasoning_of
from gateway.completion import Voice
from gateway.errors import HttpError
from gateway.incoming import Incoming, digest
from gateway.sse import EventStream

__all__ = ["NamedEvents", "NamedTelling", "asked", "key_of", "must_be", "text_in"]


def key_of(call: Incoming) -> str:
    """What a repetition of the request is recognised by."""
    if call.idempotency_key is not None:
        return call.write_key

    session = call.request.headers.get("X-Lattice-Session", "")
    return f"body:{digest(call.request.path, call.namespace, session, memory_of(call), reasoning_of(call), call.fingerprint)}"


def asked(
    call: Incoming,
    *,
    model: str | None,
    messages: list[dict[str, JsonValue]],
    options: dict[str, JsonValue],
    effort: str | None,
    stream: bool,
    shown: bool = False,
    session: str | None = None,
) -> Think:
    """The thought that a request is, once it has the internal form; `shown`: the client asked for what is thought aloud."""
    given = None if call.idempotency_key is None else call.write_key
    if effort is not None and effort in EFFORTS:
        options = {**options, "reasoning_effort": effort}

    return Think(
        namespace=call.namespace,
        session=call.session(session),
        memory=memory_of(call),
        model=None if model in DEFAULT_MODELS else model,
        messages=tuple(messages),
        options=options,
        effort=None if effort is None else EFFORTS.get(effort),
        stream=stream,
        reasoning="show" if shown or reasoning_of(call) == "field" else "hide",
        reuse="no-cache" not in call.request.headers.get("Cache-Control", "").lower(),
        talk=None if given is None else f"talk-{digest(given)[:24]}",
        retry=given is not None or is_repeated(call),
    )


def must_be(condition: object, param: str, message: str) -> None:
    """Refuse a request by the name of its field.

    Raises:
        HttpError: unless the condition holds.
    """
    if not condition:
        raise HttpError(400, "invalid", f"{param}: {message}", param=param)


def text_in(item: dict[str, JsonValue], name: str, where: str) -> str:
    """A text that a block or an item has to have: without it a model would be sent `null`.

    Raises:
        HttpError: it is not there, or empty, or no text.
    """
    value = item.get(name)
    must_be(isinstance(value, str) and value, f"{where}.{name}", "a text is wanted")
    return str(value)


class NamedEvents(EventStream):
    """Events that say their type twice, as both dialects have it; they end without `[DONE]`."""

    def __init__(self, request: web.Request, write_timeout_s: float, failure: Callable[[Exception], dict[str, Any]]) -> None:
        super().__init__(request, write_timeout_s)
        self.failure = failure

    async def send(self, data: Any) -> None:
        """Events, one after the other.

        Raises:
            ConnectionError: the client is gone, or took nothing for too long.
        """
        written = b"".join(b"event: " + event["type"].encode() + b"\ndata: " + to_json(event) + b"\n\n" for event in data)
        if written:
            await self.write(written)

    async def done(self) -> None:
        """The last event was the end."""

    async def fail(self, error: Exception) -> None:
        """An error as the last event. The connection ends with it."""
        self.response.force_close()
        await self.send([self.failure(error)])


class NamedTelling(Telling):
    """One streamed answer in a dialect of named events."""

    def __init__(self, call: Incoming, think: Think, voice: Voice, failure: Callable[[Exception], dict[str, Any]]) -> None:
        super().__init__(call, think, key_of(call), voice)
        self.events: EventStream = NamedEvents(call.request, call.settings.write_timeout_s, failure)
