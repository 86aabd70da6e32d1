"""Reuse: a thought's answer given again to the same question in the same state, for a while.

The state is what memory holds on the question, and what was said before it in its talk ("And the second?"). It is looked up
anew each time: a record that was revised, superseded or forgotten, or a new one that bears on the question, makes it another
state. What the first thought itself left behind is not part of it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256

from pydantic_core import to_json

from actors.llm.messages import Choice
from actors.memory.messages import Recollection
from actors.thinking.context import Context
from actors.thinking.messages import Think
from actors.thinking.talk import plain

__all__ = ["Had", "Reuse"]


@dataclass(slots=True)
class Had:
    """A thought that was had."""

    thought_id: str
    at: float
    state: frozenset[str]
    choices: tuple[Choice, ...]
    model: str
    endpoint: str | None
    own: set[str] = field(default_factory=set)
    """Records that it, and those that gave its answer again, left behind."""

    memories: tuple[str, ...] = ()


class Reuse:
    """Thoughts that are held ready, the latest ones, in this process alone.

    Args:
        seconds: how long one is; 0: not at all.
        most: how many.
        looked_at: recalled memories that count for the state.
    """

    def __init__(self, *, seconds: float, most: int, looked_at: int) -> None:
        self.seconds = seconds
        self.most = most
        self.looked_at = looked_at
        self.had: OrderedDict[str, Had] = OrderedDict()

    def question_of(self, message: Think, persona: str) -> str | None:
        """What a question is known by; None where it is to be thought about anew."""
        if self.seconds == 0 or not message.reuse or message.memory == "off" or message.effort in {None, "none"}:
            return None

        return digest(
            message.namespace,
            message.memory,
            message.model,
            message.messages,
            message.options,
            message.effort,
            message.reasoning,
            persona,
        )

    def find(self, question: str, context: Context, now: float) -> Had | None:
        """A thought of the same question in the same state."""
        had = self.had.get(question)
        if had is None:
            return None
        # A clock that was set back says nothing of how old it is.
        if not 0 <= now - had.at <= self.seconds:
            del self.had[question]
            return None

        seen = context.recalled is not None and "memory.list" not in context.missing
        return had if seen and self.state_of(context, had) == had.state else None

    def keep(self, question: str, had: Had) -> None:
        """Hold a thought ready."""
        self.had[question] = had
        self.had.move_to_end(question)
        while len(self.had) > self.most:
            self.had.popitem(last=False)

    def forget(self) -> None:
        """Memory forgot something: none of the answers is to quote it."""
        self.had.clear()

    def state_of(self, context: Context, had: Had) -> frozenset[str]:
        """The state: the memories that count, the talk so far, and the open tensions.

        Repetitions of the answer itself are left out.
        """
        answer = plain(str(had.choices[0].message.get("content") or "")) if had.choices else None
        others = [memory for memory in context.recalled or () if memory.id not in had.own and plain(memory.text) != answer]
        tensions = (f"{one.id} {one.state}" for one in context.tensions or ())
        talk = [turn for turn in context.tail or () if turn.id not in had.own]
        before = (f"{number} back, {turn.role}: {digest(turn.text)}" for number, turn in enumerate(talk))
        return frozenset([*marks(others[: self.looked_at]), *tensions, *before])


def marks(memories: Iterable[Recollection]) -> Iterable[str]:
    """What tells one version of a record from another."""
    return (f"{memory.id} {sha256(memory.text.encode('utf-8', 'replace')).hexdigest()[:16]}" for memory in memories)


def digest(*parts: object) -> str:
    """A name for what these JSON values are together."""
    return sha256(b"\n".join(to_json(part) for part in parts)).hexdigest()
