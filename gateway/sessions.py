"""/v1/sessions: talks, as memory has them."""

from __future__ import annotations

from actors.memory import messages as memory
from gateway.bodies import Body, Limit, NamespaceQuery, Query
from gateway.incoming import Incoming
from gateway.route import Routes

__all__ = ["routes"]

routes = Routes("Sessions")


class TurnsQuery(Body):
    """How many of its latest turns."""

    limit: Limit = 100


@routes.get("/v1/sessions")
async def listed(call: Incoming, query: Query) -> memory.Sessions:
    """The talks of a namespace, latest first."""
    told: memory.Sessions = await call.ask(
        memory.ListSessions(namespace=call.namespace, limit=query.limit, cursor=query.cursor)
    )
    return told


@routes.get("/v1/sessions/{id}")
async def get(call: Incoming, query: TurnsQuery) -> memory.SessionFound:
    """One talk and its latest current turns, oldest of them first."""
    told: memory.SessionFound = await call.ask(
        memory.GetSession(namespace=call.namespace, name=call.path("id"), limit=query.limit)
    )
    return told


@routes.delete("/v1/sessions/{id}")
async def forget(call: Incoming, query: NamespaceQuery) -> memory.Forgotten:
    """Forget a talk: every record in it."""
    del query
    told: memory.Forgotten = await call.ask(memory.ForgetSession(namespace=call.namespace, name=call.path("id")))
    return told
