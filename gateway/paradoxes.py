"""/v1/paradoxes: contradictions that were found, and a check that keeps nothing."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from actors.paradox import messages as paradox
from gateway.bodies import Body, Limit, Moment, NamespaceQuery, Query
from gateway.incoming import Incoming
from gateway.route import Routes

__all__ = ["routes"]

routes = Routes("Paradoxes")


class StatementBody(paradox.Statement):
    """Something said: by whom and when, where known."""

    time: Moment | None = None


class CheckBody(Body):
    """A new statement, and the earlier ones that it is held against."""

    statements: Annotated[tuple[StatementBody, ...], Field(max_length=256)]
    new: StatementBody


class ParadoxQuery(Query):
    """Which paradoxes are listed."""

    open: bool = False
    """Only those that are fresh or processing."""


class SetAsideQuery(NamespaceQuery):
    """How many entries are listed."""

    limit: Limit = 100


class ResolveBody(Body):
    """How a paradox ends."""

    state: Literal["integrated", "dismissed"] = "integrated"
    keep: Literal["earlier", "later", "both", "neither"] = "both"
    reason: Annotated[str, Field(min_length=1, max_length=4096)]


@routes.post("/v1/paradoxes/check")
async def check(call: Incoming, body: CheckBody) -> paradox.Checked:
    """Judge a new statement against earlier ones. Nothing is kept."""
    told: paradox.Checked = await call.ask(
        paradox.Check(
            statements=tuple(paradox.Statement(**dict(statement)) for statement in body.statements),
            new=paradox.Statement(**dict(body.new)),
        )
    )
    return told


@routes.get("/v1/paradoxes")
async def listed(call: Incoming, query: ParadoxQuery) -> paradox.Paradoxes:
    """The paradoxes of a namespace, highest tension first."""
    told: paradox.Paradoxes = await call.ask(
        paradox.List(namespace=call.namespace, open=query.open, limit=query.limit, cursor=query.cursor)
    )
    return told


@routes.get("/v1/paradoxes/set-aside")
async def set_aside(call: Incoming, query: SetAsideQuery) -> paradox.SetAsides:
    """What could not be judged: it failed again and again, and was left out, with its error."""
    told: paradox.SetAsides = await call.ask(paradox.ListSetAside(namespace=call.namespace, limit=query.limit))
    return told


@routes.post("/v1/paradoxes/set-aside/{id}/retry")
async def retry(call: Incoming) -> paradox.Retried:
    """Judge it once more, now."""
    told: paradox.Retried = await call.ask(paradox.Retry(namespace=call.namespace, id=call.path("id")), key=call.write_key)
    return told


@routes.get("/v1/paradoxes/{id}")
async def get(call: Incoming, query: NamespaceQuery) -> paradox.Paradox:
    """One paradox with its history."""
    del query
    found: paradox.Found = await call.ask(paradox.Get(namespace=call.namespace, id=call.path("id")))
    return found.paradox


@routes.post("/v1/paradoxes/{id}/resolve")
async def resolve(call: Incoming, body: ResolveBody) -> paradox.Paradox:
    """End a paradox, with a reason. Where one side is kept, the other is ended: it stays, with its end."""
    found: paradox.Found = await call.ask(
        paradox.Resolve(namespace=call.namespace, id=call.path("id"), state=body.state, keep=body.keep, reason=body.reason),
        key=call.write_key,
    )
    return found.paradox
