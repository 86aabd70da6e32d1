"""/healthz and /readyz: whether this process answers, and whether every actor does."""

from __future__ import annotations

import asyncio
from typing import Final, Literal

from aiohttp import web
from pydantic_core import to_json

from actors.message import Data
from actors.supervision import Children, ListChildren
from actors.system import SysInfo, SysInfoReply
from gateway.incoming import Incoming
from gateway.route import Routes
from transport.errors import LatticeError

__all__ = ["ACTORS", "routes"]

routes = Routes("Health", access="open")

ACTORS: Final = ("encoder", "memory", "llm", "thinking", "paradox", "daemon")
"""Whom the gateway speaks for. It answers for itself by answering."""


GO_ON: Final = {
    "backing_off": "it is tried again by itself, at once by `python3 run.py restart {name}`; see /v1/actors/{name}/crashes",
    "given_up": "nobody tries it again; mend what /v1/actors/{name}/crashes says, then `python3 run.py restart {name}`",
    "stopped": "`python3 run.py restart {name}` starts it",
}
"""What an operator can do about an actor that is down, by its state."""


class Health(Data):
    """The gateway answers."""

    status: Literal["ok"] = "ok"


class Readiness(Data):
    """What each actor says: "ready", or why it is not."""

    ready: bool
    actors: dict[str, str]


@routes.get("/healthz")
async def healthz(call: Incoming) -> Health:
    """Whether the gateway itself answers."""
    del call
    return Health()


@routes.get("/readyz")
async def readyz(call: Incoming) -> Readiness | web.StreamResponse:
    """Whether every actor is ready; 503 and the names of those that are not otherwise."""
    said = await asyncio.gather(*(ask(call, name) for name in ACTORS))
    actors = dict(zip(ACTORS, said, strict=True))
    if all(answer == "ready" for answer in said):
        return Readiness(ready=True, actors=actors)

    readiness = Readiness(
        ready=False, actors={**actors, **await down(call, [name for name in ACTORS if actors[name] != "ready"])}
    )

    return web.Response(status=503, body=to_json(readiness), content_type="application/json", headers={"Retry-After": "1"})


async def down(call: Incoming, names: list[str]) -> dict[str, str]:
    """What the supervisor knows of those that do not answer: that they are down, why, and what can be done."""
    try:
        told: Children = await call.probe(ListChildren(), to="supervisor")
    except LatticeError:
        return {}

    return {
        child.name: f"{child.state}: {child.last_exit or 'it was stopped'}; {GO_ON[child.state].format(name=child.name)}"
        for child in told.children
        if child.name in names and child.state in GO_ON
    }


async def ask(call: Incoming, name: str) -> str:
    """What one actor says of itself."""
    try:
        info: SysInfoReply = await call.probe(SysInfo(), to=name)
    except LatticeError as error:
        return f"{error.code}: {error.message}"

    return "ready" if info.ready else info.why_not_ready or "not ready"
