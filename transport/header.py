"""The header of a message: the fields that stand in it, and what each may be.

Knows maps that were decoded already (`codec.py`), no bytes.
"""

from __future__ import annotations

from typing import Any, Final, NoReturn

from transport.envelope import ASK, KINDS, PART, SERVER_KINDS, TELL, VERSION, Envelope
from transport.errors import Invalid

__all__ = ["Malformed", "check_credit", "envelope_of"]

ID_BYTES: Final = 64
NAME_BYTES: Final = 128
LANES: Final = ("fg", "bg")
KEY_BYTES: Final = 256
TTL_MS: Final = 7 * 24 * 3600 * 1000
"""Longest ttl that is taken: a week. More is a mistake, and would overflow timers."""


class Malformed(Invalid):
    """The bytes are not a message of this protocol."""

    def __init__(
        self,
        message: str,
        *,
        reason: str,
        id: str | None = None,  # noqa: A002 (the wire's own word)
        kind: Any = None,
        partial: Envelope | None = None,
        detail: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message, detail=detail)
        self.reason = reason
        """A short word for counters."""

        self.id = id
        """The header's id, where it could be read: who sent it can be answered."""

        self.is_answer = (partial.kind if partial is not None else kind) in tuple(SERVER_KINDS)
        """Whether it calls itself an answer. Such a one is not answered: two servers would answer each other for ever."""

        self.partial = partial
        """The envelope without its body, where the header was right and the body was not."""


def envelope_of(header: dict[str, Any]) -> Envelope:
    """The envelope, without a body, that a header is.

    Raises:
        Malformed: a field is missing or wrong.
    """
    get = header.get
    identity = get("id")

    if type(identity) is not str or not 0 < len(identity) <= ID_BYTES or len(identity.encode()) > ID_BYTES:
        raise Malformed(f"header: id is to be a string of 1 to {ID_BYTES} bytes", reason="header_id")

    if get("v") != VERSION or type(header["v"]) is not int:
        message = f"header: v is to be {VERSION}, the only version"
        raise Malformed(message, reason="header_version", id=identity, kind=get("kind"))

    kind = get("kind")

    if type(kind) is not str or kind not in KINDS:
        raise Malformed("header: kind is not one of " + ", ".join(sorted(KINDS)), reason="header_kind", id=identity)

    to = _text(header, "to", NAME_BYTES) if "to" in header else None
    type_name = _text(header, "type", NAME_BYTES) if "type" in header else None

    if kind in (ASK, TELL) and (to is None or type_name is None):
        _refuse("to" if to is None else "type", f"there on every {kind}", header)

    seq = _whole(header, "seq", (1 << 63) - 1) if "seq" in header else None

    if seq is None and kind == PART:
        _refuse("seq", "there on every part", header)

    lane = get("lane", "fg")

    if lane not in LANES:
        _refuse("lane", "fg or bg", header)

    return Envelope(
        kind,
        identity,
        to,
        type_name,
        _whole(header, "ttl", TTL_MS) if "ttl" in header else None,
        _text(header, "key", KEY_BYTES) if "key" in header else None,
        lane,
        seq,
        _text(header, "trace", NAME_BYTES) if "trace" in header else None,
        _text(header, "inc", ID_BYTES) if "inc" in header else None,
    )


def check_credit(envelope: Envelope) -> None:
    """Refuse a `credit` that grants nothing.

    Raises:
        Malformed: it does not say how many parts.
    """
    n = envelope.body.get("n")

    if type(n) is not int or not 0 < n < 1 << 31:
        raise Malformed("credit: n is to be an integer from 1 to 2147483647", reason="credit", id=envelope.id, partial=envelope)


def _text(header: dict[str, Any], name: str, longest: int) -> str:
    value = header[name]

    if type(value) is not str or not 0 < len(value) <= longest:
        _refuse(name, f"a string of 1 to {longest} characters", header)

    return value


def _whole(header: dict[str, Any], name: str, most: int) -> int:
    value = header[name]

    if type(value) is not int or not 0 <= value <= most:
        _refuse(name, f"an integer from 0 to {most}", header)

    return value


def _refuse(name: str, wanted: str, header: dict[str, Any]) -> NoReturn:
    raise Malformed(f"header: {name} is to be {wanted}", reason="header_" + name, id=header["id"], kind=header["kind"])
