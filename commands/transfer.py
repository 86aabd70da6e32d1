"""`run.py export` and `run.py import`: a namespace's memories as JSON Lines, through the running memory actor.

A line is one record as `memory.list` answers it. Import takes its text, speaker, role, session, time, kind, importance and
metadata, under a key that follows from the record's id, so that importing twice changes nothing.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Protocol, TextIO

import click
from pydantic import ValidationError

from actors.message import invalid
from commands.house import House, with_house
from transport.errors import Invalid

if TYPE_CHECKING:
    from actors.memory.messages import Listed, NewMemory, Remembered

__all__ = ["export_memories", "import_memories"]

PAGE = 50
"""Records of an export's page: with the longest texts still below what one message may hold."""

BATCH = 500
BATCH_CHARACTERS = 100_000
TAKEN = ("text", "speaker", "role", "session", "time", "kind", "importance", "metadata")


def a_namespace(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """The option's value, if messages take it as a namespace."""
    from actors.memory.messages import List

    try:
        return List(namespace=value).namespace
    except ValidationError as error:
        raise click.BadParameter(invalid(error, "it").message, context, parameter) from error


@click.command(name="export")
@click.option("--namespace", callback=a_namespace, default="default", show_default=True)
@click.argument("file", type=click.File("w", encoding="utf-8"), default="-")
@with_house
def export_memories(house: House, file: TextIO, namespace: str) -> None:
    """Write every memory of a namespace as JSON Lines, while the house runs.

    \b
    Example:
      run.py export backup.jsonl --namespace anna
    """
    count = asyncio.run(house.with_actor("memory", lambda memory: export_to(memory, namespace, file)))
    click.echo(f"{count} memories written to {file.name}", err=True)


@click.command(name="import")
@click.option("--namespace", callback=a_namespace, default="default", show_default=True)
@click.argument("file", type=click.File("r", encoding="utf-8"), default="-")
@with_house
def import_memories(house: House, file: TextIO, namespace: str) -> None:
    """Bring back what `export` wrote; a second time it changes nothing.

    \b
    Example:
      run.py import backup.jsonl --namespace anna
    """
    created, known = asyncio.run(house.with_actor("memory", lambda memory: import_from(memory, namespace, file)))
    click.echo(f"{created} memories came in, {known} were known already", err=True)


class MemoryRef(Protocol):
    """What is needed of a Ref to the memory actor."""

    async def ask(self, message: Any, *, timeout: float | None = None, key: str | None = None) -> Any:
        """Ask and await the reply."""


async def export_to(memory: MemoryRef, namespace: str, file: TextIO) -> int:
    """Write every record, oldest first; returns how many."""
    count = 0
    async for listed in pages(memory, namespace):
        # With nothing in it as well: an empty namespace makes an empty file.
        file.write("".join(record.model_dump_json() + "\n" for record in listed.memories))
        count += len(listed.memories)
    return count


async def pages(memory: MemoryRef, namespace: str) -> AsyncIterator[Listed]:
    """Every page of a namespace's records."""
    from actors.memory.messages import List

    cursor = None
    while True:
        listed: Listed = await memory.ask(List(namespace=namespace, limit=PAGE, cursor=cursor))
        yield listed
        cursor = listed.next_cursor
        if cursor is None:
            return


async def import_from(memory: MemoryRef, namespace: str, file: TextIO) -> tuple[int, int]:
    """Remember every line of `file`; returns how many were new and how many were known.

    Raises:
        Invalid: naming the line that is not a record. What stood before it has been imported.
    """
    from actors.memory.messages import Remember

    created = known = 0
    for batch in batches(records(file)):
        reply: Remembered = await memory.ask(Remember(namespace=namespace, memories=batch))
        created += sum(stored.created for stored in reply.memories)
        known += sum(not stored.created for stored in reply.memories)
    return created, known


def records(lines: Iterable[str]) -> Iterator[NewMemory]:
    """The record that each line holds; blank lines are passed over."""
    from actors.memory.messages import NewMemory

    for number, line in enumerate(decoded(lines), 1):
        if not line.strip():
            continue
        try:
            row = row_of(line)
            taken = {name: row[name] for name in TAKEN if row.get(name) is not None}
            yield NewMemory.model_validate({**taken, "key": f"import:{row['id']}" if "id" in row else None})
        except (ValueError, TypeError) as error:
            reason = invalid(error, "record").message if isinstance(error, ValidationError) else str(error)
            raise Invalid(f"line {number} is not a record: {reason}") from error


def row_of(line: str) -> dict[str, Any]:
    """The JSON object on a line.

    Raises:
        ValueError: it is no JSON.
        TypeError: it is something else.
    """
    row = json.loads(line)
    if not isinstance(row, dict):
        raise TypeError("it is not a JSON object")
    return row


def decoded(lines: Iterable[str]) -> Iterator[str]:
    """The same lines; text that is not UTF-8 is the sender's mistake, not a fault of this program."""
    number = 0
    try:
        for line in lines:
            yield line
            number += 1
    except UnicodeDecodeError as error:
        raise Invalid(f"after line {number}: the file is not UTF-8") from error


def batches(records: Iterable[NewMemory]) -> Iterator[tuple[NewMemory, ...]]:
    """Groups that stay well under a frame's limit: by count and by their texts' length."""
    batch: list[NewMemory] = []
    size = 0
    for record in records:
        if batch and (len(batch) == BATCH or size + len(record.text) > BATCH_CHARACTERS):
            yield tuple(batch)
            batch, size = [], 0
        batch.append(record)
        size += len(record.text)
    if batch:
        yield tuple(batch)
