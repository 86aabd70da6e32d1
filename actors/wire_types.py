"""Bodies from the wire, whose values have the types that the contract says: a number is no text, and a text is no number.

Code that makes a message is checked by mypy, and may go by pydantic's ways (an integer of SQLite's for a bool). What strangers
send goes by the same rules as JSON over HTTP: where one writer's `"5"` was taken for 5, the next one's `"five"` fails late.
Knows pydantic's schemas and no contract.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic_core import CoreConfig, CoreSchema, SchemaValidator

__all__ = ["no_number", "validator"]

EXACT = frozenset({"bool", "float", "int", "str"})
"""What pydantic calls the types that it converts to where it is not told otherwise; an integer still is a float."""

NO_SCHEMA = frozenset({"default", "metadata"})
"""Keys of a schema whose values are no schemas."""

NUMBER = re.compile(r"\s*[+-]?[0-9_]*\.?[0-9_]*(?:[eE][+-]?[0-9]+)?\s*")


@cache
def validator(model: type[BaseModel]) -> SchemaValidator:
    """What takes a decoded body for a model of this type, and converts nothing but lists to tuples and texts to times."""
    # What schemas share (JSON values) stands outside of the model, and knows its rules only from here.
    shared: CoreConfig = {"allow_inf_nan": model.model_config.get("allow_inf_nan", True)}
    # Without prebuilt validators: a model inside of another one would otherwise be taken as code may make it.
    return SchemaValidator(exact(model.__pydantic_core_schema__), shared, _use_prebuilt=False)


def exact(schema: CoreSchema) -> CoreSchema:
    """The same schema, whose values have to be of the types that it names."""
    made: CoreSchema = _exact(schema)
    return made


def _exact(schema: Any) -> Any:
    if isinstance(schema, list | tuple):
        return type(schema)(_exact(item) for item in schema)
    if not isinstance(schema, dict):
        return schema

    made = {key: value if key in NO_SCHEMA else _exact(value) for key, value in schema.items()}
    kind = made.get("type")
    if not isinstance(kind, str):
        return made
    if kind in EXACT:
        return {**made, "strict": True}
    if kind == "datetime":
        return {"type": "function-before", "function": {"type": "no-info", "function": no_number}, "schema": made}
    return made


def no_number(value: Any) -> Any:
    """`value`, if it is no number, not even one in a text: nobody knows of what those count seconds, days or milliseconds.

    Raises:
        ValueError: it is.
    """
    if isinstance(value, int | float) or (isinstance(value, str) and NUMBER.fullmatch(value)):
        raise ValueError("is no time; ISO 8601 is wanted, such as 2024-05-01T10:00:00Z")
    return value
