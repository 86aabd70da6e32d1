"""The scripted server's routes: what it is told, what it tells, and the vendors' own."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict
from functools import partial

from aiohttp import web
from pydantic import ValidationError

from tests.model_server.exchange import Exchange
from tests.model_server.house import Broken, House, Seen
from tests.model_server.script import Route, ScriptRequest
from tests.model_server.wire import Anthropic, OpenAI
from tests.model_server.wire_newer import Ollama, Responses

SEEN_HEADERS = (
    "x-lattice-timeout",
    "authorization",
    "x-api-key",
    "anthropic-version",
    "anthropic-beta",
    "content-type",
    "accept",
    "user-agent",
)
Dialect = OpenAI | Anthropic | Responses | Ollama
HOUSE = web.AppKey("house", House)
LISTINGS = frozenset({"/v1/models", "/api/tags"})


def application() -> web.Application:
    """The whole server."""
    app = web.Application(client_max_size=32 << 20)
    app[HOUSE] = House()
    app.add_routes(
        [
            web.post("/script", script),
            web.get("/log", log),
            web.delete("/log", forget),
            web.post("/release", release),
            web.get("/v1/models", partial(served, route="models", dialect=OpenAI())),
            web.post("/v1/embeddings", partial(served, route="embeddings", dialect=OpenAI())),
            web.post("/v1/chat/completions", partial(served, route="chat", dialect=OpenAI())),
            web.post("/v1/messages", partial(served, route="chat", dialect=Anthropic())),
            web.post("/v1/responses", partial(served, route="chat", dialect=Responses())),
            web.get("/api/tags", partial(served, route="models", dialect=Ollama())),
            web.post("/api/embed", partial(served, route="embeddings", dialect=Ollama())),
            web.post("/api/chat", partial(served, route="chat", dialect=Ollama())),
        ],
    )
    return app


async def script(request: web.Request) -> web.Response:
    house = request.app[HOUSE]
    try:
        told = ScriptRequest.model_validate_json(await request.read())
    except ValidationError as error:
        return web.json_response({"error": str(error)}, status=400)

    house.script.load(told)
    if told.clear:
        house.models = ["gpt-test"]

    if told.models is not None:
        house.models = told.models

    return web.json_response({})


async def log(request: web.Request) -> web.Response:
    """The log; with `seen`, `finished`, `hung_up` or `holding` (numbers) it waits, up to `wait_s`, until there are so many.

    Questions for the list of models, which are also a way to ask for a sign of life, are left out unless `listings` is given.
    """
    house = request.app[HOUSE]
    listings = "listings" in request.query

    def shown() -> list[Seen]:
        return [seen for seen in house.log if listings or seen.path not in LISTINGS]

    wanted = {
        state: int(n) for state, n in request.query.items() if state in {"seen", "finished", "hung_up", "holding", "faulted"}
    }

    def reached() -> bool:
        return all(
            len(shown()) >= n if state == "seen" else sum(seen.state == state for seen in shown()) >= n
            for state, n in wanted.items()
        )

    reached_in_time = True
    try:
        async with asyncio.timeout(min(float(request.query.get("wait_s", 5)), 60)), house.changed:
            await house.changed.wait_for(reached)
    except TimeoutError:
        reached_in_time = False

    return web.json_response({"reached": reached_in_time, "requests": [asdict(seen) for seen in shown()]})


async def forget(request: web.Request) -> web.Response:
    request.app[HOUSE].log.clear()
    return web.json_response({})


async def release(request: web.Request) -> web.Response:
    """Let everything go that hangs now."""
    house = request.app[HOUSE]
    house.released.set()
    house.released = asyncio.Event()
    return web.json_response({})


async def served(request: web.Request, route: Route, dialect: Dialect) -> web.StreamResponse:
    """One request, from the log's entry to its end."""
    house = request.app[HOUSE]
    behaviour = house.script.take(route)
    try:
        body = await request.json() if request.can_read_body else None
    except ValueError:
        return web.json_response(dialect.error(400, "the body is not JSON"), status=400)

    house.count += 1
    headers = {name: request.headers[name] for name in SEEN_HEADERS if name in request.headers}
    peer = request.transport.get_extra_info("peername") if request.transport else None
    seen = Seen(house.count, request.path, headers, body, time.time(), peer[1] if peer else 0, behaviour.fault)
    house.log.append(seen)
    await house.note(seen, "open")
    try:
        response = await Exchange(request, house, seen, behaviour, dialect).answer()
    except Broken:
        await house.note(seen, "faulted")
        if request.transport is not None:
            request.transport.abort()

        raise asyncio.CancelledError from None
    except (asyncio.CancelledError, ConnectionError):
        await house.note(seen, "hung_up")
        # Nobody is there to be answered: of another error aiohttp would tell a stack.
        raise asyncio.CancelledError from None
    except TimeoutError:
        await house.note(seen, "faulted")
        raise

    await house.note(seen, "faulted" if behaviour.fault and not behaviour.fault.startswith("hang") else "finished")
    return response
