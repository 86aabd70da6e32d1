"""/v1/sessions: talks, as memory has them."""

from __future__ import annotations

from actors.memory import messages as memory
from actors.paradox import messages as paradox
from gateway.bodies import Body, Limit, Moment, NamespaceQuery, Query
from gateway.incoming import Incoming
from gateway.route import Routes

__all__ = ["routes"]

routes = Routes("Sessions")


class TurnsQuery(Body):
    """How many of the talk's latest turns are shown."""

    limit: Limit = 100


class MoodQuery(Body):
    """The moment for which the mood is told."""

    at: Moment | None = None
    """None: now."""


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


@routes.get("/v1/sessions/{id}/mood")
async def mood(call: Incoming, query: MoodQuery) -> paradox.MoodTold:
    """What is felt in a talk now, or was at a moment: it fades with turns and with time. `because` says by which turns."""
    told: paradox.MoodTold = await call.ask(paradox.GetMood(namespace=call.namespace, session=call.path("id"), at=query.at))
    return told


@routes.delete("/v1/sessions/{id}")
async def forget(call: Incoming, query: NamespaceQuery) -> memory.Forgotten:
    """Forget a talk: every record in it."""
    del query
    told: memory.Forgotten = await call.ask(memory.ForgetSession(namespace=call.namespace, name=call.path("id")))
    return told
