"""CURVE keys for tcp: made, kept in `<data>/keys/` for their owner's eyes only, and applied to sockets.

One file a key pair, `<name>.key`, mode 0600; who may connect stands in `clients`, one public key a line, with a name.

    keys/server.key      public and secret key of this machine's actors
    keys/client.key      public and secret key of who connects from here
    keys/clients         "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID  laptop"
"""

from __future__ import annotations

import contextlib
import os
import stat
import struct
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import zmq
from zmq.utils import z85

from transport.errors import Conflict, Invalid

__all__ = ["ClientKeys", "Curve", "KeyPair", "ServerKeys", "allow", "allowed", "create", "is_key", "load", "load_or_create"]

KEY_LENGTH: Final = 40
"""Characters of a key in Z85, as ZeroMQ writes them."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A CURVE key pair in Z85."""

    public: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ServerKeys:
    """What a server on tcp needs: its own pair, and whose public keys it lets in, asked at every handshake."""

    pair: KeyPair
    clients: Callable[[], frozenset[str]]

    def apply(self, socket: zmq.Socket[Any]) -> None:
        """Makes the addresses that the socket binds from now on speak CURVE."""
        socket.set(zmq.CURVE_PUBLICKEY, self.pair.public.encode())
        socket.set(zmq.CURVE_SECRETKEY, self.pair.secret.encode())
        socket.set(zmq.CURVE_SERVER, 1)


@dataclass(frozen=True, slots=True)
class ClientKeys:
    """What a client on tcp needs: its own pair, and the public key of the server that it expects."""

    pair: KeyPair
    server: str

    def apply(self, socket: zmq.Socket[Any]) -> None:
        """Makes the socket speak CURVE, to the holder of the server's secret key and nobody else."""
        socket.set(zmq.CURVE_PUBLICKEY, self.pair.public.encode())
        socket.set(zmq.CURVE_SECRETKEY, self.pair.secret.encode())
        socket.set(zmq.CURVE_SERVERKEY, self.server.encode())


@dataclass(frozen=True, slots=True)
class Curve:
    """Keys of one host for tcp addresses.

    Args:
        server: for what this host binds; None where it binds none.
        client: the keys with which an actor is reached, by its name.
    """

    server: ServerKeys | None
    client: Callable[[str], ClientKeys]


def create(directory: Path, name: str) -> KeyPair:
    """Makes a key pair and keeps it in `<directory>/<name>.key`.

    Raises:
        Conflict: there is one already; a key is replaced by deleting it first.
        Invalid: the name could not be a file's.
    """
    if not name or name.startswith(".") or "/" in name or not name.isprintable():
        raise Invalid(f"{name!r} is not a name for a key")

    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    public, secret = zmq.curve_keypair()
    pair = KeyPair(public.decode(), secret.decode())
    path = directory / f"{name}.key"

    # Linked under its name when it is whole: others may look for it at the same time.
    with tempfile.NamedTemporaryFile("w", dir=directory) as file:
        file.write(f"public {pair.public}\nsecret {pair.secret}\n")
        file.flush()
        os.fsync(file.fileno())

        try:
            path.hardlink_to(file.name)
        except FileExistsError:
            raise Conflict(f"{path} is there already") from None

    return pair


def load(directory: Path, name: str) -> KeyPair:
    """The key pair that `create` kept.

    Raises:
        FileNotFoundError: there is none.
        Invalid: the file can be read by others, or does not hold a pair.
    """
    path = directory / f"{name}.key"
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)

    with os.fdopen(descriptor) as file:
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)

        if mode & 0o077:
            raise Invalid(f"{path} can be read by others (mode {mode:04o}); make it 0600, or better, make a new one")

        fields = dict(line.split(" ", 1) for line in file.read().splitlines() if " " in line)

    pair = KeyPair(fields.get("public", ""), fields.get("secret", ""))

    if not is_key(pair.public) or not is_key(pair.secret) or zmq.curve_public(pair.secret.encode()).decode() != pair.public:
        raise Invalid(f"{path} does not hold a key pair")

    return pair


def load_or_create(directory: Path, name: str) -> KeyPair:
    """The key pair kept under that name, made now if there is none."""
    with contextlib.suppress(FileNotFoundError):
        return load(directory, name)

    with contextlib.suppress(Conflict):
        return create(directory, name)

    return load(directory, name)


def allow(directory: Path, public: str, name: str) -> None:
    """Lets the holder of a public key connect; servers that are running see it at the next handshake.

    Raises:
        Invalid: that is not a public key.
    """
    if not is_key(public):
        raise Invalid("a public key has 40 characters of Z85")

    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(directory / "clients", os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)

    with os.fdopen(descriptor, "r+b") as file:
        # Whoever edits the file may leave its last line without an end.
        end = b"\n" if file.read()[-1:] not in (b"", b"\n") else b""
        file.write(end + f"{public} {' '.join(name.split())}\n".encode())


def allowed(directory: Path) -> frozenset[str]:
    """The public keys that are let in: those in `clients`, and this machine's own client key."""
    keys: set[str] = set()

    with contextlib.suppress(FileNotFoundError):
        keys.update(line[:KEY_LENGTH] for line in (directory / "clients").read_text().splitlines())

    # One that others could read is nobody's any more. Whoever starts with it is told; the others are let in meanwhile.
    with contextlib.suppress(FileNotFoundError, Invalid):
        keys.add(load(directory, "client").public)

    return frozenset(key for key in keys if is_key(key))


def is_key(text: str) -> bool:
    """Whether this could be a key, as ZeroMQ writes them."""
    try:
        z85.decode(text)
    except (KeyError, ValueError, struct.error):
        return False

    return len(text) == KEY_LENGTH
