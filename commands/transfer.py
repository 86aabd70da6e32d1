"""`run.py export` and `run.py import`: a namespace's memories as files, through the running memory actor.

What stands in a file, docs/export.md says. An export becomes the file of its name when it is whole; one that broke off goes on
when it is run again. An import can be broken off and run again at any time: what is known already is passed over.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

import click
from pydantic import ValidationError

from actors.message import invalid
from commands.house import House, with_house
from commands.outputs import is_stream, part_for, stream
from transport.errors import Invalid, NotFound

if TYPE_CHECKING:
    from actors.memory.formats.lines import Begun
    from actors.memory.formats.taken import Taken
    from actors.memory.messages import Exported, Imported, Portable

__all__ = ["export_memories", "import_memories"]

BATCH = 500
BATCH_BYTES = 1_000_000
"""Of JSON: one write that does not hold up those of others for long."""

LISTED = 20
"""Broken lines that are shown one by one."""

QUIET_S = 2.0
CHUNK = 1 << 20


def a_namespace(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """The option's value, if messages take it as a namespace."""
    from actors.memory.messages import List

    try:
        return List(namespace=value).namespace
    except ValidationError as error:
        raise click.BadParameter(invalid(error, "it").message, context, parameter) from error


@click.command(name="export")
@click.option("--namespace", callback=a_namespace, default="default", show_default=True)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path, allow_dash=True), default="-")
@with_house
def export_memories(house: House, file: Path, namespace: str) -> None:
    """Write every memory of a namespace as JSON Lines, while the house runs. Broken off, it is run again and goes on.

    \b
    Example:
      python3 run.py export memories.jsonl --namespace anna
    """
    with continued(file, namespace) as (out, begun):
        count = asyncio.run(house.with_actor("memory", lambda memory: export_to(memory, namespace, out, begun)))
    click.echo(f"{count} memories written to {file}", err=True)


@click.command(name="import")
@click.option("--namespace", callback=a_namespace, default="default", show_default=True)
@click.option(
    "--format",
    "known",
    type=click.Choice(["lattice", "mem0", "letta", "chatgpt", "messages", "transcript"]),
    help="Of the file; recognised by its content where it is not given.",
)
@click.argument("file", type=click.File("rb"), default="-")
@with_house
def import_memories(house: House, file: IO[bytes], namespace: str, known: Any) -> None:
    """Take memories over from an export of Lattice, mem0, Letta or ChatGPT, or from a talk as messages or a transcript.

    A second time it changes nothing; broken off, it is run again. The exit code is 1 where something in the file was no record:
    that is shown, and the rest comes in.

    \b
    Examples:
      python3 run.py import memories.jsonl --namespace anna
      python3 run.py import chatgpt-export.zip
      python3 run.py import chat.txt --format transcript
    """
    from actors.memory.formats.reading import read

    with seekable(file) as source:
        found = read(source, Path(file.name).name, known)
        outcomes, broken = asyncio.run(house.with_actor("memory", lambda memory: import_from(memory, namespace, found)))
    told = f"{outcomes['created']} memories came in, {outcomes['known']} were known already"
    if outcomes["forgotten"]:
        told += f", {outcomes['forgotten']} were forgotten here and stay so"
    click.echo(told, err=True)
    if broken:
        lines = "\n".join(f"  {entry}" for entry in broken[:LISTED])
        more = f"\n  and {len(broken) - LISTED} more" if len(broken) > LISTED else ""
        raise click.ClickException(f"{len(broken)} entries are no records and were left out:\n{lines}{more}")


class MemoryRef(Protocol):
    """What is needed of a Ref to the memory actor."""

    async def ask(self, message: Any, *, timeout: float | None = None, key: str | None = None) -> Any:
        """Ask and await the reply."""


async def export_to(memory: MemoryRef, namespace: str, out: IO[bytes], begun: Begun | None = None) -> int:
    """Write every record that is there now, oldest first; returns how many.

    Args:
        memory: the actor.
        namespace: whose.
        out: where to.
        begun: what stands there already, of an export that broke off.
    """
    from actors.memory.formats import lines
    from actors.memory.messages import Export

    progress = ProgressLine("exported")
    cursor = None
    if begun is not None and await has(memory, namespace, begun.last):
        out.seek(begun.bytes)
        out.truncate()
        cursor = begun.cursor
        click.echo(f"an export that broke off goes on after {begun.records} memories", err=True)
    else:
        if begun is not None:
            out.seek(0)
            out.truncate()
        out.write(lines.header(namespace, datetime.now(UTC).isoformat(timespec="seconds")))

    while True:
        page: Exported = await memory.ask(Export(namespace=namespace, cursor=cursor))
        out.write(b"".join(lines.line_of(record) for record in page.records))
        count = page.before + len(page.records)
        progress.show(count)
        cursor = page.next_cursor
        if cursor is None:
            out.write(lines.end(count))
            return count

        # The mark is written behind what it vouches for.
        out.flush()
        out.write(lines.mark(count, cursor))


async def has(memory: MemoryRef, namespace: str, memory_id: str) -> bool:
    """Whether memory has a record: a file of that name may have been begun from another house."""
    from actors.memory.messages import Get

    try:
        await memory.ask(Get(namespace=namespace, id=memory_id))
    except (NotFound, Invalid):
        return False

    return True


async def import_from(memory: MemoryRef, namespace: str, found: Iterable[Taken]) -> tuple[Counter[str], list[str]]:
    """Take every record over; returns how many had which outcome, and what was no record.

    Raises:
        Invalid: the file is of no known format. What stood before it broke off has come in.
    """
    from actors.memory.messages import Import

    outcomes: Counter[str] = Counter()
    broken: list[str] = []
    progress = ProgressLine("looked at")
    for batch in batches(found, broken):
        reply: Imported = await memory.ask(Import(namespace=namespace, records=batch))
        outcomes.update(record.outcome for record in reply.records)
        progress.show(outcomes.total())
    return outcomes, broken


def batches(found: Iterable[Taken], broken: list[str]) -> Iterator[tuple[Portable, ...]]:
    """Groups that stay well under a frame's limit; what is broken is noted."""
    from actors.memory.formats.taken import Broken

    batch: list[Portable] = []
    size = 0
    entries = iter(found)
    while True:
        try:
            entry = next(entries, None)
        except Invalid:
            if batch:
                yield tuple(batch)
            raise
        if entry is None:
            break
        if isinstance(entry, Broken):
            broken.append(f"{entry.where}: {entry.reason}")
            continue
        weight = len(entry.model_dump_json(exclude_defaults=True))
        if batch and (len(batch) == BATCH or size + weight > BATCH_BYTES):
            yield tuple(batch)
            batch, size = [], 0
        batch.append(entry)
        size += weight
    if batch:
        yield tuple(batch)


class ProgressLine:
    """A line on a terminal for what takes longer than two seconds."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._next = time.monotonic() + QUIET_S

    def show(self, count: int) -> None:
        """How many by now, once a second."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + (1.0 if sys.stderr.isatty() else 10.0)
            click.echo(f"{count} {self._what} so far", err=True)


@contextmanager
def continued(path: Path, namespace: str) -> Iterator[tuple[IO[bytes], Begun | None]]:
    """A file that has its name only once it is whole and on disk, and what of it is there from the last time.

    Until then it is `<name>.part`, which stays when this breaks off.
    """
    from actors.memory.formats import lines
    from actors.whole_files import put_in_place

    if is_stream(path):
        with stream(path) as out:
            yield out, None
        return

    path = path.resolve()
    with part_for(path) as (file, part):
        begun = lines.begun(file, namespace)
        if begun is None:
            file.seek(0)
            file.truncate()
        try:
            yield file, begun
        except BaseException:
            file.flush()
            file.seek(0)
            if lines.begun(file, namespace) is None:
                part.unlink(missing_ok=True)
            raise
        file.flush()
        put_in_place(part, path)


@contextmanager
def seekable(file: IO[bytes]) -> Iterator[IO[bytes]]:
    """The file, or a copy where it is a pipe."""
    if file.seekable():
        yield file
        return
    from actors.spool import Spool

    with Spool() as spool:
        while chunk := file.read(CHUNK):
            spool.write(chunk)
        yield spool.opened()
