"""Second names of an open database and its log, by which the next opening finds them where their own names were taken away.

Its actor sees that a file has lost its name before it acknowledges a write, and once a second (`in_place.py`). Who is killed
before would take the file along; a second name (a hard link, `.memory.db.second`) keeps it. Orderly closing takes it away.
Where the file system has no hard links there is none. Knows no SQLite.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

from loguru import logger

from actors.sqlite import damage
from actors.whole_files import put_in_place, sync_directory
from transport.foreign import identity

__all__ = ["bring_back", "drop", "give"]

CHUNK: Final = 1 << 20


def give(path: Path) -> None:
    """Give an open database, and its log, a second name each, and take those of another file away."""
    for file in files_of(path):
        second = second_of(file)
        if identity(second) == identity(file):
            continue

        # Without it all is as it was before there were any.
        with suppress(OSError):
            second.unlink(missing_ok=True)
            second.hardlink_to(file)


def drop(path: Path) -> None:
    """Take the second names away: the file is being closed in order, or is another's from now on."""
    for file in files_of(path):
        second_of(file).unlink(missing_ok=True)


def bring_back(path: Path) -> None:
    """Before the file is opened: go on where somebody was interrupted, and give back names that were taken away.

    A file that stands in its place was put there by somebody, perhaps on purpose: it stays, and what was open is set aside.

    Raises:
        OSError: the disk refuses; nothing is lost.
    """
    if damage.rescued_path(path).exists():
        # All of it is in there.
        drop(path)
    damage.finish(path)
    second, log = second_of(path), files_of(path)[1]
    if (known := identity(second)) is None:
        return

    found = identity(path)
    if found is None:
        if identity(log) not in (None, identity(second_of(log))):
            damage.rename_away(path, damage.report_aside(path, damage.ANOTHERS, damage.Salvaged()))
        for file in reversed(files_of(path)):
            name_again(file)
    elif found == known:
        if log_was_taken(path):
            name_again(log)
    elif is_copied(path):
        # A directory that was copied file by file, while a house ran in it or after a kill.
        drop(path)
    elif second.stat().st_nlink > 1:
        # It has a name still: whoever gave it knows it by that.
        drop(path)
    else:
        keep_aside(path)


def keep_aside(path: Path) -> None:
    """Set aside what was open, since another file has its name."""
    aside = damage.report_aside(path, damage.REPLACED, damage.Salvaged())
    if identity(files_of(path)[1]) == identity(second_of(files_of(path)[1])):
        # The log of what was open, and not of what stands there now.
        for suffix in ("-wal", *damage.MADE_ANEW):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    for file in reversed(files_of(path)):
        with suppress(FileNotFoundError):
            second_of(file).rename(aside.with_name(file.name.replace(path.name, aside.name)))
    sync_directory(path.parent)
    logger.bind(database=path.name, aside=aside.name).error("what was open is set aside: another file has its name")


def is_copied(path: Path) -> bool:
    """Whether second names lead to nothing that does not stand in the file and its log, byte for byte."""
    file, log = files_of(path)
    if file.stat().st_size != second_of(file).stat().st_size or not begins_with(file, second_of(file)):
        return False

    return not second_of(log).exists() or (log.exists() and begins_with(log, second_of(log)))


def begins_with(file: Path, other: Path) -> bool:
    """Whether all of the other file stands at the beginning of this one."""
    if file.stat().st_size < other.stat().st_size:
        return False

    with file.open("rb") as ours, other.open("rb") as theirs:
        return all(ours.read(len(part)) == part for part in iter(partial(theirs.read, CHUNK), b""))


def log_was_taken(path: Path) -> bool:
    """Whether a log has lost its name and holds what its database does not.

    A program that opens the database and closes it moves the log into it and deletes both the log and its index.
    """
    log, index = files_of(path)[1], path.with_name(f"{path.name}-shm")
    second = second_of(log)
    if log.exists() or not second.exists() or not index.exists():
        return False

    return second.stat().st_mtime_ns >= path.stat().st_mtime_ns


def name_again(file: Path) -> None:
    """Give a file that has only its second name its own again; a copy of it, where somebody has given it another name.

    That name stays theirs, and who writes to it does not write into the database.
    """
    second = second_of(file)
    if file.exists() or not second.exists():
        return

    if second.stat().st_nlink == 1:
        file.hardlink_to(second)
    else:
        part = file.with_name(f"{file.name}.named")
        shutil.copyfile(second, part)
        part.chmod(0o600)
        put_in_place(part, file)
        second.unlink()
    sync_directory(file.parent)
    logger.bind(file=file.name).error(
        "a file of a database had lost its name, and whoever had it open was killed: it has it again"
    )


def files_of(path: Path) -> tuple[Path, Path]:
    return path, path.with_name(f"{path.name}-wal")


def second_of(file: Path) -> Path:
    return file.with_name(f".{file.name}.second")
