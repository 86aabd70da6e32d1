"""Host: one operating-system process's share of the house: its loop, its endpoint, its actors, readiness and drain."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

import pykka
import pykka.messages
from loguru import logger

from actors.call import Call
from actors.execution import Execution, KeptCalls, Subscriber
from actors.lag import LagWatch
from actors.message import Message, Reply
from actors.metrics import Metric, Sample
from actors.refs import Ref, parse
from actors.runtime import AsyncActor, Delivery
from actors.system import DeadLetter, Dump, Dumped, GetInfo, GetMetrics, Info, Metrics, Ping, Pong
from transport.addresses import address_of
from transport.client import Client
from transport.codec import LARGE
from transport.envelope import ASK, CANCEL, CREDIT, ERROR, INITIAL_CREDIT, PART, REPLY, TELL, Envelope
from transport.errors import Conflict, DeadlineExceeded, LatticeError, Overloaded, Unavailable, UnknownActor, UnknownType
from transport.lock import Lock
from transport.server import Peer, Server

__all__ = ["Host"]

THREADS: Final = 4
LOCK_WAIT_S: Final = 5.0
DEAD_LETTERS: Final = 100
DEFAULT_TTL_MS: Final = 30_000
MAX_TTL_MS: Final = 3_600_000
IN_FLIGHT: Final = 16_384


class Host:
    """The actors of one process, and the way to those of others.

    Args:
        run_dir: directory of sockets and locks, 0700.
        incarnation: names this process's life; made up where None.
        addresses: where actors are found that are not in `run_dir`, by name.
        curve: key pairs for tcp.
        bind: whether actors started here can be asked from outside.
    """

    def __init__(
        self,
        *,
        run_dir: Path,
        incarnation: str | None = None,
        addresses: Mapping[str, str] | None = None,
        curve: Any = None,
        bind: bool = True,
    ) -> None:
        self.run_dir = run_dir
        self.incarnation = incarnation or secrets.token_hex(8)
        self.addresses = dict(addresses or {})
        self.curve = curve
        self.bind = bind
        self.actors: dict[str, AsyncActor] = {}
        self.draining = False
        self.on_actor_failed: Callable[[str, str, str | None], None] | None = None
        """Told of an actor that has failed and is gone: name, reason, traceback. Where None, `failed` resolves instead."""

        self.dead_letters: deque[DeadLetter] = deque(maxlen=DEAD_LETTERS)
        self.dead_letter_count = 0
        self._clients: dict[str, Client] = {}
        self._locks: dict[str, Lock] = {}
        self._executions: dict[str, Execution] = {}
        self._remote: dict[str, Execution] = {}
        self._server: Server | None = None
        self._began = time.monotonic()

    async def __aenter__(self) -> Self:
        self.loop = asyncio.get_running_loop()
        self.failed: asyncio.Future[tuple[str, str | None]] = self.loop.create_future()
        self.threads = ThreadPoolExecutor(THREADS, thread_name_prefix="host")
        self.lag = LagWatch()
        self._kept = KeptCalls(self.loop)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.drain(0)

    def ref(self, name: str) -> Ref:
        """An actor by name."""
        return Ref(self, name)

    async def start_actor(self, actor_class: type[AsyncActor], *args: Any, **kwargs: Any) -> Any:
        """Start an actor and wait until it is ready; returns its pykka ref.

        Raises:
            Conflict: an actor of that name runs already, here or in another process.
            Exception: whatever its `on_start` raised.
        """
        name = actor_class.name
        if name in self.actors:
            raise Conflict(f"{name} runs here already")
        if self.bind:
            await self._listen(name)

        actor = actor_class(*args, **kwargs)
        actor.host = self
        actor._started = self.loop.create_future()  # noqa: SLF001 (the host is the actor's other half)
        actor._on_end = lambda reason, trace: self._actor_ended(actor, reason, trace)  # noqa: SLF001
        actor._on_dead_letter = lambda kind, reason: self.dead_letter(name, kind, reason)  # noqa: SLF001
        pykka.ActorRegistry.register(actor.actor_ref)
        self.actors[name] = actor
        actor._start_actor_loop()  # noqa: SLF001
        try:
            await actor._started  # noqa: SLF001
        except BaseException:
            self.actors.pop(name, None)
            self._unlisten(name)
            raise
        return actor.actor_ref

    async def stop_actor(self, name: str) -> None:
        """Let an actor handle what it has, then stop it and free its name."""
        actor = self.actors.get(name)
        if actor is None:
            raise UnknownActor(f"no {name} runs here")
        if not actor.actor_stopped.is_set():
            await actor.actor_ref.ask(pykka.messages._ActorStop(), block=False)  # noqa: SLF001 (what `stop` sends)
        await asyncio.shield(actor._main)  # noqa: SLF001
        self.actors.pop(name, None)
        self._unlisten(name)

    async def drain(self, timeout_s: float) -> None:
        """Accept no more, finish what runs within `timeout_s`, stop the actors in reverse order, flush, close."""
        if self.loop.is_closed() or not hasattr(self, "lag"):
            return
        self.draining = True
        deadline = self.loop.time() + timeout_s
        running = [execution.task for execution in self._executions.values() if execution.task is not None]
        if running and timeout_s > 0:
            await asyncio.wait(running, timeout=timeout_s if timeout_s != float("inf") else None)
        for execution in list(self._executions.values()):
            execution.cancel(Unavailable("the actor is being stopped", retry_after_ms=100))

        for name in reversed(list(self.actors)):
            left = max(1.0, min(deadline - self.loop.time(), 3600))
            try:
                async with asyncio.timeout(left):
                    await self.stop_actor(name)
            except TimeoutError:
                logger.warning("did not stop in time", actor=name, seconds=left)

        for client in self._clients.values():
            await client.close()
        self._clients.clear()
        if self._server is not None:
            await self._server.close()
            self._server = None
        for name in list(self._locks):
            self._unlisten(name)
        self.lag.close()
        self.threads.shutdown(wait=False, cancel_futures=True)
        if not self.failed.done():
            self.failed.cancel()
        del self.lag

    def stats(self) -> dict[str, Any]:
        """Figures for heartbeats; cheap."""
        lanes = {"fg": 0, "bg": 0}
        for actor in self.actors.values():
            for lane, count in actor._mailbox.waiting().items():  # noqa: SLF001
                lanes[lane] += count
        return {
            "rss_bytes": resident_bytes(),
            "mailbox": lanes,
            "loop_lag_ms": round(self.lag.lag_ms, 3),
            "handled": sum(actor.handled for actor in self.actors.values()),
            "failed": sum(actor.failed for actor in self.actors.values()),
            "dead_letters": self.dead_letter_count,
        }

    # What refs need

    def local(self, name: str, message: Message) -> AsyncActor | None:
        """The actor, where it lives here."""
        del message
        return self.actors.get(name) if name not in self.addresses else None

    def client(self, name: str) -> Client:
        """The connection to where an actor lives."""
        address = address_of(name, self.run_dir, self.addresses)
        client = self._clients.get(address)
        if client is None:
            client = self._clients[address] = Client(address, limits=LARGE)
        return client

    def execute(self, name: str, message: Message, call: Call, subscriber: Subscriber) -> Execution:
        """Have a message handled; its parts and outcome go to `subscriber`."""
        execution = self._executions.get(call.id) or (self._kept.find(message, call) if message.contract.kept else None)
        if execution is not None:
            execution.subscribers = [other for other in execution.subscribers if other.call_id != call.id]
            execution.subscribe(subscriber)
            return execution

        execution = Execution(message.contract, message, call)
        execution.subscribe(subscriber)
        actor = self.actors.get(name)
        problem: LatticeError | None = None

        if actor is None:
            problem = UnknownActor(f"no {name} lives here")
        elif message.contract.actor == "sys":
            execution.finish(self._answer_system(actor, message))
            return execution
        elif message.contract.type not in actor._handlers:  # noqa: SLF001
            problem = UnknownType(f"{name} handles no {message.contract.type!r}")
        elif self.draining:
            problem = Unavailable(f"{name} is being stopped", retry_after_ms=100)
        elif len(self._executions) >= IN_FLIGHT:
            problem = Overloaded("too many calls are in flight here", retry_after_ms=100)

        if problem is None and actor is not None:
            self._executions[call.id] = execution
            execution.on_finish = self._finished
            if message.contract.kept:
                self._kept.add(execution)
            try:
                actor.actor_inbox.put(Delivery(message, call, execution))  # type: ignore[arg-type]
            except Overloaded as error:
                problem = error

        if problem is not None:
            self.dead_letter(name, message.contract.type, problem.message)
            execution.finish(problem)
        return execution

    def tell_here(self, name: str, message: Message, call: Call) -> None:
        """Put a message into an actor's mailbox that nothing answers."""
        actor = self.actors.get(name)
        if actor is None or message.contract.type not in actor._handlers:  # noqa: SLF001
            self.dead_letter(name, message.contract.type, "nobody here handles it")
            return
        try:
            actor.actor_inbox.put(Delivery(message, call, None))  # type: ignore[arg-type]
        except Overloaded as error:
            self.dead_letter(name, message.contract.type, error.message)
            raise

    def dead_letter(self, to: str, type_name: str, reason: str) -> None:
        """Count, log and keep what could not be delivered or handled."""
        self.dead_letter_count += 1
        self.dead_letters.append(DeadLetter(time=datetime.now(UTC), to=to, type=type_name, reason=reason))
        logger.debug("dead letter", to=to, type=type_name, reason=reason)

    def _finished(self, execution: Execution) -> None:
        self._executions.pop(execution.call.id, None)
        if execution.contract.kept:
            self._kept.ended(execution)

    def _actor_ended(self, actor: AsyncActor, reason: str | None, trace: str | None) -> None:
        if reason is None:
            return
        if self.on_actor_failed is not None:
            self.actors.pop(actor.name, None)
            self._unlisten(actor.name)
            self.on_actor_failed(actor.name, reason, trace)
        elif not self.failed.done():
            self.failed.set_result((f"{actor.name}: {reason}", trace))

    # The wire

    async def _listen(self, name: str) -> None:
        lock = Lock(self.run_dir / f"{name}.lock")
        await lock.acquire(LOCK_WAIT_S)
        self._locks[name] = lock
        if self._server is None:
            self._server = Server(incarnation=self.incarnation, on_envelope=self._on_envelope, limits=LARGE, curve=self.curve)
        address = address_of(name, self.run_dir)
        if address not in self._server.addresses:
            self._server.bind(address)

    def _unlisten(self, name: str) -> None:
        lock = self._locks.pop(name, None)
        if lock is not None:
            lock.release()

    def _on_envelope(self, peer: Peer, envelope: Envelope) -> None:
        assert self._server is not None  # noqa: S101 (it is what calls)
        if envelope.kind in (CANCEL, CREDIT):
            execution = self._remote.get(envelope.id)
            if execution is None:
                return
            if envelope.kind == CANCEL:
                execution.unsubscribe(envelope.id)
            else:
                execution.grant(envelope.id, envelope.body["n"])
            return

        now = self.loop.time()
        ttl_ms = DEFAULT_TTL_MS if envelope.ttl is None else min(envelope.ttl, MAX_TTL_MS)
        call = Call(envelope.id, envelope.key, envelope.lane, now + ttl_ms / 1000, envelope.trace)
        to, type_name = envelope.to or "", envelope.type or ""
        try:
            if to not in self.actors:
                raise UnknownActor(f"no {to!r} lives here")
            message = parse(type_name, envelope.body, envelope.size)
            if envelope.kind == TELL:
                self.tell_here(to, message, call)
                return
            if ttl_ms == 0:
                raise DeadlineExceeded
        except LatticeError as error:
            if envelope.kind == ASK:
                self._server.send_error(peer, envelope.id, error)
            else:
                self.dead_letter(to, type_name, error.message)
            return
        self._remote.pop(envelope.id, None)
        execution = self.execute(to, message, call, _Remote(self._server, peer, envelope.id, self._remote))
        if any(subscriber.call_id == envelope.id for subscriber in execution.subscribers):
            self._remote[envelope.id] = execution

    # What the host answers for its actors

    def _answer_system(self, actor: AsyncActor, message: Message) -> Reply | LatticeError:
        if isinstance(message, Ping):
            return Pong(name=actor.name, incarnation=self.incarnation, pid=os.getpid(), time=datetime.now(UTC))
        why_not = actor.readiness()
        if isinstance(message, GetInfo):
            return Info(
                name=actor.name,
                incarnation=self.incarnation,
                pid=os.getpid(),
                python=sys.version.split()[0],
                types=tuple(sorted(actor._handlers)),  # noqa: SLF001
                ready=why_not is None and not self.draining,
                why_not_ready="draining" if self.draining else why_not,
                stats=self.stats(),
            )
        if isinstance(message, GetMetrics):
            return Metrics(metrics=(*self._metrics(actor), *actor.metrics()))
        if isinstance(message, Dump):
            running = [
                {"type": execution.contract.type, "call": call_id, "remaining_s": round(execution.call.remaining(), 3)}
                for call_id, execution in list(self._executions.items())[:100]
            ]
            mailbox = actor._mailbox  # noqa: SLF001
            return Dumped(
                running=tuple(running),
                waiting=mailbox.waiting(),
                waiting_types=tuple(mailbox.peek_types()),
                dead_letters=tuple(self.dead_letters),
            )
        return UnknownType(f"{message.contract.type} is not known here")

    def _metrics(self, actor: AsyncActor) -> list[Metric]:
        stats = self.stats()
        figures: list[tuple[str, str, str, float]] = [
            ("lattice_handled_total", "counter", "Messages handled.", actor.handled),
            ("lattice_failed_total", "counter", "Handlers that failed.", actor.failed),
            ("lattice_dead_letters_total", "counter", "Messages not delivered or not handled.", self.dead_letter_count),
            ("lattice_in_flight", "gauge", "Calls being handled in this process.", len(self._executions)),
            ("lattice_loop_lag_seconds", "gauge", "How late the loop runs.", self.lag.lag_ms / 1000),
            ("lattice_loop_held_total", "counter", "Times the loop was held for more than 100 ms.", self.lag.held),
            ("lattice_resident_bytes", "gauge", "Resident memory of the process.", stats["rss_bytes"]),
            ("lattice_uptime_seconds", "gauge", "Since the process took its name.", time.monotonic() - self._began),
        ]
        families = [
            Metric(name=name, kind=kind, help=about, samples=(Sample(value=value),))  # type: ignore[arg-type]
            for name, kind, about, value in figures
        ]
        waiting = actor._mailbox.waiting()  # noqa: SLF001
        lanes = tuple(Sample(labels={"lane": lane}, value=count) for lane, count in waiting.items())
        return [*families, Metric(name="lattice_mailbox", kind="gauge", help="Messages that wait.", samples=lanes)]


class _Remote:
    """The subscriber behind a call from another process."""

    __slots__ = ("_peer", "_remote", "_server", "call_id", "credit", "cursor")

    def __init__(self, server: Server, peer: Peer, call_id: str, remote: dict[str, Execution]) -> None:
        self._remote = remote
        self._server = server
        self._peer = peer
        self.call_id = call_id
        self.cursor = 0
        self.credit = INITIAL_CREDIT

    def on_part(self, seq: int, part: Reply) -> None:
        envelope = Envelope(PART, self.call_id, type=part.type, seq=seq, body=part.model_dump(mode="json"))
        self._server.send(self._peer, envelope)

    def on_outcome(self, outcome: Reply | LatticeError, parts: int) -> None:
        if isinstance(outcome, LatticeError):
            envelope = Envelope(ERROR, self.call_id, body=outcome.to_body())
        else:
            body = outcome.model_dump(mode="json")
            envelope = Envelope(REPLY, self.call_id, type=outcome.type, seq=parts or None, body=body)
        self._remote.pop(self.call_id, None)
        self._server.send(self._peer, envelope)


def resident_bytes() -> int:
    """This process's resident memory, from /proc."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
