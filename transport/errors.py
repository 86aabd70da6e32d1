"""The one tree of errors that cross a process border, and their wire form.

Every error is a class whose docstring is its default message. `code` is what stands on the wire; `retryable` says whether
asking again, unchanged, can help.
"""

from __future__ import annotations

from typing import Any, ClassVar

__all__ = [
    "Cancelled",
    "Conflict",
    "DeadlineExceeded",
    "Internal",
    "Invalid",
    "KeyReused",
    "LatticeError",
    "NotFound",
    "Overloaded",
    "PeerReplaced",
    "Unauthorized",
    "Unavailable",
    "UnknownActor",
    "UnknownType",
]


class LatticeError(Exception):
    """Something in Lattice went wrong."""

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str | None = None,
        *,
        retry_after_ms: int | None = None,
        detail: dict[str, Any] | None = None,
    ) -> None:
        self.message = message or (type(self).__doc__ or self.code).strip().split("\n")[0]
        self.retry_after_ms = retry_after_ms
        self.detail = detail
        super().__init__(self.message)

    def to_body(self) -> dict[str, Any]:
        """The body of an `error` envelope: `{code, message, retryable, retry_after_ms?, detail?}`."""
        body: dict[str, Any] = {"code": self.code, "message": self.message, "retryable": self.retryable}
        if self.retry_after_ms is not None:
            body["retry_after_ms"] = self.retry_after_ms
        if self.detail is not None:
            body["detail"] = self.detail
        return body

    @staticmethod
    def from_body(body: dict[str, Any]) -> LatticeError:
        """The error that a peer sent. A code that is not known here becomes `Internal` and keeps its name in `detail`."""
        code = body.get("code")
        message = str(body.get("message") or "") or None
        retry_after_ms = body.get("retry_after_ms")
        detail = body.get("detail")
        kind = BY_CODE.get(code) if isinstance(code, str) else None

        if kind is None:
            kind, detail = Internal, {"code": code, **(detail if isinstance(detail, dict) else {})}

        return kind(
            message,
            retry_after_ms=retry_after_ms if isinstance(retry_after_ms, int) else None,
            detail=detail if isinstance(detail, dict) else None,
        )


class Invalid(LatticeError):
    """The message does not have the form that its type asks for."""

    code = "invalid"


class KeyReused(Invalid):
    """The idempotency key came before, with another message; a new request takes a new key.

    On the wire it is `invalid`, with `reused` in its detail.
    """

    def __init__(self) -> None:
        problem = (KeyReused.__doc__ or "").split("\n")[0]
        super().__init__(f"key: {problem}", detail={"fields": [{"field": "key", "problem": problem}], "reused": True})


class UnknownActor(LatticeError):
    """No actor of that name lives here."""

    code = "unknown_actor"


class UnknownType(LatticeError):
    """The actor does not handle messages of that type."""

    code = "unknown_type"


class Unauthorized(LatticeError):
    """The caller may not do that."""

    code = "unauthorized"


class NotFound(LatticeError):
    """There is no such thing."""

    code = "not_found"


class Conflict(LatticeError):
    """The state is not one in which that can be done."""

    code = "conflict"


class Overloaded(LatticeError):
    """Too much is waiting here already; try again later."""

    code = "overloaded"
    retryable = True


class DeadlineExceeded(LatticeError):
    """The time allowed for the call is up."""

    code = "deadline_exceeded"


class Cancelled(LatticeError):
    """The caller took the call back."""

    code = "cancelled"


class Unavailable(LatticeError):
    """What is needed for the answer cannot be reached now."""

    code = "unavailable"
    retryable = True


class PeerReplaced(Unavailable):
    """The process that was streaming the answer was replaced after its first parts had been received.

    Raised by streams on the caller's side only; it never crosses the wire as a code of its own.
    """


class Internal(LatticeError):
    """The handler failed; its log says why."""

    code = "internal"


BY_CODE: dict[str, type[LatticeError]] = {
    kind.code: kind
    for kind in (
        Invalid,
        UnknownActor,
        UnknownType,
        Unauthorized,
        NotFound,
        Conflict,
        Overloaded,
        DeadlineExceeded,
        Cancelled,
        Unavailable,
        Internal,
    )
}
