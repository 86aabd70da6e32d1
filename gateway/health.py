"""/healthz and /readyz: whether this process answers, and whether every actor does."""

from __future__ import annotations

import asyncio
from typing import Final, Literal

from aiohttp import web
from pydantic_core import to_json

from actors.message import Data
from actors.system import SysInfo, SysInfoReply
from gateway.incoming import Incoming
from gateway.route import Routes
from transport.errors import LatticeError

__all__ = ["ACTORS", "routes"]

routes = Routes("Health", access="open")

ACTORS: Final = ("encoder", "memory", "llm", "thinking", "paradox", "daemon")
"""Whom the gateway speaks for. It answers for itself by answering."""


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
    readiness = Readiness(ready=all(answer == "ready" for answer in said), actors=dict(zip(ACTORS, said, strict=True)))
    if readiness.ready:
        return readiness

    return web.Response(status=503, body=to_json(readiness), content_type="application/json", headers={"Retry-After": "1"})


async def ask(call: Incoming, name: str) -> str:
    """What one actor says of itself."""
    try:
        info: SysInfoReply = await call.probe(SysInfo(), to=name)
    except LatticeError as error:
        return f"{error.code}: {error.message}"

    return "ready" if info.ready else info.why_not_ready or "not ready"
