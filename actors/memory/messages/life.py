"""What becomes of records: ageing, compressing, forgetting, and deriving anew what lost a source."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from actors.memory.messages.fields import MOST_LINKS, ONE, Identifier, Kind, Limit, Name, Namespace, Text
from actors.memory.messages.reading import Found
from actors.memory.messages.records import NewMemory, Provenance
from actors.message import Message, Reply


class Aged(Reply, type="memory.aged"):
    """What came of a page of records; ask on from `next_cursor`, None at the end."""

    seen: int
    faded: int
    """Records whose importance fell by a step worth writing."""

    staged: int
    """Records that moved to another stage."""

    next_cursor: str | None


class Age(Message, type="memory.age", reply=Aged, idempotent=True):
    """Let a page of a namespace's records age to this moment: importance fades, stages change. A repeat changes nothing."""

    namespace: Namespace = "default"
    limit: Limit = 500
    cursor: Name | None = None


class Compressed(Reply, type="memory.compressed"):
    """The summary, and which of its sources are archived."""

    id: Identifier
    created: bool
    archived: tuple[Identifier, ...]


class Compress(Message, type="memory.compress", reply=Compressed, idempotent=True, max_bytes=ONE):
    """Remember a summary and archive what it summarises, at once. What is crystallized stays as it is."""

    namespace: Namespace = "default"
    summary: NewMemory

    @model_validator(mode="after")
    def summarises(self) -> Self:
        """A summary without a key could be written twice, one without a source would be made of nothing."""
        if self.summary.kind != "summary" or self.summary.key is None:
            raise ValueError("summary: has to be of kind summary and have a key")
        if not any(link.relation == "summarises" for link in self.summary.links):
            raise ValueError("summary.links: needs a summarises link")
        return self


class Rederive(Message, type="memory.rederive", reply=Found, idempotent=True, max_bytes=ONE):
    """Give a withheld record the text that was derived anew from the sources it still has.

    `conflict` where it is not withheld, and where one of `sources` was forgotten since it was read: the text may quote it.
    """

    namespace: Namespace = "default"
    id: Identifier
    text: Text
    sources: Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=MOST_LINKS)]
    """What the text was derived from."""

    provenance: Provenance


class Forgotten(Reply, type="memory.forgotten"):
    """The ids that are gone, with what had been derived from them alone."""

    ids: tuple[Identifier, ...]
    withheld: tuple[Identifier, ...] = ()
    """What had been derived from them and others: emptied, until it is derived anew."""


class Forget(Message, type="memory.forget", reply=Forgotten, idempotent=True):
    """Forget records for good. Ids that are unknown are `not_found`, unless their forgetting is on record."""

    namespace: Namespace = "default"
    ids: Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=1000)]


class ForgetSession(Message, type="memory.forget_session", reply=Forgotten, idempotent=True):
    """Forget a talk: every record in it."""

    namespace: Namespace = "default"
    name: Name


class NamespaceForgotten(Reply, type="memory.namespace_forgotten"):
    """How much there was in the namespace that is forgotten. Asked again, the same is told until something new came in."""

    memories: int
    sessions: int
    by_kind: dict[Kind, int]


class ForgetNamespace(Message, type="memory.forget_namespace", reply=NamespaceForgotten, idempotent=True):
    """Forget all that is in a namespace, and its name. There is no default, and one that never was is no error.

    Answered when it has left memory's files. Those who follow the feed let go of theirs.
    """

    namespace: Namespace
