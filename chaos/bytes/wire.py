"""Sends one case of bad bytes to a real socket of a house, and says what was wrong with the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgpack

from chaos.bytes.expected import Closed, Dropped, Outcome, Pause, Pieces, Refused, Served, pieces_of
from chaos.bytes.zmtp import Connection, message

__all__ = ["BAD", "PATIENCE_S", "WireCase", "ask", "play"]

BAD: Final = "bad"
"""The id of a case's own call."""

PATIENCE_S: Final = 10.0
"""How long a well-formed ask may take after it, on a machine that is busy."""

Frames = tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class WireCase:
    """One kind of bad bytes.

    Arguments:
        name: what is wrong with it.
        outcome: what is right to do with it.
        messages: makes the messages, each of some frames, for an actor of that name; they go out after a whole handshake.
        raw: the bytes from a connection's first on, where there is no handshake.
        socket_type, identity: what the handshake says.
        curve: meant for an address that speaks CURVE.
    """

    name: str
    outcome: Outcome
    messages: Callable[[str], list[Frames]] | None = None
    raw: bytes | Callable[[], Pieces] = b""
    socket_type: bytes = b"DEALER"
    identity: bytes = b""
    curve: bool = False


def ask(actor: str, call: str, /, body: Any = None, **changes: Any) -> Frames:
    """A well-formed ask of `sys.ping`, or one with changes: `...` leaves a field out."""
    header = {"v": 1, "kind": "ask", "id": call, "to": actor, "type": "sys.ping", "ttl": 10_000, **changes}
    return msgpack.packb({name: value for name, value in header.items() if value is not ...}), msgpack.packb(body or {})


async def play(case: WireCase, address: str, to: str, *, allowed_s: float = 2.0) -> str | None:
    """What is wrong with how an actor took a case; None where nothing is.

    Arguments:
        case: what is sent.
        address: of the actor's socket, or for a case of CURVE of one that speaks it.
        to: the actor's name.
        allowed_s: seconds that the house allows a handshake.
    """
    try:
        async with asyncio.timeout(PATIENCE_S + 2 * allowed_s):
            wrong = await (_send_raw if case.messages is None else _send)(case, address, to, allowed_s)
    except TimeoutError:
        wrong = "neither an answer nor the end of the connection"
    if wrong is None and not case.curve:
        wrong = await _answers(address, to)
    return wrong


async def _send_raw(case: WireCase, address: str, to: str, allowed_s: float) -> str | None:
    async with Connection(address) as connection:
        try:
            for piece in pieces_of(case.raw):
                if isinstance(piece, Pause):
                    await asyncio.sleep(piece.share * allowed_s)
                else:
                    await connection.write(piece)
        except ConnectionError:
            return None
        if isinstance(case.outcome, Dropped):
            return await _answers(address, to)
        await connection.ended()
    return None


async def _send(case: WireCase, address: str, to: str, allowed_s: float) -> str | None:
    del allowed_s
    async with Connection(address) as connection:
        try:
            await connection.shake_hands(case.socket_type, case.identity)
            for frames in case.messages(to) if case.messages is not None else ():
                await connection.write(message(*frames))
            await connection.write(message(*ask(to, "after")))
        except ConnectionError:
            return None if isinstance(case.outcome, Closed) else "the connection was ended"
        return await _judge(case.outcome, connection)


async def _judge(outcome: Outcome, connection: Connection) -> str | None:
    said: list[tuple[dict[str, Any], dict[str, Any]]] = []

    while (frames := await connection.receive()) is not None:
        header, body = (msgpack.unpackb(frame) for frame in frames)
        if header["id"] == "after":
            break
        said.append((header, body))
    if frames is None:
        return None if isinstance(outcome, Closed) else "the connection was ended"

    told = [(header["id"], header["kind"], body.get("code"), body.get("message", "")) for header, body in said]
    match outcome:
        case Closed():
            return f"the connection lives, and said {told}"
        case Dropped():
            return f"it was answered {told}" if told else None
        case Served():
            return None if [answer[:2] for answer in told] == [(BAD, "reply")] else f"it was answered {told}"
        case Refused():
            right = bool(told) and all(answer[:3] == (BAD, "error", outcome.code) for answer in told)
            return None if right and outcome.names in told[0][3] else f"it was answered {told}"


async def _answers(address: str, to: str) -> str | None:
    """Whether a well-formed ask on a connection of its own is answered."""
    try:
        async with asyncio.timeout(PATIENCE_S), Connection(address) as connection:
            await connection.shake_hands()
            await connection.write(message(*ask(to, "fine")))
            frames = await connection.receive()
    except (TimeoutError, ConnectionError) as error:
        return f"a well-formed ask after it was not answered: {error!r}"
    header = msgpack.unpackb(frames[0]) if frames else None
    right = header is not None and (header["id"], header["kind"]) == ("fine", "reply")
    return None if right else f"a well-formed ask after it was answered {header}"
