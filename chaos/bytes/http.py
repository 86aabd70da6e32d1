"""Sends one case of a bad HTTP request to a real gateway, byte by byte, and says what was wrong with the answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from chaos.bytes.expected import Closed, Outcome, Pause, Pieces, Refused, Served, pieces_of

__all__ = ["GET", "PATIENCE_S", "Answer", "HttpCase", "play", "request"]

PATIENCE_S: Final = 20.0
"""How long an answer may take on a machine that is busy; 100 MB have to be sent first."""

GET: Final = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
"""A well-formed request."""

ENDS: Final = ("Connection: close",)


@dataclass(frozen=True, slots=True)
class HttpCase:
    """One kind of bad request.

    Arguments:
        name: what is wrong with it.
        outcome: what is right to do with it.
        sent: the bytes.
        answers: how many answers are right: a smuggled request would have one too.
    """

    name: str
    outcome: Outcome
    sent: bytes | Callable[[], Pieces]
    answers: int = 1


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as it came."""

    status: int
    body: bytes

    def error(self) -> dict[str, Any]:
        """What stands under `error` in its JSON; nothing where there is none."""
        try:
            error = json.loads(self.body)["error"]
        except (ValueError, TypeError, KeyError):
            return {}
        return error if isinstance(error, dict) else {}


def request(method: str, path: str, *headers: str, body: bytes = b"", ends: bool = True) -> bytes:
    """A request with these header lines; `Content-Length` is right unless the lines say something else."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *headers, *(ENDS if ends else ())]
    said = " ".join(headers).lower()
    if body and "content-length" not in said and "transfer-encoding" not in said:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body


async def play(case: HttpCase, host: str, port: int, *, allowed_s: float = 30.0) -> str | None:
    """What is wrong with how a gateway took a case; None where nothing is.

    Arguments:
        case: what is sent.
        host: where it listens.
        port: where it listens.
        allowed_s: seconds that it allows a request's head, and its body.
    """
    try:
        async with asyncio.timeout(PATIENCE_S + 2 * allowed_s):
            came = await _exchange(case.sent, host, port, allowed_s)
    except TimeoutError:
        return "neither an answer nor the end of the connection"
    return _judge(case, came) or await _lives(host, port)


async def _exchange(sent: bytes | Callable[[], Pieces], host: str, port: int, allowed_s: float) -> bytes:
    """All that comes back until the connection ends. It is read while the rest is still being sent."""
    # The first piece may take a while to be made, and a gateway does not wait for ever.
    pieces = iter(pieces_of(sent))
    first = next(pieces)
    reader, writer = await asyncio.open_connection(host, port)
    reading = asyncio.ensure_future(_read(reader))
    try:
        # Who is answered before he has said all is cut off.
        with suppress(ConnectionError):
            for piece in chain((first,), pieces):
                if reading.done():
                    break
                if isinstance(piece, Pause):
                    await asyncio.wait((reading,), timeout=piece.share * allowed_s)
                else:
                    writer.write(piece)
                    await writer.drain()
        return await reading
    finally:
        reading.cancel()
        writer.transport.abort()


async def _read(reader: asyncio.StreamReader) -> bytes:
    came = bytearray()
    # What had come before a reset is there.
    with suppress(ConnectionError):
        while piece := await reader.read(65536):
            came += piece
    return bytes(came)


def _judge(case: HttpCase, came: bytes) -> str | None:
    answers = _answers(came)
    told = [(answer.status, answer.error() or answer.body[:80]) for answer in answers]

    match case.outcome:
        case Closed():
            return None if all(answer.status in range(400, 500) for answer in answers) else f"it was answered {told}"
        case Served():
            right = len(answers) == case.answers and answers[0].status in case.outcome.statuses
        case Refused():
            error = answers[0].error() if answers else {}
            right = (
                len(answers) == case.answers
                and answers[0].status in case.outcome.statuses
                and error.get("code") == case.outcome.code
                and (not case.outcome.names or error.get("param") == case.outcome.names)
            )
        case _:
            right = not answers
    return None if right else f"it was answered {told}"


def _answers(came: bytes) -> list[Answer]:
    """Every answer in what came, without `100 Continue`."""
    answers = []
    while came.startswith(b"HTTP/"):
        head, _, rest = came.partition(b"\r\n\r\n")
        status = int(head[9:12])
        length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
        if status >= 200:
            answers.append(Answer(status, rest[:length]))
        came = rest[length:]
    return answers


async def _lives(host: str, port: int) -> str | None:
    """Whether a well-formed request on a connection of its own is answered."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            answers = _answers(await _exchange(GET, host, port, 1.0))
    except (TimeoutError, OSError) as error:
        return f"a well-formed request after it was not answered: {error!r}"
    statuses = [answer.status for answer in answers]
    return None if statuses == [200] else f"a well-formed request after it was answered {statuses}"
