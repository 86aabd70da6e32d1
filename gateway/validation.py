"""What is wrong with a body or a query, told by the name of its field in words that a client's author understands.

Knows JSON and pydantic's errors, no route and no contract.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails, from_json

from actors.message import WITHOUT_NUL
from gateway.errors import HttpError, dotted
from gateway.json_size import check_fields, check_values, holds_immense, is_immense, is_large, said_twice

__all__ = ["check_numbers", "from_validation", "read_json"]

T = TypeVar("T")
Steps = tuple[str | int, ...]
"""The fields and places in lists that lead to a value in a body."""

MOST_REREAD = 1 << 20
"""Bytes of a body that is no JSON which are read once more, only to name the field."""

MOST_PROBLEMS = 16
"""Of a body that is wrong in a thousand places the first ones are looked at."""

UNION_TAG = re.compile(r"str|int|float|bool|none|dict|list|[a-z]+\[.*|.*[A-Z(].*")
"""What pydantic puts between the fields of a path for the arm of a union that it tried: `str`, `list[dict[…]]`, a class."""

OF_A_NAME = "[key]"
"""What pydantic puts at the end of a path where the name of a field is wrong, and not its value."""

SENTENCES = {
    "extra_forbidden": "there is no such field",
    "missing": "Field required",
    "model_type": "a JSON object is wanted",
    "model_attributes_type": "a JSON object is wanted",
    "dict_type": "a JSON object is wanted",
    "string_type": "a text is wanted",
    "tuple_type": "a list is wanted",
    "list_type": "a list is wanted",
    "int_type": "a whole number is wanted",
    "int_parsing": "a whole number is wanted",
    "float_type": "a number is wanted",
    "float_parsing": "a number is wanted",
    "bool_type": "true or false is wanted",
    "bool_parsing": "true or false is wanted",
}
"""By pydantic's type of error, where its own words speak of Python."""


def read_json(body: bytes) -> Any:
    """The value that a body holds.

    Raises:
        HttpError: 400; with the field where it is one value that JSON does not have, has too many fields of its own, or is
            there twice: readers take the first or the last of them, and what one has checked another does not see.
    """
    if not body.strip():
        raise HttpError(400, "invalid", "the body is empty; JSON is wanted")

    check_values(body)
    try:
        value = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise no_json(body, error) from None

    if is_large(body) and isinstance(value, dict | list):
        check_fields(value)
    if said_twice(body, value):
        raise given_twice(body)
    return value


def check_numbers(value: Any) -> None:
    """That all whole numbers have room in a message: models do not look at what is passed on.

    Raises:
        HttpError: 400 with the field that has not.
    """
    if holds_immense(value):
        found = first_in(value, immense)
        param = dotted(found[0] if found is not None else ())
        raise HttpError(400, "invalid", f"{param or 'the body'}: a whole number has at most 64 bits here", param=param)


def no_json(body: bytes, error: ValueError) -> HttpError:
    """Why it is no JSON. Python writes NaN, infinities and halves of surrogate pairs: then the field is named."""
    if len(body) <= MOST_REREAD:
        try:
            found = first_in(json.loads(body), strange)
        except (ValueError, RecursionError):
            found = None
        if found is not None:
            path, what = found
            param = dotted(path)
            return HttpError(400, "invalid", f"{param}: {what}" if param else what, param=param)

    return HttpError(400, "invalid", f"the body is not JSON: {error}")


class Twice(dict[str, Any]):
    """An object that has a field twice."""

    name = ""


def given_twice(body: bytes) -> HttpError:
    """Which field it is; a large body is not read once more for it."""
    found: tuple[Steps, str] | None = None
    if len(body) <= MOST_REREAD:
        value = json.loads(body, object_pairs_hook=noting_twice)
        found = first_in(value, lambda one: one.name if isinstance(one, Twice) else None)
    if found is None:
        return HttpError(400, "invalid", "an object in the body has the same field twice")

    path, name = found
    param = dotted((*path, name))
    return HttpError(400, "invalid", f"{param}: is given more than once", param=param)


def noting_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object, which knows of it if it has a field twice."""
    made = dict(pairs)
    if len(made) == len(pairs):
        return made

    marked = Twice(made)
    counted = Counter(name for name, _ in pairs)
    marked.name = next(name for name, times in counted.items() if times > 1)
    return marked


def strange(value: Any) -> str | None:
    """What is wrong with a value that Python takes for JSON and nobody else does; None for any other."""
    if isinstance(value, str):
        return None if value.isascii() or is_unicode(value) else "holds half of a surrogate pair, which is no character"
    if isinstance(value, float):
        return "NaN and infinities are no numbers in JSON" if value - value != 0 else None
    if isinstance(value, dict) and not all(is_unicode(name) for name in value):
        return "the name of a field holds half of a surrogate pair, which is no character"
    return None


def immense(value: Any) -> int | None:
    """A whole number that has more than 64 bits; None for any other value."""
    return value if type(value) is int and is_immense(value) else None


def first_in(value: Any, look: Callable[[Any], T | None], path: Steps = ()) -> tuple[Steps, T] | None:
    """The first of a JSON value and all that it holds in which `look` finds something: where it stands, and what was found."""
    found = look(value)
    if found is not None:
        return path, found

    inner: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    below = (first_in(item, look, (*path, step)) for step, item in inner)
    return next((one for one in below if one is not None), None)


def is_unicode(text: str) -> bool:
    """Whether every character of a text can be encoded."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False

    return True


def from_validation(error: ValidationError, given: Any = None) -> HttpError:
    """A body or query that does not fit: the first field that is wrong, as `messages[0].role`.

    Args:
        error: what pydantic had against it.
        given: what was validated; a path's steps that are no fields of it but arms of a union are left out.
    """
    path, problem = first_problem(error, given)
    reason = sentence(problem["type"], problem.get("ctx", {}), problem["msg"])
    if path[-1:] == [OF_A_NAME]:
        *path, name, _ = path
        reason = f"the name {str(name)[:64]!r} in it: {reason}"
    param = dotted(path)
    if param is None and reason == SENTENCES["model_type"]:
        reason = "the body is not a JSON object"

    return HttpError(400, "invalid", f"{param}: {reason}" if param else reason, param=param)


def first_problem(error: ValidationError, given: Any) -> tuple[list[str | int], ErrorDetails]:
    """The first field that is wrong; where it may have several forms, what the form that was meant lacks."""
    told = error.errors(include_url=False, include_input=False)[:MOST_PROBLEMS]
    problems = [(fields(problem["loc"], given), problem) for problem in told]
    first, _ = problems[0]
    of_first = [(path, problem) for path, problem in problems if path[: len(first)] == first]
    return max(of_first, key=lambda found: (len(found[0]), not found[1]["type"].endswith("_type")))


def fields(path: Sequence[str | int], given: Any) -> list[str | int]:
    """A path without the arms of unions."""
    kept: list[str | int] = []
    known = True
    for step in path:
        if known and holds(given, step):
            given = given[step]
        elif isinstance(step, str) and UNION_TAG.fullmatch(step) and kept:
            continue
        else:
            # The body was given another form before it was validated: one record for a list of one.
            known = False
        kept.append(step)

    return kept


def holds(given: Any, step: str | int) -> bool:
    """Whether a step of a path leads on in a JSON value."""
    if isinstance(given, dict):
        return step in given

    return isinstance(given, list) and isinstance(step, int) and step < len(given)


def sentence(kind: str, context: dict[str, Any], message: str) -> str:
    """What is wrong with a value."""
    if kind in SENTENCES:
        return SENTENCES[kind]
    if kind == "too_short":
        return "is empty" if context["min_length"] == 1 else f"has fewer than {context['min_length']} entries"
    if kind == "too_long":
        return f"has more than {context['max_length']} entries"
    if kind == "string_pattern_mismatch" and context["pattern"] == WITHOUT_NUL:
        return "holds a NUL character"
    if kind.startswith(("datetime", "date_")):
        return "is no time; ISO 8601 is wanted, such as 2024-05-01T10:00:00Z"

    return message.removeprefix("Value error, ")
