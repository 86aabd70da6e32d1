"""A supervisor's control socket: takes in who connects, and rests for a moment where there is no descriptor for one.

Knows nothing of what is said.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final

from loguru import logger

from supervisors.control import Control, bind
from transport.foreign import Identity, identity

__all__ = ["Listener"]

NO_ROOM: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

ACCEPT_AGAIN_S: Final = 1.0
"""Who could not be taken in waits in the socket's queue and keeps it readable: asked for again at once, it holds the loop."""


class Listener:
    """`<run_dir>/<name>.ctl`, on the loop in which it is opened.

    Args:
        run_dir: where it is.
        name: the supervisor's.
        on_connection: told of each connection.
    """

    def __init__(self, run_dir: Path, name: str, on_connection: Callable[[Control], None]) -> None:
        self._run_dir = run_dir
        self._name = name
        self._path = run_dir / f"{name}.ctl"
        self._on_connection = on_connection
        self._socket: socket.socket | None = None
        self._is_at: Identity = None
        self._again: asyncio.TimerHandle | None = None

    @property
    def in_place(self) -> bool:
        """Whether who connects to its path comes here."""
        return identity(self._path) == self._is_at

    def open(self) -> None:
        """Listen, anew where it has listened before. Whoever calls holds the supervisor's lock."""
        listener = bind(self._run_dir, self._name)
        self.close()
        self._socket, self._is_at = listener, identity(self._path)
        self._watch(listener)

    def close(self) -> None:
        """Let nobody in any more."""
        if self._again is not None:
            self._again.cancel()
            self._again = None
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None

    def remove(self) -> None:
        """Remove its file.

        Raises:
            OSError: the directory takes no change.
        """
        self._path.unlink(missing_ok=True)

    def _watch(self, listener: socket.socket) -> None:
        self._again = None
        asyncio.get_running_loop().add_reader(listener.fileno(), self._accept, listener)

    def _accept(self, listener: socket.socket) -> None:
        try:
            connection, _ = listener.accept()
        except OSError as error:
            if error.errno in NO_ROOM:
                logger.error("nobody can be taken in", socket=str(self._path), error=error.strerror)
                loop = asyncio.get_running_loop()
                loop.remove_reader(listener.fileno())
                self._again = loop.call_later(ACCEPT_AGAIN_S, self._watch, listener)
            return

        connection.setblocking(False)
        self._on_connection(Control(connection))
