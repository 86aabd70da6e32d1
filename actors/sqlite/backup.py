"""Copies a database while it is written to: consistent, compact, checked, on disk before it has its name.

A connection of its own reads one snapshot, so neither the writer nor the reader waits; it works at most half of the time. The
copy is encrypted with the key of the original. Knows no schema.
"""

from __future__ import annotations

import glob
import time
from pathlib import Path
from typing import Final

import apsw

from actors.sqlite.damage import WITH, everything_wrong, remove
from actors.sqlite.encryption import KeyRefused, StoreKey, look_of
from actors.whole_files import part_of, put_in_place
from transport.errors import Conflict, Unavailable
from transport.lock import Lock

__all__ = ["backup_path", "check", "making_path", "remove_abandoned", "remove_unfinished", "write_copy"]

MAKING: Final = ".making"

STEPS: Final = 20_000
"""Steps of SQLite's machine between rests: about a millisecond."""


def backup_path(database: Path, name: str) -> Path:
    """Where the copy of that name lies. Names are no paths: who may ask for a copy may not choose any place on the disk."""
    return database.parent / "backups" / f"{name}.{database.name}"


def making_path(data_dir: Path, name: str) -> Path:
    """The lock of who needs the copies of that name for as long as he holds it, and then no more."""
    return data_dir / "backups" / f"{name}{MAKING}"


def remove_abandoned(data_dir: Path) -> None:
    """Delete copies whose maker was killed before he was done with them: what is forgotten is not to live on in them."""
    for lock in (data_dir / "backups").glob(f"*{MAKING}"):
        if not Lock(lock).held_by_another():
            for file in lock.parent.glob(f"{glob.escape(lock.name.removesuffix(MAKING))}.*"):
                file.unlink(missing_ok=True)


def remove_unfinished(path: Path) -> None:
    """Delete what a kill left of copies of the database at `path`."""
    folder = path.parent / "backups"
    if not folder.is_dir():
        return
    remove_abandoned(path.parent)
    for part in folder.glob(f"*.{path.name}.part"):
        if not Lock(part).held_by_another():
            remove(part)


def write_copy(path: Path, target: Path, key: StoreKey | None) -> int:
    """Copy the database at `path` to `target`, which must not exist; returns its size in bytes.

    Raises:
        Conflict: there is a file already, or it is being written.
        Unavailable: the disk refuses.
    """
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with part_of(target) as (file, part):
            if target.exists():
                part.unlink()
                raise Conflict(f"there is a backup {target.name} already")
            try:
                for suffix in WITH[1:]:
                    part.with_name(part.name + suffix).unlink(missing_ok=True)
                file.truncate()
                write_and_check(path, part, key)
                put_in_place(part, target)
            except BaseException:
                remove(part)
                raise
    except OSError as error:
        raise Unavailable(f"{target.name} cannot be written: {error.strerror}") from error
    except apsw.Error as error:
        raise Unavailable(f"{path.name} cannot be copied: {error}", retry_after_ms=1000) from error
    return target.stat().st_size


def write_and_check(path: Path, part: Path, key: StoreKey | None) -> None:
    """Copy the database into a file that is there, and read all of it.

    Raises:
        Unavailable: what was written is not sound.
    """
    vacuum_into(path, part, key)
    if wrong := check(part, key):
        raise Unavailable(f"the copy of {path.name} is not sound: {wrong}")


def vacuum_into(path: Path, target: Path, key: StoreKey | None) -> None:
    """Have SQLite write everything into `target`."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        if key is not None:
            key.unlock(connection)
        # After a kill its log is still to be there for whoever opens the database next.
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        worked = time.monotonic()

        def rest() -> bool:
            nonlocal worked
            time.sleep(min(0.05, time.monotonic() - worked))
            worked = time.monotonic()
            return False

        connection.set_progress_handler(rest, STEPS)
        connection.execute("VACUUM INTO ?", (str(target),))
    finally:
        connection.close()


def check(path: Path, key: StoreKey | None) -> str:
    """What is wrong with a closed database; empty where nothing.

    Raises:
        KeyRefused: it is encrypted and there is no key.
    """
    if look_of(path) == "encrypted" and key is None:
        raise KeyRefused(f"{path.name} is encrypted: set LATTICE_MEMORY_KEY, or LATTICE_MEMORY_KEY_FILE, to its key")
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        if key is not None and look_of(path) != "plain":
            key.unlock(connection)
        return everything_wrong(connection)
    finally:
        connection.close()
