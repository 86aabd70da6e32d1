"""/v1/actors: the processes of the house, as the supervisor sees them."""

from __future__ import annotations

from typing import Final

from actors.message import Data
from actors.supervision import Child, ChildChanged, Children, Crashes, CrashReport, ListChildren, ListCrashes, RestartChild
from gateway.incoming import Incoming
from gateway.route import Routes
from transport.errors import NotFound

__all__ = ["routes"]

routes = Routes("Actors", access="operator")

OURSELVES: Final = "gateway"

SUPERVISOR_BACK_S: Final = 10.0
"""A supervisor that was killed is back sooner. Where actors run without one, nobody should wait any longer to be told."""


class Actors(Data):
    """All actors, in the order in which they start."""

    actors: tuple[Child, ...]


class CrashesOfActor(Data):
    """Crash reports, newest first."""

    crashes: tuple[CrashReport, ...]


@routes.get("/v1/actors")
async def listed(call: Incoming) -> Actors:
    """Every actor: state, process, restarts, memory, what waits in its mailbox."""
    told = await children(call)
    return Actors(actors=told.children)


@routes.post("/v1/actors/{name}/restart")
async def restart(call: Incoming) -> Child:
    """Drain an actor and start it anew; answers once it is ready.

    The gateway itself is drained with this very request: it answers at once, with the state before.
    """
    name = call.path("name")
    if name != OURSELVES:
        changed: ChildChanged = await call.ask(RestartChild(name=name), key=call.write_key)
        return changed.child

    told = await children(call)
    for child in told.children:
        if child.name == name:
            call.tell(RestartChild(name=name), key=call.write_key)
            return child

    raise NotFound(f"there is no actor {name!r} here")


@routes.get("/v1/actors/{name}/crashes")
async def crashes(call: Incoming) -> CrashesOfActor:
    """How an actor's processes have died, the newest first: reason, stack, last messages' types, last log lines."""
    name = call.path("name")
    told: Crashes = await call.ask(ListCrashes.parse({"name": name}))
    if not told.crashes and all(child.name != name for child in (await children(call)).children):
        raise NotFound(f"there is no actor {name!r} here")

    return CrashesOfActor(crashes=told.crashes)


async def children(call: Incoming) -> Children:
    """What the supervisor knows of them."""
    told: Children = await call.asker.ask(ListChildren(), timeout=min(call.remaining(), SUPERVISOR_BACK_S))
    return told
