"""Ref: ask, tell and stream to an actor by name, wherever it runs. Local and remote look alike."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, Self

from actors.call import Call, next_call
from actors.execution import Execution
from actors.message import Contract, Message, Reply, contract_of
from pydantic import ValidationError
from transport.envelope import INITIAL_CREDIT, Envelope
from transport.errors import DeadlineExceeded, Internal, Invalid, LatticeError, Unavailable

if TYPE_CHECKING:
    from actors.host import Host
    from transport.stream import ClientStream

__all__ = ["Ref", "Stream"]


class Ref:
    """An actor by its name. Made by `Host.ref`; costs nothing to make."""

    __slots__ = ("_host", "name")

    def __init__(self, host: Host, name: str) -> None:
        self._host = host
        self.name = name

    async def ask(
        self,
        message: Message,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 (seconds for the whole call, across processes)
        key: str | None = None,
        lane: str | None = None,
    ) -> Any:
        """The reply to a message. A call made while handling another has at most the time that is left to that one.

        Args:
            message: any contract that the actor handles.
            timeout: seconds for the whole call; 30 outside any other call.
            key: idempotency key.
            lane: "fg" or "bg"; that of the call being handled, by default.

        Raises:
            LatticeError: what the actor answered, or `DeadlineExceeded`, or `Unavailable` where it was never there.
        """
        call = next_call(timeout=timeout, key=key, lane=lane)
        if call.remaining() <= 0:
            raise DeadlineExceeded
        actor = self._host.local(self.name, message)
        if actor is not None:
            return await self._ask_here(message, call)

        contract = message.contract
        client = self._host.client(self.name)
        try:
            envelope = await client.ask(self.name, contract.type, body_of(message), **wire(call))
        except DeadlineExceeded:
            if not client.connected and client.incarnation is None:
                raise Unavailable(f"{self.name} could not be reached within the time of the call") from None
            raise
        return reply_of(contract, envelope)

    async def _ask_here(self, message: Message, call: Call) -> Reply:
        waiting = _Waiting(call.id)
        execution = self._host.execute(self.name, message, call, waiting)
        try:
            return await waiting.future
        except asyncio.CancelledError:
            execution.unsubscribe(call.id)
            raise

    def tell(self, message: Message, *, key: str | None = None, lane: str | None = None) -> None:
        """Say something that nothing answers."""
        call = next_call(timeout=None, key=key, lane=lane)
        if self._host.local(self.name, message) is not None:
            self._host.tell_here(self.name, message, call)
        else:
            self._host.client(self.name).tell(self.name, message.contract.type, body_of(message), **wire(call))

    def stream(
        self, message: Message, *, timeout: float | None = None, key: str | None = None, lane: str | None = None
    ) -> Stream:
        """The parts of an answer as they come; the call begins at once. Arguments and errors as `ask`; see `Stream`."""
        call = next_call(timeout=timeout, key=key, lane=lane)
        if self._host.local(self.name, message) is not None:
            return LocalStream(self._host, self.name, message, call)
        contract = message.contract
        stream = self._host.client(self.name).stream(self.name, contract.type, body_of(message), **wire(call))
        return RemoteStream(contract, stream)


def body_of(message: Message) -> dict[str, Any]:
    return message.model_dump(mode="json", exclude_defaults=True)


def wire(call: Call) -> dict[str, Any]:
    ttl_ms = min(max(1, int(call.remaining() * 1000)), 7 * 24 * 3600 * 1000)
    return {"ttl_ms": ttl_ms, "id": call.id, "key": call.key, "lane": call.lane, "trace": call.trace}


def reply_of(contract: Contract, envelope: Envelope) -> Reply:
    """The reply as its model says; a peer that answers otherwise is at fault."""
    model = contract.reply
    if model is None:
        raise Internal(f"{contract.type} has no reply")
    try:
        return model.model_validate(envelope.body)
    except ValidationError as error:
        raise Internal(f"the reply to {contract.type} is not a {model.__name__}: {error.error_count()} fields are wrong") from error


class Stream:
    """An async iterator of parts; after the last, `reply` is the reply that ended it. Leaving `async with` early cancels.

    Raises while iterating what the actor answered as error, `DeadlineExceeded`, or `PeerReplaced` when the answering process
    was replaced after a part had been consumed: then it is for the consumer to ask again with what it has.
    """

    reply: Any = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.cancel()

    def cancel(self) -> None:
        """Take the call back, unless it has ended."""
        raise NotImplementedError


class RemoteStream(Stream):
    """A stream from another process."""

    def __init__(self, contract: Contract, stream: ClientStream) -> None:
        self._contract = contract
        self._stream = stream

    async def __anext__(self) -> Any:
        try:
            envelope = await self._stream.__anext__()
        except StopAsyncIteration:
            if self._stream.reply is not None:
                self.reply = reply_of(self._contract, self._stream.reply)
            raise
        assert self._contract.part is not None  # noqa: S101 (for the type checker)
        try:
            return self._contract.part.model_validate(envelope.body)
        except ValidationError as error:
            self.cancel()
            raise Internal(f"a part of {self._contract.type} does not fit its model") from error

    def cancel(self) -> None:
        self._stream.cancel()


class LocalStream(Stream):
    """A stream within this host."""

    def __init__(self, host: Host, name: str, message: Message, call: Call) -> None:
        self.call_id = call.id
        self.cursor = 0
        self.credit = INITIAL_CREDIT
        self._parts: deque[Reply] = deque()
        self._outcome: Reply | LatticeError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._execution: Execution = host.execute(name, message, call, self)

    def on_part(self, seq: int, part: Reply) -> None:
        del seq
        self._parts.append(part)
        self._wake()

    def on_outcome(self, outcome: Reply | LatticeError, parts: int) -> None:
        del parts
        self._outcome = outcome
        self._wake()

    async def __anext__(self) -> Any:
        while not self._parts:
            if isinstance(self._outcome, LatticeError):
                raise self._outcome
            if self._outcome is not None:
                self.reply = self._outcome
                raise StopAsyncIteration
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            except asyncio.CancelledError:
                self.cancel()
                raise
        part = self._parts.popleft()
        self._execution.grant(self.call_id, 1)
        return part

    def cancel(self) -> None:
        if self._outcome is None:
            self._execution.unsubscribe(self.call_id)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class _Waiting:
    """The subscriber behind a local `ask`: parts are passed over."""

    def __init__(self, call_id: str) -> None:
        self.call_id = call_id
        self.cursor = 0
        self.credit = 1 << 60
        self.future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    def on_part(self, seq: int, part: Reply) -> None:
        """Not asked for."""

    def on_outcome(self, outcome: Reply | LatticeError, parts: int) -> None:
        del parts
        if self.future.done():
            return
        if isinstance(outcome, LatticeError):
            self.future.set_exception(outcome)
        else:
            self.future.set_result(outcome)


def parse(type_name: str, body: dict[str, Any], size: int) -> Message:
    """The message of an envelope.

    Raises:
        Invalid, UnknownType: it is none.
    """
    contract = contract_of(type_name)
    if size > contract.max_bytes:
        raise Invalid(f"the body has {size} bytes, {type_name} takes at most {contract.max_bytes}")
    return contract.message.parse(body)
