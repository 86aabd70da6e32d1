"""Which key a database is under, told by a small file beside it: also when the database itself is damaged, short or gone.

A wrong key and damage look alike from inside an encrypted file. Whoever took one for the other would set a sound database
aside and begin with an empty one. The file holds a salt and a digest, from which nobody gets the key: that is 32 random bytes.
Knows no schema.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

from loguru import logger

from actors.sqlite.encryption import KEY, KeyRefused, StoreKey
from actors.whole_files import put_in_place

__all__ = ["drop", "note", "path_of", "refuse_other"]

SALT: Final = 16


def path_of(path: Path) -> Path:
    """The file in which it stands."""
    return path.with_name(f"{path.name}.keycheck")


def note(path: Path, key: StoreKey | None) -> None:
    """To be called with the key that a database was opened with. A disk that takes nothing costs the check, not the opening."""
    check = path_of(path)
    try:
        if key is None:
            check.unlink(missing_ok=True)
        elif not tells(check, key):
            salt = secrets.token_bytes(SALT)
            write(check, salt + key.digest(salt))
    except OSError as error:
        logger.bind(database=path.name, reason=error.strerror).warning("which key it is under could not be noted")


def drop(path: Path) -> None:
    """Delete the check, since another file takes the database's place: which key that is under shows when it is opened."""
    path_of(path).unlink(missing_ok=True)


def refuse_other(path: Path, key: StoreKey | None) -> None:
    """To be called before anything is done about a database that cannot be opened, or is not there.

    Raises:
        KeyRefused: the database was under another key, or under one at all and there is none.
    """
    check = path_of(path)
    if not check.exists() or tells(check, key):
        return

    gone = not path.exists() or not path.stat().st_size
    begin = f" (nothing is left of it; to begin with an empty one, move {check.name} away)" if gone else ""
    if key is None:
        raise KeyRefused(f"{path.name} is encrypted: set {KEY}, or LATTICE_MEMORY_KEY_FILE, to its key{begin}")
    raise KeyRefused(f"{path.name} is encrypted with another key than the one in {KEY}{begin}")


def tells(check: Path, key: StoreKey | None) -> bool:
    """Whether it is this key that the file tells of."""
    try:
        told = check.read_bytes()
    except FileNotFoundError:
        return False
    return key is not None and secrets.compare_digest(told[SALT:], key.digest(told[:SALT]))


def write(check: Path, content: bytes) -> None:
    """All of it or nothing, for the owner alone."""
    new = check.with_name(f"{check.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(content)
    put_in_place(new, check)
