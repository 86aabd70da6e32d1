"""Said: what a client has already been sent of an answer, so that the same answer can be told again from its start.

When the process that streams an answer is replaced, the next one tells it anew. What the client has must not come twice, and
what follows must really follow: every text is held against what was sent, character by character.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import JsonValue

from transport.errors import Unavailable

__all__ = ["Differs", "Said"]

Channel = tuple[Any, ...]
"""One thing that grows: (choice, "content"), (choice, "tool_calls", 0, "arguments") ..."""


class Differs(Unavailable):
    """The answer was begun anew and is another one than before."""


class Text:
    """A text that is told in pieces."""

    __slots__ = ("at", "known", "pieces")

    def __init__(self) -> None:
        self.known = ""
        """What was sent in earlier tellings."""

        self.at = 0
        """How far this telling has come in `known`."""

        self.pieces: list[str] = []
        """What was sent in this telling beyond `known`."""

    def take(self, piece: str) -> str:
        """What of a piece is new."""
        expected = self.known[self.at : self.at + len(piece)]
        if not piece.startswith(expected):
            raise Differs

        self.at += len(expected)
        rest = piece[len(expected) :]
        if rest:
            self.pieces.append(rest)

        return rest

    def again(self) -> None:
        """A new telling begins."""
        self.known += "".join(self.pieces)
        self.pieces.clear()
        self.at = 0

    @property
    def behind(self) -> bool:
        """Whether this telling has said less than was sent before."""
        return self.at < len(self.known)


class Values:
    """Whole values, told one after the other: a tool call's id, whatever a vendor adds."""

    __slots__ = ("at", "known")

    def __init__(self) -> None:
        self.known: list[JsonValue] = []
        self.at = 0

    def take(self, value: JsonValue) -> bool:
        """Whether a value is new."""
        new = self.at == len(self.known)
        if new:
            self.known.append(value)
        elif self.known[self.at] != value:
            raise Differs

        self.at += 1
        return new

    def again(self) -> None:
        """A new telling begins."""
        self.at = 0

    @property
    def behind(self) -> bool:
        """Whether this telling has said less than was sent before."""
        return self.at < len(self.known)


class Said:
    """All of one answer's channels."""

    def __init__(self) -> None:
        self.texts: dict[Channel, Text] = {}
        self.values: dict[Channel, Values] = {}
        self.indexes: set[int] = set()
        """Choices that were opened with their role."""

    def take(self, index: int, delta: dict[str, JsonValue]) -> dict[str, JsonValue]:
        """What of a choice's delta the client does not have yet; empty when it has all of it.

        Raises:
            Differs: it is not what the client was sent.
        """
        new: dict[str, Any] = {}

        for name, value in delta.items():
            if name == "role" or value is None:
                continue
            if name == "tool_calls" and isinstance(value, list):
                calls = [call for item in value if (call := self.take_call(index, item))]
                if calls:
                    new[name] = calls
            elif isinstance(value, str):
                if rest := self.text(index, name).take(value):
                    new[name] = rest
            elif self.value(index, name).take(value):
                new[name] = value

        return new

    def take_call(self, choice: int, call: JsonValue) -> dict[str, JsonValue] | None:
        """What of a tool call's piece is new; its arguments grow, all else comes whole."""
        if not isinstance(call, dict):
            return None

        at = call.get("index", 0)
        new: dict[str, Any] = {}
        for name, value in call.items():
            if name == "function" and isinstance(value, dict):
                function = {
                    part: rest for part, said in value.items() if (rest := self.take_part(choice, at, part, said)) is not None
                }
                if function:
                    new[name] = function
            elif name != "index" and value is not None and self.value(choice, "tool_calls", at, name).take(value):
                new[name] = value

        return {"index": at, **new} if new else None

    def take_part(self, choice: int, at: JsonValue, part: str, said: JsonValue) -> JsonValue:
        """What of a part of a tool call's function is new; None when nothing is."""
        if part == "arguments" and isinstance(said, str):
            known = self.text(choice, "tool_calls", at, part)
            first = not known.known and not known.pieces
            # An empty first piece is how OpenAI opens a call; packages take it for the start of the text.
            return known.take(said) or ("" if first and not said else None)

        return said if said is not None and self.value(choice, "tool_calls", at, part).take(said) else None

    def opens(self, index: int) -> bool:
        """Whether this is the first that is heard of a choice."""
        if index in self.indexes:
            return False

        self.indexes.add(index)
        return True

    def again(self) -> None:
        """The answer is told anew from its start."""
        for known in self.channels():
            known.again()

    def check_whole(self) -> None:
        """At the end of a telling: it has said all that was sent before.

        Raises:
            Differs: it has said less.
        """
        if any(known.behind for known in self.channels()):
            raise Differs

    def channels(self) -> Iterator[Text | Values]:
        """All channels of the answer."""
        yield from self.texts.values()
        yield from self.values.values()

    def text(self, *channel: Any) -> Text:
        """A channel's text."""
        known = self.texts.get(channel)
        if known is None:
            known = self.texts[channel] = Text()

        return known

    def value(self, *channel: Any) -> Values:
        """A channel's values."""
        known = self.values.get(channel)
        if known is None:
            known = self.values[channel] = Values()

        return known

    def rest(self, index: int, message: dict[str, JsonValue]) -> dict[str, JsonValue]:
        """What of a choice's whole message was never sent in pieces: all of it, or the end of its texts."""
        if index not in self.indexes:
            return {name: as_delta(name, value) for name, value in message.items() if name != "role" and value is not None}

        rest: dict[str, JsonValue] = {}
        for name, value in message.items():
            known = self.texts.get((index, name))
            sent = known.known + "".join(known.pieces) if known is not None else ""
            if isinstance(value, str) and name != "role" and len(value) > len(sent) and value.startswith(sent):
                rest[name] = value[len(sent) :]

        return rest


def as_delta(name: str, value: JsonValue) -> JsonValue:
    """A field of a whole message as a stream has it: tool calls carry their index."""
    if name != "tool_calls" or not isinstance(value, list):
        return value

    return [{"index": index, **call} for index, call in enumerate(value) if isinstance(call, dict)]
