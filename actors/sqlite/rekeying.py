"""Gives a database another key, or takes its key away: a new file beside the old one, checked, then in its place.

No step leaves a file that neither key opens. While this runs nobody may have the database open.
"""

from __future__ import annotations

import os
from pathlib import Path

import apsw

from actors.sqlite import key_check, second_names
from actors.sqlite.backup import check
from actors.sqlite.damage import remove
from actors.sqlite.encryption import KeyRefused, StoreKey, look_of, uri_of
from actors.whole_files import put_in_place
from transport.errors import Unavailable

__all__ = ["rekey_file"]


def rekey_file(path: Path, old: StoreKey | None, new: StoreKey | None) -> bool:
    """Bring a database from `old` to `new`; None is no key. False: it is under `new` already.

    Raises:
        KeyRefused: neither opens it.
        Unavailable: the disk refuses, or what was written is not sound; the database is as it was.
    """
    if opens(path, new):
        return False
    if not opens(path, old):
        raise KeyRefused(f"{path.name} does not open with the key in the environment; nothing was changed")

    part = path.with_name(f"{path.name}.new")
    try:
        remove(part)
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_URI)
        try:
            if old is not None:
                old.unlock(connection)
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            connection.execute("VACUUM INTO ?", (new.in_uri(part) if new is not None else uri_of(part, ""),))
        finally:
            connection.close()
        if not opens(part, new) or (wrong := check(part, new)):
            raise Unavailable(f"{path.name}: what was written is not sound ({wrong}); nothing was changed")
        leftover = [path.with_name(path.name + suffix) for suffix in ("-wal", "-shm", "-open")]
        key_check.drop(path)
        second_names.drop(path)
        put_in_place(part, path)
        key_check.note(path, new)
        for file in leftover:
            file.unlink(missing_ok=True)
    except OSError as error:
        raise Unavailable(f"{path.name}: {error.strerror}; nothing was changed") from error
    except apsw.Error:
        raise Unavailable(f"{path.name} could not be written anew; nothing was changed") from None
    finally:
        remove(part)
    return True


def opens(path: Path, key: StoreKey | None) -> bool:
    """Whether the file is under this key."""
    if look_of(path) == "plain" or key is None:
        return (look_of(path) == "plain") == (key is None)
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        key.unlock(connection)
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
    except (apsw.NotADBError, apsw.CorruptError):
        return False
    finally:
        connection.close()
    return True
