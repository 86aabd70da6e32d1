"""The doors of a host: the locks on its actors' names and the socket at which they are reached, kept where callers look.

Somebody may delete the run directory under a running house, or put other files there. Whoever is connected then notices
nothing, and nobody else finds anybody; so each host looks now and then whether its files are still there, and makes them anew.
Knows no actor.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from loguru import logger

from transport.addresses import address_of
from transport.codec import LARGE
from transport.errors import Conflict, LatticeError, Unavailable
from transport.foreign import Identity, identity, make_way_for_directory, make_way_for_socket
from transport.lock import Lock
from transport.server import Server

__all__ = ["Doors"]

LOOK_S: Final = 1.0
"""How often the files are looked at, in seconds. A look takes 20 us a name."""


class Doors:
    """Locks and addresses of a host's actors, behind one socket.

    Args:
        run_dir: where locks and sockets are.
        addresses: where actors are reached that are not, or not only, reached there.
        make_server: makes the socket when it is needed first.
        lock_wait_s: seconds that a name's former holder may take to die.
        on_lost: told when somebody else has taken a name whose lock's file was deleted: this process may not bear it any more.
    """

    def __init__(
        self,
        run_dir: Path,
        addresses: Mapping[str, str],
        make_server: Callable[[], Server],
        *,
        lock_wait_s: float,
        on_lost: Callable[[Conflict], None],
    ) -> None:
        self.run_dir = run_dir
        self.addresses = addresses
        self.server: Server | None = None
        self._make_server = make_server
        self._lock_wait_s = lock_wait_s
        self._on_lost = on_lost
        self.given: dict[str, int] = {}
        """Sockets that listen already at the addresses of names that are opened later."""

        self._locks: dict[str, Lock] = {}
        self._sockets: dict[Path, Identity] = {}
        """Those that it listens at, as they were bound."""

        self._timer: asyncio.TimerHandle | None = None
        self._refused: str | None = None
        """Why the files could not be made anew the last time, so that it is logged once."""

    def __contains__(self, name: str) -> bool:
        return name in self._locks

    def prepare(self) -> Server:
        """The socket, made at the first call."""
        if self.server is None:
            self.server = self._make_server()

        return self.server

    async def open(self, name: str, before: Callable[[], None], *, large: bool) -> None:
        """Takes a name's lock and listens.

        Args:
            name: the actor's.
            before: called when the lock is held and nobody can have come yet.
            large: whether it takes messages beyond the default limits.

        Raises:
            Conflict: another process bears the name.
            Invalid, Unavailable: it cannot be listened at one of the addresses.
        """
        lock = Lock(self.run_dir / f"{name}.lock")
        self._make_run_dir()
        await lock.acquire(self._lock_wait_s)

        try:
            server = self.prepare()
            before()

            if large:
                server.widen(LARGE)

            given = self._go_on_listening(server, name)

            for address in self._addresses_of(name):
                if address != given:
                    self._listen(server, address)
        except BaseException:
            lock.release()
            raise

        self._locks[name] = lock

        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LOOK_S, self._look)

    async def close(self) -> None:
        """Lets nobody in any more. The locks are held until `release`."""
        if self._timer is not None:
            self._timer.cancel()

        if self.server is not None:
            await self.server.close()

    def release(self) -> None:
        """Gives the names back."""
        for lock in self._locks.values():
            lock.release()

    def _addresses_of(self, name: str) -> list[str]:
        own, other = address_of(name, self.run_dir), self.addresses.get(name)

        if other is None:
            return [own]

        return [own, other] if other.startswith("tcp://") else [other]

    def _look(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(LOOK_S, self._look)

        try:
            for name in self._locks:
                self._stand_where_callers_look(name)
        except Conflict as error:
            self._on_lost(error)
        except (OSError, LatticeError) as error:
            if self._refused != str(error):
                self._refused = str(error)
                logger.error(
                    "the run directory was taken away and cannot be made anew", path=str(self.run_dir), error=str(error)
                )
        else:
            self._refused = None

    def _stand_where_callers_look(self, name: str) -> None:
        if not self._locks[name].in_place:
            self._make_run_dir()
            again = Lock(self._locks[name].path)

            if not again.try_acquire():
                raise Conflict(f"{name} was taken by process {again.holder} when its lock's file was deleted")

            logger.warning("the lock's file was deleted or replaced; it is held anew", actor=name)
            self._locks[name].release()
            self._locks[name] = again

        for address in self._addresses_of(name):
            path = Path(address.removeprefix("ipc://"))

            if path in self._sockets and identity(path) != self._sockets[path] and self.server is not None:
                # Beside the listener that nobody finds any more: to end that one would delete the new one's file.
                self._listen(self.server, address)
                logger.warning("the socket's file was deleted or replaced; it listens anew", actor=name)

    def _make_run_dir(self) -> None:
        make_way_for_directory(self.run_dir)
        self.run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _go_on_listening(self, server: Server, name: str) -> str | None:
        """Takes whoever waits at the socket that was given for this name, if callers find it; its address then."""
        if (given := self.given.pop(name, None)) is None:
            return None

        address = address_of(name, self.run_dir)
        path = Path(address.removeprefix("ipc://"))
        if (found := identity(path)) is None:
            os.close(given)
            return None

        server.bind(address, listening=given)
        self._sockets[path] = found
        return address

    def _listen(self, server: Server, address: str) -> None:
        """Listens there. The run directory is ours alone: whatever else stands at a socket's place in it gives way."""
        if not address.startswith("ipc://"):
            server.bind(address)
            return

        path = Path(address.removeprefix("ipc://"))
        if path.parent == self.run_dir:
            try:
                make_way_for_socket(path)
            except OSError as error:
                raise Unavailable(f"what stands at {path} cannot be moved away: {error.strerror}") from error

        server.bind(address)
        self._sockets[path] = identity(path)
