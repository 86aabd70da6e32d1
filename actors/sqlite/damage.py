"""What counts as damage to a database file, and how a damaged one is set aside: renamed with its log, never overwritten.

A full disk, a missing permission, a lock, a newer version or a wrong key are no damage. The order of renames lets every step be
interrupted: what is there then says how to go on. Knows no schema and reads no row.
"""

from __future__ import annotations

import json
import os
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

import apsw
from loguru import logger

from actors.whole_files import put_in_place, sync_directory

__all__ = [
    "ANOTHERS",
    "ANOTHER_PROGRAMS",
    "MADE_ANEW",
    "REPLACED",
    "SIGNS",
    "SOUND",
    "WITH",
    "Salvaged",
    "at_work",
    "clear_suspicion",
    "everything_wrong",
    "finish",
    "frames_lost",
    "log_is_gone",
    "note_closed",
    "note_open",
    "remove",
    "reports",
    "rescued_path",
    "set_aside",
    "suspect",
    "suspicion",
    "work",
]

SIGNS: Final = (apsw.CorruptError, apsw.NotADBError, UnicodeDecodeError)
"""A text that is no UTF-8 was written by nobody: SQLite keeps no sums of its pages, and finds a flipped bit in none of them."""

WITH: Final = ("", "-wal", "-shm", "-journal", "-open")
"""The endings of the files that belong to a database, its own included. `-open` says that it was opened and not closed
since."""

MADE_ANEW: Final = ("-shm", "-open")
"""Those of `WITH` that SQLite, or an opening, makes anew: nothing is lost with them."""

STALE: Final = ("recovering", "rescuing", "salvaging", "new")
"""Endings of unfinished files: nothing is lost with them once nobody works at them any more."""

FRAME: Final = 24
"""Bytes before each page in a write-ahead log; the log itself begins with 32."""

ANOTHERS: Final = "it was put in the place of a database that was open; that one was written back whole"
REPLACED: Final = "another file was put in its place while it was open; this is what was open"
ANOTHER_PROGRAMS: Final = "it is another program's database"

SOUND: Final = (ANOTHERS, REPLACED, ANOTHER_PROGRAMS)
"""Why something is set aside that need not be damaged, and of which nobody else has a copy."""

COMPLAINTS: Final = 20
"""Most lines of integrity_check that are kept."""


@dataclass(slots=True)
class Salvaged:
    """What was recovered from a damaged file, by table, and what was not."""

    rows: dict[str, int] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    """A sentence each. Empty: everything was readable."""


def suspect(path: Path, why: str) -> None:
    """Have the next opening look at every page. Where the disk takes not even that, the next error says it again."""
    try:
        marker(path).write_text(why, encoding="utf-8")
    except OSError as error:
        logger.bind(database=path.name, reason=error.strerror).warning("a suspicion could not be noted")


def suspicion(path: Path) -> str | None:
    """Why every page is to be looked at; None where there is no reason."""
    try:
        return marker(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def clear_suspicion(path: Path) -> None:
    """Drop the suspicion: the database was found sound."""
    marker(path).unlink(missing_ok=True)


def note_open(path: Path) -> None:
    """From now on there is a log beside the file, until it is closed. A kill leaves both; it is no power cut, so no sync."""
    path.with_name(f"{path.name}-open").touch(mode=0o600)


def note_closed(path: Path) -> None:
    """To be called before the last connection closes: then it is the log that goes last."""
    path.with_name(f"{path.name}-open").unlink(missing_ok=True)


def was_not_closed(path: Path) -> bool:
    """Whether who had it open last was killed: what he was about to do with its log was not done."""
    return path.with_name(f"{path.name}-open").exists()


def log_is_gone(path: Path) -> bool:
    """Whether somebody has taken away the log of a file that was not closed; the file alone looks sound, and is old."""
    return was_not_closed(path) and not path.with_name(f"{path.name}-wal").exists()


def marker(path: Path) -> Path:
    """The file that says why a database is suspected of damage; where it is missing, nothing is suspected."""
    return path.with_name(f"{path.name}.suspect")


def everything_wrong(connection: apsw.Connection) -> str:
    """What `integrity_check`, which reads every page and every index, has against a database; empty where nothing."""
    try:
        found = [str(line) for (line,) in connection.execute(f"PRAGMA integrity_check({COMPLAINTS})")]
    except apsw.Error as error:
        return f"{type(error).__name__}: {error}"
    return unreadable_text(connection) if found == ["ok"] else "; ".join(found)


def unreadable_text(connection: apsw.Connection) -> str:
    """The table in which a text is no UTF-8; empty where there is none."""
    tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"
    for (name,) in connection.execute(tables).fetchall():
        try:
            for _ in connection.execute(f'SELECT * FROM "{name}"'):  # noqa: S608 (the schema's own)
                pass
        except UnicodeDecodeError:
            return f"a text in {name} is no UTF-8"
    return ""


def frames_lost(connection: apsw.Connection, path: Path) -> int:
    """How many frames of the write-ahead log lie behind a damaged one, a commit among them.

    SQLite stops at the first frame whose checksum is wrong, as it must after a power cut, and says nothing. A frame behind it
    that is of the same log (its salt says so) and ends a transaction was acknowledged, or nearly so.
    """
    log = path.with_name(f"{path.name}-wal")
    if not log.exists() or log.stat().st_size <= 32:
        return 0
    connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall()
    good = max(0, connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP)[0])

    with log.open("rb") as file:
        head = file.read(32)
        page_size = int.from_bytes(head[8:12], "big")
        page_size = 65536 if page_size == 1 else page_size
        if page_size not in {512 << shift for shift in range(8)}:
            return 0 if good else max(1, log.stat().st_size // 4096)
        salt, ours, last_commit = head[16:24], 0, 0
        file.seek(32 + good * (FRAME + page_size))
        while len(header := file.read(FRAME)) == FRAME:
            ours += 1
            if header[8:16] != salt:
                break
            if struct.unpack(">I", header[4:8])[0]:
                last_commit = ours
            file.seek(page_size, os.SEEK_CUR)
    return last_commit


AT_WORK: dict[str, str] = {}
"""What this process is doing about its databases that may take long, by file."""


@contextmanager
def at_work(path: Path, what: str) -> Iterator[None]:
    """Do something that may take long. Whoever watches a start is told, and waits."""
    AT_WORK[path.name] = what
    try:
        yield
    finally:
        AT_WORK.pop(path.name, None)


def work() -> str | None:
    """What is being done now that may take long; None: nothing."""
    return "; ".join(tuple(AT_WORK.values())) or None


def set_aside(path: Path, why: str, recover: Callable[[Path], Salvaged]) -> None:
    """Recover what can be read into a new file, rename the damaged one with its log, and put the new one in its place.

    Args:
        path: the database.
        why: what is wrong with it.
        recover: writes what can be read of it into a file, and says what could not.

    Raises:
        OSError: the disk refuses; nothing was renamed that is not renamed back by the next opening.
    """
    logger.bind(database=path.name, why=why).error("a database is damaged: it is set aside, and what can be read is recovered")
    with at_work(path, f"{path.name} is damaged: what can be read of it is being recovered"):
        recover_and_replace(path, why, recover)


def recover_and_replace(path: Path, why: str, recover: Callable[[Path], Salvaged]) -> None:
    """See `set_aside`."""
    building, recovered = path.with_name(f"{path.name}.recovering"), recovered_path(path)
    remove(building)
    remove(recovered)
    salvaged = recover(building)

    aside = report_aside(path, why, salvaged)
    put_in_place(building, recovered)
    rename_away(path, aside)
    put_in_place(recovered, path)
    clear_suspicion(path)
    logger.bind(database=path.name, aside=aside.name, rows=salvaged.rows, lost=salvaged.lost).error("a database was recovered")


def report_aside(path: Path, why: str, salvaged: Salvaged) -> Path:
    """Say what is about to be set aside, and why; returns the name that it is to have."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    while any(aside.with_name(aside.name + suffix).exists() for suffix in (*WITH, ".json")):
        aside = aside.with_name(aside.name + "-again")
    told = {"database": path.name, "why": why, "sound": why in SOUND, "set_aside": aside.name, "time": stamp}
    report = told | asdict(salvaged)
    with aside.with_name(f"{aside.name}.json").open("w", encoding="utf-8") as file:
        json.dump(report, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    return aside


def finish(path: Path) -> None:
    """Go on where an interrupted setting aside stopped: the recovered file is whole as soon as it has its name.

    So is a rescued one, which holds all of a database that had lost its name while it was open. What stands in its place came
    later, and is somebody else's.
    """
    # One look at the directory: a replacement waits for this, and mostly there is nothing.
    unfinished = tuple(f"{path.name}.{word}" for word in ("rescued", "recovered", *STALE))
    if not any(entry.name.startswith(unfinished) for entry in path.parent.iterdir()):
        return

    rescued = rescued_path(path)
    if rescued.exists():
        if any(path.with_name(path.name + suffix).exists() for suffix in WITH if suffix not in MADE_ANEW):
            aside = report_aside(path, ANOTHERS, Salvaged())
            rename_away(path, aside)
            logger.bind(database=path.name, aside=aside.name).error("what stood in a database's place is set aside")
        remove(path)
        put_in_place(rescued, path)
    recovered = recovered_path(path)
    if recovered.exists():
        if not path.exists():
            aside = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-rest")
            rename_away(path, aside)
            put_in_place(recovered, path)
        else:
            remove(recovered)
    for stale in STALE:
        remove(path.with_name(f"{path.name}.{stale}"))


def recovered_path(path: Path) -> Path:
    """Where a recovered file waits for its place."""
    return path.with_name(f"{path.name}.recovered")


def rescued_path(path: Path) -> Path:
    """Where all of a database that has lost its name waits for its place."""
    return path.with_name(f"{path.name}.rescued")


def rename_away(path: Path, aside: Path) -> None:
    """Rename a database with what belongs to it, the file before its log: left behind without the log it would look sound."""
    for suffix in WITH:
        old = path.with_name(path.name + suffix)
        if old.exists():
            old.rename(aside.with_name(aside.name + suffix))
    sync_directory(path.parent)


def remove(path: Path) -> None:
    """Delete an unfinished database with its log."""
    for suffix in WITH:
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def reports(directory: Path) -> list[dict[str, object]]:
    """What was set aside in a data directory, oldest first. Who has read a report moves it away with its file."""
    found = []
    for path in sorted(directory.glob("*.db.damaged-*.json")):
        try:
            report = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            report = {"database": path.name, "why": "its report cannot be read", "lost": []}
        if isinstance(report, dict):
            found.append({**report, "report": str(path)})
    return found
