"""What `doctor` has to say of the databases: whether each is sound, what was set aside, and how `--repair` goes about it."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from commands.restoring import begun, in_the_way, unfinished
from transport.errors import LatticeError

__all__ = ["broken_off", "discard", "look_into", "repair", "set_aside", "tell_of"]

SCHEMAS: Final = {
    "memory.db": "actors.memory.schema",
    "thinking.db": "actors.thinking.thoughts",
    "paradox.db": "actors.paradox.schema",
    "daemon.db": "actors.daemon.schema",
    "llm.db": "actors.llm.ledger",
}


REPAIR: Final = "stop the house and run `python3 run.py doctor --repair`"

LARGE: Final = 32 << 20
"""Bytes. Reading every page and index of 61 MiB took 2 s on a busy machine."""


def look_into(data_dir: Path) -> Iterator[tuple[str, str, str]]:
    """Each database, what is wrong with it, and what to do; empty where nothing. Every page and index is read, none written."""
    from actors.sqlite.backup import check
    from actors.sqlite.encryption import StoreKey, look_of
    from actors.sqlite.opening import refuse_key, refuse_misfit

    key = StoreKey.from_environment()
    for path in sorted(data_dir.glob("*.db")) if os.access(data_dir, os.R_OK | os.X_OK) else ():
        if not path.is_file():
            yield path.name, "it is no file", "move it away: what stood there before is in a backup"
            continue
        if not os.access(path, os.R_OK | os.W_OK):
            yield path.name, "it belongs to somebody else", "change its owner"
            continue
        tell_of(path, "reading")
        try:
            refuse_key(path, look_of(path), key)
            wrong = check(path, key)
            if wrong:
                refuse_misfit(path, key)
        except LatticeError as error:
            yield path.name, error.message, "until then its actor does not start"
            continue
        yield path.name, wrong, REPAIR if wrong else ""


def repair(data_dir: Path) -> Iterator[tuple[str, str]]:
    """Check each database to its last page, and set aside what is damaged; each, and what was done. Nobody may have them open.

    Raises:
        LatticeError: what stands in the way of it.
    """
    from actors.sqlite import damage, second_names
    from actors.sqlite.encryption import StoreKey
    from actors.sqlite.opening import open_to_write

    key = StoreKey.from_environment()
    for name, place in SCHEMAS.items():
        path = data_dir / name
        if not path.exists() and not path.with_name(f"{name}-wal").exists():
            continue
        before = len(damage.reports(data_dir))
        if path.exists():
            tell_of(path, "reading")
            damage.suspect(path, "doctor --repair looked at every page")
        schema = importlib.import_module(place)
        connection = open_to_write(path, schema.MIGRATIONS, key, getattr(schema, "MEND", ""))
        second_names.drop(path)
        damage.note_closed(path)
        connection.close()
        found = damage.reports(data_dir)[before:]
        yield name, f"set aside and recovered: {found[0]['report']}" if found else "sound"


def set_aside(data_dir: Path) -> Iterator[tuple[str, str]]:
    """Each damaged database that was set aside, what of it could not be recovered, and what to do."""
    from actors.sqlite.damage import WITH, reports

    told = "what is forgotten stays in it: `python3 run.py doctor --discard` deletes it"
    named = set()
    for report in reports(data_dir):
        lost = report.get("lost")
        if report.get("sound"):
            named.add(str(report.get("set_aside")))
            yield f"{report.get('set_aside')} was set aside: {report.get('why')}", "look at it, and move it away yourself"
            continue
        says = "; ".join(map(str, lost[:5])) if isinstance(lost, list) and lost else "nothing was lost"
        named.add(str(report.get("set_aside")))
        what = f"{report.get('database')} was damaged ({report.get('why')}) and set aside: {says}"
        yield what, f"read {report.get('report')}; {told}"
    for file in sorted(data_dir.glob("*.db.damaged-*")):
        if not file.name.endswith((".json", *WITH[1:])) and file.name not in named:
            yield f"{file.name} was set aside, and has no report", told


def discard(data_dir: Path) -> list[str]:
    """Delete what was set aside of damaged databases, with its reports; the names. An actor may set others aside meanwhile.

    What need not be damaged stays: it may be a backup, or hold the latest that was acknowledged.
    """
    from actors.sqlite.damage import WITH, reports

    # Before the reports are read: each stands before what it tells of is set aside.
    found = sorted(data_dir.glob("*.db.damaged-*"))
    kept: set[str] = set()
    for report in reports(data_dir):
        if report.get("sound") or "set_aside" not in report:
            name = Path(str(report["report"])).name.removesuffix(".json")
            kept |= {f"{name}.json", *(name + ending for ending in WITH)}
    gone = [file for file in found if file.name not in kept and not file.is_dir()]
    for file in gone:
        file.unlink(missing_ok=True)
    return [file.name for file in gone]


def broken_off(data_dir: Path) -> Iterator[tuple[str, str]]:
    """Each `restore` that was killed before all was in its place, and what to do. None may be under way."""
    for part in unfinished(data_dir):
        if not (left := sorted(file.name for file in part.glob("*.db"))):
            # The next start removes it.
            continue
        there = [name for database in left for name in in_the_way(data_dir, database)]
        yield (
            f"a restore was broken off: {', '.join(left)} lies in {part}",
            f"{', '.join(there)} stands in its place: move one of the two away"
            if there
            else "`python3 run.py up` puts it in its place",
        )
    for part in begun(data_dir):
        yield (
            f"a restore was broken off: {part} is left of it, and nothing is in its place",
            "run `python3 run.py restore` again",
        )


def tell_of(path: Path, doing: str) -> None:
    """Say what is being done with a database that is large enough for somebody to wait for."""
    size = path.stat().st_size
    if size >= LARGE:
        click.echo(f"{doing} {path.name}, {size >> 20} MiB", err=True)
