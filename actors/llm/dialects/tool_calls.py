"""Tool calls of one streamed choice, as many servers send them, brought to OpenAI's form: each call has an index of its own.

Some number all calls 0, some none; some give each piece of one call a new id and its name again. Joined by their index alone,
two calls become one with both names, or one has its name many times.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from actors.llm.failure import Failure
from actors.whole_json import Wholeness

__all__ = ["ToolCalls"]


@dataclass(slots=True)
class Begun:
    """A call whose beginning has been heard."""

    index: int
    id: str = ""
    name: str = ""
    arguments: Wholeness = field(default_factory=Wholeness)


class ToolCalls:
    """Tells which call a piece belongs to.

    Args:
        whole: each piece is a call.
    """

    def __init__(self, *, whole: bool = False) -> None:
        self.whole = whole
        self.latest: dict[int | None, Begun] = {}
        """By the number that the server gives them, the call that was begun last under it."""

        self.last: Begun | None = None
        self.count = 0

    def numbered(self, pieces: Any) -> Iterator[dict[str, Any]]:
        """The pieces, each with its call's own index; what repeats a call's id or name is left out.

        Raises:
            Failure: they have no form that is known.
        """
        if not isinstance(pieces, list):
            raise Failure("tool calls of an unknown form")

        for place, piece in enumerate(pieces):
            if isinstance(piece, dict):
                yield self.number(piece, beside=place > 0)

    def number(self, piece: dict[str, Any], *, beside: bool) -> dict[str, Any]:
        """One piece; `beside`: another came with it."""
        given = piece.get("index")
        if given is not None and (not isinstance(given, int) or isinstance(given, bool)):
            raise Failure("a tool call of an unknown form")

        function = piece.get("function")
        function = function if isinstance(function, dict) else {}
        identity, name = str(piece.get("id") or ""), str(function.get("name") or "")
        arguments = str(function.get("arguments") or "")
        call = self.latest.get(given)
        if call is None and given is None and not name:
            # Its call was begun under a number.
            call = self.last
        if call is None or self.whole or is_another(call, identity, name, arguments, beside=beside):
            call = self.latest[given] = self.last = Begun(self.count)
            self.count += 1

        # What came late is told once; what comes again is not.
        told = {**piece, "index": call.index, **({"function": less(function, "name", known=call.name)} if function else {})}
        told = less(told, "id", known=call.id)
        call.id, call.name = call.id or identity, call.name or name
        call.arguments.feed(arguments)
        return told


def is_another(call: Begun, identity: str, name: str, arguments: str, *, beside: bool) -> bool:
    """Whether a piece under the same number begins another call.

    It does where it has a name, and arguments where the call's are whole already; or another id, and another name, nothing to
    add to, or a place of its own beside the call.
    """
    if name and call.arguments.is_whole and arguments.strip():
        return True
    if not identity or not name or not call.id or identity == call.id:
        return False

    return call.arguments.is_whole or name != call.name or beside


def less(told: dict[str, Any], part: str, *, known: str) -> dict[str, Any]:
    """Without a part that is known already."""
    return {key: value for key, value in told.items() if key != part} if known else told
