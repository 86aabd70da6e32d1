"""What a change of memory's feed does to the paradoxes: written with the feed's cursor, in one transaction."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b

from actors.paradox.messages import Side
from actors.text.sentences import undotted

__all__ = [
    "Doubt",
    "Effect",
    "End",
    "Finding",
    "Forgetting",
    "NamespaceForgetting",
    "Reinstatement",
    "Revision",
    "paradox_id",
    "says_one_thing",
]

ONE_THING = re.compile(r"[^.!?;\n]{1,160}[.!?]*")
SEVERAL = re.compile(r"\b(?:and|but|while|because|who|which|with (?:my|our|his|her|their))\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Finding:
    """A conflict that was found, to be kept as a paradox.

    `ends` says that the earlier statement is ended by the later one: a sure update of a record that says one thing only.
    """

    namespace: str
    earlier: Side
    later: Side
    verdict: str
    type: str
    score: float
    importance: float
    why: str
    settled: bool = False
    ends: bool = False

    @property
    def tension(self) -> float:
        """How probable times how important."""
        return round(self.score * self.importance, 4)

    @property
    def id(self) -> str:
        """The paradox's identifier."""
        return paradox_id(self.namespace, self.earlier.memory, self.later.memory)


@dataclass(frozen=True, slots=True)
class Doubt:
    """A conflict too improbable to be kept, and too probable to be let go of before a model was asked."""

    finding: Finding


@dataclass(frozen=True, slots=True)
class Revision:
    """A record says something else now, and was judged again: what it is at odds with by now, surely or perhaps."""

    namespace: str
    memory: str
    found: tuple[Finding | Doubt, ...]


@dataclass(frozen=True, slots=True)
class Forgetting:
    """A memory is gone for good: whatever has its text goes too."""

    namespace: str
    memory: str


@dataclass(frozen=True, slots=True)
class NamespaceForgetting:
    """All that was in a namespace is gone for good, and its name: `digest` is what is left of that."""

    digest: str


@dataclass(frozen=True, slots=True)
class End:
    """A memory's validity ended: what it was at odds with is so no longer."""

    namespace: str
    memory: str


@dataclass(frozen=True, slots=True)
class Reinstatement:
    """A memory's end was taken back: what was moot since is so no longer."""

    namespace: str
    memory: str


Effect = Finding | Doubt | Revision | Forgetting | NamespaceForgetting | End | Reinstatement


def says_one_thing(text: str) -> bool:
    """Whether ending the record ends nothing else that it told."""
    return ONE_THING.fullmatch(undotted(text.strip())) is not None and SEVERAL.search(text) is None


def paradox_id(namespace: str, earlier: str, later: str) -> str:
    """The same two memories always make the same paradox."""
    return "px_" + blake2b(f"{namespace}\0{earlier}\0{later}".encode(), digest_size=15).hexdigest()
