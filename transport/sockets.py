"""What clients and servers share of ZeroMQ: typed options, and the context of a process's clients.

That context is made for the first of them and ended with the last.
Ending it is what makes sure that bytes handed to a closed socket have left the process, up to the socket's linger.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

import zmq

__all__ = ["acquire", "descriptor", "end", "readable", "release"]

EVENTS, POLLIN = zmq.EVENTS, int(zmq.POLLIN)

_shared: dict[int, tuple[zmq.Context[zmq.Socket[bytes]], int]] = {}
"""Context and number of its users, by process id: a forked child never touches its parent's."""


def acquire() -> zmq.Context[zmq.Socket[bytes]]:
    """The process's context; every call is to be followed by one `release`."""
    context, users = _shared.get(os.getpid(), (None, 0))

    if context is None:
        context = zmq.Context()

    _shared[os.getpid()] = context, users + 1

    return context


async def release() -> None:
    """Gives the context back. The last to do so waits until its sockets' bytes have left, up to their linger."""
    context, users = _shared.pop(os.getpid())

    if users > 1:
        _shared[os.getpid()] = context, users - 1
        return

    await end(context)


async def end(context: zmq.Context[zmq.Socket[bytes]]) -> None:
    """Ends a context whose sockets are closed, off the loop: it waits for their linger."""
    await asyncio.get_running_loop().run_in_executor(None, context.term)


def descriptor(socket: zmq.Socket[Any]) -> int:
    """The file descriptor that wakes the loop. It tells of changes, not of states: see `readable`."""
    return int(socket.get(zmq.FD))


def readable(socket: zmq.Socket[Any]) -> bool:
    """Whether there is a message to read; to be asked after any other call on the socket, which may eat the wake-up."""
    return bool(int(socket.get(EVENTS)) & POLLIN)
