"""Taking memory home: exports, imports and copies of the database."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, JsonValue, StringConstraints, model_validator

from actors.memory.messages.feed import Happening
from actors.memory.messages.fields import (
    LARGE,
    MOST_LINKS,
    Identifier,
    KeptText,
    Limit,
    Name,
    Namespace,
    Share,
    Stage,
    Time,
    plain,
)
from actors.memory.messages.records import Link, NewMemory
from actors.message import Data, Message, Reply


class Past(Data):
    """A step of a record's history, as an export tells it."""

    change: Happening | Literal["recalled"]
    time: Time
    cause: Annotated[str, StringConstraints(max_length=256), AfterValidator(plain)]
    detail: dict[str, JsonValue] = {}


class Echoed(Data):
    """A context in which a record was recalled: a digest of it, how often, first and last."""

    context: Annotated[str, StringConstraints(pattern=r"^(?:[0-9a-f]{2}){1,32}$")]
    count: Annotated[int, Field(ge=1, lt=1 << 53)]
    first: Time
    last: Time


class Portable(NewMemory):
    """A record with all that belongs to it, to be taken to another house. See docs/export.md."""

    text: KeptText
    links: Annotated[tuple[Link, ...], Field(max_length=MOST_LINKS)] = ()
    id: Identifier | None = None
    ingested: Time | None = None
    stage: Stage = "raw"
    base: Share | None = None
    """Importance as it was last set, from which it fades, and since when."""

    since: Time | None = None
    recalls: Annotated[int, Field(ge=0, lt=1 << 53)] = 0
    recalled: Time | None = None
    echoes: Annotated[tuple[Echoed, ...], Field(max_length=256)] = ()
    placed: bool | None = None
    """Whether it has a place in its talk; one that was edited away has none. None: turns and tools' outputs have."""

    history: Annotated[tuple[Past, ...], Field(max_length=512)] = ()

    @model_validator(mode="after")
    def from_others(self) -> Self:
        """Nothing is its own source."""
        if self.id is not None and any(link.target == self.id for link in self.links):
            raise ValueError("links: a record is not linked to itself")
        return self


class Exported(Reply, type="memory.exported"):
    """Records oldest first, and where to go on; None at the end."""

    records: tuple[Portable, ...]
    before: int
    """How many stood on the pages before this one."""

    next_cursor: str | None


class Export(Message, type="memory.export", reply=Exported, idempotent=True):
    """A page of a namespace's records with all that belongs to them. What comes in after the first page is not exported.

    A cursor stays good for as long as the database lives: an export that broke off goes on from the last one it was given.
    """

    namespace: Namespace = "default"
    limit: Limit = 200
    cursor: Name | None = None


class BroughtIn(Data):
    """What became of a record: `created`, `known` already, or `forgotten` here before, which it stays."""

    outcome: Literal["created", "known", "forgotten"]
    id: Identifier | None
    """Its own where that was free, else a new one; None where it was forgotten."""


class Imported(Reply, type="memory.imported"):
    """All are on disk, in the order in which they were sent."""

    records: tuple[BroughtIn, ...]


class Import(Message, type="memory.import", reply=Imported, idempotent=True, max_bytes=LARGE):
    """Take records over: all of them or none. A record is known by its id, or by its key; links wait for their targets."""

    namespace: Namespace = "default"
    records: Annotated[tuple[Portable, ...], Field(min_length=1, max_length=1000)]


class BackedUp(Reply, type="memory.backed_up"):
    """The copy is whole, checked, and on disk."""

    bytes: int


class Backup(Message, type="memory.backup", reply=BackedUp):
    """Copy the database to `backups/<name>.memory.db` in the data directory, while everything goes on."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
