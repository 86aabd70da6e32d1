"""`/`, and the files that the page asks for."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from gateway.dashboard.assets import Asset, read_assets
from gateway.errors import HttpError
from gateway.incoming import Incoming
from gateway.route import Routes

__all__ = ["routes"]

routes = Routes("Dashboard", access="open")

POLICY: Final = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
    # A text that was remembered can become markup nowhere, not even by a mistake of the page's.
    "require-trusted-types-for": "'script'",
    "trusted-types": "'none'",
}
HEADERS: Final = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in POLICY.items()),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    # Kept by the browser, and asked for each time whether it still is the same: a new version shows at once.
    "Cache-Control": "no-cache",
}

ASSETS: Final = read_assets()


@routes.get("/", media="text/html")
async def page(call: Incoming) -> web.Response:
    """The dashboard: the house at a glance, on a page for people. It asks for a key where the gateway does."""
    return serve(call, ASSETS["index.html"])


@routes.get("/dashboard/{name}", media="*/*")
async def asset(call: Incoming) -> web.Response:
    """A script, style or image of the dashboard."""
    name = call.path("name")
    if name not in ASSETS:
        raise HttpError(404, "not_found", f"the dashboard has no file {name!r}")

    return serve(call, ASSETS[name])


def serve(call: Incoming, asked: Asset) -> web.Response:
    """A file of the page; 304 where the client has it."""
    known = call.request.if_none_match or ()
    fresh = any(etag.value in {asked.etag, "*"} for etag in known)
    response = web.Response(status=304, headers=HEADERS) if fresh else web.Response(body=asked.content, headers=HEADERS)
    response.etag = asked.etag
    if not fresh:
        response.headers["Content-Type"] = asked.media_type
    return response
