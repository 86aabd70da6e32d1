"""Opens a database file: makes it whole or not at all, brings its schema up to date, and sets aside what is damaged.

What it costs stays small, since an actor that was killed is back only after it: the header, the schema and the log's frames are
looked at, not every page. Whatever shows itself damaged later is marked; then the next opening looks at everything.
Knows no caller.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

import apsw
from loguru import logger

from actors.sqlite import damage, key_check, second_names
from actors.sqlite.backup import remove_unfinished
from actors.sqlite.encryption import APPLICATION, KEY, KeyRefused, StoreKey, look_of
from actors.sqlite.salvage import fits, salvage
from actors.whole_files import put_in_place
from transport.errors import Conflict, Unavailable

__all__ = ["Damaged", "NewerDatabase", "build", "open_and_note", "open_to_read", "open_to_write"]

BUSY_MS: Final = 5_000
"""How long to wait for a lock that another program (a backup, a shell) holds on the file, in milliseconds."""


LOG_IS_GONE: Final = (
    "it was not closed, and its write-ahead log is gone: what was written last is lost, "
    "unless another program has moved it into the file"
)


LOST_WITH_LOG: Final = "what was written after the last checkpoint could not be read: it was in the log that is gone"
LOG_IS_DAMAGED: Final = "its write-ahead log is damaged"
LOST_IN_LOG: Final = "what was written behind the damage in its write-ahead log could not be read"


class Damaged(Unavailable):
    """The database file is damaged."""


class NewerDatabase(Conflict):
    """The database was written by a newer version of this program; it was left untouched."""


def open_to_write(path: Path, migrations: Sequence[str], key: StoreKey | None, mend: str = "") -> apsw.Connection:
    """The connection that owns the file, with its schema up to date.

    A damaged file is set aside, and what can be read of it is recovered into a new one.

    Raises:
        NewerDatabase: the file's version is above the last migration's.
        KeyRefused: the file is encrypted and the key is missing or another's, or it is not encrypted and there is a key.
        Unavailable: the file system refuses it.
        apsw.Error: what the disk has against it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        second_names.bring_back(path)
        remove_unfinished(path)
        look = look_of(path)
    except OSError as error:
        raise Unavailable(f"{path.name} cannot be opened: {error.strerror}") from error

    connection = opened(path, look, migrations, key, mend)
    key_check.note(path, key)
    return connection


def opened(path: Path, look: str, migrations: Sequence[str], key: StoreKey | None, mend: str) -> apsw.Connection:
    """See `open_to_write`."""
    log = path.with_name(f"{path.name}-wal")
    if look in {"missing", "empty"}:
        key_check.refuse_other(path, key)
    if look == "missing" and not (log.exists() and log.stat().st_size):
        build(path, migrations, key)
        return sound_or_damaged(path, migrations, key)
    if look in {"missing", "empty"}:
        damage.set_aside(
            path, "it is empty, or gone with its log left behind", lambda new: salvage(path, new, migrations, key, mend)
        )
        return sound_or_damaged(path, migrations, key)

    refuse_key(path, look, key)
    if damage.log_is_gone(path) and not is_newer(path, migrations, key):
        refuse_misfit(path, key)
        damage.set_aside(path, LOG_IS_GONE, lambda new: and_lost(salvage(path, new, migrations, key, mend), LOST_WITH_LOG))
    try:
        return sound_or_damaged(path, migrations, key)
    except Damaged as found:
        why = found.message
    lost = (LOST_IN_LOG,) if why.startswith(LOG_IS_DAMAGED) else ()
    damage.set_aside(path, why, lambda new: and_lost(salvage(path, new, migrations, key, mend), *lost))
    return sound_or_damaged(path, migrations, key)


def and_lost(found: damage.Salvaged, *sentences: str) -> damage.Salvaged:
    """The report of a recovery, with further sentences on what was lost."""
    found.lost += sentences
    return found


def is_newer(path: Path, migrations: Sequence[str], key: StoreKey | None) -> bool:
    """Whether a newer program has left this: then it is none of our business what it is like."""
    # As it stands: opened in any other way it would get a new log, and look sound from then on.
    where = f"file:{quote(str(path.absolute()))}?immutable=1"
    connection = apsw.Connection(where, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
    try:
        if key is not None:
            key.unlock(connection)
        newer: bool = connection.pragma("user_version") > len(migrations)
    except damage.SIGNS:
        return False
    else:
        return newer
    finally:
        connection.close()


def refuse_key(path: Path, look: str, key: StoreKey | None) -> None:
    """See that file and key belong together as far as can be seen from outside.

    Raises:
        KeyRefused: one of them is there without the other.
    """
    if look == "plain" and key is not None:
        raise KeyRefused(
            f"{path.name} is not encrypted, but {KEY} is set: encrypt it with `python3 run.py keys encrypt`, or unset the key"
        )
    if look == "encrypted" and key is None:
        raise KeyRefused(f"{path.name} is encrypted: set {KEY}, or LATTICE_MEMORY_KEY_FILE, to its key")


def refuse_misfit(path: Path, key: StoreKey | None) -> None:
    """See that a file which cannot be opened is not merely under another key.

    Raises:
        KeyRefused: it is, or seems to be: nothing tells which key it is under, and none of its pages opens with this one.
    """
    key_check.refuse_other(path, key)
    if key is not None and not key_check.path_of(path).exists() and not fits(path, key):
        raise KeyRefused(f"{path.name} is encrypted with another key than the one in {KEY}")


def sound_or_damaged(path: Path, migrations: Sequence[str], key: StoreKey | None) -> apsw.Connection:
    """The connection to a file that shows no damage, with its schema up to date.

    Raises:
        Damaged: it shows some; it was not changed.
        KeyRefused: the file's pages are under another key.
        NewerDatabase: a newer program's.
    """
    connection = None
    try:
        connection = _connect(path, key)
        _refuse_newer(connection, path, len(migrations))
        if (why := why_set_aside(connection, path)) is not None:
            raise Damaged(why)  # noqa: TRY301 (closes below)
        _set_up(connection, path)
        if connection.pragma("user_version") < len(migrations):
            with damage.at_work(path, f"{path.name} is being brought up to date"):
                _migrate(connection, migrations)
        damage.clear_suspicion(path)
    except BaseException as error:
        if connection is not None:
            connection.close()
        if not isinstance(error, damage.SIGNS):
            raise
        refuse_misfit(path, key)
        raise Damaged(f"{type(error).__name__.removesuffix('Error')}: {error}") from error
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)
    return connection


def why_set_aside(connection: apsw.Connection, path: Path) -> str | None:
    """What is wrong with a file that can be opened; None where nothing shows."""
    if is_foreign(connection):
        return damage.ANOTHER_PROGRAMS
    suspected = damage.suspicion(path)
    if suspected is not None:
        with damage.at_work(path, f"every page of {path.name} is being read, since something of it was damaged"):
            found = damage.everything_wrong(connection)
        if found:
            return f"{suspected}; integrity_check: {found}"
    if lost := damage.frames_lost(connection, path):
        return f"{LOG_IS_DAMAGED}: {lost} frames behind the damage cannot be trusted"
    return None


def is_foreign(connection: apsw.Connection) -> bool:
    """Whether another program wrote this. Ours have our mark, or are from before there was one and have a version."""
    mark = connection.pragma("application_id")
    if mark == APPLICATION:
        return False
    tables = connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall()
    return bool(tables) and (mark != 0 or connection.pragma("user_version") == 0)


def open_and_note(path: Path, migrations: Sequence[str], key: StoreKey | None, mend: str = "") -> apsw.Connection:
    """As `open_to_write`, for who keeps it open: should its log be taken away while nobody looks, the next opening knows."""
    connection = open_to_write(path, migrations, key, mend)
    damage.note_open(path)
    second_names.give(path)
    return connection


def build(path: Path, migrations: Sequence[str], key: StoreKey | None) -> None:
    """Make a new database beside its place and move it there: an empty file is never ours.

    Raises:
        Unavailable: the file system refuses it.
    """
    new = path.with_name(f"{path.name}.new")
    try:
        damage.remove(new)
        os.close(os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise Unavailable(f"{path.name} cannot be made: {error.strerror}") from error

    connection = _connect(new, key)
    try:
        _set_up(connection, path)
        _migrate(connection, migrations)
    finally:
        connection.close()
    put_in_place(new, path)


def open_to_read(path: Path, key: StoreKey | None) -> apsw.Connection:
    """A connection that only reads."""
    connection = _connect(path, key)
    connection.pragma("cache_size", -65_536)
    connection.pragma("query_only", "on")
    # The log goes with the writer, who has noted it.
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    return connection


def _connect(path: Path, key: StoreKey | None) -> apsw.Connection:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    if key is not None:
        key.unlock(connection)
    connection.set_busy_timeout(BUSY_MS)
    # Otherwise the planner looks at the values bound to a statement, and prepares it anew for each: a seventh of memory's time.
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    return connection


def _refuse_newer(connection: apsw.Connection, path: Path, newest: int) -> None:
    # Closing would otherwise move a newer program's log into its file.
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    version = connection.pragma("user_version")
    if version > newest:
        raise NewerDatabase(
            f"{path.name} has version {version}, this program knows up to {newest}: "
            "use the newer program; the file was not touched"
        )


def _set_up(connection: apsw.Connection, path: Path) -> None:
    if connection.pragma("journal_mode", "wal") != "wal":
        raise Unavailable(f"{path.name}: this file system cannot hold a write-ahead log")
    for name, value in (("synchronous", "full"), ("foreign_keys", "on"), ("secure_delete", "on"), ("cache_size", -16_384)):
        connection.pragma(name, value)


def _migrate(connection: apsw.Connection, migrations: Sequence[str]) -> None:
    first = connection.pragma("user_version") + 1
    for version in range(first, len(migrations) + 1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.execute(migrations[version - 1])
            connection.pragma("user_version", version)
            connection.pragma("application_id", APPLICATION)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        logger.bind(version=version).debug("schema migrated")
