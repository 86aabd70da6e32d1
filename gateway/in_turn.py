"""In turn: what a model says all at once, told one thing after the other.

OpenAI's chat streams name each tool call's pieces by its number, so that several calls may grow at the same time. The streams
of the other dialects have one item open at a time, and their packages break on one that is opened twice. It knows no dialect.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import JsonValue

from actors.whole_json import Wholeness

__all__ = ["InTurn"]

Told = tuple[dict[str, JsonValue], JsonValue]
"""A delta that belongs to one item, or to texts; and its log probabilities."""


class InTurn:
    """One choice's deltas. A call that is being told goes first until its arguments are whole; what comes meanwhile waits."""

    def __init__(self) -> None:
        self.open: int | None = None
        """The call that is being told."""

        self.arguments = Wholeness()
        self.over: set[int] = set()
        self.waiting: list[Told] = []

    def take(self, delta: dict[str, JsonValue], logprobs: JsonValue = None) -> Iterator[Told]:
        """What can be told now."""
        for part in apart(delta, logprobs):
            yield from self.feed(part)

        while self.waiting and self.arguments.is_whole:
            yield from self.go_on()

    def close(self) -> Iterator[Told]:
        """What waited to the end."""
        while self.waiting:
            yield from self.go_on()

    def go_on(self) -> Iterator[Told]:
        """The open call is over: its successors' turn."""
        self.end()
        waiting, self.waiting = self.waiting, []
        for part in waiting:
            yield from self.feed(part)

    def feed(self, part: Told) -> Iterator[Told]:
        """One part: told, or left waiting."""
        call = call_in(part)
        if call is not None and call in self.over:
            # Its arguments were whole: space, at most.
            return

        if self.open not in {None, call}:
            if self.waiting or not self.arguments.is_whole:
                self.waiting.append(part)
                return

            self.end()

        if call is not None:
            self.open = call
            self.arguments.feed(arguments_in(part))
        yield part

    def end(self) -> None:
        """The open call is told."""
        if self.open is not None:
            self.over.add(self.open)
        self.open = None
        self.arguments = Wholeness()


def apart(delta: dict[str, JsonValue], logprobs: JsonValue) -> Iterator[Told]:
    """The texts of a delta, then each of its calls."""
    texts = {name: value for name, value in delta.items() if name != "tool_calls"}
    if texts:
        yield texts, logprobs

    calls = delta.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        if isinstance(call, dict):
            yield {"tool_calls": [call]}, None


def call_in(part: Told) -> int | None:
    """Which call a part is of; None: of texts."""
    call = the_call(part)
    return int(call.get("index") or 0) if call is not None else None


def arguments_in(part: Told) -> str:
    """What it adds to the call's arguments."""
    function = (the_call(part) or {}).get("function")
    return str(function.get("arguments") or "") if isinstance(function, dict) else ""


def the_call(part: Told) -> dict[str, Any] | None:
    """The call of a part that is of one."""
    calls: Any = part[0].get("tool_calls")
    return calls[0] if calls else None
