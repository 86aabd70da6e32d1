"""The one place where an error becomes an HTTP status and OpenAI's error body."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from aiohttp import web
from pydantic import JsonValue
from pydantic_core import to_json

from transport.errors import LatticeError

__all__ = ["CODINGS", "HttpError", "dotted", "error_body", "error_response", "retry_headers", "status_of"]

STATUSES = {
    "invalid": 400,
    "unauthorized": 401,
    "not_found": 404,
    "conflict": 409,
    "overloaded": 429,
    "unknown_actor": 503,
    "unavailable": 503,
    "cancelled": 503,
    "deadline_exceeded": 504,
}
"""By Lattice's code; whatever is not here is 500."""

TYPES = {
    401: "authentication_error",
    403: "permission_error",
    409: "conflict_error",
    429: "rate_limit_error",
    501: "invalid_request_error",
    505: "invalid_request_error",
}
"""OpenAI's `type` by status; further ones are `invalid_request_error` below 500 and `server_error` from there on."""

ANTHROPIC = {
    404: "not_found_error",
    409: "invalid_request_error",
    413: "request_too_large",
    500: "api_error",
    503: "overloaded_error",
    504: "timeout_error",
}
"""Anthropic's `type` where it is another."""

CODINGS = ("gzip", "deflate")
"""What a body may be coded with."""

CODES = {404: "not_found", 405: "method_not_allowed", 411: "invalid", 413: "too_large", 417: "invalid"}
RETRY_AFTER_MS = 1000
"""For 429 and 503 where nobody said how long to wait."""

SECRETLY = "the request failed inside Lattice; its log has the request id"


KEY_HEADER = "Idempotency-Key"


class HttpError(Exception):
    """A request that HTTP alone makes wrong, before any actor is asked."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        param: str | None = None,
        detail: Mapping[str, JsonValue] | None = None,
        ends: bool = False,
    ) -> None:
        self.status = status
        self.code = code
        self.message = message
        self.param = param
        self.detail = detail
        """What a vendor's package reads of an error beside its message: `details` in Anthropic's form."""

        self.ends = ends
        """Whether the connection ends with it: where the next request begins, a proxy and we might see differently."""

        super().__init__(message)


def error_response(error: Exception, *, anthropic: bool = False) -> web.Response:
    """The answer to a request that failed; in Anthropic's form where the request was."""
    status = status_of(error)
    headers = retry_headers(error)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
        # It is the body's coding: RFC 9110 15.5.16.
        headers["Accept-Encoding"] = ", ".join(CODINGS)
    if isinstance(error, web.HTTPMethodNotAllowed):
        headers["Allow"] = ",".join(sorted(error.allowed_methods))

    response = web.Response(
        status=status, body=to_json(error_body(error, anthropic=anthropic)), content_type="application/json", headers=headers
    )
    if isinstance(error, HttpError) and error.ends:
        response.force_close()
    return response


def retry_headers(error: Exception) -> dict[str, str]:
    """Whether and when to ask again.

    `x-should-retry` is what the openai and anthropic packages go by; without it they would ask again after every 409 and 500.
    """
    headers = {"x-should-retry": "true" if is_retryable(error) else "false"}
    if status_of(error) in {429, 503}:
        milliseconds = (error.retry_after_ms if isinstance(error, LatticeError) else None) or RETRY_AFTER_MS
        headers["Retry-After"] = str(math.ceil(milliseconds / 1000))
        headers["retry-after-ms"] = str(milliseconds)

    return headers


def error_body(error: Exception, *, anthropic: bool = False) -> dict[str, Any]:
    """`{"error": {message, type, code, param}}`. What is not meant for a client stays in the log.

    In Anthropic's form it has a `type` beside, and the type of error is called as there.
    """
    status = status_of(error)
    kind = TYPES.get(status) or ("invalid_request_error" if status < 500 else "server_error")
    param = None

    match error:
        case HttpError():
            message, code, param = error.message, error.code, error.param
        case LatticeError():
            message, code, param = message_of(error), error.code, param_of(error)
        case web.HTTPException():
            message, code = reason_of(error), CODES.get(status, "invalid")
        case web.RequestPayloadError():
            message, code = "the body breaks off, or is not encoded as its headers say", "invalid"
        case _:
            message, code = SECRETLY, "internal"

    if anthropic:
        told: dict[str, Any] = {"message": message, "type": ANTHROPIC.get(status, kind), "code": code, "param": param}
        if isinstance(error, HttpError) and error.detail is not None:
            told["details"] = dict(error.detail)

        return {"type": "error", "error": told}

    return {"error": {"message": message, "type": kind, "code": code, "param": param}}


def status_of(error: Exception) -> int:
    """The HTTP status of an error."""
    match error:
        case HttpError() | web.HTTPException():
            return error.status
        case LatticeError() if is_of_the_key(error):
            return 422
        case LatticeError():
            return STATUSES.get(error.code, 500)
        case web.RequestPayloadError():
            return 400
        case _:
            return 500


def is_retryable(error: Exception) -> bool:
    """Whether asking again, unchanged, can help."""
    if isinstance(error, LatticeError):
        return error.retryable

    return isinstance(error, HttpError) and error.status in {408, 429, 503}


def is_of_the_key(error: LatticeError) -> bool:
    """Whether an idempotency key came again with another body: 422 by draft-ietf-httpapi-idempotency-key-header."""
    return error.code == "invalid" and bool((error.detail or {}).get("reused"))


def message_of(error: LatticeError) -> str:
    """What an actor says, without the name of its contract: HTTP's clients know fields alone."""
    fields = (error.detail or {}).get("fields")
    if isinstance(fields, list) and fields and isinstance(fields[0], dict) and fields[0].get("problem"):
        return f"{param_of(error)}: {fields[0]['problem']}"

    return error.message


def param_of(error: LatticeError) -> str | None:
    """The field that an actor had something against."""
    if is_of_the_key(error):
        return KEY_HEADER

    detail = error.detail or {}
    fields = detail.get("fields")
    if isinstance(fields, list) and fields and isinstance(fields[0], dict):
        return dotted(str(fields[0].get("field", "")).split("."))

    param = detail.get("param") or detail.get("field")
    return param if isinstance(param, str) else None


def dotted(steps: Any) -> str | None:
    """Where a field is: `messages[0].role`."""
    path = "".join(f"[{step}]" if isinstance(step, int) or str(step).isdigit() else f".{step}" for step in steps)
    return path.lstrip(".") or None


def reason_of(error: web.HTTPException) -> str:
    """What aiohttp has against a request, as a sentence."""
    match error:
        case web.HTTPMethodNotAllowed():
            allowed = ", ".join(sorted(error.allowed_methods))
            return f"{error.method} is not possible here, only {allowed}"
        case web.HTTPRequestEntityTooLarge():
            return "the body is too large"
        case _:
            return re.sub(r"^\d+: ", "", str(error)) or HTTPStatus(error.status).phrase
