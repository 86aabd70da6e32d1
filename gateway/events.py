"""/v1/events: what happens in the background, as server-sent events."""

from __future__ import annotations

from contextlib import aclosing
from typing import Final

from aiohttp import web

from actors.daemon.messages import Watch
from gateway.incoming import Incoming
from gateway.route import Routes
from gateway.sse import EventStream, with_silences
from transport.errors import LatticeError, PeerReplaced

__all__ = ["routes"]

routes = Routes("Events", access="operator")


LONGEST_ID: Final = 64


@routes.get("/v1/events", media="text/event-stream", headers=("Last-Event-ID",))
async def events(call: Incoming) -> web.StreamResponse:
    """The daemon's progress as it happens: cycles that begin, work, end, and what was set aside.

    Each event is a JSON object with `what`, `cycle`, `run` and `time`, and has an `id`. The stream ends when the time allowed
    for the request is up; whoever connects again with the last `id` as `Last-Event-ID`, as browsers do by themselves, gets what
    came meanwhile. Where some of it is not known any more, `what` is `missed` first.
    """
    stream = EventStream(call.request, call.settings.write_timeout_s)
    await stream.heartbeat()
    if call.wants_head:
        return stream.response

    after = last_event_id(call.request)
    try:
        while True:
            try:
                async with (
                    call.stream(Watch(after=after)) as watched,
                    aclosing(with_silences(watched, call)) as steps,
                ):
                    async for progress in steps:
                        if progress is None:
                            await stream.heartbeat()
                            continue

                        after = progress.id
                        if progress.what == "watching":
                            await stream.begin_after(after)
                        else:
                            await stream.send_with_id(after, progress.model_dump(mode="json", exclude={"id"}))
            except PeerReplaced:
                continue
    except LatticeError as error:
        call.failed(error)
        await stream.fail(error)
    return stream.response


def last_event_id(request: web.Request) -> str:
    """What a client has seen; empty where it says nothing. What is no id of ours stands for something that is not known."""
    said = request.headers.get("Last-Event-ID", "")
    return said if len(said) <= LONGEST_ID and said.isascii() else "unknown"
