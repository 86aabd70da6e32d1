"""API keys: made once, shown once, kept as hashes in a file that only its owner may read. Knows no HTTP."""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from actors.message import Name, Namespace, invalid
from transport.errors import Conflict, Invalid, NotFound, Unavailable

__all__ = ["ApiKey", "ApiKeys", "KeyFile", "Principal"]

PREFIX = "lk_"
SECRET_BYTES = 32
"""256 random bits: a plain SHA-256 of it can neither be guessed nor looked up, so no slow hash is needed."""


class ApiKey(BaseModel):
    """A key as it is kept. The secret itself is nowhere."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    sha256: str
    namespace: Namespace | None = None
    """The one namespace that it opens; None: all of them, and the operator's routes."""

    created: AwareDatetime


class Keys(BaseModel):
    """Content of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keys: tuple[ApiKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks."""

    name: str
    namespace: str | None
    """The one namespace that is theirs; None: all."""

    @property
    def operator(self) -> bool:
        """Whether they may touch what all namespaces share."""
        return self.namespace is None


class KeyFile:
    """`<data_dir>/api_keys.json`, mode 0600, replaced as a whole by each change."""

    def __init__(self, data_dir: Path) -> None:
        self.path = data_dir / "api_keys.json"

    def create(self, name: str, namespace: str | None = None) -> str:
        """Make a key and return its secret, for the first and last time.

        Raises:
            Conflict: the name is taken.
            Invalid: the name or the namespace is empty, too long, or would not stand on one line.
        """
        if not name.isprintable():
            raise Invalid(f"a key's name is printable text, {name!r} is not")

        secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
        try:
            key = ApiKey(name=name, sha256=digest(secret), namespace=namespace, created=datetime.now(UTC))
        except ValidationError as error:
            raise invalid(error, "key") from error

        def add(keys: tuple[ApiKey, ...]) -> tuple[ApiKey, ...]:
            if any(known.name == name for known in keys):
                raise Conflict(f"there is a key named {name!r} already")

            return (*keys, key)

        self.change(add)
        return secret

    def list(self) -> tuple[ApiKey, ...]:
        """All keys, oldest first.

        Raises:
            Unavailable: the file cannot be read or makes no sense.
        """
        try:
            return Keys.model_validate_json(self.path.read_bytes()).keys
        except FileNotFoundError:
            return ()
        except (OSError, ValidationError) as error:
            raise Unavailable(f"{self.path} cannot be read as a file of API keys ({type(error).__name__})") from error

    def revoke(self, name: str) -> None:
        """Take a key back; a running gateway refuses it from its next request on.

        Raises:
            NotFound: there is no key of that name.
        """

        def remove(keys: tuple[ApiKey, ...]) -> tuple[ApiKey, ...]:
            left = tuple(key for key in keys if key.name != name)
            if len(left) == len(keys):
                raise NotFound(f"there is no key named {name!r}")

            return left

        self.change(remove)

    def change(self, change: Callable[[tuple[ApiKey, ...]], tuple[ApiKey, ...]]) -> None:
        """Write what `change` makes of the keys: the old file or the new one is there, never a part of it."""
        with self.alone():
            text = Keys(keys=change(self.list())).model_dump_json(indent=2)
            new = self.path.with_name(f"{self.path.name}.new")
            new.unlink(missing_ok=True)
            new.touch(mode=0o600, exist_ok=False)
            with new.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())

            new.replace(self.path)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep others from changing the file meanwhile."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self.path.with_name(f"{self.path.name}.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


class ApiKeys:
    """The keys as a running gateway knows them. The file is looked at before each use, and read when it has changed."""

    def __init__(self, file: KeyFile) -> None:
        self.file = file
        self.keys: tuple[ApiKey, ...] = ()
        self.read_at: tuple[int, int, int] | None = None

    def principal(self, secret: str) -> Principal | None:
        """Whose secret that is; None when it is nobody's. Every key is compared, in constant time.

        Raises:
            Unavailable: the file cannot be read.
        """
        self.refresh()
        presented = digest(secret)
        found = None

        for key in self.keys:
            if hmac.compare_digest(key.sha256, presented):
                found = key

        return None if found is None else Principal(found.name, found.namespace)

    def refresh(self) -> None:
        """Read the file again if it is another one than before."""
        try:
            status = self.file.path.stat()
        except FileNotFoundError:
            self.keys, self.read_at = (), None
            return

        at = (status.st_ino, status.st_mtime_ns, status.st_size)
        if at != self.read_at:
            self.keys, self.read_at = self.file.list(), at


def digest(secret: str) -> str:
    """What is kept of a secret. A header may hold any bytes, which then stand for themselves."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()
