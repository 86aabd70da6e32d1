"""The key with which databases are encrypted at rest, and how a file looks that is.

Every page is encrypted and authenticated (ChaCha20-Poly1305, by SQLite3 Multiple Ciphers inside apsw), in the write-ahead log
too. The key is 32 random bytes: nothing is derived from a passphrase, so that opening costs nothing. A key shows itself
nowhere: not in `repr`, not in errors. Knows no schema.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Final, Literal, Self

import apsw

from transport.errors import Conflict

__all__ = ["APPLICATION", "KEY", "KEY_FILE", "KeyRefused", "StoreKey", "look_of"]

KEY: Final = "LATTICE_MEMORY_KEY"
KEY_FILE: Final = "LATTICE_MEMORY_KEY_FILE"

APPLICATION: Final = 0x4C617474
"""`application_id` of every database of the house, `Latt`: tells them from those of other programs."""

PLAIN: Final = b"SQLite format 3\0"
ENCRYPTED_TAIL: Final = b"\x20\x40\x20\x20"
"""Bytes 20 to 23 of an encrypted file, which stay readable: 32 reserved bytes a page (nonce and tag), then three constants."""

OPEN: Final = 0o077
OPEN_TO_OTHERS: Final = 0o037
"""Bits of a key file's mode that it must not have; the second, of a credential of systemd's."""

Look = Literal["missing", "empty", "plain", "encrypted", "unknown"]


class KeyRefused(Conflict):
    """The key does not fit the database; the file was left untouched."""


class StoreKey:
    """A key for databases."""

    __slots__ = ("_hex",)

    def __init__(self, text: str) -> None:
        """Take 64 hexadecimal digits.

        Raises:
            KeyRefused: it is something else. What it is, is not told.
        """
        if not re.fullmatch(r"[0-9a-fA-F]{64}", text.strip()):
            raise KeyRefused("a key for databases is 64 hexadecimal digits; `python3 run.py keys new` makes one")
        self._hex = text.strip().lower()

    def __repr__(self) -> str:
        return "StoreKey(hidden)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StoreKey) and secrets.compare_digest(self._hex, other._hex)

    def __hash__(self) -> int:
        return hash(self._hex)

    @staticmethod
    def new_text() -> str:
        """A new key, for its owner to keep."""
        return secrets.token_hex(32)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self | None:
        """The key that LATTICE_MEMORY_KEY holds, or the file that LATTICE_MEMORY_KEY_FILE names; None without both.

        Raises:
            KeyRefused: both are set, it is no key, or the file cannot be read or is open to others.
        """
        text, file = environment.get(KEY), environment.get(KEY_FILE)
        if text and file:
            raise KeyRefused(f"{KEY} and {KEY_FILE} are both set; keep one of them")
        if file:
            return cls.from_file(Path(file))
        return cls._told(text, KEY) if text else None

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """The key in a file that is for its owner alone.

        Raises:
            KeyRefused: it cannot be read, is open to others, or holds no key.
        """
        try:
            mode = path.stat().st_mode
            text = path.read_text(encoding="ascii", errors="replace")
        except OSError as error:
            raise KeyRefused(f"the key file {path} cannot be read: {error.strerror}") from error
        if mode & (OPEN_TO_OTHERS if is_credential(path) else OPEN):
            raise KeyRefused(f"the key file {path} is open to others: chmod 600 {path}")
        return cls._told(text, str(path))

    @classmethod
    def _told(cls, text: str, where: str) -> Self:
        try:
            return cls(text)
        except KeyRefused as error:
            raise KeyRefused(f"{where}: {error.message}") from None

    def unlock(self, connection: apsw.Connection) -> None:
        """Give the key to a connection, before anything else is asked of it. Whether it fits shows at the first read.

        Raises:
            KeyRefused: this apsw cannot encrypt.
        """
        if not hasattr(apsw, "mc_version"):
            raise KeyRefused("this apsw cannot encrypt: install apsw-sqlite3mc in its place (remove .venv and start again)")
        connection.pragma("key", f"raw:{self._hex}")

    def digest(self, salt: bytes) -> bytes:
        """What tells this key from others, and gives none of it away."""
        return blake2b(salt, key=bytes.fromhex(self._hex), digest_size=32, person=b"lattice keycheck").digest()

    def in_uri(self, path: Path) -> str:
        """The URI of a file to be written with this key, for VACUUM INTO."""
        return uri_of(path, f"raw:{self._hex}")


def is_credential(path: Path) -> bool:
    """Whether systemd laid this file down for this service alone, in a directory that nobody else may enter.

    Its mode shows more than there is: the service's right to read it is an entry of the access list, and shown as the group's.
    """
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    return bool(directory) and path.parent == Path(str(directory))


def uri_of(path: Path, key: str) -> str:
    """A file's URI; an empty key writes it unencrypted."""
    return f"{path.absolute().as_uri()}?key={key}"


def look_of(path: Path) -> Look:
    """What a database file seems to be, from its first bytes.

    Raises:
        OSError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(24)
    except FileNotFoundError:
        return "missing"
    if not head:
        return "empty"
    if head.startswith(PLAIN):
        return "plain"
    return "encrypted" if head[20:24] == ENCRYPTED_TAIL else "unknown"
