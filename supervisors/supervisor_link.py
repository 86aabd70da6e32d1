"""A process's link to its supervisor: what it is told, that the supervisor is gone, how another is found; and the end of `up`.

Knows nothing of what the process does: what it hears is told to `Supervised`.
"""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any, Protocol

from loguru import logger

from supervisors import linux
from supervisors.control import Assignment, Control, connect

__all__ = ["Supervised", "SupervisorLink"]

KNOCK_S = 0.02
"""The time between two attempts of an orphan to find a new supervisor, in seconds."""


class Supervised(Protocol):
    """Whose link it is."""

    def hear(self, message: dict[str, Any]) -> None:
        """The supervisor says something."""

    def wants_another(self) -> bool:
        """The supervisor is gone: whether another is to be looked for."""
        ...

    def introduction(self) -> dict[str, Any]:
        """What another supervisor is to know of this process."""
        ...

    def stop(self) -> None:
        """Nobody is left to serve for."""


class SupervisorLink:
    """One process's link, over all supervisors that it has one after the other. To be used in a running loop.

    Args:
        assignment: who this process is.
        control: the channel that it came through; None for a process that stands alone.
        supervised: told what happens.
    """

    def __init__(self, assignment: Assignment, control: Control | None, supervised: Supervised) -> None:
        self.assignment = assignment
        self.control = control
        self.alone = control is None
        self.supervised = supervised
        self.knocking: asyncio.Task[None] | None = None
        self.up_pidfd: int | None = None

    async def wait_for_call(self, told_to_stop: asyncio.Event) -> bool:
        """Wait, as a standby, for the assignment; False when it is told to stop, or nobody is left who could give it."""
        assert self.control is not None  # noqa: S101 (nobody prepares who stands alone)
        loop, control, called = asyncio.get_running_loop(), self.control, asyncio.Event()
        known = self.assignment.model_dump(mode="json")

        def stop() -> None:
            told_to_stop.set()
            called.set()

        loop.add_signal_handler(signal.SIGTERM, stop)
        control.socket.setblocking(False)
        loop.add_reader(control.fileno(), called.set)
        self.say("prepared")
        linux.name_process("standby")
        await called.wait()
        if told_to_stop.is_set() or (received := control.receive()) is None:
            return False

        message, control.handed = received
        self.assignment = self.assignment.changed_to(message["assignment"], known)
        return True

    def say(self, say: str, **fields: Any) -> None:
        """Tell the supervisor, where there is one."""
        if self.control is not None:
            self.control.send(say, **fields)

    def listen(self) -> None:
        """Hear what the supervisor says from now on."""
        if self.control is not None:
            self.control.socket.setblocking(False)
            asyncio.get_running_loop().add_reader(self.control.fileno(), self._hear)

    def hang_up(self) -> None:
        """Have no supervisor."""
        if self.control is not None:
            asyncio.get_running_loop().remove_reader(self.control.fileno())
            self.control.close()
            self.control = None

    def watch_up(self) -> None:
        """See the end of `up`."""
        if self.alone:
            return

        self.up_pidfd = linux.open_pidfd(self.assignment.up_pid)
        if self.up_pidfd is not None:
            asyncio.get_running_loop().add_reader(self.up_pidfd, self._up_ended)

    def close(self) -> None:
        """Look for no other supervisor."""
        if self.knocking is not None:
            self.knocking.cancel()

    def _hear(self) -> None:
        while self.control is not None:
            try:
                received = self.control.receive()
            except BlockingIOError:
                return

            if received is None:
                self._orphaned()
                return

            self.supervised.hear(received[0])

    def _orphaned(self) -> None:
        self.hang_up()
        if not self.supervised.wants_another():
            return

        logger.warning("the supervisor is gone", grace_s=self.assignment.orphan_grace_s)
        self.knocking = asyncio.get_running_loop().create_task(self._knock(), name="knock")

    async def _knock(self) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.assignment.orphan_grace_s

        while loop.time() < deadline and not self._up_is_over():
            self.control = connect(self.assignment.run_dir, self.assignment.supervisor)
            if self.control is not None:
                self._introduce()
                return

            await asyncio.sleep(KNOCK_S)

        logger.warning("no supervisor has come; draining", up_is_over=self._up_is_over())
        self.supervised.stop()

    def _introduce(self) -> None:
        assignment = self.assignment
        self.say("hello", name=assignment.name, pid=os.getpid(), epoch=assignment.epoch, **self.supervised.introduction())
        logger.info("found a supervisor")
        self.listen()

    def _up_ended(self) -> None:
        if self.up_pidfd is not None:
            asyncio.get_running_loop().remove_reader(self.up_pidfd)
            os.close(self.up_pidfd)
            self.up_pidfd = None

        # While there is a supervisor it sees the same and drains the house in order. One that cannot be told anything is none:
        # this process may have closed the connection by a fault of its own.
        if self.control is None or not self.control.send("beat", stats={}):
            self.supervised.stop()

    def _up_is_over(self) -> bool:
        return self.up_pidfd is None
