"""A first page in the place of one that is lost: of its own with a new header, or that of a file which this program makes.

The first page tells where each table begins; without it rows have to be looked for page by page, which finds no table that is
kept by its key alone, and nothing in the log. Every table of a file that was made by one version begins where it does in any
other. Whether it does is looked at: what is not sound throughout is put back. Changes the file: give it a copy.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import apsw

from actors.sqlite.damage import remove

__all__ = ["restored"]

SIZE: Final = 4096
"""Bytes of a page in our databases."""

HEADER: Final = 100
BEGIN_TABLES: Final = (0x05, 0x0D)
"""What stands behind the header: the page of a table, of the schema itself."""

LINES: Final = 100_000
NEVER_USED: Final = "never used"
"""Said of a free page, where the list of them was in the header."""


def restored(copy: Path, migrations: Sequence[str]) -> bool:
    """Give a file without a readable first page another, if all is sound with it; False: it is as it was."""
    size = copy.stat().st_size
    if size < 2 * SIZE or size % SIZE:
        return False

    with copy.open("rb") as file:
        lost = file.read(SIZE)

    # What is tried moves the log into the file.
    kept = copy.with_name(f"{copy.name}-kept")
    for page in pages_for(copy, lost, migrations):
        copy_with_log(copy, kept)
        with kept.open("r+b") as file:
            file.write(page)
        sound = is_sound(kept)
        if sound:
            remove(copy)
            kept.rename(copy)
        remove(kept)
        if sound:
            return True
    return False


def pages_for(copy: Path, lost: bytes, migrations: Sequence[str]) -> Iterator[bytes]:
    """First pages to be tried, the likeliest first."""
    made = first_page_of_a_new_file(copy.with_name(f"{copy.name}-made"), migrations)
    header = bytearray(made[:HEADER])
    header[18:20] = b"\x02\x02"  # there may be a log
    header[24:28] = header[92:96] = (1).to_bytes(4)
    header[28:32] = (copy.stat().st_size // SIZE).to_bytes(4)
    header[32:40] = bytes(8)  # no free pages
    if lost[HEADER] in BEGIN_TABLES:
        yield bytes(header) + lost[HEADER:]
    yield bytes(header) + made[HEADER:]


def first_page_of_a_new_file(path: Path, migrations: Sequence[str]) -> bytes:
    """Of the newest version."""
    remove(path)
    connection = apsw.Connection(str(path))
    try:
        connection.pragma("page_size", SIZE)
        connection.pragma("synchronous", "off")
        for version, migration in enumerate(migrations, 1):
            connection.execute(f"BEGIN; {migration}; COMMIT")
            connection.pragma("user_version", version)
        connection.close()
        return path.read_bytes()[:SIZE]
    finally:
        connection.close()
        remove(path)


def copy_with_log(copy: Path, kept: Path) -> None:
    """The log is tried with it."""
    remove(kept)
    for suffix in ("", "-wal"):
        source = copy.with_name(copy.name + suffix)
        if source.exists():
            target = kept.with_name(kept.name + suffix)
            target.touch(mode=0o600)
            shutil.copyfile(source, target)


def is_sound(path: Path) -> bool:
    """Whether every page, index and reference is as it should be. The log is in the file then."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        found = [str(line) for (line,) in connection.execute(f"PRAGMA integrity_check({LINES})")]
        if any(line != "ok" and not line.endswith(NEVER_USED) for line in found):
            return False
        return not connection.execute("PRAGMA foreign_key_check").fetchall()
    except (apsw.Error, UnicodeDecodeError):
        return False
    finally:
        connection.close()
