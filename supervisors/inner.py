"""A supervisor that is itself somebody's child: an actor whose start is its children's start, and whose stop is theirs.

The same over processes and over actors of this process; it knows of them only as a family.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol

from actors.host import Host
from supervisors import linux
from supervisors.actor import Supervisor
from supervisors.child import run_child
from supervisors.control import Assignment, Control
from supervisors.place import Place
from supervisors.processes import Processes
from supervisors.spec import SupervisorSpec
from supervisors.supervision import Supervision
from supervisors.zygote import fork_zygote
from transport.errors import Invalid, Unavailable

__all__ = ["Family", "InnerSupervisor", "checked", "run_inner_supervisor", "start_inner"]


class Family(Protocol):
    """The children of one supervisor, of whatever kind."""

    supervision: Supervision

    def open(self) -> None:
        """Prepare what takes long."""

    def start(self) -> None:
        """Start all in order."""

    def close(self) -> None:
        """Nothing more is started."""

    def leave_nothing(self) -> None:
        """Remove what a successor would adopt by."""

    async def kill(self) -> None:
        """End all children at once."""


class InnerSupervisor(Supervisor):
    """A supervisor under another. It is ready when its children are; what it gives up on, the one above may do better."""

    def __init__(self, family: Family) -> None:
        super().__init__(family.supervision)
        self.family = family

    async def on_start(self) -> None:
        """All children, in order.

        Raises:
            Unavailable: one of them could not start, and the rule is to terminate.
        """
        self.family.open()
        self.family.start()
        await self.supervision.settled()
        finished = self.supervision.finished
        if finished.done() and finished.result().gave_up:
            self.family.close()
            finish = finished.result()
            raise Unavailable(f"shutdown: failed_to_start_child: {finish.reason}") from (
                ElsewhereError(finish.traceback) if finish.traceback else None
            )

        finished.add_done_callback(lambda _: None if self.actor_stopped.is_set() else self.stop())

    async def on_stop(self) -> None:
        """All children, in reverse order, each within its own time."""
        self.supervision.shutdown("told to stop")
        await self.supervision.finished
        self.family.close()
        self.family.leave_nothing()

    async def on_failure(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Its children never outlive it."""
        del kind, error, trace
        await self.family.kill()


class ElsewhereError(Exception):
    """An error of another process, whose text is its traceback."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


async def start_inner(host: Host, name: str, family: Family) -> None:
    """Start a supervisor of that name in a host."""
    await host.start_actor(type(name, (InnerSupervisor,), {"name": name}), family)


def checked(spec: Any, origin: Callable[..., Any]) -> SupervisorSpec:
    """What `origin` has given as a supervisor's spec.

    Raises:
        Invalid: it is none.
    """
    if isinstance(spec, SupervisorSpec):
        return spec

    raise Invalid(f"bad_return: {origin.__module__}.{origin.__qualname__} gave {spec!r}, which is no SupervisorSpec")


def run_inner_supervisor(
    assignment: Assignment,
    control: Control,
    make_host: Callable[[Assignment], Host],
    become: Callable[[Assignment, Control], int],
    spec_of: Callable[[Assignment], SupervisorSpec | None] = lambda assignment: assignment.supervises,
) -> int:
    """Run a promoted spare as a supervisor until it is told to stop; returns its exit code.

    It forks its own zygote first, while it has no loop, so that its children are its own in the kernel's eyes too, and end
    with it: they watch its process as the house's children watch `up`.

    Args:
        assignment: who this is.
        control: the channel it came through.
        make_host: builds the host; in the loop.
        become: what a spare of the zygote becomes, see `run_zygote`.
        spec_of: its children and rules. May raise `Ignore`; what else it raises is the failure of the start.
    """
    linux.adopt_orphans()
    zygote = fork_zygote(become, control)
    place = Place(
        name=assignment.name,
        run_dir=assignment.run_dir,
        data_dir=assignment.data_dir,
        zygote_command=assignment.zygote_command,
        keeper_pid=os.getpid(),
        settings=assignment.settings,
    )

    async def populate(host: Host, assignment: Assignment, _: list[socket.socket]) -> None:
        spec = checked(spec_of(assignment), spec_of)
        await start_inner(host, assignment.name, Processes(spec, place, zygote=zygote))

    return run_child(assignment, control, make_host, populate)
