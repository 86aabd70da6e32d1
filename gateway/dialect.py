"""What all dialects of a chat have in common: the one internal form of a request, and the headers that belong to it."""

from __future__ import annotations

import time
from typing import Literal

from pydantic import JsonValue

from actors.thinking.messages import Effort, Keep, Think
from gateway.bodies import DEFAULT_MODELS
from gateway.errors import HttpError
from gateway.incoming import Incoming, digest

__all__ = ["asked", "key_of", "memory_of", "must_be", "now", "reasoning_of", "text_in"]

EFFORTS: dict[str, Effort] = {
    "none": "none",
    "minimal": "none",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
    "max": "high",
}
"""Ours by the clients' words; `max` is Anthropic's."""


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
    keep: Keep | None = None,
) -> Think:
    """The thought that a request is, once it has the internal form.

    `shown`: the client asked for what is thought aloud; `session`: as the body names it; `keep`: how the answer is to be kept.
    """
    header = reasoning_of(call)
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
        reasoning="show" if shown or header == "field" or (header == "comments" and stream) else "hide",
        reuse="no-cache" not in call.request.headers.get("Cache-Control", "").lower(),
        talk=None if given is None else f"talk-{digest(given)[:24]}",
        retry=given is not None or is_repeated(call),
        keep=keep,
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


def memory_of(call: Incoming) -> Literal["on", "read", "off"]:
    """What the talk may have to do with memory."""
    match call.request.headers.get("X-Lattice-Memory", "on").lower():
        case "on":
            return "on"
        case "read":
            return "read"
        case "off":
            return "off"
        case _:
            raise HttpError(400, "invalid", "X-Lattice-Memory is on, read or off", param="X-Lattice-Memory")


def reasoning_of(call: Incoming) -> Literal["hide", "field", "comments"]:
    """Whether what is thought aloud is shown: in `reasoning_content`, or (of a stream) in comments."""
    match call.request.headers.get("X-Lattice-Reasoning", "hide").lower():
        case "hide":
            return "hide"
        case "field":
            return "field"
        case "comments":
            return "comments"
        case _:
            raise HttpError(400, "invalid", "X-Lattice-Reasoning is hide, field or comments", param="X-Lattice-Reasoning")


def is_repeated(call: Incoming) -> bool:
    """Whether the client says that it has sent this request before: the openai and anthropic packages do by a count."""
    headers = call.request.headers
    count = headers.get("x-stainless-retry-count", "0")
    return (count.isascii() and count.isdigit() and int(count) > 0) or headers.get("X-Lattice-Retry", "").lower() == "true"


def now() -> int:
    """Unix time in seconds."""
    return int(time.time())
