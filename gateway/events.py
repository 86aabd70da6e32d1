"""/v1/events: what happens in the background, as server-sent events."""

from __future__ import annotations

from contextlib import aclosing

from aiohttp import web

from actors.daemon.messages import Watch
from gateway.incoming import Incoming
from gateway.route import Routes
from gateway.sse import EventStream, with_silences
from transport.errors import LatticeError, PeerReplaced

__all__ = ["routes"]

routes = Routes("Events", access="operator")


@routes.get("/v1/events", media="text/event-stream")
async def events(call: Incoming) -> web.StreamResponse:
    """The daemon's progress as it happens: cycles that begin, work, end, and what was set aside.

    Each event is a JSON object with `what`, `cycle`, `run` and `time`. The stream ends when the time allowed for the request is
    up; whoever connects again goes on from then.
    """
    stream = EventStream(call.request, call.settings.write_timeout_s)
    await stream.heartbeat()
    if call.wants_head:
        return stream.response

    try:
        while True:
            try:
                async with (
                    call.stream(Watch()) as watched,
                    aclosing(with_silences(watched, call)) as steps,
                ):
                    async for progress in steps:
                        await (stream.heartbeat() if progress is None else stream.send(progress))
            except PeerReplaced:
                continue
    except LatticeError as error:
        call.failed(error)
        await stream.fail(error)
    return stream.response
