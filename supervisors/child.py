"""The life of a supervised process after it has been told who it is: ready, heartbeats, drain, exit code.

How it hears its supervisor, and finds another when that one is gone, is supervisor_link.py's.
"""

from __future__ import annotations

import asyncio
import faulthandler
import math
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, TextIO

from loguru import logger

from actors.host import Host
from actors.limits import EXHAUSTED, has_descriptors, set_process_limits, wants_descriptors
from actors.sqlite import damage
from supervisors import linux
from supervisors.control import Assignment, Control, packable
from supervisors.crashes import name_stacks, open_nameless_stacks, open_stacks
from supervisors.fence import hold_off
from supervisors.ignore import Ignore
from supervisors.logs import log_to_file
from supervisors.supervisor_link import SupervisorLink
from transport.errors import Conflict
from transport.lock import Lock

__all__ = ["run_child"]

LATER_S = 0.02
"""How long a standby that was promoted only answers callers that have waited, before it opens its log and begins its
heartbeat."""

Populate = Callable[[Host, Assignment, list[socket.socket]], Awaitable[Any]]
"""Starts the actors of a process. What it returns, if anything, is handed to who asked for the start."""

NAMED = 5
"""How many of the calls that still ran at the end are named in the report; all are counted."""


def run_child(
    assignment: Assignment,
    control: Control | None,
    make_host: Callable[[Assignment], Host],
    populate: Populate,
) -> int:
    """Run one process's share of the house until it is told to stop or fails; returns its exit code.

    What happens behind the scenes:

    1. Logs go to `<data dir>/logs/<name>.log`, stacks of faults to `<name>.stack` beside it.
    2. The host is made and populated in a fresh event loop; then the supervisor hears `ready`, and a heartbeat from then on.
    3. `drain`, SIGTERM, or the end of both supervisor and `up` drain the host: exit 0. SIGINT is left to the supervisor; a
       process that stands alone drains at SIGINT and SIGHUP too. Told to linger, it gives its name back first, says `left`,
       and finishes what runs beside its successor; when the house is stopped, or its supervisor is gone, it hurries.
    4. An actor's failure is reported with its traceback; the process ends at once, with exit code 1. One that stops by
       itself takes its process along as well: it is drained, exit 0.
    5. When the supervisor is gone it serves on and knocks for a new one, `orphan_grace_s` long. Without one it drains after
       those that may still ask it.
    6. A loop that has not run for `fence_s` ends the process, whoever else is alive.
    7. Without a descriptor left it serves on as far as it can, and says so: another process takes its place.

    Args:
        assignment: who this is.
        control: the channel it came through; None for a process that stands alone.
        make_host: builds the host; in the loop.
        populate: starts the actors in it; gets the sockets that came with the assignment. `Ignore` means that there is
            nothing to run here.
    """
    return asyncio.run(Life(assignment, control, make_host, populate).live())


class Life:
    """One process's share, from its assignment to its exit code."""

    def __init__(
        self,
        assignment: Assignment,
        control: Control | None,
        make_host: Callable[[Assignment], Host],
        populate: Populate,
    ) -> None:
        self.link = SupervisorLink(assignment, control, self)
        self.alone = self.link.alone
        self.too_large = False
        self.lacks_descriptors = False
        self.make_host = make_host
        self.populate = populate
        self.prepared: Host | None = None
        """A standby's, made beforehand."""

        self.stacks: TextIO | None = None
        """Where a fault leaves its stacks, once this process is guarded. A standby's have no name yet."""

        self.state = "starting"
        self.stats: dict[str, Any] = {}
        self.beaten: float | None = None
        """When the supervisor was last told that this lives; None: it has not been told yet."""

        self.drain_s = assignment.drain_s
        self.lingers_s = 0.0

    @property
    def assignment(self) -> Assignment:
        """Who this is. A standby is told beforehand, and when it is called once more."""
        return self.link.assignment

    async def live(self) -> int:
        """See `run_child`."""
        self.loop = asyncio.get_running_loop()
        self.told_to_stop = asyncio.Event()
        if self.assignment.epoch:
            return await self._bear()

        # All that can be done before anybody is to be replaced: each millisecond of it would be one of somebody's waiting.
        async with self.make_host(self.assignment) as self.prepared:
            self.host = self.prepared
            self.prepared.prepare()
            set_process_limits(self.prepared.limits)
            with ExitStack() as guards:
                if (stacks := open_nameless_stacks(self.assignment.data_dir)) is not None:
                    guards.enter_context(self._guarded(stacks))
                if not await self.link.wait_for_call(self.told_to_stop):
                    return 0

                self.drain_s = self.assignment.drain_s
                self.prepared.bear(self.assignment.incarnation)
                return await self._bear()

    def hear(self, message: dict[str, Any]) -> None:
        """What the supervisor says."""
        if self.state == "leaving":
            self.host.hurry()
            return
        if message["say"] == "drain":
            self.drain_s, self.lingers_s = message["timeout_s"], message.get("lingers_s", 0.0)
        if message["say"] in ("drain", "begone"):
            self.stop()
        if message["say"] == "begone":
            # Nobody supervises it from now on, and there is nobody to knock for: another has its name, or will.
            self.link.hang_up()

    def wants_another(self) -> bool:
        """Whether another supervisor is to be looked for, now that this one is gone."""
        if self.state == "leaving":
            # The next one knows nothing of it.
            self.host.hurry()
            return False

        return True

    def introduction(self) -> dict[str, Any]:
        """What another supervisor is to know of it."""
        return {"incarnation": self.host.incarnation, "state": self.state}

    def stop(self) -> None:
        """Have the process end in order."""
        self.told_to_stop.set()

    async def _bear(self) -> int:
        """Bear the name, from the first word to the supervisor to the exit code."""
        self._say("taken")
        if not self.alone:
            linux.name_process(self.assignment.name)

        log_to_file(self.assignment)
        if self.prepared is None:
            self._take_signals()
        return await self._serve()

    def _take_signals(self) -> None:
        self.loop.add_signal_handler(signal.SIGTERM, self.told_to_stop.set)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if self.alone:
            self.loop.add_signal_handler(signal.SIGINT, self.told_to_stop.set)
            # Its terminal was closed; who started it with nohup did not want to know.
            if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
                self.loop.add_signal_handler(signal.SIGHUP, self.told_to_stop.set)

    async def _serve(self) -> int:
        stopping = asyncio.ensure_future(self.told_to_stop.wait())
        guards = ExitStack()
        try:
            self._have_host()
            async with self.host as host:
                starting = asyncio.ensure_future(self._start(host))
                # After a turn it listens, and after two its actor opens what it needs, in threads.
                await turns(2)
                self._begin_to_guard(guards)
                await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
                if starting.done():
                    await starting
                    await asyncio.wait((stopping, host.failed), return_when=asyncio.FIRST_COMPLETED)
                else:
                    starting.cancel()
                    with suppress(asyncio.CancelledError):
                        await starting

                if host.failed.done():
                    return self._crash(*host.failed.result())

                self.state = "draining"
                logger.info("draining", seconds=self.drain_s)
                if self.link.control is None:
                    await self._let_callers_drain()
                if self.lingers_s:
                    await self._leave(host)
                seconds = self.drain_s if self.drain_s is not None else math.inf
                await host.drain(seconds + self.lingers_s)
                if host.unfinished:
                    logger.warning(
                        "still running when the time was up", count=len(host.unfinished), what=host.unfinished[:NAMED]
                    )
                    self._say("unfinished", count=len(host.unfinished), what=host.unfinished[:NAMED])
                return 1 if self.too_large else 0
        except Ignore as ignore:
            logger.info("nothing to run", why=str(ignore))
            self._say("ignored")
            return 0
        except Exception as error:  # noqa: BLE001 (said to the supervisor, and by the exit code)
            held_by = error.detail.get("pid") if isinstance(error, Conflict) and error.detail else None
            return self._crash(f"{type(error).__name__}: {error}", traceback.format_exc(), held_by=held_by)
        finally:
            guards.close()
            stopping.cancel()
            self.link.close()

    def _have_host(self) -> None:
        if self.prepared is None:
            self.host = self.make_host(self.assignment)
            set_process_limits(self.host.limits)
        if (control := self.link.control) is not None and self.assignment.has_socket:
            self.host.listens(self.assignment.name, control.handed.pop(0))
        self.host.on_name_lost = self._lost_its_name
        self.host.on_actor_ended = lambda _: self.stop()
        self.loop.set_exception_handler(self._hear_of_failure)

    def _begin_to_guard(self, guards: ExitStack) -> None:
        """Have its loop watched, and hear the supervisor. A standby is guarded already, and answers first who has waited."""
        self.host.lag.on_moving = self._move
        assignment = self.assignment
        if (nameless := self.stacks) is not None:
            guards.callback(self.loop.call_later(LATER_S, self._watch, nameless).cancel)
        else:
            guards.enter_context(self._guarded(open_stacks(assignment.data_dir, assignment.name, assignment.epoch)))
            self._watch(None)

    def _watch(self, nameless: TextIO | None) -> None:
        if nameless is not None:
            name_stacks(nameless, self.assignment.data_dir, self.assignment.name, self.assignment.epoch)
        if self.prepared is not None:
            self.host.lag.start()
        self.link.listen()

    @contextmanager
    def _guarded(self, stacks: TextIO) -> Iterator[None]:
        """Where a loop that hangs ends the process, a fault leaves its stacks, and the end of `up` is seen."""
        self.stacks = stacks
        with stacks:
            faulthandler.enable(stacks)
            faulthandler.register(signal.SIGUSR1, stacks)
            self._hold_off_fence(stacks)
            self.link.watch_up()
            try:
                yield
            finally:
                faulthandler.cancel_dump_traceback_later()
                faulthandler.disable()
                faulthandler.unregister(signal.SIGUSR1)

    async def _leave(self, host: Host) -> None:
        """Make way for the successor."""
        self.state = "leaving"
        await host.give_names_back(self.lingers_s)
        linux.name_process("leaving")
        logger.info("left; what runs is finished beside the next one", seconds=self.lingers_s)
        self._say("left")
        if self.link.control is None:
            # The supervisor died at this moment.
            host.hurry()

    async def _let_callers_drain(self) -> None:
        """Serve on until those that were started later are gone, whose calls in flight may still need this one.

        The supervisor would have seen to that order. Their locks are free when they are gone, however they went.
        """
        # Where no thread is to be had to wait in, it drains at once.
        with suppress(TimeoutError, Conflict, RuntimeError):
            async with asyncio.timeout(self.drain_s):
                for name in self.assignment.drains_after:
                    lock = Lock(self.assignment.run_dir / f"{name}.lock")
                    await lock.acquire(math.inf)
                    lock.release()

    async def _start(self, host: Host) -> None:
        self._tell_of_work()
        control = self.link.control
        sockets = [socket.socket(fileno=handed) for handed in (control.handed if control is not None else [])]
        extra = packable(await self.populate(host, self.assignment, sockets))
        self.state = "ready"
        self._say("ready", incarnation=host.incarnation, extra=extra)
        self.beaten = time.monotonic()
        self.loop.call_later(0.0 if self.prepared is None else LATER_S, self._go_on)

    def _go_on(self) -> None:
        """What nobody waits for, once it serves."""
        logger.info("ready", incarnation=self.host.incarnation)
        self._beat()

    def _tell_of_work(self) -> None:
        """While it starts: what takes so long, if anything does. A loop that hangs does not say so."""
        if self.state != "starting":
            return

        if (work := damage.work()) is not None:
            self._say("at_work", what=work)
        self.loop.call_later(self.assignment.heartbeat_s, self._tell_of_work)

    def _beat(self) -> None:
        self.stats = stats = self.host.stats()
        self.beaten = time.monotonic()
        self._say("beat", stats=stats)
        if stats["rss_bytes"] > self.host.limits.memory_mb << 20 and not self.too_large:
            # A supervised process ends here. Who stands alone drains, and says by its exit code that it should be replaced.
            self.too_large = True
            self._crash(
                f"it held {stats['rss_bytes'] >> 20} MiB of memory; limits.memory_mb is {self.host.limits.memory_mb}", None
            )
            self.stop()
        self._look_for_descriptors()
        self.loop.call_later(self.assignment.heartbeat_s, self._beat)

    def _look_for_descriptors(self) -> None:
        """Say it at the second beat in turn that finds none: one may find the moment in which much is open."""
        lacked, self.lacks_descriptors = self.lacks_descriptors, not has_descriptors(self.host.limits)
        if lacked and self.lacks_descriptors:
            self._exhausted()

    def _hear_of_failure(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Where a connection cannot be taken nobody waits for a beat; asyncio alone would try again once a second, for ever."""
        if not wants_descriptors(context.get("exception")):
            loop.default_exception_handler(context)
        elif not has_descriptors(self.host.limits):
            self._exhausted()

    def _exhausted(self) -> None:
        if self.state != "ready":
            return

        logger.error("no descriptors", reason=EXHAUSTED)
        if self.alone:
            self._crash(EXHAUSTED, None)
            self.stop()
        self._say("exhausted", reason=EXHAUSTED)

    def _move(self) -> None:
        """Beat from the lag watch's thread, as the loop has too much to run in one turn to come to its timers: it does work."""
        now = time.monotonic()
        if self.beaten is None or now - self.beaten < self.assignment.heartbeat_s:
            return

        self.beaten = now
        self._say("beat", stats=self.stats)

    def _hold_off_fence(self, stacks: TextIO) -> None:
        seconds = self.assignment.fence_s
        hold_off(seconds, stacks)
        self.loop.call_later(seconds / 6, self._hold_off_fence, stacks)

    def _crash(self, reason: str, trace: str | None, *, held_by: int | None = None) -> int:
        """Tell why, and end. Nothing is drained: a failed actor must answer nothing more, so that its replacement does."""
        logger.error("failed", reason=reason, traceback=trace)
        sys.stderr.write(f"{self.assignment.name} failed: {reason}\n")
        if hasattr(self, "host"):
            self._say("beat", stats=self.host.stats())
        self._say("failed", reason=reason[:2000], traceback=(trace or "")[-32000:], held_by=held_by)
        if not self.alone:
            sys.stderr.flush()
            os._exit(1)

        return 1

    def _lost_its_name(self, reason: str) -> None:
        """Another process bears it: this one answers nothing more, also where it stands alone."""
        self._crash(reason, None)
        sys.stderr.flush()
        os._exit(1)

    def _say(self, say: str, **fields: Any) -> None:
        self.link.say(say, **fields)


async def turns(number: int) -> None:
    """Let the loop turn so many times."""
    for _ in range(number):
        await asyncio.sleep(0)
