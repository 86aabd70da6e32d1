"""The end of a `restore`: databases that were laid down whole and checked go to their places, also after a kill in its middle.

They lie in `restoring-…` until all of them are on disk and checked, which may be thrown away at any time, and in `restored-…`
from then on, which is finished by whoever takes the data directory next: a house that found some of them only would begin the
others anew. Whatever else somebody keeps beside his databases is left alone, also under a name like these.
"""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path
from typing import Final

from commands.exit_status import ConfigurationError

__all__ = ["begin", "begun", "checked", "finish", "in_the_way", "unfinished"]

LAID_DOWN: Final = "restoring-"
CHECKED: Final = "restored-"

NUMBER_BYTES: Final = 4


def in_the_way(data_dir: Path, of: str = "") -> list[str]:
    """Names of what belongs to databases: a log that is left of one would be taken for that of the next of its name.

    Args:
        data_dir: where they would be.
        of: the name of the one that is looked for; empty for all.
    """
    found = {path.name for pattern in ("*.db", "*.db-*", "*.db.*", ".*.db*.second") for path in data_dir.glob(pattern)}
    left = sorted(name for name in found if ".db.damaged-" not in name and not name.endswith(".keycheck"))
    return [name for name in left if name.lstrip(".").startswith(of)]


def begin(data_dir: Path) -> Path:
    """A folder to lay databases down in."""
    part = data_dir / f"{LAID_DOWN}{secrets.token_hex(NUMBER_BYTES)}"
    part.mkdir(mode=0o700)
    return part


def checked(part: Path) -> Path:
    """Say of databases that were laid down that all are on disk and sound; where they lie now."""
    from actors.whole_files import sync_directory

    sync_directory(part)
    known = part.with_name(part.name.replace(LAID_DOWN, CHECKED))
    part.rename(known)
    sync_directory(known.parent)
    return known


def begun(data_dir: Path) -> list[Path]:
    """Where databases lie whose restoring was broken off before they had been checked."""
    return folders(data_dir, LAID_DOWN)


def unfinished(data_dir: Path) -> list[Path]:
    """Where databases lie whose restoring was broken off after they had been checked."""
    return folders(data_dir, CHECKED)


def folders(data_dir: Path, name: str) -> list[Path]:
    """Those of that name that `begin` has made."""
    named = data_dir.glob(name + "[0-9a-f]" * 2 * NUMBER_BYTES)
    return sorted(path for path in named if path.is_dir() and not path.is_symlink())


def finish(data_dir: Path) -> list[str]:
    """Move databases that were checked to their places; their names. The caller has the data directory to himself.

    Raises:
        ConfigurationError: another file stands in the place of one.
    """
    from actors.sqlite import key_check
    from actors.whole_files import put_in_place

    done = []
    for part in unfinished(data_dir):
        for file in sorted(part.glob("*.db")):
            place = data_dir / file.name
            if there := in_the_way(data_dir, file.name):
                raise ConfigurationError(
                    f"a restore was broken off before {file} was in its place, and {', '.join(there)} stands there: "
                    "move one of the two away"
                )
            key_check.drop(place)
            put_in_place(file, place)
            done.append(file.name)
        shutil.rmtree(part)
    return done
