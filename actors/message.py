"""Message: the frozen pydantic base of all contracts, and the registry from a type's name to its class.

A contract is declared where it is defined:

    class Recall(Message, type="memory.recall", reply=Recalled, idempotent=True): ...

The part of the type before the dot is the name of the actor that handles it.
"""

from __future__ import annotations

import builtins
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, GetCoreSchemaHandler, StringConstraints, ValidationError
from pydantic_core import CoreSchema

from actors.wire_types import validator
from transport.errors import Invalid, UnknownType

__all__ = [
    "WITHOUT_NUL",
    "Contract",
    "Data",
    "Message",
    "Name",
    "Namespace",
    "Reply",
    "Time",
    "contract_of",
    "contracts",
    "ending_at_the_first",
]

WITHOUT_NUL = r"^[^\x00]*$"
"""A name holds no NUL, which databases and C take for the end of a text."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=WITHOUT_NUL)]
"""An identifier that people or programs choose: a session, a speaker, a key."""

Namespace = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=WITHOUT_NUL)]
"""The tenant that a record belongs to. Nothing crosses from one namespace to another."""

SEQUENCES = frozenset({"list", "tuple", "set", "frozenset"})
"""The kinds of sequences, as pydantic calls them."""

Time = AwareDatetime
"""A moment with its offset; ISO 8601 on the wire."""


def ending_at_the_first(schema: CoreSchema) -> CoreSchema:
    """The same schema, whose sequences are not looked at beyond their first wrong item.

    A message may bring hundreds of thousands of items; to complain about each would hold the loop for many seconds.
    """
    waiting: list[Any] = [schema]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            kind = found.get("type")
            if isinstance(kind, str) and kind in SEQUENCES:
                found["fail_fast"] = True
            waiting.extend(found.values())
        elif isinstance(found, list | tuple):
            waiting.extend(found)
    return schema


class Data(BaseModel):
    """Frozen data inside messages. Unknown fields, NaN and infinities are refused.

    What is wrong with a value is told without the value: such errors are logged, and what people say has no place in a log.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return ending_at_the_first(handler(source))


class Reply(Data):
    """What a handler answers, or a part of a stream. Fields unknown to an older reader are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    type: ClassVar[str]

    def __init_subclass__(cls, *, type: str | None = None, **options: Any) -> None:  # noqa: A002 (the wire's own word)
        super().__init_subclass__(**options)
        if type is not None:
            cls.type = type


@dataclass(frozen=True, slots=True)
class Contract:
    """What the runtime knows of a message's type."""

    type: str
    message: builtins.type[Message]
    reply: builtins.type[Reply] | None
    """None for messages that are only told, never asked."""

    part: builtins.type[Reply] | None
    """What the parts of its stream are; None when it does not stream."""

    idempotent: bool
    """Handling it twice has the effect of handling it once."""

    kept: bool
    """Its call outlives its caller: who asks again with the same id (or key, see `Message.rejoins`) is joined to the call
    in flight, or gets the answer kept for a minute, parts and all."""

    max_bytes: int
    """Largest body in bytes."""

    namespaced: bool
    """Whether its messages name a namespace."""

    @property
    def actor(self) -> str:
        """Name of the actor that handles it."""
        return self.type.partition(".")[0]


contracts: dict[str, Contract] = {}
"""Every contract whose module has been imported, by type."""


class Message(Data):
    """A request to an actor. Subclasses declare their contract in the class line; see the module's docstring."""

    contract: ClassVar[Contract]

    def __init_subclass__(cls, **options: Any) -> None:
        # Type hands the class line's words to both hooks; pydantic's below is the one that runs on the finished class.
        del options
        super().__init_subclass__()

    @classmethod
    def __pydantic_init_subclass__(
        cls,
        *,
        type: str | None = None,  # noqa: A002 (the wire's own word)
        reply: builtins.type[Reply] | None = None,
        part: builtins.type[Reply] | None = None,
        idempotent: bool = False,
        kept: bool = False,
        max_bytes: int = 1 << 20,
        **options: Any,
    ) -> None:
        super().__pydantic_init_subclass__(**options)
        if type is None:
            return
        if type in contracts and contracts[type].message is not cls:
            message = f"{type} is declared twice: {contracts[type].message!r} and {cls!r}"
            raise TypeError(message)
        cls.contract = contracts[type] = Contract(
            type, cls, reply, part, idempotent, kept, max_bytes, namespaced="namespace" in cls.model_fields
        )

    @property
    def rejoins(self) -> bool:
        """Whether an ask with an already known `key` joins that call. Only looked at where the contract is `kept`."""
        return True

    def asks_the_same(self, other: Message) -> bool:
        """Whether an ask with an already known `key` repeats that call, rather than using its key for something else.

        Only looked at where the contract is `kept`. What asks are joined for is theirs to say: a step of a thought that is
        begun anew may have another context by then, and is the same step.
        """
        del other

        return True

    @property
    def takes_parts(self) -> bool:
        """Whether who asks this takes parts; another only waits for the answer of a call that was begun with parts.

        Only looked at where the contract is `kept`.
        """
        return True

    @classmethod
    def parse(cls, body: Any) -> Self:
        """A message from a decoded body, whose values are of the contract's types as they are (`wire_types`).

        Raises:
            Invalid: with the first offending field's name in the message, and in `detail["fields"]` further ones, at most 16;
                of a list's items only the first that is wrong.
        """
        try:
            message: Self = validator(cls).validate_python(body)
        except ValidationError as error:
            raise invalid(error, cls.contract.type) from error

        return message


SENTENCES = {"extra_forbidden": "there is no such field", "model_type": "a map is needed"}
"""By pydantic's type of error, where its own words speak of Python."""


def invalid(error: ValidationError, what: str) -> Invalid:
    """The wire error for a body that does not fit `what`."""
    fields = [
        {
            "field": ".".join(str(step) for step in problem["loc"]) or "body",
            "problem": SENTENCES.get(problem["type"]) or problem["msg"].removeprefix("Value error, "),
        }
        for problem in error.errors(include_url=False, include_input=False, include_context=False)[:16]
    ]
    first = fields[0]
    return Invalid(f"{what}: {first['field']}: {first['problem']}", detail={"fields": fields})


def contract_of(type_name: str) -> Contract:
    """The contract of a type's name.

    Raises:
        UnknownType: when no imported module declares it.
    """
    try:
        return contracts[type_name]
    except KeyError:
        message = f"no contract is called {type_name!r}"
        raise UnknownType(message) from None
