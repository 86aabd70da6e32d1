"""/v1/memories/export and /import: a namespace as JSON Lines, streamed both ways; files of other formats come in too."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import UTC, datetime
from hashlib import blake2b
from itertools import islice
from typing import Final

from aiohttp import web
from pydantic import Field
from pydantic_core import to_json

from actors.heap import give_back
from actors.memory import messages as memory
from actors.memory.formats import lines
from actors.memory.formats.reading import Format, read, recognised
from actors.memory.formats.taken import Broken, Taken
from actors.message import Data
from actors.spool import IN_MEMORY, Spool
from gateway.bodies import Body
from gateway.errors import HttpError, error_body
from gateway.incoming import Incoming, new_key
from gateway.route import Routes
from gateway.sse import write
from transport.errors import LatticeError

__all__ = ["routes"]

routes = Routes("Memories")

MEDIA: Final = "application/jsonl"
LEAST_HEAD: Final = 1024
"""Bytes of a file by which it is recognised, at least."""

IMPORTED_AT_ONCE: Final = 500
IMPORTED_BYTES: Final = 1_000_000
"""Of JSON a batch: one write that does not hold up those of others for long."""

LARGEST: Final = 1 << 30
LISTED: Final = 100
"""Broken entries that an answer lists; all are counted."""


class ImportQuery(Body):
    """What kind of file is sent."""

    format: Format | None = None
    """Recognised by its content where it is not given."""


class BrokenEntry(Data):
    """Something in the body that is no record."""

    where: str
    reason: str


class Imported(Data):
    """How many records came in, were known already, or were forgotten here and stay so; and what was no record."""

    created: int
    known: int
    forgotten: int
    broken: int
    entries: tuple[BrokenEntry, ...]
    """The first of the broken ones."""


class ImportReport:
    """What has become of an import so far."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.broken = 0
        self.entries: list[BrokenEntry] = []

    def note(self, broken: Broken) -> None:
        """Count something that is no record."""
        self.broken += 1
        if len(self.entries) < LISTED:
            self.entries.append(BrokenEntry(where=broken.where, reason=broken.reason))

    def told(self) -> Imported:
        """The answer.

        Raises:
            HttpError: there was no record at all, and something that should have been one.
        """
        if self.broken and not self.outcomes:
            raise HttpError(400, "invalid", f"{self.entries[0].where}: {self.entries[0].reason}")
        return Imported(
            created=self.outcomes["created"],
            known=self.outcomes["known"],
            forgotten=self.outcomes["forgotten"],
            broken=self.broken,
            entries=tuple(self.entries),
        )


class ExportQuery(Body):
    """Where the export begins."""

    cursor: str | None = Field(None, max_length=256)
    """Of the last `page` line of an export that broke off; what follows it there is to be cut off. None: from the start."""


@routes.get("/v1/memories/export", media=MEDIA)
async def export(call: Incoming, query: ExportQuery) -> web.StreamResponse:
    """Every record with all that belongs to it, oldest first, as JSON Lines with a header and an end.

    An export that fails in its middle ends with a line `{"error": …}` and a broken connection, never quietly. It goes on from
    the cursor of its last `page` line.
    """
    pages = exported(call, query.cursor)
    first = await anext(pages)
    name = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in call.namespace)
    response = web.StreamResponse(
        headers={"Content-Type": MEDIA, "Content-Disposition": f'attachment; filename="{name}.jsonl"'}
    )
    await response.prepare(call.request)
    if call.wants_head:
        return response

    try:
        head = lines.header(call.namespace, datetime.now(UTC).isoformat(timespec="seconds")) if query.cursor is None else b""
        await send(call, response, head + as_lines(first))
        async for page in pages:
            await send(call, response, as_lines(page))
    except LatticeError as error:
        call.failed(error)
        await send(call, response, to_json(error_body(error)) + b"\n")
        if call.request.transport is not None:
            call.request.transport.close()

    return response


@routes.post("/v1/memories/import", media=MEDIA, takes=MEDIA)
async def bring_in(call: Incoming, query: ImportQuery) -> Imported:
    """Take over what an export holds: Lattice's own, mem0's, Letta's, ChatGPT's (also zipped), messages, or a transcript.

    Importing twice changes nothing, so one that broke off is sent again. What is no record is listed, and the rest comes in.
    Lattice's own lines may be of any size together; other files have at most 1 GiB.
    """
    report = ImportReport()
    if call.request.content_type.startswith("multipart/"):
        message = "a form is not taken apart; send the file itself as the body (curl: --data-binary @FILE)"
        raise HttpError(400, "invalid", message, param="Content-Type")

    chunks = call.chunks()
    head = await beginning(chunks)
    if query.format == "lattice" or (query.format is None and await asyncio.to_thread(is_lattice, head)):
        await bring_in_lines(call, head, chunks, report)
    else:
        await bring_in_document(call, head, chunks, query.format, report)
    return report.told()


async def beginning(chunks: AsyncIterator[bytes]) -> bytes:
    """What a file is recognised by: its first line, or as much of it as a line may have. A file may be a gigabyte in one."""
    head = bytearray()
    found = False
    async for chunk in chunks:
        head += chunk
        found = found or b"\n" in chunk
        if (found and len(head) >= LEAST_HEAD) or len(head) > lines.LONGEST_LINE:
            break
    return bytes(head)


def is_lattice(head: bytes) -> bool:
    """Whether a file that begins so has lines of Lattice's own."""
    return not head.strip() or recognised(head) == "lattice"


async def bring_in_lines(call: Incoming, head: bytes, chunks: AsyncIterator[bytes], report: ImportReport) -> None:
    """Take lines over as they come."""
    whole, rest = lines.Whole(), head
    pending: list[bytes] = []
    size = 0

    async def flush() -> None:
        nonlocal pending, size
        some, pending, size = pending, [], 0
        # A line may have 8 MiB, and a file millions of empty ones: nobody else waits for either.
        await take(call, await asyncio.to_thread(list, lines.read(some, whole)), report)

    while True:
        *complete, rest = rest.split(b"\n")
        for line in complete:
            pending.append(line)
            size += len(line)
            if len(pending) >= IMPORTED_AT_ONCE or size > IMPORTED_BYTES:
                await flush()
        if len(rest) > lines.LONGEST_LINE:
            raise HttpError(
                413, "too_large", f"line {whole.lines + len(pending) + 1} is longer than {lines.LONGEST_LINE} bytes"
            )
        chunk = await anext(chunks, None)
        if chunk is None:
            break
        rest += chunk
    pending += [rest] if rest else []
    await flush()
    await take(call, whole.missing(), report)


async def bring_in_document(
    call: Incoming, head: bytes, chunks: AsyncIterator[bytes], known: Format | None, report: ImportReport
) -> None:
    """Take over a file that has to be there as a whole."""
    with Spool() as spool:
        spool.write(head)
        size = len(head)
        content = blake2b(head, digest_size=4)
        async for chunk in chunks:
            size += len(chunk)
            content.update(chunk)
            if size > LARGEST:
                raise HttpError(413, "too_large", f"the file is larger than {LARGEST} bytes")
            await asyncio.to_thread(spool.write, chunk)
        file = await asyncio.to_thread(spool.opened)
        # Talks are named after their file. This one has no name: two transcripts are to be two talks, one sent again the same.
        found = read(file, f"the body ({content.hexdigest()})", known)
        try:
            while batch := await asyncio.to_thread(some, found):
                await take(call, batch, report)
        finally:
            found.close()
            del found
            if size > IN_MEMORY:
                await asyncio.to_thread(give_back)


def some(found: Iterator[Taken]) -> list[Taken]:
    """The next entries."""
    return list(islice(found, 200))


async def take(call: Incoming, found: Iterable[Taken], report: ImportReport) -> None:
    """Have memory take records over, as many at once as it takes."""
    batch: list[memory.Portable] = []
    size = 0
    for entry in found:
        if isinstance(entry, Broken):
            report.note(entry)
            continue
        weight = len(entry.text) * 2 + 1024
        if batch and size + weight > IMPORTED_BYTES:
            await ask(call, batch, report)
            batch, size = [], 0
        batch.append(entry)
        size += weight
    if batch:
        await ask(call, batch, report)


async def ask(call: Incoming, batch: list[memory.Portable], report: ImportReport) -> None:
    """Have one batch imported by one write."""
    call.extend()
    told: memory.Imported = await call.ask(memory.Import(namespace=call.namespace, records=tuple(batch)), key=new_key())
    report.outcomes.update(record.outcome for record in told.records)


def as_lines(page: memory.Exported) -> bytes:
    """A page, and what comes after it: a mark to go on from, or the end."""
    count = page.before + len(page.records)
    after = lines.end(count) if page.next_cursor is None else lines.mark(count, page.next_cursor)
    return b"".join(map(lines.line_of, page.records)) + after


async def exported(call: Incoming, cursor: str | None) -> AsyncIterator[memory.Exported]:
    """The pages of an export, one after the other."""
    while True:
        call.extend()
        page: memory.Exported = await call.ask(memory.Export(namespace=call.namespace, cursor=cursor))
        yield page
        cursor = page.next_cursor
        if cursor is None:
            return


async def send(call: Incoming, response: web.StreamResponse, data: bytes) -> None:
    """Write a piece of an export to the client."""
    if data:
        await write(call.request, response, data, call.settings.write_timeout_s)
