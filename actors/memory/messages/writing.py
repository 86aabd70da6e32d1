"""What adds to memory or changes what is there: records, talks, links, corrections, what was felt."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from actors.memory.messages.fields import LARGE, ONE, Felt, Identifier, Metadata, Name, Namespace, Relation, Share, Text, Time
from actors.memory.messages.reading import Found
from actors.memory.messages.records import NewMemory
from actors.message import Data, Message, Reply


class Stored(Data):
    """One remembered record; `created` is False when its key was known already."""

    id: Identifier
    created: bool


class Remembered(Reply, type="memory.remembered"):
    """All records are on disk; in the order in which they were sent."""

    memories: tuple[Stored, ...]


class Remember(Message, type="memory.remember", reply=Remembered, max_bytes=LARGE):
    """Remember records: all of them or none. An envelope `key` makes the whole call idempotent."""

    namespace: Namespace = "default"
    memories: Annotated[tuple[NewMemory, ...], Field(min_length=1, max_length=1000)]


class Turn(Data):
    """One turn of a talk as a client's history has it, without its system prompts."""

    role: Literal["user", "assistant", "tool"]
    text: Text
    speaker: Name | None = None


class Conversed(Reply, type="memory.conversed"):
    """Which session the history belongs to, and what of it was new."""

    session: Name
    last: Identifier
    """The turn that the answer will follow."""

    created: tuple[Identifier, ...]
    superseded: tuple[Identifier, ...]


class Converse(Message, type="memory.converse", reply=Conversed, idempotent=True, max_bytes=LARGE):
    """Take over what is new in a client's history, up to and with the turn that is to be answered.

    Clients send everything each time. Turns that are known are left alone; at the first that differs, what followed it is
    superseded (an edit), and the rest is remembered. With `session` None the talk is found by what was said in it, or begun.
    """

    namespace: Namespace = "default"
    session: Name | None = None
    turns: Annotated[tuple[Turn, ...], Field(min_length=1, max_length=4096)]
    time: Time | None = None
    begin_as: Name
    """The session's name when a new talk begins: chosen by the caller, so that asking again begins no second one."""

    again: bool = False
    """It may have been told before, by a caller that is dead and under another `begin_as`: rather than begin a talk with a turn
    that ends one already, unanswered, go on with that one."""

    said: Time | None = None
    """When its last turn was said, where it is told late: the client's later histories may have brought it already, and what
    came in since then is no sign that it was said once more."""


class Answered(Reply, type="memory.answered"):
    """The assistant's turn is on disk."""

    id: Identifier
    created: bool
    superseded: tuple[Identifier, ...]


class Answer(Message, type="memory.answer", reply=Answered, idempotent=True, max_bytes=ONE):
    """Remember the assistant's turn after the turn `after`; another answer there is superseded (a regeneration).

    Where the user has gone on meanwhile without an answer, it comes last instead, and nothing is superseded.
    """

    namespace: Namespace = "default"
    session: Name
    after: Identifier
    text: Text
    speaker: Name = "assistant"
    time: Time | None = None
    metadata: Metadata = {}
    key: Name


class Revise(Message, type="memory.revise", reply=Found, idempotent=True, max_bytes=ONE):
    """Change a record's metadata or importance, correct its text (the old text stays in its history), or end its validity.

    All of it or none. `superseded_by` and `valid_to` are as `by` and `time` of `memory.supersede`. `holds` takes an end back,
    as `memory.reinstate` does.
    """

    namespace: Namespace = "default"
    id: Identifier
    text: Text | None = None
    importance: Share | None = None
    metadata: Metadata | None = None
    valid_to: Time | None = None
    superseded_by: Identifier | None = None
    holds: Literal[True] | None = None

    @model_validator(mode="after")
    def ends_or_holds(self) -> Self:
        """A record cannot be ended and hold again by the same message."""
        if self.holds and (self.valid_to is not None or self.superseded_by is not None):
            raise ValueError("what holds has no end: give `holds`, or `valid_to` and `superseded_by`")
        return self


class Supersede(Message, type="memory.supersede", reply=Found, idempotent=True):
    """End a record's validity: `by` says what took its place, and is linked to it. The record stays."""

    namespace: Namespace = "default"
    id: Identifier
    by: Identifier | None = None
    time: Time | None = None
    cause: Name


class Reinstate(Message, type="memory.reinstate", reply=Found, idempotent=True):
    """Take a record's end back: it holds after all, and so do facts that ended with it. `supersedes` links to it go.

    With `by` only the one from that record goes, and where another took its place as well it stays ended.
    """

    namespace: Namespace = "default"
    id: Identifier
    by: Identifier | None = None
    cause: Name


class Relate(Message, type="memory.link", reply=Found, idempotent=True):
    """Link a record to another of its namespace. A link that is there already is left as it is."""

    namespace: Namespace = "default"
    source: Identifier
    relation: Relation
    target: Identifier


class Unrelate(Message, type="memory.unlink", reply=Found, idempotent=True):
    """Take a link away. `invalid` for the last source of what was derived."""

    namespace: Namespace = "default"
    source: Identifier
    relation: Relation
    target: Identifier


class Judged(Data):
    """What somebody judged to be felt in a record. A side that is None is left as it is."""

    id: Identifier
    user: Felt | None = None
    assistant: Felt | None = None


class Noted(Reply, type="memory.affect_noted"):
    """How many records took it, and the ids that there are not (any more)."""

    noted: int
    missing: tuple[Identifier, ...]


class NoteAffect(Message, type="memory.note_affect", reply=Noted, idempotent=True):
    """Fill in what is felt in records, judged after they were remembered."""

    namespace: Namespace = "default"
    affects: Annotated[tuple[Judged, ...], Field(min_length=1, max_length=1000)]
