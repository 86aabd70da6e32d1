"""/v1/memories/export and /import: a namespace as JSON Lines, a record a line, streamed both ways."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

from aiohttp import web
from pydantic import ConfigDict, ValidationError
from pydantic_core import from_json, to_json

from actors.memory import messages as memory
from actors.message import Data
from gateway.bodies import NamespaceQuery
from gateway.errors import HttpError, error_body, from_validation
from gateway.incoming import Incoming, new_key
from gateway.memories import NewMemoryBody
from gateway.route import Routes
from gateway.sse import write
from transport.errors import LatticeError

__all__ = ["routes"]

routes = Routes("Memories")

MEDIA: Final = "application/jsonl"
EXPORTED_AT_ONCE: Final = 50
"""Records a page: with the longest texts still below what one message may hold."""

IMPORTED_AT_ONCE: Final = 500
IMPORTED_BYTES: Final = 400_000
"""Of JSON a batch: one write that does not hold up those of others for long."""

LONGEST_LINE: Final = 4 << 20


class Line(NewMemoryBody):
    """A line of an export: what is taken over of it; the rest is memory's own to say."""

    model_config = ConfigDict(extra="ignore")

    id: memory.Identifier | None = None


class Imported(Data):
    """How many records came in, and how many were known already."""

    created: int
    known: int


@routes.get("/v1/memories/export", media=MEDIA)
async def export(call: Incoming, query: NamespaceQuery) -> web.StreamResponse:
    """Every record, oldest first, as JSON Lines.

    An export that fails in its middle ends with a line `{"error": …}` and a broken connection, never quietly.
    """
    del query
    pages = listed(call)
    first = await anext(pages)
    name = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in call.namespace)
    response = web.StreamResponse(
        headers={"Content-Type": MEDIA, "Content-Disposition": f'attachment; filename="{name}.jsonl"'}
    )
    await response.prepare(call.request)

    try:
        await send(call, response, first)
        async for page in pages:
            await send(call, response, page)
    except LatticeError as error:
        call.failed(error)
        await write(call.request, response, to_json(error_body(error)) + b"\n", call.settings.write_timeout_s)
        if call.request.transport is not None:
            call.request.transport.close()

    return response


@routes.post("/v1/memories/import", media=MEDIA)
async def bring_in(call: Incoming, query: NamespaceQuery) -> Imported:
    """Remember what an export holds. Importing twice changes nothing.

    The body is JSON Lines of any size: text, speaker, role, session, time, kind, importance and metadata of each line are
    taken over, under a key that follows from its id. At a line that is no record the import ends with an error that names the
    line; what stood before it is remembered, and all of it can be sent again.
    """
    del query
    created = known = 0

    async for batch in batches(lines(call)):
        call.extend()
        told: memory.Remembered = await call.ask(memory.Remember(namespace=call.namespace, memories=batch), key=new_key())
        created += sum(stored.created for stored in told.memories)
        known += sum(not stored.created for stored in told.memories)

    return Imported(created=created, known=known)


async def listed(call: Incoming) -> AsyncIterator[tuple[memory.Memory, ...]]:
    """Page after page."""
    cursor = None

    while True:
        call.extend()
        page: memory.Listed = await call.ask(memory.List(namespace=call.namespace, limit=EXPORTED_AT_ONCE, cursor=cursor))
        yield page.memories
        cursor = page.next_cursor
        if cursor is None:
            return


async def send(call: Incoming, response: web.StreamResponse, page: tuple[memory.Memory, ...]) -> None:
    """Write a page."""
    data = b"".join(to_json(record) + b"\n" for record in page)
    if data:
        await write(call.request, response, data, call.settings.write_timeout_s)


async def lines(call: Incoming) -> AsyncIterator[tuple[int, bytes]]:
    """The body's lines with their numbers, without the empty ones.

    Raises:
        HttpError: a line is too long.
    """
    number, rest = 1, b""

    async for chunk in call.chunks():
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            if line.strip():
                yield number, line
            number += 1
        if len(rest) > LONGEST_LINE:
            raise HttpError(413, "too_large", f"line {number} is longer than {LONGEST_LINE} bytes")

    if rest.strip():
        yield number, rest


async def batches(numbered: AsyncIterator[tuple[int, bytes]]) -> AsyncIterator[tuple[memory.NewMemory, ...]]:
    """The records of the lines, as many at once as memory takes."""
    batch: list[memory.NewMemory] = []
    size = 0

    async for number, line in numbered:
        try:
            record = record_of(line)
        except HttpError as error:
            if batch:
                yield tuple(batch)
            raise HttpError(error.status, error.code, f"line {number}: {error.message}", param=error.param) from None
        if batch and (len(batch) == IMPORTED_AT_ONCE or size + len(line) > IMPORTED_BYTES):
            yield tuple(batch)
            batch, size = [], 0
        batch.append(record)
        size += len(line)

    if batch:
        yield tuple(batch)


def record_of(line: bytes) -> memory.NewMemory:
    """The record on a line.

    Raises:
        HttpError: it is none.
    """
    try:
        parsed: Any = from_json(line, allow_inf_nan=False)
        found = Line.model_validate(parsed)
    except ValidationError as error:
        raise from_validation(error) from None
    except ValueError as error:
        raise HttpError(400, "invalid", f"not JSON: {error}") from None

    taken = {name: getattr(found, name) for name in memory.NewMemory.model_fields if name not in {"key", "links"}}
    key = found.key if found.id is None else f"import:{found.id}"
    return memory.NewMemory(**taken, key=key)
