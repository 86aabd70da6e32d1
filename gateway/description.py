"""/openapi.json and /docs: the description of the API, for programs and for people."""

from __future__ import annotations

import asyncio

from aiohttp import web

from gateway.incoming import Incoming
from gateway.route import Routes

__all__ = ["routes"]

routes = Routes("Health", access="open")


@routes.get("/openapi.json")
async def openapi(call: Incoming) -> web.Response:
    """The whole API as OpenAPI 3.1 describes it."""
    # Made once, in a tenth of a second and more: nobody is to wait for it who did not ask.
    made = call.description.made or await asyncio.to_thread(call.description.json)
    return web.Response(body=made, content_type="application/json")


@routes.get("/docs", media="text/html")
async def docs(call: Incoming) -> web.Response:
    """The whole API on a page for people."""
    policy = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
    return web.Response(text=call.description.page(), content_type="text/html", headers=policy)
