"""@handles: which method of an actor handles which contract."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from actors.message import Contract, Message

__all__ = ["Handler", "Kind", "handler_table", "handles"]

F = TypeVar("F", bound=Callable[..., Any])


class Kind(Enum):
    """How a handler answers."""

    PLAIN = "plain"
    COROUTINE = "coroutine"
    STREAM = "stream"


@dataclass(frozen=True, slots=True)
class Handler:
    """A method and the contract that it fulfils."""

    contract: Contract
    function: Callable[..., Any]
    kind: Kind


def handles(message: type[Message]) -> Callable[[F], F]:
    """Registers a method as the handler of a contract.

    The method takes the message and returns the contract's reply; it may be plain, a coroutine function, or, where the
    contract streams, an async generator that yields parts and, last, the reply.

    Raises:
        TypeError: the method is an async generator and the contract has no parts.
    """

    def register(function: F) -> F:
        contract = message.contract
        is_stream = inspect.isasyncgenfunction(function)

        if is_stream and contract.part is None:
            raise TypeError(f"{contract.type} has no parts, but {function.__qualname__} is an async generator")

        if is_stream:
            kind = Kind.STREAM
        elif inspect.iscoroutinefunction(function):
            kind = Kind.COROUTINE
        else:
            kind = Kind.PLAIN

        function.__dict__.setdefault("__lattice_handlers__", []).append(Handler(contract, function, kind))

        return function

    return register


def handler_table(cls: type) -> dict[str, Handler]:
    """The handlers of an actor class and its bases, by the contract's type; an overriding method takes its base's place."""
    table: dict[str, Handler] = {}

    for base in reversed(cls.__mro__):
        for name, member in vars(base).items():
            for handler in getattr(member, "__lattice_handlers__", ()):
                table[handler.contract.type] = handler

            _replace_overridden(table, name, member)

    return table


def _replace_overridden(table: dict[str, Handler], name: str, member: Any) -> None:
    """A method that overrides a handler without saying so again handles the same contracts."""
    if not inspect.isfunction(member) or hasattr(member, "__lattice_handlers__"):
        return

    for type_name, handler in table.items():
        if handler.function.__name__ == name:
            kind = Kind.STREAM if inspect.isasyncgenfunction(member) else Kind.PLAIN
            kind = Kind.COROUTINE if inspect.iscoroutinefunction(member) else kind
            table[type_name] = Handler(handler.contract, member, kind)
