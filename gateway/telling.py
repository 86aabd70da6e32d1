"""An answer on its way to the client as a stream, in any dialect: piece by piece, and whole again after a replacement."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

from aiohttp import web
from pydantic_core import to_json

from actors.thinking.messages import Saying, Think, Thought
from gateway.completion import Voice
from gateway.dialect import key_of, now, reasoning_of
from gateway.incoming import Incoming
from gateway.said import Said
from gateway.sse import EventStream, with_silences
from transport.errors import LatticeError, PeerReplaced

__all__ = ["NamedTelling", "Telling"]


class Telling:
    """One streamed answer on its way to the client."""

    def __init__(self, call: Incoming, think: Think, chunks: Voice) -> None:
        self.call = call
        self.think = think
        self.key = key_of(call)
        self.chunks = chunks
        self.said = Said()
        self.comments = reasoning_of(call) == "comments"
        self.events = EventStream(call.request, call.settings.write_timeout_s)

    async def tell(self) -> web.StreamResponse:
        """Tell the whole answer, or end with an error event.

        Raises:
            LatticeError: before anything went out.
            ConnectionError: the client is gone.
        """
        try:
            thought = await self.pieces()
            await self.end(thought)
        except LatticeError as error:
            if not self.events.begun:
                raise

            self.call.failed(error)
            await self.events.fail(error)

        return self.events.response

    async def pieces(self) -> Thought:
        """Send the pieces as they come. When the process that thinks is replaced, the next one tells the same answer anew."""
        call_id = secrets.token_hex(12)

        while True:
            try:
                async with self.call.stream(self.think, key=self.key, id=call_id) as stream:
                    async with aclosing(with_silences(stream, self.call)) as parts:
                        async for saying in parts:
                            if saying is None:
                                await self.events.heartbeat()
                            else:
                                await self.send(saying)

                    self.said.check_whole()
                    thought: Thought = stream.reply
                    return thought
            except PeerReplaced:
                self.said.again()
                self.think = self.think.model_copy(update={"retry": True})

    async def send(self, saying: Saying) -> None:
        """Send what of a piece the client does not have."""
        if not self.chunks.named:
            self.chunks.name(saying.thought_id or f"th_{secrets.token_hex(12)}", saying.created or now())

        if self.said.opens(saying.index):
            await self.events.send(self.chunks.opening(saying.index))

        new = self.said.take(saying.index, saying.delta)
        if self.comments and isinstance(thought := new.pop("reasoning_content", None), str):
            await self.events.comment(thought)
        if new:
            await self.events.send(self.chunks.piece(saying.index, new, saying.logprobs))

    async def end(self, thought: Thought) -> None:
        """Send what was never said in pieces, and the end."""
        if not self.chunks.named:
            self.chunks.name(thought.thought_id, thought.created or now())

        for choice in thought.choices:
            rest = self.said.rest(choice.index, choice.message)
            if self.comments:
                rest.pop("reasoning_content", None)
            if self.said.opens(choice.index):
                await self.events.send(self.chunks.opening(choice.index))
            if rest:
                await self.events.send(self.chunks.piece(choice.index, rest))

        for chunk in self.chunks.ending(thought):
            await self.events.send(chunk)

        await self.events.done()


class NamedEvents(EventStream):
    """Events that say their type twice, as both dialects have it; they end without `[DONE]`."""

    def __init__(self, request: web.Request, write_timeout_s: float, failure: Callable[[Exception], dict[str, Any]]) -> None:
        super().__init__(request, write_timeout_s)
        self.failure = failure

    async def send(self, data: Any) -> None:
        """Events, one after the other.

        Raises:
            ConnectionError: the client is gone, or took nothing for too long.
        """
        written = b"".join(b"event: " + event["type"].encode() + b"\ndata: " + to_json(event) + b"\n\n" for event in data)
        if written:
            await self.write(written)

    async def done(self) -> None:
        """The last event was the end."""

    async def fail(self, error: Exception) -> None:
        """An error as the last event. The connection ends with it."""
        self.response.force_close()
        await self.send([self.failure(error)])


class NamedTelling(Telling):
    """One streamed answer in a dialect of named events."""

    def __init__(self, call: Incoming, think: Think, voice: Voice, failure: Callable[[Exception], dict[str, Any]]) -> None:
        super().__init__(call, think, voice)
        self.events: EventStream = NamedEvents(call.request, call.settings.write_timeout_s, failure)
