"""The end of a `restore`: databases that were laid down whole and checked go to their places, also after a kill in its middle.

They lie in `restoring-…` until all of them are on disk and checked, which may be thrown away at any time, and in `restored-…`
from then on, which is finished by whoever takes the data directory next: a house that found some of them only would begin the
others anew.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

__all__ = ["CHECKED", "LAID_DOWN", "checked", "finish", "in_the_way", "unfinished"]

LAID_DOWN: Final = "restoring-"
CHECKED: Final = "restored-"


def in_the_way(data_dir: Path) -> list[str]:
    """Names of what belongs to databases: a log that is left of one would be taken for that of the next of its name."""
    found = {path.name for pattern in ("*.db", "*.db-*", "*.db.*", ".*.db*.second") for path in data_dir.glob(pattern)}
    return sorted(name for name in found if ".db.damaged-" not in name and not name.endswith(".keycheck"))


def checked(part: Path) -> Path:
    """Say of databases that were laid down that all are on disk and sound; where they lie now."""
    from actors.whole_files import sync_directory

    sync_directory(part)
    known = part.with_name(part.name.replace(LAID_DOWN, CHECKED))
    part.rename(known)
    sync_directory(known.parent)
    return known


def unfinished(data_dir: Path) -> Iterator[Path]:
    """Where databases lie whose restoring was broken off after they had been checked."""
    yield from sorted(data_dir.glob(f"{CHECKED}*"))


def finish(data_dir: Path) -> None:
    """Move databases that were checked to their places. The caller has the data directory to himself.

    Raises:
        click.ClickException: another file stands in the place of one.
    """
    from actors.sqlite import key_check
    from actors.whole_files import put_in_place

    for part in unfinished(data_dir):
        for file in sorted(part.glob("*.db")):
            place = data_dir / file.name
            if there := [name for name in in_the_way(data_dir) if name.lstrip(".").startswith(file.name)]:
                raise click.ClickException(
                    f"a restore was broken off before {file} was in its place, and {', '.join(there)} stands there: "
                    "move one of the two away"
                )
            key_check.drop(place)
            put_in_place(file, place)
        shutil.rmtree(part)
