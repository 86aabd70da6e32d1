"""Ref: ask, tell and stream to an actor by name, wherever it runs."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final, Protocol

from pydantic import ValidationError

from actors.call import current_call, next_id
from actors.delivery import Delivery, LocalAsk, LocalStream
from actors.streams import HereStream, RemoteStream, Stream
from transport.errors import DeadlineExceeded, Internal, Invalid, LatticeError, Unavailable

if TYPE_CHECKING:
    from actors.message import Contract, Message, Reply
    from transport.client import Client
    from transport.envelope import Envelope
    from transport.stream import ClientStream

__all__ = ["DEFAULT_TIMEOUT_S", "Ref", "Stream", "Ways"]

DEFAULT_TIMEOUT_S: Final = 30.0
PAUSE_MS: Final = 50
"""How long to wait before a peer that is going away is asked again, where its answer names no time."""


class Ways(Protocol):
    """What a host knows: which way a message takes."""

    def lives_here(self, name: str) -> bool:
        """Whether messages to that name stay in this process."""

    def deliver(self, name: str, delivery: Delivery) -> None:
        """Takes a message to an actor that lives here; whatever goes wrong is its answer."""

    def client(self, name: str) -> Client:
        """The connection to an actor elsewhere.

        Raises:
            Unavailable: the host is closed.
        """


class Ref:
    """An actor's name and the host that knows the way to it.

    Args:
        host: this process's host.
        name: the actor's name.
        caller: who asks, for the logs of who is asked.
    """

    __slots__ = ("_caller", "_host", "name")

    def __init__(self, host: Ways, name: str, caller: str = "") -> None:
        self.name = name
        self._host = host
        self._caller = caller

    def __repr__(self) -> str:
        return f"<Ref to {self.name}>"

    async def ask(
        self, message: Message, *, timeout: float | None = None, key: str | None = None, lane: str | None = None
    ) -> Any:
        """Asks and waits for the reply, an instance of the contract's reply model. Parts, where there are any, are dropped.

        Cancelling the waiting task cancels the call and all that it asked.

        Args:
            message: what is asked.
            timeout: seconds; by default what is left to the call being handled, or 30. Never more than what is left to it.
            key: idempotency key.
            lane: "fg" or "bg"; by default that of the call being handled, or "fg".

        Raises:
            DeadlineExceeded: the time was up.
            Unavailable: the time was up, and there never was a connection to the actor.
            LatticeError: any that the actor answered.
        """
        deadline, lane, trace = _circumstances(timeout, lane)
        _reply_of(message.contract)

        if not self._host.lives_here(self.name):
            return await self._ask_remote(message, deadline, key, lane, trace)

        delivery = LocalAsk(message, next_id(), key, lane, deadline, trace, self._caller)
        self._host.deliver(self.name, delivery)

        try:
            return await delivery.future
        except asyncio.CancelledError:
            delivery.cancel()
            raise

    def tell(self, message: Message, *, lane: str | None = None, key: str | None = None) -> None:
        """Says something that nothing answers. It arrives at most once; what cannot be delivered becomes a dead letter.

        Args:
            message: what is said.
            lane: "fg" or "bg"; by default that of the call being handled, or "fg".
            key: idempotency key.
        """
        call = current_call.get()
        lane = lane or (call.lane if call is not None else "fg")
        trace = call.trace if call is not None else None

        if self._host.lives_here(self.name):
            deadline = time.monotonic() + DEFAULT_TIMEOUT_S
            self._host.deliver(self.name, Delivery(message, next_id(), key, lane, deadline, trace, self._caller))
        else:
            self._host.client(self.name).tell(
                self.name,
                message.contract.type,
                _body(message),
                ttl_ms=int(DEFAULT_TIMEOUT_S * 1000),
                key=key,
                lane=lane,
                trace=trace,
            )

    def stream(
        self,
        message: Message,
        *,
        timeout: float | None = None,
        key: str | None = None,
        lane: str | None = None,
        id: str | None = None,  # noqa: A002 (the wire's own word)
    ) -> Stream:
        """Asks for an answer in parts; see `Stream`. The call begins at once.

        Args:
            message: as for `ask`.
            timeout: as for `ask`.
            key: as for `ask`.
            lane: as for `ask`.
            id: of a stream that ended with `PeerReplaced` and is asked again: its own, so that what was done for it is known.
        """
        deadline, lane, trace = _circumstances(timeout, lane)
        contract = message.contract

        if contract.part is None:
            raise Invalid(f"{contract.type} has no parts; ask it")

        if self._host.lives_here(self.name):
            delivery = LocalStream(message, id or next_id(), key, lane, deadline, trace, self._caller)
            self._host.deliver(self.name, delivery)
            return HereStream(delivery)

        client, body, call_id = self._host.client(self.name), _body(message), id or next_id()

        def ask() -> ClientStream:
            ttl_ms = _milliseconds(deadline)
            return client.stream(self.name, contract.type, body, ttl_ms=ttl_ms, id=call_id, key=key, lane=lane, trace=trace)

        async def patience(error: LatticeError) -> None:
            await _patience(error, deadline)

        return RemoteStream(contract.part, _reply_of(contract), ask, self._read, patience)

    async def _ask_remote(self, message: Message, deadline: float, key: str | None, lane: str, trace: str | None) -> Any:
        client, contract, call_id = self._host.client(self.name), message.contract, next_id()
        model, body = _reply_of(contract), _body(message)

        while True:
            try:
                envelope = await client.ask(
                    self.name, contract.type, body, ttl_ms=_milliseconds(deadline), id=call_id, key=key, lane=lane, trace=trace
                )
            except DeadlineExceeded as error:
                if error.detail == {"connected": False} and not client.counters.received:
                    # Of a key that is not the server's, CURVE tells a client no more than that the connection ends.
                    why = ": nobody listens there, or under another public key" if client.address.startswith("tcp://") else ""
                    raise Unavailable(f"{self.name} could not be reached at {client.address}{why}") from error
                raise
            except Unavailable as error:
                await _patience(error, deadline)
            else:
                return self._read(model, envelope)

    def _read(self, model: type[Reply], envelope: Envelope) -> Any:
        try:
            return model.model_validate(envelope.body)
        except ValidationError as error:
            raise Internal(f"{self.name} answered something that is not a {model.__name__}") from error


def _circumstances(timeout: float | None, lane: str | None) -> tuple[float, str, str | None]:
    """Deadline, lane and trace of a call that is made now."""
    call = current_call.get()
    now = time.monotonic()

    if call is None:
        return now + (DEFAULT_TIMEOUT_S if timeout is None else timeout), lane or "fg", None

    deadline = call.deadline if timeout is None else min(call.deadline, now + timeout)

    return deadline, lane or call.lane, call.trace


def _reply_of(contract: Contract) -> type[Reply]:
    if contract.reply is None:
        raise Invalid(f"{contract.type} has no reply; tell it")

    return contract.reply


def _body(message: Message) -> dict[str, Any]:
    body: dict[str, Any] = message.__pydantic_serializer__.to_python(message, mode="json")

    return body


def _milliseconds(deadline: float) -> int:
    """What is left, for the wire.

    Raises:
        DeadlineExceeded: nothing.
    """
    left = int((deadline - time.monotonic()) * 1000)

    if left <= 0:
        raise DeadlineExceeded

    return left


async def _patience(error: LatticeError, deadline: float) -> None:
    """A host that is going away has not begun what it refused: another takes its place, and is asked after a pause.

    Raises:
        LatticeError: `error` itself, when it says something else or no time is left.
    """
    pause = (error.retry_after_ms or PAUSE_MS) / 1000

    if not (error.detail or {}).get("draining") or time.monotonic() + pause >= deadline:
        raise error

    await asyncio.sleep(pause)
