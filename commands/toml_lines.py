"""Where in a TOML file a setting stands: tomllib says what a file holds, and not on which line."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

__all__ = ["line_of"]

HEADER = re.compile(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
KEY = re.compile(r"^\s*((?:[\w-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[\w-]+|\"[^\"]*\"|'[^']*'))*)\s*=")
STEP = re.compile(r"[\w-]+|\"[^\"]*\"|'[^']*'")

Path = tuple[str | int, ...]


def line_of(text: str, setting: Sequence[str | int]) -> int | None:
    """The line, from 1, where a setting stands, or else what it is missing from; None when nothing of it is there.

    Args:
        text: the file.
        setting: the way to it: names of tables and keys, and numbers in arrays of tables.
    """
    wanted = tuple(setting)
    known = dict(reversed(list(places(text))))
    for length in range(len(wanted), 0, -1):
        if wanted[:length] in known:
            return known[wanted[:length]]

    return None


def places(text: str) -> Iterator[tuple[Path, int]]:
    """Every table and key with its line, as they stand."""
    table: Path = ()
    counts: Counter[Path] = Counter()
    inside: str | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if inside is not None:
            inside = None if inside in line else inside
            continue

        if header := HEADER.match(line):
            table = steps(header[2], counts)
            if header[1] == "[[":
                counts[table] += 1
                yield table, number
                table = (*table, counts[table] - 1)

            yield table, number
        elif key := KEY.match(line):
            path = (*table, *names(key[1]))
            for length in range(len(table) + 1, len(path) + 1):
                yield path[:length], number

            inside = next((mark for mark in ('"""', "'''") if line.count(mark) % 2), None)


def steps(header: str, counts: Counter[Path]) -> Path:
    """A header's way; within an array of tables it goes on in the last of them."""
    path: Path = ()
    *before, last = names(header)
    for name in before:
        path = (*path, name)
        if counts[path]:
            path = (*path, counts[path] - 1)

    return (*path, last)


def names(dotted: str) -> list[str]:
    """The names of a dotted key."""
    return [step.strip("\"'") for step in STEP.findall(dotted)]
