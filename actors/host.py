"""Host: one OS process's share: its loop, its endpoint, its actors, its ways to others."""

# ruff: noqa: SLF001 (the rooms of the runtime look into each other, and nobody else does)
from __future__ import annotations

import asyncio
import os
import secrets
import time
import traceback
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from loguru import logger
from pykka import ActorDeadError, ActorRef, ActorRegistry

from actors import interpreter
from actors.dead_letters import DeadLetters
from actors.delivery import Delivery
from actors.doors import Doors
from actors.lag import LagWatch
from actors.limits import ProcessLimits, resident_bytes
from actors.post import Post
from actors.refs import Ref
from actors.sqlite import damage
from transport.addresses import address_of
from transport.client import Client
from transport.codec import LIMITS
from transport.errors import Conflict, Unavailable
from transport.keys import Curve
from transport.server import Server

if TYPE_CHECKING:
    from actors.runtime import AsyncActor

__all__ = ["Host"]

LOCK_WAIT_S: Final = 10.0
"""How long a name's former holder may take to die."""

EXIT_S: Final = 5.0
"""How long actors may take to finish when `async with` is left, in seconds."""

THREADS: Final = 8
"""The size of the pool in which actors run what would hold the loop (`AsyncActor.in_thread`)."""

RECENT: Final = 16
"""Types of the last messages that are kept for a crash report."""


class Host:
    """Where the actors of a process live. To be entered, used and left on one loop.

    Args:
        run_dir: the directory of sockets and locks, see `transport.addresses.run_directory`.
        incarnation: what names this process's life; made up if None.
        addresses: where actors are that have no socket in `run_dir`, by name. What is started here listens there too.
        curve: keys for tcp addresses.
        bind: whether actors started here can be reached from other processes.
        limits: what the process may use; the defaults if None.
        lock_wait_s: seconds that a name's former holder may take to die.
    """

    failed: asyncio.Future[tuple[str, str]]
    """Resolves with reason and traceback when an actor of this host has failed; the process then ends."""

    def __init__(
        self,
        *,
        run_dir: Path,
        incarnation: str | None = None,
        addresses: Mapping[str, str] | None = None,
        curve: Curve | None = None,
        bind: bool = True,
        limits: ProcessLimits | None = None,
        lock_wait_s: float = LOCK_WAIT_S,
    ) -> None:
        self.run_dir = run_dir
        self.incarnation = incarnation or secrets.token_hex(8)
        self.addresses = dict(addresses or {})
        self.limits = limits or ProcessLimits()
        self.on_actor_failed: Callable[[str, str, str], None] | None = None
        """Told name, reason and traceback in place of `failed`, where actors are replaced within the process."""

        self.on_actor_ended: Callable[[str], None] | None = None
        """Told the name of an actor that has stopped by itself, and not because `stop_actor` wanted it."""

        self.on_name_lost: Callable[[str], None] | None = None
        """Told why this process may bear a name no more, before anything else is answered; `failed` follows."""

        self.unfinished: list[str] = []
        """What still ran when the time to drain was up, in words for a person."""

        self.lingers_s = 0.0
        """How long what runs may still take, where another process bears the names of this one already."""

        self.on_hurry: Callable[[], None] | None = None
        """Called when there is less time than that after all: the house is being stopped."""

        self.started = time.monotonic()
        self.draining = asyncio.Event()
        """Set from the beginning of `drain`, for handlers that wait long for something to happen."""

        self.dead_letters = DeadLetters()
        self.recent: deque[str] = deque(maxlen=RECENT)
        """The types of the last messages that were taken, for who wants to know of what an actor has died."""

        self._replaces = False
        """Whether somebody waits for what is started here: another process bore its name."""

        self.lag = LagWatch()
        self.pool = ThreadPoolExecutor(THREADS, thread_name_prefix="actors")
        self._curve = curve
        self._bind = bind
        self._doors = Doors(run_dir, self.addresses, self._make_server, lock_wait_s=lock_wait_s, on_lost=self._lost_its_name)
        self._clients: dict[str, Client] = {}
        self._entered = False
        self._closed = False

    async def __aenter__(self) -> Self:
        # A prepared one is entered once more by who begins to live in it.
        if not self._entered:
            self._entered = True
            self._loop = asyncio.get_running_loop()
            self.failed = self._loop.create_future()
            self._post = Post(self, self._loop)
            self.lag.start()
            interpreter.collect_seldom()

        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        await self.drain(0.0 if self.failed.done() else EXIT_S)

    def prepare(self) -> None:
        """Does beforehand what takes time when the first actor starts here: the socket, its thread, one of the pool's.

        Until `bear` is called there is nothing to be late for: this host does nothing more, and is not watched.
        """
        self.lag.stop()
        self.lag = LagWatch()
        self.lag.prepare()

        if self._bind:
            self._doors.prepare()

        self.pool.submit(lambda: None)

    def bear(self, incarnation: str) -> None:
        """Gives the life of a prepared host its name. Said before the first actor is started; who says it starts `lag`."""
        self.incarnation = incarnation
        self._replaces = True

        if self._doors.server is not None:
            self._doors.server.incarnation = incarnation

    def listens(self, name: str, descriptor: int) -> None:
        """Has an actor of this name, once it is started, listen with a socket that somebody keeps for it in `run_dir`."""
        self._doors.given[name] = descriptor

    # Actors

    async def start_actor(self, actor_class: type[AsyncActor], *args: Any, **kwargs: Any) -> ActorRef[Any]:
        """Makes an actor, lets messages come to it, and waits until its `on_start` has run.

        Raises:
            Conflict: it lives here already, or in another process.
            Exception: whatever its constructor or `on_start` raised.
        """
        name = actor_class.name

        if not name:
            raise TypeError(f"{actor_class.__name__} has no name")

        if name in self._post.actors:
            raise Conflict(f"{name} lives here already", detail={"pid": os.getpid()})

        if self._closed or self.draining.is_set():
            raise Unavailable("this host is going away")

        actor = actor_class(*args, **kwargs)
        actor.host = self
        fg, bg = actor.mailbox_limits
        actor._mailbox.limits = min(fg, self.limits.mailbox), min(bg, self.limits.mailbox)

        interpreter.switch_often(replacing=self._replaces)
        self._loop.call_later(interpreter.STARTING_S, self._settle)

        if self._bind and name not in self._doors:
            # Before it listens: callers that wait for this name are there the moment it does.
            large = any(handler.contract.max_bytes > LIMITS.body_bytes for handler in actor._handlers.values())
            try:
                await self._doors.open(name, lambda: self._post.add(actor), large=large)
            except BaseException:
                self._post.remove(name, actor)
                raise
        else:
            self._post.add(actor)

        ActorRegistry.register(actor.actor_ref)
        actor._start_actor_loop()

        try:
            await asyncio.shield(actor._begun)
        except asyncio.CancelledError:
            await self._abort(actor)
            raise

        if actor._failure is not None:
            await self._abort(actor)
            raise actor._failure

        return actor.actor_ref

    async def stop_actor(self, name: str) -> None:
        """Lets an actor handle what waits and stop; does nothing when none of that name lives here.

        Asks that come from now on wait for its replacement. Cancelled, it ends the actor at once.
        """
        actor = self._post.remove(name)

        if actor is None:
            return

        with suppress(ActorDeadError):  # it is ending already
            actor.stop()

        task = actor._task

        try:
            if task is not None:
                await asyncio.wait({task})
        except asyncio.CancelledError:
            now = time.monotonic()
            running = [delivery for delivery in actor._crew.running if not delivery.done]
            self.unfinished += [f"{one.contract.type} for {now - one.arrived:.1f} s" for one in running]
            await self._abort(actor)
            raise

    async def kill_actor(self, name: str) -> None:
        """Ends an actor at once: handlers are cancelled, neither `on_stop` nor `on_failure` runs to its end.

        Does nothing when none of that name lives here.
        """
        if (actor := self._post.actors.get(name)) is not None:
            await self._abort(actor)

    def is_ready(self, name: str) -> bool:
        """Whether the actor lives here and its `on_start` has run."""
        actor = self._post.actors.get(name)

        return actor is not None and actor.has_begun and not actor.actor_stopped.is_set()

    @property
    def calls(self) -> int:
        """Calls from other processes that are in flight."""
        return self._post.calls

    def readiness(self) -> dict[str, str]:
        """The actors that are not ready, each with why."""
        return {name: why for name, actor in self._post.actors.items() if (why := self.why_not_ready(actor)) is not None}

    def why_not_ready(self, actor: AsyncActor) -> str | None:
        """Why an actor is not ready; None: it is."""
        return actor.readiness() if self.is_ready(actor.name) else damage.work() or "it is starting"

    # Ways to actors

    def ref(self, name: str, *, caller: str = "") -> Ref:
        """The way to an actor, here or elsewhere; it need not exist yet."""
        return Ref(self, name, caller)

    def lives_here(self, name: str) -> bool:
        """Whether messages to that name stay in this process."""
        return name in self._post.known

    def deliver(self, name: str, delivery: Delivery) -> None:
        """Takes a message from within the process to an actor that lives here; whatever goes wrong is its answer."""
        self._post.deliver(name, delivery)

    def client(self, name: str) -> Client:
        """The connection to an actor elsewhere.

        Raises:
            Unavailable: this host is closed.
        """
        client = self._clients.get(name)

        if client is None:
            if self._closed:
                raise Unavailable("this host is closed")

            address = address_of(name, self.run_dir, self.addresses)
            keys = self._curve.client(name) if self._curve is not None and address.startswith("tcp://") else None
            client = self._clients[name] = Client(address, curve=keys)

        return client

    # The end

    async def give_names_back(self, lingers_s: float) -> None:
        """Lets another process bear the names of this one, which only finishes what runs: `drain` follows at once."""
        self.draining.set()
        self.lingers_s = lingers_s
        await self._doors.close()
        self._doors.release()

    def hurry(self) -> None:
        """What lingers beside its successor is to end as if it had none."""
        self.lingers_s = 0.0
        if self.on_hurry is not None:
            self.on_hurry()

    async def drain(self, timeout_s: float) -> None:
        """Takes nothing more from outside, lets what runs finish, stops the actors in reverse, flushes and closes.

        Args:
            timeout_s: seconds for all of it; what has not finished by then is cancelled. May be infinite.
        """
        if self._closed:
            return

        self.draining.set()
        deadline = self._loop.time() + timeout_s

        for name in reversed(list(self._post.actors)):
            with suppress(TimeoutError):
                async with asyncio.timeout_at(deadline):
                    await self.stop_actor(name)

        self._closed = True
        self._post.close(answer=not self.failed.done())

        await self._doors.close()

        for client in self._clients.values():
            await client.close()

        self.lag.stop()
        self.pool.shutdown(wait=False, cancel_futures=True)

        self._doors.release()

    def stats(self, name: str | None = None) -> dict[str, Any]:
        """Figures for heartbeats: of all actors here, or of the one of that name."""
        actors = self._post.actors
        chosen = list(actors.values()) if name is None else [actors[name]] if name in actors else []

        return {
            "rss_bytes": resident_bytes(),
            "mailbox": {
                "fg": sum(len(actor._mailbox.foreground) for actor in chosen),
                "bg": sum(len(actor._mailbox.background) for actor in chosen),
            },
            "loop_lag_ms": round(self.lag.lag_ms, 3),
            "handled": sum(actor._crew.tally.handled.total() for actor in chosen),
            "failed": sum(actor._crew.tally.failed.total() for actor in chosen),
            "dead_letters": len(self.dead_letters),
            "recent": list(self.recent),
        }

    # Called by actors

    def _ended(self, actor: AsyncActor, unfinished: list[Delivery], failure: BaseException | None) -> None:
        """An actor has ended; what it has not answered waits for its replacement."""
        by_itself = self._post.remove(actor.name, actor) is not None
        self._post.hold(actor.name, unfinished)

        if failure is None and by_itself and self.on_actor_ended is not None:
            self.on_actor_ended(actor.name)

        if failure is None or not actor._begun.done() or actor._begun_badly:
            return

        reason = f"{type(failure).__name__}: {failure}"
        trace = "".join(traceback.format_exception(failure))
        logger.error("an actor failed", actor=actor.name, reason=reason, traceback=trace)

        if self.on_actor_failed is not None:
            self.on_actor_failed(actor.name, reason, trace)
        elif not self.failed.done():
            self.failed.set_result((reason, trace))

    def _settle(self) -> None:
        if actors := self._post.actors:
            # As the actor wants it that can wait least.
            interpreter.settle(min(actor.switch_s for actor in actors.values()))

    async def _abort(self, actor: AsyncActor) -> None:
        task = actor._task
        self._post.remove(actor.name, actor)

        if task is not None and not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=EXIT_S)

    def _make_server(self) -> Server:
        self._post.server = Server(
            incarnation=self.incarnation,
            on_envelope=self._post.take,
            on_gone=self._post.gone,
            curve=self._curve.server if self._curve is not None else None,
        )

        return self._post.server

    def _lost_its_name(self, error: Conflict) -> None:
        """Another process has it: nothing more may be answered here."""
        logger.error("a name was lost", reason=error.message)

        if self.on_name_lost is not None:
            self.on_name_lost(error.message)

        if not self.failed.done():
            self.failed.set_result((f"{type(error).__name__}: {error.message}", ""))
