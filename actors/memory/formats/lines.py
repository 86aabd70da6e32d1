"""Our own exports: JSON Lines with a header, marks to go on from, and an end (docs/export.md); or bare lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from pydantic_core import to_json

from actors.memory.formats.bounded_json import TooManyValues, parse
from actors.memory.formats.taken import Broken, Taken, taken
from actors.memory.messages import Portable
from transport.errors import Conflict

__all__ = ["LONGEST_LINE", "VERSION", "Begun", "begun", "end", "header", "line_of", "mark", "read"]

VERSION: Final = 1
MARK: Final = "lattice"
LONGEST_LINE: Final = 8 << 20
MOST_VALUES: Final = 1 << 18
"""Of a line, those inside each other included: as many as a message between actors may hold."""


def header(namespace: str, time: str) -> bytes:
    """The first line."""
    return to_json({MARK: "memories", "version": VERSION, "namespace": namespace, "exported": time}) + b"\n"


def line_of(record: Portable) -> bytes:
    """A record's line."""
    return record.model_dump_json(exclude_none=True, exclude_defaults=True).encode() + b"\n"


def mark(count: int, cursor: str) -> bytes:
    """The line after a page: so many records stand before it, and there the export goes on."""
    return to_json({MARK: "page", "records": count, "cursor": cursor}) + b"\n"


def end(count: int) -> bytes:
    """The last line: without it the file breaks off."""
    return to_json({MARK: "end", "records": count}) + b"\n"


@dataclass(slots=True)
class Whole:
    """How far a file was read, and whether what was read is whole."""

    lines: int = 0
    records: int = 0
    """Records of the export that began last."""

    ends: bool = True

    def marked(self, row: dict[str, Any]) -> Iterator[Broken]:
        """A header, a mark or an end stands here; what is to be said of what stands before an end."""
        self.records = 0 if row[MARK] == "memories" else self.records - 1
        self.ends = row[MARK] == "end"
        written = row.get("records")
        if self.ends and isinstance(written, int) and self.records < written:
            reason = f"records are missing: {written} were written, and {self.records} stand before this line"
            yield Broken(f"line {self.lines}", reason)

    def missing(self) -> Iterator[Broken]:
        """What there is to say at the file's end."""
        if not self.ends:
            yield Broken(f"line {self.lines}", "the file breaks off: its last line is missing")


def read(lines: Iterable[bytes], whole: Whole | None = None) -> Iterator[Taken]:
    """The record on each line; blank lines are passed over. A header without its end makes the last one `Broken`.

    Args:
        lines: of a file, or of a part of it.
        whole: how far the parts before this one went; who reads in parts asks it at the end what is missing.

    Raises:
        Conflict: the header is of a newer version than this program knows.
    """
    part = Whole() if whole is None else whole
    for line in lines:
        part.lines += 1
        where = f"line {part.lines}"
        if not line.strip():
            continue
        part.records += 1
        if len(line) > LONGEST_LINE:
            yield Broken(where, f"it is longer than {LONGEST_LINE} bytes")
            continue
        try:
            row: Any = parse(line, MOST_VALUES)
        except TooManyValues as error:
            yield Broken(where, str(error))
            continue
        except (ValueError, RecursionError) as error:
            yield Broken(where, "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else f"it is not JSON: {error}")
            continue
        if not isinstance(row, dict):
            yield Broken(where, "it is not a JSON object")
        elif MARK in row and "text" not in row:
            check(row)
            yield from part.marked(row)
        elif "error" in row and "text" not in row:
            yield Broken(where, "the export failed here")
        else:
            yield taken(where, {name: value for name, value in row.items() if name in Portable.model_fields})
    if whole is None:
        yield from part.missing()


@dataclass(frozen=True, slots=True)
class Begun:
    """An export that broke off, up to its last mark."""

    bytes: int
    """Bytes of the file that are good."""

    records: int
    cursor: str
    last: str
    """The id of the last record before the mark."""


def begun(lines: Iterable[bytes], namespace: str) -> Begun | None:
    """How far an export of a namespace has come; None where there is nothing to go on from."""
    found: Begun | None = None
    size, last = 0, ""
    for number, line in enumerate(lines):
        try:
            row: Any = json.loads(line) if line.endswith(b"\n") else None
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            return found
        if number == 0 and (row.get(MARK) != "memories" or row.get("namespace") != namespace or row.get("version") != VERSION):
            return None

        size += len(line)
        if row.get(MARK) == "page" and "text" not in row:
            found = Begun(size, int(row["records"]), str(row["cursor"]), last)
        last = str(row.get("id", last))
    return found


def check(row: dict[str, Any]) -> None:
    """Refuse what a newer program wrote.

    Raises:
        Conflict: naming both versions.
    """
    version = row.get("version", VERSION)
    if not isinstance(version, int) or version > VERSION:
        raise Conflict(f"the file has version {version}, this program knows up to {VERSION}: use the newer program")
