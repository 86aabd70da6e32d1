"""What a record is: as it is brought, and as it stands."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field, JsonValue, ValidationInfo, field_validator

from actors import message as base
from actors.memory.messages.fields import SOURCES, Felt, Identifier, Kind, Metadata, Name, Relation, Share, Stage, Text, Time
from actors.message import Data


class Link(Data):
    """A directed relation from a record to an older one."""

    relation: Relation
    target: Identifier


def has_sources(links: tuple[Link, ...]) -> bool:
    """Whether there is a source among what a record is linked to."""
    return any(link.relation in SOURCES for link in links)


class Affect(Data):
    """What the two sides felt; None where nobody has judged it."""

    user: Felt | None = None
    assistant: Felt | None = None


class Provenance(Data):
    """Who derived a record, and how; what from, its links say."""

    by: Name
    """A cycle of the daemon, an actor, or `client`."""

    model: Name | None = None
    rule: Name | None = None
    version: Name | None = None
    """The version of the rule or the prompt."""


class NewMemory(Data):
    """A record to be remembered. `time` is the event's; None means now.

    What was derived says so: by its `provenance`, or by a `derives_from` or `summarises` link. It needs one such link at least;
    where it names nobody who derived it, that is its `client`.
    """

    text: Text
    speaker: Name | None = None
    role: Name | None = None
    session: Name | None = None
    time: Time | None = None
    kind: Kind = "turn"
    importance: Share | None = None
    valid_from: Time | None = None
    """Since when it holds; None: since its `time`."""

    valid_to: Time | None = None
    metadata: Metadata = {}
    links: Annotated[tuple[Link, ...], Field(max_length=256)] = ()
    provenance: Provenance | None = None
    affect: Affect = Affect()
    key: Name | None = None
    """The same key in the same namespace gives the same record, however often it is sent."""

    @field_validator("valid_to")
    @classmethod
    def not_before_it_begins(cls, valid_to: datetime | None, info: ValidationInfo) -> datetime | None:
        """Nothing ends before it began."""
        begins = info.data.get("valid_from") or info.data.get("time")
        if valid_to is not None and begins is not None and valid_to < begins:
            raise ValueError("lies before valid_from")
        return valid_to

    @field_validator("provenance")
    @classmethod
    def with_sources(cls, provenance: Provenance | None, info: ValidationInfo) -> Provenance | None:
        """Nothing derived is without its sources."""
        if provenance is not None and not has_sources(info.data.get("links", ())):
            raise ValueError("what was derived needs a derives_from or summarises link to its source")
        return provenance

    @property
    def derived(self) -> bool:
        """Whether it has a source."""
        return has_sources(self.links)


class Memory(Data):
    """A record as it stands; what it holds was checked when it came in.

    `valid_to` is set once another supersedes it; it stays readable.
    """

    id: str
    namespace: str
    text: str
    speaker: str | None
    role: str | None
    session: str | None
    time: base.Time
    ingested: base.Time
    kind: Kind
    stage: Stage
    importance: float
    valid_from: base.Time
    valid_to: base.Time | None
    metadata: dict[str, JsonValue]
    links: tuple[Link, ...]
    provenance: Provenance | None = None
    """Who derived it; None for what was said or given."""

    affect: Affect = Affect()
    recalls: int = 0
    """How often it was recalled."""

    recalled: base.Time | None = None
    """When it was last recalled."""

    withheld: bool = False
    """One of its sources was forgotten: its text is empty and it is not recalled until it is derived anew from the others."""
