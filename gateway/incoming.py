"""Incoming: one HTTP request as its route sees it: whose it is, how long it may take, and the way to the actors."""

from __future__ import annotations

import asyncio
import hashlib
import math
import re
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import nullcontext
from typing import Any, Protocol, TypeVar

from aiohttp import hdrs, web
from pydantic import BaseModel, ValidationError
from pydantic_core import to_json

from actors.message import Message
from actors.refs import Stream
from gateway.admission import Admission
from gateway.auth import Principal
from gateway.body_room import Reader
from gateway.content_coding import Decoder, decoder_of
from gateway.errors import HttpError
from gateway.http_metrics import HttpMetrics
from gateway.json_size import is_large
from gateway.openapi import Description
from gateway.settings import GatewaySettings
from gateway.validation import check_numbers, from_validation, read_json
from transport.errors import DeadlineExceeded, LatticeError

__all__ = ["Asker", "Incoming", "digest", "new_key", "request_id_of"]

Model = TypeVar("Model", bound=BaseModel)

SHORTEST_S = 0.001
CHUNK = 1 << 16
PRINTABLE = re.compile(r"[\x20-\x7e]{1,256}")
SECONDS = re.compile(r"[0-9]+(\.[0-9]*)?|\.[0-9]+")
REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


class Asker(Protocol):
    """What is needed of the gateway actor."""

    async def ask(
        self, message: Message, *, to: str | None = None, timeout: float | None = None, key: str | None = None
    ) -> Any:
        """Ask and await the reply."""

    def stream(
        self,
        message: Message,
        *,
        timeout: float | None = None,
        key: str | None = None,
        id: str | None = None,  # noqa: A002 (the wire's own word)
    ) -> Stream:
        """Ask for an answer in parts."""

    def tell(self, message: Message, *, to: str | None = None, key: str | None = None) -> None:
        """Say something that nothing answers."""


class Incoming:
    """One request. Made when it is let in; gone when it is answered."""

    def __init__(
        self,
        request: web.Request,
        *,
        asker: Asker,
        settings: GatewaySettings,
        admission: Admission,
        principal: Principal,
        metrics: HttpMetrics,
        description: Description,
    ) -> None:
        self.request = request
        self.asker = asker
        self.settings = settings
        self.admission = admission
        self.principal = principal
        self.metrics = metrics
        self.description = description
        self.deadline = asyncio.get_running_loop().time() + self.timeout()
        self.namespace = principal.namespace or "default"
        self.raw: Any = None
        """The body as JSON has it, before it was validated."""

        self.fingerprint = ""
        """What a body is known by: who sends the same bytes again asks the same."""

        self.failure: Exception | None = None
        """What ended the answer after its status had gone out; for the log."""

        self.began = time.monotonic()
        self.route = ""
        """Its route's path, for a person."""

        self.task = asyncio.current_task()
        self.ended: asyncio.Future[LatticeError] = asyncio.get_running_loop().create_future()
        """Why it was ended from outside, once it is."""

        self.listens = False
        """Whether it waits for `ended` too; otherwise its task is cancelled."""

        self.has_asked = False
        """Whether an actor was asked: from there on the request itself was right."""

    def end(self, error: LatticeError) -> None:
        """End it from outside: it is answered with this error."""
        if not self.ended.done():
            self.ended.set_result(error)
            if not self.listens and self.task is not None:
                self.task.cancel()

    async def ask(self, message: Message, *, key: str | None = None) -> Any:
        """Ask an actor within this request's time. Its errors are the request's."""
        self.has_asked = True
        return await self.asker.ask(message, timeout=self.remaining(), key=key)

    async def look_up(self, message: Message) -> Any:
        """Ask an actor for something that the request refers to: whether the request itself is right is not known yet."""
        return await self.asker.ask(message, timeout=self.remaining())

    def stream(self, message: Message, *, key: str | None = None, id: str | None = None) -> Stream:  # noqa: A002 (the wire's)
        """Ask an actor for an answer in parts within this request's time."""
        self.has_asked = True
        return self.asker.stream(message, timeout=self.remaining(), key=key, id=id)

    def tell(self, message: Message, *, key: str | None = None) -> None:
        """Tell an actor something that nothing answers."""
        self.asker.tell(message, key=key)

    async def probe(self, message: Message, *, to: str) -> Any:
        """Ask one actor about itself, and wait no longer than for a probe."""
        return await self.asker.ask(message, to=to, timeout=min(self.remaining(), self.settings.probe_timeout_s))

    def remaining(self) -> float:
        """Seconds that are left for this request.

        Raises:
            DeadlineExceeded: none are.
        """
        left = self.deadline - asyncio.get_running_loop().time()
        if left < SHORTEST_S:
            raise DeadlineExceeded("the time allowed for the request is up")

        return left

    def extend(self) -> None:
        """Give the rest its time anew: for transfers, which take as long as there is something to transfer."""
        self.deadline = asyncio.get_running_loop().time() + self.timeout()

    def failed(self, error: Exception) -> None:
        """Note what ended an answer whose status has gone out already."""
        self.failure = error

    @property
    def wants_head(self) -> bool:
        """Whether an answer ends with its head."""
        return self.request.method == hdrs.METH_HEAD

    async def read(self, reader: Reader) -> bytes:
        """The whole body.

        Raises:
            HttpError: 408 when it does not come in time; it is not coded as its header says.
            web.HTTPRequestEntityTooLarge: it is larger than any may be.
        """
        decoder = self.decoder()
        # One that is there already costs nobody anything.
        waiting = nullcontext() if self.request.content.is_eof() else self.admission.bodies.waiting(reader)
        body = bytearray()
        try:
            with waiting:
                async with asyncio.timeout(self.settings.read_timeout_s):
                    async for chunk in self.request.content.iter_any():
                        reader.came += len(chunk)
                        async for piece in decoded(chunk, decoder):
                            body += piece
                            if len(body) > self.settings.max_body_bytes:
                                raise web.HTTPRequestEntityTooLarge(self.settings.max_body_bytes)
        except TimeoutError:
            raise HttpError(408, "timeout", "the body did not come in time") from None

        if decoder is not None:
            decoder.end()
        return bytes(body)

    def decoder(self) -> Decoder | None:
        """What takes off the body's coding; None where it has none.

        Raises:
            HttpError: 415, it is not taken.
        """
        return decoder_of(",".join(self.request.headers.getall("Content-Encoding", ()))) if self.request.body_exists else None

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives, its coding taken off, where a route takes it in pieces.

        Raises:
            HttpError: 408 when nothing comes for too long; it is not coded as its header says.
        """
        decoder = self.decoder()
        async for chunk in self.arriving():
            async for piece in decoded(chunk, decoder):
                yield piece
        if decoder is not None:
            decoder.end()

    async def has_body(self) -> bool:
        """Whether there is a byte behind the head. One that is sent in chunks may end without any.

        Raises:
            HttpError: 408 when neither a byte nor the end comes.
        """
        return self.request.can_read_body and await anext(self.arriving(), None) is not None

    async def arriving(self) -> AsyncIterator[bytes]:
        """The body as it arrives, as it is."""
        pieces = self.request.content.iter_chunked(CHUNK)
        reader = Reader(0, self.end)

        while True:
            try:
                async with self.admission.away(reader), asyncio.timeout(self.settings.read_timeout_s):
                    chunk = await anext(pieces, None)
            except TimeoutError:
                raise HttpError(408, "timeout", "the body did not come in time") from None
            if chunk is None:
                return
            yield chunk

    def timeout(self) -> float:
        """Seconds for the whole request: the settings', or fewer where the client says so."""
        said = self.header("X-Lattice-Timeout")
        if said is None:
            return self.settings.request_timeout_s

        seconds = float(said) if SECONDS.fullmatch(said) else math.nan
        if not 0 < seconds < math.inf:
            raise HttpError(400, "invalid", "X-Lattice-Timeout takes seconds, a number above 0", param="X-Lattice-Timeout")

        return min(seconds, self.settings.request_timeout_s)

    def parse_query(self, model: type[Model]) -> Model:
        """The query, validated.

        Raises:
            HttpError: 400 with the parameter that is wrong.
        """
        query = self.request.query
        twice = next((name for name in query if len(query.getall(name)) > 1), None)
        if twice is not None:
            raise HttpError(400, "invalid", f"{twice} is given more than once", param=twice)

        return parse(model, dict(query))

    def in_query(self, name: str, model: type[BaseModel], in_body: str | None) -> str | None:
        """A name that may stand in the query beside the body; where it stands in both, they have to agree.

        Raises:
            HttpError: 400 where they do not, or where `model` takes no such name.
        """
        given = self.request.query.getall(name, ())
        if not given:
            return in_body
        if len(given) > 1:
            raise HttpError(400, "invalid", f"{name} is given more than once", param=name)

        said: str = getattr(parse(model, {name: given[0]}), name)
        if in_body not in {None, said}:
            raise HttpError(400, "invalid", f"the query's and the body's {name} are not the same", param=name)

        return said

    async def parse_body(self, model: type[Model], body: bytes) -> Model:
        """The body, validated; a large one in a thread, so that nobody else waits for it.

        Raises:
            HttpError: 400 with the field that is wrong.
        """
        read = await asyncio.to_thread(taken, model, body) if is_large(body) else taken(model, body)
        self.raw, self.fingerprint, parsed = read
        return parsed

    def settle(self, named: str | None = None) -> None:
        """Fix the namespace: the one that the header, the body or the query names, or the API key's own."""
        self.namespace = self.named("namespace", 128, named) or self.namespace

        if self.principal.namespace not in {None, self.namespace}:
            raise HttpError(403, "unauthorized", "this API key belongs to another namespace", param="namespace")

    def session(self, in_body: str | None) -> str | None:
        """The session that the header or the body names."""
        return self.named("session", 256, in_body)

    def named(self, what: str, longest: int, in_body: str | None) -> str | None:
        """A name that may stand in the header `X-Lattice-…` or in the body; where it stands in both, they have to agree."""
        header = f"X-Lattice-{what.capitalize()}"
        said = self.header(header)
        if said is None:
            return in_body

        try:
            said = said.encode("utf-8", "surrogateescape").decode()
        except UnicodeDecodeError:
            said = ""
        if not 1 <= len(said) <= longest:
            raise HttpError(400, "invalid", f"{header} takes 1 to {longest} characters of UTF-8", param=header)
        if in_body not in {None, said}:
            where = "query's" if self.raw is None else "body's"
            raise HttpError(400, "invalid", f"{header} and the {where} {what} are not the same", param=what)

        return said

    def header(self, name: str) -> str | None:
        """A header that may stand there once (`HttpError`): which of two counts, a proxy might see differently."""
        given = self.request.headers.getall(name, ())
        if len(given) > 1:
            raise HttpError(400, "invalid", f"{name} is given more than once", param=name)

        return given[0] if given else None

    def path(self, name: str) -> str:
        """A variable part of the path."""
        return self.request.match_info[name]

    @property
    def write_key(self) -> str:
        """The idempotency key of a write: the client's, its own for each namespace and path.

        Without one, a key that nobody else has: an actor that is replaced meanwhile is asked again, and must not do it twice.
        """
        key = self.idempotency_key
        return new_key() if key is None else f"idem:{digest(self.namespace, self.request.path, key)}"

    @property
    def idempotency_key(self) -> str | None:
        """The header as it came.

        Raises:
            HttpError: it is no key.
        """
        key = self.header("Idempotency-Key")
        if key is not None and not PRINTABLE.fullmatch(key):
            message = "Idempotency-Key takes 1 to 256 printable ASCII characters"
            raise HttpError(400, "invalid", message, param="Idempotency-Key")

        return key


async def decoded(chunk: bytes, decoder: Decoder | None) -> AsyncIterator[bytes]:
    """What a piece of a body stands for."""
    if decoder is None:
        yield chunk
        return

    for piece in decoder.pieces(chunk):
        yield piece
        # A few bytes may stand for megabytes.
        await asyncio.sleep(0)


def taken(model: type[Model], body: bytes) -> tuple[Any, str, Model]:
    """A body as JSON has it, what it is known by, and validated."""
    raw = read_json(body)
    check_numbers(raw)
    return raw, hashlib.sha256(body).hexdigest(), parse(model, raw)


def parse(model: type[Model], data: Any) -> Model:
    """Validate, and name what is wrong."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise from_validation(error, data) from None


def digest(*parts: str | None) -> str:
    """A name for what these texts are together."""
    return hashlib.sha256(b"".join(to_json(part) + b"\n" for part in parts)).hexdigest()


def new_key() -> str:
    """A key for what is to be done once, however often an actor is asked for it."""
    return f"once:{secrets.token_hex(16)}"


def request_id_of(request: web.Request) -> str:
    """The id that the client gave its request, or a new one."""
    said = request.headers.get("X-Request-Id", "")
    return said if REQUEST_ID.fullmatch(said) else f"req_{secrets.token_hex(12)}"
