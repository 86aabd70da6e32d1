"""How much JSON a client may send: no more values than a message between actors may hold.

A few megabytes of `{},{},…` would otherwise become hundreds of megabytes of objects, and a million complaints about them. Also
tells whether an object has a field twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from gateway.errors import HttpError, dotted

__all__ = ["FIELDS", "VALUES", "check_fields", "check_values", "holds_immense", "is_immense", "is_large", "said_twice"]

VALUES: Final = 1 << 18
"""Values of a body, those inside each other included: as on the wire, where it goes next."""

FIELDS: Final = 1 << 12
"""Fields of one object; as on the wire."""

LEAST: Final = -(1 << 63)
MOST: Final = (1 << 64) - 1
"""Whole numbers that msgpack has room for."""

FEW: Final = FIELDS
"""Below so many values there is nothing to look at."""

LONG: Final = 1 << 18
"""Up to so many bytes, a body of few values is read and hashed in a millisecond or two. An image is longer."""

STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)

NAMED: Final = re.compile(rb'"[ \t\r\n]*:')
"""Behind the name of a field; and in texts that hold JSON themselves."""


def is_large(body: bytes) -> bool:
    """Whether reading it may take longer than a loop has time for."""
    return len(body) > LONG or separators(body) > FEW


def check_values(body: bytes) -> None:
    """Look at JSON that is not read yet.

    Raises:
        HttpError: 400, it holds too many values.
    """
    # Text may hold what looks like values: it is only looked at closely where there is much of it.
    if separators(body) > VALUES and separators(STRING.sub(b"", body)) > VALUES:
        raise HttpError(400, "invalid", f"the body holds more than {VALUES} values")


def separators(body: bytes) -> int:
    """No fewer than the number of values, less one."""
    return body.count(b",") + body.count(b"[") + body.count(b"{")


def check_fields(value: Any) -> None:
    """Pass over a value.

    Raises:
        HttpError: 400 with the object that has too many fields.
    """
    waiting: list[tuple[Any, tuple[str | int, ...]]] = [(value, ())]
    while waiting:
        found, steps = waiting.pop()
        if isinstance(found, dict):
            if len(found) > FIELDS:
                param = dotted(steps)
                raise HttpError(400, "invalid", f"{param or 'the body'}: it has more than {FIELDS} fields", param=param)
            inside: Iterable[tuple[str | int, Any]] = found.items()
        else:
            inside = enumerate(found)
        waiting.extend((item, (*steps, step)) for step, item in inside if type(item) is dict or type(item) is list)


def said_twice(body: bytes, value: Any) -> bool:
    """Whether an object of a body has a field twice: then there are more names in it than fields have come of them."""
    told = fields_in(value)
    # Texts are only left out where it matters: a picture is a text of megabytes.
    return len(NAMED.findall(body)) != told and STRING.sub(b"", body).count(b":") != told


def is_immense(number: int) -> bool:
    """Whether a whole number is one for which a message between actors has no room."""
    return not LEAST <= number <= MOST


def holds_immense(value: Any) -> bool:
    """Whether a whole number of more than 64 bits is anywhere in a value."""
    waiting = [value]
    while waiting:
        found = waiting.pop()
        kind = type(found)
        if kind is dict:
            waiting.extend(found.values())
        elif kind is list:
            waiting.extend(found)
        elif kind is int and is_immense(found):
            return True
    return False


def fields_in(value: Any) -> int:
    """How many fields the objects of a value have together."""
    count = 0
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            count += len(found)
            waiting.extend(found.values())
        elif isinstance(found, list):
            waiting.extend(found)
    return count
