"""An operator who keeps a copy of a closed database, and puts it back later."""

import shutil
from pathlib import Path


def put_by(database: Path) -> None:
    """Keep a copy beside it."""
    shutil.copy(database, database.with_suffix(".older"))


def put_back(database: Path) -> None:
    """Put the copy in its place; the log of what was there goes, as a restore would have it."""
    for path in database.parent.glob(f"{database.name}*"):
        path.unlink()
    database.with_suffix(".older").rename(database)
