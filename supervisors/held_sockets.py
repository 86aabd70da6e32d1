"""Held sockets: where children are reached, kept open by their supervisor from one process to the next.

A caller whose actor is killed connects anew at once, to a queue that the kernel keeps, and is there when the next process
listens. Without this it is refused once a millisecond until then, and each attempt takes from the cores that the replacement
needs. Only what is killed or fails leaves its socket to the next. Knows no wire.
"""

from __future__ import annotations

import socket
from pathlib import Path

from loguru import logger

from transport.addresses import address_of, keep_private
from transport.bind import umasked
from transport.foreign import Identity, identity, make_way_for_socket
from transport.lock import Lock

__all__ = ["HeldSockets"]

BACKLOG = 1024
"""Callers that may wait; more are refused, and try again."""


class HeldSockets:
    """Those of one supervisor's children.

    Args:
        run_dir: where they are.
    """

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        self.held: dict[str, tuple[socket.socket, Identity]] = {}

    def of(self, name: str) -> int | None:
        """The descriptor to hand to who is to bear the name; None: it listens by itself.

        The one before it is gone. Where its socket is not found at its place any more, another is made.
        """
        path = self._path(name)
        listener, place = self.held.get(name, (None, None))
        try:
            keep_private(self.run_dir)
            if listener is not None and identity(path) == place:
                return listener.fileno()

            self.close(name)
            # Who has started that actor by hand listens there: its replacement is told so by the lock.
            if Lock(self.run_dir / f"{name}.lock").held_by_another():
                return None
            listener = listen(path)
        except OSError as error:
            logger.debug("no socket is held", child=name, reason=str(error))
            return None
        self.held[name] = listener, identity(path)
        return listener.fileno()

    def close(self, name: str) -> None:
        """Nobody need wait for this name: whoever is in the queue is refused, and no file is left."""
        listener, place = self.held.pop(name, (None, None))
        if listener is None:
            return

        path = self._path(name)
        if identity(path) == place:
            path.unlink(missing_ok=True)
        listener.close()

    def _path(self, name: str) -> Path:
        return Path(address_of(name, self.run_dir).removeprefix("ipc://"))


def listen(path: Path) -> socket.socket:
    """A socket that listens there, its owner's alone.

    Raises:
        OSError: what stands there cannot be moved away, or the file system refuses.
    """
    make_way_for_socket(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with umasked():
            listener.bind(str(path))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener
