"""One endpoint: what it is asked in its dialect, its breakers, and what it has done. It knows nothing of other endpoints."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
from pydantic_core import to_json

from actors.llm.breakers import Breakers
from actors.llm.concurrency import Concurrency
from actors.llm.connections import APART_S, Connections
from actors.llm.dialects import DIALECTS, Listed, Reader, Request
from actors.llm.dialects.dialect import parsed
from actors.llm.evidence import LOOK_AGAIN, Evidence
from actors.llm.failure import Blame, Failure, status_failure
from actors.llm.form import Answer, Asked, Event, Piece, joined
from actors.llm.instructions import has_late, speaks_of_roles, with_early
from actors.llm.key import Key
from actors.llm.latency import Latest
from actors.llm.pulse import Pulse
from actors.llm.repetition import Repetition, question_of
from actors.llm.settings import EndpointSettings
from actors.llm.spending import Spending
from actors.llm.sse import Events, Lines
from actors.llm.timeouts import Timeouts

MAX_ERROR_BYTES = 64 << 10
MAX_EVENT_BYTES = 4 << 20


@dataclass(slots=True)
class Tally:
    """Counts the calls made upstream on behalf of one request."""

    attempts: int = 0


class Endpoint:
    """An endpoint and its connections.

    Args:
        settings: of this endpoint.
        max_bytes: the largest answer that is read.
        max_repetition: after so many characters of nothing but repetition an answer is a failure; 0: never.
        now: seconds of a clock that only goes forward.
        changed: called when one of its breakers may have opened.
        spending: what is known of its day; None: nothing.
    """

    def __init__(
        self,
        settings: EndpointSettings,
        *,
        max_bytes: int,
        now: Callable[[], float],
        max_repetition: int = 0,
        changed: Callable[[], None] = lambda: None,
        spending: Spending | None = None,
    ) -> None:
        self.settings = settings
        self.name = settings.name
        self.dialect = DIALECTS[settings.dialect]
        self.continuation = self.dialect.continuation
        self.counts_in_streams = True
        self.takes_late_instructions = True
        self.key = Key(settings)
        self.max_bytes = max_bytes
        self.max_repetition = max_repetition
        self.now = now
        self.breakers = Breakers(settings.breaker, now, changed)
        self.evidence = Evidence(now, goes_on_s=LOOK_AGAIN / 2 * settings.between_tokens_timeout_s)
        self.pulse = Pulse(self.name, settings.sign_of_life_s, self.list_itself, usual=lambda: self.latest.percentile(0.95))
        self.pulse.lost = self.hangs
        self.concurrency = Concurrency(settings.max_in_flight, now)
        self.latest = Latest(now)
        self.spending = Spending(settings) if spending is None else spending
        self.draining = False
        self.in_flight = 0
        self.idle = asyncio.Event()
        """It has nothing in flight."""

        self.idle.set()
        self.calls = 0
        self.failures = 0
        self.last_error: str | None = None
        self.connections: Connections | None = None

    async def open(self) -> None:
        """Make ready to connect; nothing is sent yet."""
        base_url = self.dialect.base_url(self.settings.base_url)
        self.connections = Connections(self.settings, base_url, self.identity, self.max_bytes, heard=self.pulse.heard)

    def identity(self) -> dict[str, str]:
        """The headers that say who asks."""
        return self.dialect.headers(self.key.now())

    async def close(self) -> None:
        """Close all connections."""
        await self.pulse.close()
        if self.connections is not None:
            await self.connections.close()

    @property
    def room(self) -> int:
        """How many calls it may take now."""
        return max(self.concurrency.limit - self.in_flight, 0)

    @property
    def has_room(self) -> bool:
        """Whether it may take another call."""
        return self.room > 0

    async def generate(
        self,
        asked: Asked,
        *,
        deadline: float | None,
        tally: Tally,
        answer: Answer | None = None,
        overdue: Callable[[], float] = lambda: 0.0,
    ) -> AsyncGenerator[Event]:
        """What the model says, until it has finished. Closing the generator early closes the connection.

        Args:
            asked: the request, in the internal form.
            deadline: of the caller, in the loop's time; None for none.
            tally: counts the calls made.
            answer: takes in what is said, for whoever counts it.
            overdue: asked when the first token is late: for how many seconds more it is waited for.

        Raises:
            Failure: whatever goes wrong, an end without a finish included.
        """
        with self.keyless():
            timeouts = Timeouts(self.settings, deadline, overdue)
            answer = Answer() if answer is None else answer
            repetition = Repetition(self.max_repetition, question_of(asked.messages))
            response = await self.post(self.dialect.generate(asked), timeouts, tally)
            complete = False
            try:
                await self.check(response, timeouts)
                async with contextlib.aclosing(self.events(response, self.dialect.reader(), timeouts)) as events:
                    async for event in events:
                        answer.add(event)
                        if isinstance(event, Piece) and (event.text or not complete):
                            # Whoever says more after a finish has not finished.
                            complete = False
                            timeouts.token()
                            repetition.feed(event.text)

                        if not complete and answer.finished(asked.choices):
                            complete = True
                            timeouts.finished()

                        yield event
            except Failure:
                # Only the token counts are missing, or the end mark.
                if not complete:
                    raise
            finally:
                self.there.release(response, complete=complete)

            if not complete:
                raise Failure("its answer ended without a finish", passing=True)

    async def ask(
        self, request: Request, *, deadline: float | None, tally: Tally, overdue: Callable[[], float] = lambda: 0.0
    ) -> Any:
        """The body of an answer that is no generation. `overdue` as in `generate`."""
        timeouts = Timeouts(self.settings, deadline, overdue)
        with self.keyless():
            return await self.whole(await self.post(request, timeouts, tally), timeouts)

    def fitted(self, asked: Asked, model: str) -> Asked:
        """A request as this endpoint is known to take it."""
        return replace(
            asked,
            model=model,
            messages=asked.messages if self.takes_late_instructions else with_early(asked.messages),
            stream=self.settings.streams,
            continuation=self.continuation,
            counted=self.counts_in_streams,
        )

    def adapts(self, failure: Failure, asked: Asked) -> bool:
        """Whether a request that was refused can be put in another way, which is then kept to.

        Newer models of Anthropic's refuse a prefilled answer, and some servers of OpenAI's dialect the word stream_options.
        """
        if failure.blame is not Blame.REQUEST:
            return False

        if asked.said and asked.continuation == "prefill":
            self.continuation = "instruction"
            return True

        if asked.stream and asked.counted and "stream_options" in failure.told:
            self.counts_in_streams = False
            return True

        if self.takes_late_instructions and speaks_of_roles(failure.told) and has_late(asked.messages):
            self.takes_late_instructions = False
            return True

        return False

    def begun(self) -> float:
        """A call begins; when, in `now`'s time."""
        self.in_flight += 1
        self.idle.clear()
        return self.now()

    def left(self) -> None:
        """A call has ended."""
        self.in_flight -= 1
        if not self.in_flight:
            self.idle.set()

    def answered(self, seconds: float) -> None:
        """Its first token has come, after so long."""
        self.latest.first_token(seconds)
        self.evidence.answered()

    def failed(self, failure: Failure, began: float) -> None:
        """Count the failure of a call that began then (in `now`'s time), and keep its reason."""
        if failure.blame is Blame.ENDPOINT:
            self.failures += 1
            self.evidence.failed()
            self.latest.ended(success=False)
            if failure.overload:
                self.concurrency.overloaded(began)

        if failure.blame is not Blame.CALLER:
            self.last_error = failure.reason

    async def list_models(self, timeout_s: float) -> list[Listed]:
        """What it lists now.

        Raises:
            Failure: when it does not, within the time.
        """
        timeouts = Timeouts(self.settings, None)
        timeouts.list_of_models(timeout_s)
        with self.keyless():
            response = await self.there.send("GET", self.dialect.models_path, None, timeouts)
            return self.dialect.models(await self.whole(response, timeouts))

    async def list_itself(self) -> None:
        """Ask for the list of models, of which the response's head is enough.

        Raises:
            Failure: there was none.
        """
        response = await self.there.send("GET", self.dialect.models_path, None, Timeouts(self.settings, None))
        self.there.release(response, complete=True)

    @contextlib.contextmanager
    def keyless(self) -> Iterator[None]:
        """Whatever it says: what is told of its failures does not hold its key."""
        try:
            yield
        except Failure as failure:
            failure.reason, failure.told = self.key.hidden(failure.reason), self.key.hidden(failure.told)
            failure.args = (failure.reason,)
            raise

    def hangs(self) -> None:
        """It answers nobody: its breaker opens."""
        self.last_error = f"no sign of life within {self.settings.sign_of_life_s:g} s"
        permit = self.breakers.whole.enter()
        if permit is not None:
            permit.failed(silent=True)

    async def whole(self, response: aiohttp.ClientResponse, timeouts: Timeouts) -> Any:
        """The JSON of a response that is no stream."""
        complete = False
        try:
            await self.check(response, timeouts)
            body = parsed(await self.there.read(response, timeouts))
            complete = True
            return body
        finally:
            self.there.release(response, complete=complete)

    async def post(self, request: Request, timeouts: Timeouts, tally: Tally) -> aiohttp.ClientResponse:
        """Send a request; its response's head."""
        tally.attempts += 1
        self.calls += 1
        with self.pulse.watched() as hangs:
            return await self.there.send("POST", request.path, to_json(request.body), timeouts, hangs)

    @property
    def there(self) -> Connections:
        """Its connections.

        Raises:
            Failure: it is not open.
        """
        if self.connections is None:
            raise Failure("it is not open yet")

        return self.connections

    async def check(self, response: aiohttp.ClientResponse, timeouts: Timeouts) -> None:
        """Go on only with an answer that began well.

        Raises:
            Failure: for every status but 200.
        """
        if response.status == 200:
            return

        told = ""
        with contextlib.suppress(Failure, AttributeError, TypeError):
            told = self.dialect.told(parsed(await self.there.read(response, timeouts, MAX_ERROR_BYTES)))

        raise status_failure(response.status, response.headers, told, now=dt.datetime.now(dt.UTC))

    async def events(self, response: aiohttp.ClientResponse, reader: Reader, timeouts: Timeouts) -> AsyncGenerator[Event]:
        """What comes, in the internal form: from a stream, or from one body where the endpoint does not stream."""
        kind = response.content_type
        if kind == "application/json":
            timeouts.no_stream()
            for event in read(reader.whole, parsed(await self.there.read(response, timeouts))):
                yield event

            return

        if kind != self.dialect.stream_type:
            raise Failure(f"it answers with {kind[:64]}, which is neither JSON nor a stream of events")

        parts = (Events if kind == "text/event-stream" else Lines)(max_event_bytes=min(self.max_bytes, MAX_EVENT_BYTES))
        async with contextlib.aclosing(self.there.chunks(response, timeouts, apart_s=APART_S)) as chunks:
            async for chunk in chunks:
                come, failed = told(parts, chunk, reader)
                for event in joined(come):
                    yield event

                if failed is not None:
                    raise failed

                if reader.ended:
                    return

        for data in parts.close():
            for event in read(reader.event, data):
                yield event


def told(parts: Events | Lines, chunk: bytes, reader: Reader) -> tuple[list[Event], Failure | None]:
    """What a chunk of a stream says, and what is wrong with it from there on."""
    come: list[Event] = []
    try:
        for data in parts.feed(chunk):
            come += read(reader.event, data)
    except Failure as failure:
        return come, failure

    return come, None


def read(parse: Callable[[Any], Iterator[Event]], data: Any) -> list[Event]:
    """What a reader makes of what an endpoint sent, which may have any form."""
    try:
        events = list(parse(data))
        if not all(event.has_texts for event in events if isinstance(event, Piece)):
            raise Failure("a text of an unknown form")
    except (TypeError, AttributeError, KeyError, ValueError, IndexError) as error:
        raise Failure("its answer has an unknown form") from error

    return events
