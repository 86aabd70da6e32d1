"""What the bodies and queries of several routes share. Fields that are not known are errors, so that a typing error is seen."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler, Strict
from pydantic_core import CoreSchema

from actors.memory.messages import on_the_calendar
from actors.message import Name, Namespace, ending_at_the_first
from actors.wire_types import no_number

__all__ = [
    "CHAT_HEADERS",
    "DEFAULT_MODELS",
    "Body",
    "Flag",
    "HouseQuery",
    "Limit",
    "Moment",
    "NamespaceQuery",
    "Number",
    "Part",
    "Query",
    "Whole",
]

CHAT_HEADERS = ("X-Lattice-Session", "X-Lattice-Memory", "X-Lattice-Reasoning", "X-Lattice-Retry", "Cache-Control")
"""What requests for an answer go by, in every dialect."""

DEFAULT_MODELS = (None, "", "default")
"""A request that names one of these takes the first endpoint's first model."""

Flag = Annotated[bool, Strict()]
"""true or false of JSON, no word for them. In a query, where all is text, `bool` is right."""

Whole = Annotated[int, Strict()]
"""A whole number of JSON: no text, no 5.0."""

Number = Annotated[float, Strict()]
"""A number of JSON: no text, no true."""

Limit = Annotated[int, Field(ge=1, le=1000)]
"""How many entries a page holds."""


def with_offset(time: datetime) -> datetime:
    """A time without an offset is UTC."""
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


Moment = Annotated[datetime, BeforeValidator(no_number), AfterValidator(with_offset), AfterValidator(on_the_calendar)]
"""ISO 8601; without an offset it is UTC. In every zone it lies within the years 1 to 9999."""


class Part(BaseModel):
    """What a body is made of. A sequence is looked at up to its first wrong item: a million of them are one mistake."""

    model_config = ConfigDict(frozen=True)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return ending_at_the_first(handler(source))


class Body(Part):
    """A request's body. `namespace` stands for the header X-Lattice-Namespace."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    namespace: Namespace | None = None


class NamespaceQuery(Body):
    """A query of no more than the namespace."""


class Query(NamespaceQuery):
    """A query for a page."""

    limit: Limit = 100
    cursor: Name | None = None


class HouseQuery(Part):
    """A query about the whole house: a namespace would choose nothing there, and is refused."""

    model_config = ConfigDict(extra="forbid")
