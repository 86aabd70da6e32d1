"""/v1/memories: what is remembered, to be written, read, searched, corrected and forgotten."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from actors.memory import messages as memory
from actors.message import Data, Name
from gateway.bodies import Body, Flag, Moment, NamespaceQuery, Number, Query, Whole
from gateway.errors import HttpError
from gateway.incoming import Incoming
from gateway.route import Routes

__all__ = ["NewMemoryBody", "routes"]

routes = Routes("Memories")


class NewMemoryBody(memory.NewMemory):
    """A record to be remembered. `time` is the event's; without one it is now."""

    time: Moment | None = None
    valid_from: Moment | None = None
    valid_to: Moment | None = None


class RememberBody(Body):
    """Records to be remembered, or one record alone."""

    memories: Annotated[tuple[NewMemoryBody, ...], Field(min_length=1, max_length=1000)]
    session: Name | None = None
    """For those that name none of their own."""

    @model_validator(mode="before")
    @classmethod
    def take_one(cls, data: Any) -> Any:
        """One record alone is a list of one."""
        if not isinstance(data, dict) or "memories" in data or "text" not in data:
            return data

        rest = dict(data)
        namespace = {name: rest.pop(name) for name in ("namespace",) if name in rest}
        return {"memories": [rest], **namespace}


class ListQuery(Query):
    """Which records are listed, and in which order."""

    kind: memory.Kind | None = None
    session: Name | None = None
    stage: memory.Stage | None = None
    before: Moment | None = None
    """Only what happened before."""

    current: bool = False
    """Leave out what is superseded, and what is withheld."""

    newest: bool = False
    """Newest first."""


class SearchBody(Body):
    """What to look for. All filters hold at once."""

    query: Annotated[str, Field(max_length=16_384)]
    k: Annotated[Whole, Field(ge=1, le=200)] = 10
    kinds: tuple[memory.Kind, ...] | None = None
    session: Name | None = None
    speaker: Name | None = None
    since: Moment | None = None
    until: Moment | None = None
    as_of: Moment | None = None
    metadata: memory.Metadata | None = None
    explain: Flag = False
    felt: memory.Felt | None = None
    """What is felt now, by GoEmotions' labels; counts by the weight `affect`."""

    weights: Annotated[dict[Name, Number], Field(max_length=32)] | None = None


class Hit(memory.Recollection):
    """A record found; `explain` is there where it was asked for."""

    explain: dict[str, float] | None = Field(default=None, exclude_if=lambda terms: terms is None)


class Hits(Data):
    """What was found, best first, ties by id."""

    memories: tuple[Hit, ...]


class ReviseBody(Body):
    """What is to change. The old text stays in the record's history."""

    text: memory.Text | None = None
    importance: memory.Share | None = None
    metadata: memory.Metadata | None = None
    valid_to: Moment | None = None
    """Since when it holds no longer. An end that is known stands."""

    superseded_by: memory.Identifier | None = None
    """The record that took its place, which gets a `supersedes` link; it ends now where `valid_to` says nothing else."""

    holds: Literal[True] | None = None
    """It holds after all: its end is taken back, with those of facts that ended with it, and `supersedes` links to it go."""


@routes.post("/v1/memories", status=201, headers=("X-Lattice-Session",))
async def remember(call: Incoming, body: RememberBody) -> memory.Remembered:
    """Remember records: all of them or none.

    Answers in the same order once all are on disk; `created` is false where a record of that `key` was known already. With the
    header Idempotency-Key the whole request can be repeated.
    """
    session = call.session(body.session)
    records = tuple(
        memory.NewMemory.model_validate({**dict(record), "session": record.session or session}) for record in body.memories
    )
    told: memory.Remembered = await call.ask(memory.Remember(namespace=call.namespace, memories=records), key=call.write_key)
    return told


@routes.get("/v1/memories")
async def listed(call: Incoming, query: ListQuery) -> memory.Listed:
    """Page through records, oldest first."""
    told: memory.Listed = await call.ask(
        memory.List(
            namespace=call.namespace,
            limit=query.limit,
            cursor=query.cursor,
            kind=query.kind,
            session=query.session,
            stage=query.stage,
            before=query.before,
            current=query.current,
            newest=query.newest,
        )
    )
    return told


@routes.post("/v1/memories/search")
async def search(call: Incoming, body: SearchBody) -> Hits:
    """Find what was said, best first.

    The session is a filter, and is taken from the body alone: to recall across sessions is what a memory is for.
    """
    recalled: memory.Recalled = await call.ask(
        memory.Recall(namespace=call.namespace, **body.model_dump(exclude={"namespace"}, exclude_unset=True))
    )
    return Hits(memories=tuple(Hit.model_construct(**dict(found)) for found in recalled.memories))


@routes.get("/v1/memories/stats")
async def stats(call: Incoming, query: NamespaceQuery) -> memory.Stats:
    """Figures of a namespace. `pending` counts what is not yet embedded."""
    del query
    told: memory.Stats = await call.ask(memory.GetStats(namespace=call.namespace))
    return told


@routes.get("/v1/memories/{id}")
async def get(call: Incoming, query: NamespaceQuery) -> memory.Memory:
    """One record."""
    del query
    found: memory.Found = await call.ask(memory.Get(namespace=call.namespace, id=call.path("id")))
    return found.memory


@routes.patch("/v1/memories/{id}")
async def revise(call: Incoming, body: ReviseBody) -> memory.Memory:
    """Correct a record's text, change its importance or metadata, say that it holds no longer, or that it holds after all."""
    changes = body.model_dump(exclude={"namespace"}, exclude_none=True)
    if not changes:
        raise HttpError(400, "invalid", "nothing is to change: give text, importance, metadata, valid_to, superseded_by, holds")

    revise = memory.Revise(namespace=call.namespace, id=call.path("id"), **changes)
    found: memory.Found = await call.ask(revise, key=call.write_key)
    return found.memory


@routes.delete("/v1/memories/{id}")
async def forget(call: Incoming, query: NamespaceQuery) -> memory.Forgotten:
    """Forget a record for good, with what was derived from it alone."""
    del query
    told: memory.Forgotten = await call.ask(memory.Forget(namespace=call.namespace, ids=(call.path("id"),)))
    return told


@routes.get("/v1/memories/{id}/history")
async def history(call: Incoming, query: NamespaceQuery) -> memory.History:
    """What happened to a record, oldest first."""
    del query
    told: memory.History = await call.ask(memory.GetHistory(namespace=call.namespace, id=call.path("id")))
    return told
