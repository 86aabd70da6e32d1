"""The HTTP listener: opened once, by who starts the gateway, and inherited, so that connections wait while that is replaced.

A service manager keeps it over the end of `up` as well: connections wait while a house that was killed is started again, and
over a restart. Where nobody keeps it, it is opened at each start.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import MutableMapping
from contextlib import suppress

import click

from commands.exit_status import ConfigurationError
from commands.house import House
from supervisors.notify import Notifier
from transport.errors import LatticeError

__all__ = ["address_and_port", "keep_listener", "kept_listener", "open_listener"]

BACKLOG = 1024
"""Connections that may wait while the gateway is replaced; the kernel bounds it by net.core.somaxconn."""

PORT_IS_WRONG = (errno.EADDRINUSE, errno.EACCES)
"""Whatever else is wrong with an address, another port does not mend."""

NAME = "http"
"""Of what the service manager keeps."""

FIRST_HANDED = 3
"""sd_listen_fds(3): the descriptors of a start come after the standard streams."""


def open_listener(house: House) -> socket.socket:
    """Listen where the settings say.

    Raises:
        click.ClickException: the address is taken, or may not be listened on without API keys.
    """
    gateway = house.settings.gateway
    listener = socket.socket(family_of(gateway.host), socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        refuse_without_keys(house)
        listener.bind((gateway.host, gateway.port))
    except (OSError, ValueError) as error:
        listener.close()
        where = address_and_port(gateway.host, gateway.port)
        reason = error.strerror if isinstance(error, OSError) else error
        other = "--port" if isinstance(error, OSError) and error.errno in PORT_IS_WRONG else "--host"
        # An address may come with its network, a name with its server, and whoever has the port may go.
        passes = isinstance(error, OSError) and error.errno != errno.EACCES
        kind = click.ClickException if passes else ConfigurationError
        raise kind(f"cannot listen on {where}: {reason}; take another with {other}") from error
    listener.listen(BACKLOG)
    return listener


def kept_listener(house: House, environment: MutableMapping[str, str] = os.environ) -> socket.socket | None:
    """What the service manager kept of the last start; None where it kept nothing, or the settings say another address now.

    Raises:
        ConfigurationError: the address may not be listened on without API keys.
    """
    found = None
    for kept in handed(environment):
        if found is None and listens_at(kept, house.settings.gateway.host, house.settings.gateway.port):
            found = kept
        else:
            kept.close()
    if found is None:
        # Else it would listen on at the address before, for nobody.
        Notifier(environment).let_go(NAME)
        return None

    refuse_without_keys(house)
    return found


def keep_listener(listener: socket.socket, house: House, environment: MutableMapping[str, str] = os.environ) -> None:
    """Have the service manager keep it, where there is one. A port that was any free one is another one next time."""
    if house.settings.gateway.port:
        Notifier(environment).keep(listener.fileno(), NAME)


def handed(environment: MutableMapping[str, str]) -> list[socket.socket]:
    """The sockets that were handed to this process by name. Nobody else is to take them for his: the variables go."""
    said = [environment.pop(f"LISTEN_{what}", "") for what in ("PID", "FDS", "FDNAMES")]
    pid, count, names = said[0], said[1], said[2].split(":")
    if pid != str(os.getpid()) or not count.isdecimal():
        return []

    numbers = range(FIRST_HANDED, FIRST_HANDED + int(count))
    for number in numbers:
        os.set_inheritable(number, False)
    return [socket.socket(fileno=number) for number, name in zip(numbers, names, strict=False) if name == NAME]


def listens_at(listener: socket.socket, host: str, port: int) -> bool:
    """Whether that is where it listens."""
    family = family_of(host)
    with suppress(OSError, ValueError):
        if listener.family == family and listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            wanted = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)[0][4][:2]
            return bool(listener.getsockname()[:2] == wanted)
    return False


def refuse_without_keys(house: House) -> None:
    """See `gateway.settings.check_bind`.

    Raises:
        ConfigurationError: with its sentence.
    """
    from gateway.settings import check_bind

    try:
        check_bind(house.settings.gateway, house.settings.data_dir)
    except LatticeError as error:
        raise ConfigurationError(error.message) from error


def family_of(host: str) -> socket.AddressFamily:
    """The address family of a host as the settings write it."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def address_and_port(host: str, port: int) -> str:
    """Both in one, as URLs write them: an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
