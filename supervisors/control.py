"""The control channel between the supervisor and its processes: small msgpack maps on a Unix SOCK_SEQPACKET socket.

One packet is one message, descriptors travel along, and an end of file means that the other side's process is gone.

    a process says   hello {pid, name?, incarnation?, epoch?, state}   first thing on each connection
                     hello {pid, state: zygote, keeper}            a zygote that has outlived its supervisor
                     warm {}                                       a spare that had been told to warm up, and listens again
                     prepared {}                                   one that was told to rehearse, and waits for its assignment
                     taken {}                                      it has its assignment
                     at_work {what}                                before it is ready: what takes so long
                     ready {incarnation, extra}, ignored {}, beat {stats}, failed {reason, traceback, held_by}
                     exhausted {reason}                            it serves as far as it can, and should be replaced
                     left {}                                       another may bear its name; it finishes what runs
                     unfinished {count, what}                      what still ran when its time to drain was up
    the supervisor   warm_up {}, rehearse {assignment}, assign {assignment} with descriptors,
                     drain {timeout_s, lingers_s?}, begone {}; to a zygote  fork {run_dir, supervisor, keeper}
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgpack

from supervisors.spec import Spec, SupervisorSpec
from transport.errors import Invalid
from transport.foreign import make_way_for_socket

__all__ = ["Assignment", "Control", "bind", "connect", "packable"]

MAX_PACKET = 128 * 1024
"""Under the default send buffer (net.core.wmem_default, 212992), which bounds a SEQPACKET message."""

MAX_DESCRIPTORS = 8

PLAIN = {"incarnation", "epoch", "has_socket"}
"""The fields in which a standby's assignment mostly differs from what it was told beforehand."""


class Assignment(Spec):
    """Who a process is to be. Times are in seconds."""

    name: str
    incarnation: str
    """Unique for each process that ever bears the name."""

    epoch: int
    """1 for the first incarnation, then counting up, also across supervisors; who has an older one is fenced off. 0: it is to
    prepare for bearing the name, and waits for the assignment with which it does."""

    run_dir: Path
    data_dir: Path
    up_pid: int
    """The process whose end is this one's: `up`, or a supervisor that is itself a child."""

    supervisor: str = "supervisor"
    """Who supervises it."""

    supervises: SupervisorSpec | None = None
    """Where it is a supervisor: its children and rules."""

    arguments: dict[str, Any] = {}
    """The arguments of its child spec, for its start."""

    zygote_command: tuple[str, ...] = ()
    """For a supervisor, should the zygote that it forks be killed."""

    heartbeat_s: float = 1.0
    drain_s: float | None = 10.0
    """How long it may drain when nobody tells it otherwise; None: as long as it takes."""

    drains_after: tuple[str, ...] = ()
    """Who is started after it and may still ask it. With no supervisor to order it, it lets these drain first."""

    has_socket: bool = False
    """Whether the first descriptor that comes with it is the socket at which it is reached, see supervisors/held_sockets.py."""

    orphan_grace_s: float = 60.0
    fence_s: float = 30.0
    settings: dict[str, Any] = {}
    """The composition root's own; the supervisor only passes it on."""

    def changed_to(self, wanted: dict[str, Any], known: dict[str, Any]) -> Assignment:
        """The assignment that `wanted` is, made of this one, which `known` has in the same form.

        For a standby mostly plain words and numbers change. They need no validation, which would cost 0.1 ms before it can
        begin.
        """
        changed = {field: value for field, value in wanted.items() if known.get(field) != value}
        return self.model_copy(update=changed) if changed.keys() <= PLAIN else Assignment.model_validate(wanted)


class Control:
    """One end of the channel. Packets are sent whole or not at all; a full buffer or a dead peer loses them."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.handed: list[int] = []
        """Descriptors that came with the assignment."""

    def fileno(self) -> int:
        """For the loop's reader."""
        return self.socket.fileno()

    def send(self, say: str, descriptors: Sequence[int] = (), **fields: Any) -> bool:
        """Send one message; False when the peer cannot get it."""
        packet = msgpack.packb({"say": say, **fields})
        try:
            socket.send_fds(self.socket, [packet], list(descriptors), socket.MSG_NOSIGNAL)
        except OSError:
            return False

        return True

    def receive(self) -> tuple[dict[str, Any], list[int]] | None:
        """The next message and its descriptors; None at the end.

        Raises:
            BlockingIOError: there is none now, on a socket that does not block.
        """
        try:
            packet, descriptors, flags, _ = socket.recv_fds(self.socket, MAX_PACKET, MAX_DESCRIPTORS)
        except ConnectionError:
            return None

        if not packet or flags & socket.MSG_TRUNC:
            return None

        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)

        message = msgpack.unpackb(packet)
        return message, descriptors

    def peer_pid(self) -> int:
        """The pid of the process that connected, from the kernel."""
        credentials = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        return int(struct.unpack("3i", credentials)[0])

    def close(self) -> None:
        """Close this end."""
        self.socket.close()


def bind(run_dir: Path, supervisor: str) -> socket.socket:
    """A supervisor's listening socket `<run_dir>/<its name>.ctl`, 0600. Whoever binds holds the supervisor's lock."""
    path = run_dir / f"{supervisor}.ctl"
    make_way_for_socket(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    mask = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(mask)

    listener.listen(128)
    listener.setblocking(False)
    return listener


def connect(run_dir: Path, supervisor: str) -> Control | None:
    """A process's connection to its supervisor; None when nobody listens."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        connection.connect(str(run_dir / f"{supervisor}.ctl"))
    except OSError:
        connection.close()
        return None

    return Control(connection)


def packable(extra: Any) -> Any:
    """What a start returned, where it can be told to who asked for the start.

    Raises:
        Invalid: it cannot.
    """
    try:
        msgpack.packb(extra)
    except (TypeError, ValueError, OverflowError) as error:
        raise Invalid(f"bad_return: a start returned {type(extra).__name__}, which no message can carry: {error}") from error

    return extra
