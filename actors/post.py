"""Post: takes messages to the actors of a host, from its sockets and from within, and answers for those it cannot take."""

# ruff: noqa: SLF001 (the rooms of the runtime look into each other, and nobody else does)
from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from loguru import logger

from actors import system
from actors.delivery import Delivery
from actors.message import Message, contract_of
from actors.refs import DEFAULT_TIMEOUT_S
from actors.remote_ask import RemoteAsk, Served
from transport.deadlines import Deadlines
from transport.envelope import ASK, CANCEL, TELL, Envelope
from transport.errors import (
    DeadlineExceeded,
    Internal,
    Invalid,
    LatticeError,
    Overloaded,
    Unavailable,
    UnknownActor,
    UnknownType,
)

if TYPE_CHECKING:
    from actors.dead_letters import Reason
    from actors.home import Home
    from actors.runtime import AsyncActor
    from transport.server import Peer, Server

__all__ = ["Post"]

HELD: Final = 4096
"""Asks that may wait for an actor that is being replaced."""


class Post:
    """What stands between a host's doors and its actors' mailboxes."""

    server: Server
    """Set by the host before it listens anywhere."""

    def __init__(self, host: Home, loop: asyncio.AbstractEventLoop) -> None:
        self.actors: dict[str, AsyncActor] = {}
        """In the order in which they were started."""

        self.known: set[str] = set()
        """Names that live here, or did: their next bearer is expected here as well."""

        self._host = host
        self._held: dict[str, list[Delivery]] = {}
        self._served: Served = {}
        self._deadlines: Deadlines[Delivery] = Deadlines(loop, self._expire)

    @property
    def calls(self) -> int:
        """Calls from other processes that are in flight."""
        return len(self._served)

    def add(self, actor: AsyncActor) -> None:
        """Lets messages come to an actor, first those that have waited for it."""
        self.actors[actor.name] = actor
        self.known.add(actor.name)

        for delivery in self._held.pop(actor.name, []):
            if not delivery.done:
                actor._admit(delivery)

    def remove(self, name: str, actor: AsyncActor | None = None) -> AsyncActor | None:
        """Lets no more messages come to an actor; returns it. Does nothing if it is not (or not any more) that name's."""
        if actor is not None and self.actors.get(name) is not actor:
            return None

        return self.actors.pop(name, None)

    def hold(self, name: str, deliveries: list[Delivery]) -> None:
        """Keeps asks that an actor has not answered for its replacement. Tells are not kept: they are said at most once."""
        for delivery in deliveries:
            if not delivery.answered:
                self._host.dead_letters.add(
                    "stopped", to=name, type=delivery.contract.type, id=delivery.id, caller=delivery.caller
                )
            elif delivery.begin_again():
                self._hold(name, delivery)

    def close(self, *, answer: bool) -> None:
        """Answers all that is still held; without `answer` remote callers hear nothing, and ask the next process."""
        self._deadlines.close()

        for delivery in [delivery for held in self._held.values() for delivery in held]:
            if isinstance(delivery, RemoteAsk) and not answer:
                delivery.forget()
            else:
                delivery.fail(_going_away())

        self._held.clear()

    def deliver(self, name: str, delivery: Delivery) -> None:
        """Takes a message from within the process."""
        if delivery.answered:
            self._deadlines.add(delivery)

        actor = self.actors.get(name)

        if delivery.contract.actor == "sys":
            self._answer_system(name, actor, delivery)
        elif actor is not None and not actor.actor_stopped.is_set():
            actor._admit(delivery)
        elif delivery.answered:
            self._hold(name, delivery)
        else:
            self.hold(name, [delivery])

    def take(self, peer: Peer, envelope: Envelope) -> None:
        """Takes an envelope from the host's sockets."""
        kind = envelope.kind

        if kind == ASK:
            self._take_ask(peer, envelope)
        elif kind == TELL:
            self._take_tell(peer, envelope)
        elif (delivery := self._served.get((peer, envelope.id))) is None:
            return
        elif kind == CANCEL:
            delivery.cancel()
        else:
            delivery.grant(envelope.body["n"])

    def gone(self, peer: Peer) -> None:
        """A peer has disconnected: what it asked ends, except for kept calls, whose caller may come back."""
        for delivery in [delivery for (asker, _), delivery in self._served.items() if asker == peer]:
            if not delivery.contract.kept:
                delivery.forget()

                if delivery.worker is not None:
                    delivery.ending = Unavailable("the caller is gone")
                    delivery.worker.cancel()

    def _take_ask(self, peer: Peer, envelope: Envelope) -> None:
        if (peer, envelope.id) in self._served:
            return

        try:
            message = self._read(envelope)

            if message.contract.reply is None:
                raise Invalid(f"{envelope.type} has no reply; tell it")

            limits = self._host.limits

            # Questions about the process itself must find it when it is busy.
            if len(self._served) >= limits.calls and message.contract.actor != "sys":
                raise Overloaded(f"{limits.calls} calls are in flight here already", retry_after_ms=100)
        except LatticeError as error:
            self.server.send_error(peer, envelope.id, error)

            # Whoever is told that this host is going away asks its successor.
            if not isinstance(error, Unavailable):
                self._dead(envelope, peer, error)

            return

        ttl_s = DEFAULT_TIMEOUT_S if envelope.ttl is None else envelope.ttl / 1000
        deadline = time.monotonic() + min(ttl_s, limits.call_s)
        delivery = RemoteAsk(self.server, self._served, peer, message, envelope, deadline)
        self._served[peer, envelope.id] = delivery
        self.deliver(envelope.to or "", delivery)

    def _take_tell(self, peer: Peer, envelope: Envelope) -> None:
        try:
            message = self._read(envelope)
        except LatticeError as error:
            self._dead(envelope, peer, error)
            return

        ttl_s = DEFAULT_TIMEOUT_S if envelope.ttl is None else envelope.ttl / 1000
        deadline = time.monotonic() + ttl_s
        self.deliver(
            envelope.to or "", Delivery(message, envelope.id, envelope.key, envelope.lane, deadline, envelope.trace, peer.hex())
        )

    def _read(self, envelope: Envelope) -> Message:
        """The message of an envelope.

        Raises:
            LatticeError: its name for why there is none.
        """
        if envelope.to is None or envelope.to not in self.known:
            raise UnknownActor(f"no actor called {envelope.to!r} lives here")

        if self._host.draining.is_set():
            raise _going_away()

        type_name = envelope.type or ""
        actor = self.actors.get(envelope.to)
        handler = actor._handlers.get(type_name) if actor is not None else None
        contract = handler.contract if handler is not None else contract_of(type_name)

        if actor is not None and handler is None and contract.actor != "sys":
            raise UnknownType(f"{envelope.to} does not handle {envelope.type}")

        if envelope.size > contract.max_bytes:
            raise Invalid(f"{envelope.type}: the body has {envelope.size} bytes, at most {contract.max_bytes} are taken")

        return contract.message.parse(envelope.body)

    def _answer_system(self, name: str, actor: AsyncActor | None, delivery: Delivery) -> None:
        if actor is None:
            delivery.fail(Unavailable(f"{name} is not running"))
            return

        try:
            delivery.reply(system.answer(self._host, actor, delivery.message))
        except LatticeError as error:
            delivery.fail(error)
        except Exception as error:  # noqa: BLE001 (a fault in the actor's own figures: who asks hears of it, as of a handler's)
            logger.opt(exception=error).error("an actor cannot be looked at", actor=name, type=delivery.contract.type)
            delivery.fail(Internal(f"{delivery.contract.type} failed: {type(error).__name__}"))

    def _hold(self, name: str, delivery: Delivery) -> None:
        held = self._held.setdefault(name, [])

        if len(held) >= HELD:
            held[:] = [other for other in held if not other.done]

        if len(held) >= HELD:
            delivery.fail(Overloaded(f"too much waits for {name} to come back", retry_after_ms=1000))
        else:
            held.append(delivery)

    def _expire(self, delivery: Delivery) -> None:
        if delivery.worker is None and delivery.on_cancel is None:
            self._host.dead_letters.add(
                "deadline", to=delivery.contract.actor, type=delivery.contract.type, id=delivery.id, caller=delivery.caller
            )

        delivery.cancel(DeadlineExceeded())

    def _dead(self, envelope: Envelope, peer: Peer, error: LatticeError) -> None:
        reasons: dict[str, Reason] = {"unknown_actor": "unknown_actor", "unknown_type": "unknown_type", "invalid": "invalid"}
        reason = reasons.get(error.code, "stopped")
        self._host.dead_letters.add(reason, to=envelope.to, type=envelope.type, id=envelope.id, caller=peer.hex())


def _going_away() -> Unavailable:
    return Unavailable("this host is going away", retry_after_ms=50, detail={"draining": True})
