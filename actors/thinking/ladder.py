"""The ladder: how an answer comes about, and what takes its place when it cannot.

full, fewer steps, one call, smaller model, answer from memory, "cannot now": each rung is tried only when the one above it
has failed or has no time, and none waits for something that is known to be away. See `Rung` in messages.py.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Final

from actors.llm.messages import Choice
from actors.memory.messages import Recollection
from actors.thinking.answering import Answering
from actors.thinking.calls import ModelCalls
from actors.thinking.degraded import MODEL, degraded_text, takes_prose
from actors.thinking.deliberation import Deliberation
from actors.thinking.depth import PLAN, Depth, has_tools
from actors.thinking.messages import Rung, Saying, Think
from actors.thinking.prompt import Prompt
from actors.thinking.relevance import relevant
from actors.thinking.search import Search
from actors.thinking.settings import ThinkingSettings
from actors.thinking.talk import question
from transport.errors import (
    Cancelled,
    Conflict,
    DeadlineExceeded,
    Invalid,
    LatticeError,
    NotFound,
    Overloaded,
    Unauthorized,
    Unavailable,
)

__all__ = ["Ladder"]

CALLERS_OWN: Final = (Invalid, NotFound, Unauthorized, Conflict, Cancelled)
"""Errors of the llm actor that are the caller's to hear; after all others an answer from memory is better than none."""

SPEAK_UP: Final = "Answer now. Do not think aloud first; write the answer alone."
RETRY_AFTER_MS: Final = 2000
"""Where nobody said when to come back."""

LEAST_S: Final = 0.05
"""With less time left no model is asked any more."""


class Ladder:
    """One descent.

    Args:
        left: seconds that models may still take.
        recalled: what memory holds on the question, also where the context was gathered without it; None: it cannot be reached.
    """

    def __init__(
        self,
        message: Think,
        calls: ModelCalls,
        prompt: Prompt,
        depth: Depth,
        *,
        settings: ThinkingSettings,
        left: Callable[[], float],
        recalled: Callable[[], Awaitable[tuple[Recollection, ...] | None]],
        search: Search | None,
    ) -> None:
        self.message = message
        self.calls = calls
        self.prompt = prompt
        self.depth = depth
        self.settings = settings
        self.left = left
        self.recalled = recalled
        self.search = search

        self.rung: Rung = "full"
        self.why: list[str] = [depth.why] if depth.why else []
        self.choices: tuple[Choice, ...] = ()
        self.model = message.model or MODEL
        self.degraded = False
        self.endpoint: str | None = None
        self.quoted: tuple[Recollection, ...] = ()
        self.answering: Answering | None = None
        """The call whose words are, or become, the answer."""

    @property
    def from_no_model(self) -> bool:
        """Whether the answer came from memory alone."""
        return self.rung in {"memory", "cannot"}

    async def descend(self) -> AsyncGenerator[Saying]:
        """The public pieces of the answer; `choices` and the rest are set at the end.

        Raises:
            LatticeError: what an endpoint has against the request; the model failed in the middle of what the client has
            seen; or nothing can be answered now, with a time to come back at.
        """
        deep = self.depth.effort in {"medium", "high"}
        failed: LatticeError | None = None
        try:
            async with aclosing(self.by_a_model()) as sayings:
                async for saying in sayings:
                    yield saying
        except CALLERS_OWN:
            raise
        except LatticeError as error:
            self.why.append(f"{error.code}: {error.message}")
            failed = error

        if failed is not None:
            self.check(failed)
            if not self.choices:
                async with aclosing(self.smaller()) as sayings:
                    async for saying in sayings:
                        yield saying
            if not self.choices:
                async with aclosing(self.from_memory(failed)) as sayings:
                    async for saying in sayings:
                        yield saying
        elif self.depth.why:
            self.rung = "fewer_steps" if deep or self.looks_first else "one_call"

    def by_a_model(self) -> AsyncGenerator[Saying]:
        """The answer on the highest rung that there is."""
        if self.depth.effort in {"medium", "high"}:
            return self.deliberate()
        if self.looks_first:
            return self.looked_up()

        return self.one_call("generate", self.prompt, plan=self.depth.effort == "low")

    @property
    def looks_first(self) -> bool:
        """Whether memory is searched before the client's own tools are: at the effort for that, where a person has just spoken.

        What a tool has told is answered at once: the search was made before the tool was called.
        """
        message = self.message
        asked_by_a_person = message.messages[-1].get("role") == "user"
        return message.effort == "high" and has_tools(message.options) and self.search is not None and asked_by_a_person

    async def looked_up(self) -> AsyncGenerator[Saying]:
        """A search of memory, then one call, in which the model may call the client's tools."""
        assert self.search is not None  # noqa: S101 (looks_first)
        self.prompt = await self.search.deepen(self.prompt, self.calls, self.left)
        self.why += self.search.skipped
        async with aclosing(self.one_call("generate", self.prompt)) as sayings:
            async for saying in sayings:
                yield saying

    async def one_call(
        self, step: str, prompt: Prompt, *, plan: bool = False, model: str | None = None
    ) -> AsyncGenerator[Saying]:
        """One model call, and one more where the model only thought aloud."""
        seconds = self.left()
        if model is None and self.settings.smaller_model is not None:
            seconds -= min(self.settings.smaller_reserve_s, seconds / 3)

        for attempt, instruction in ((step, PLAN if plan else ""), (f"{step}-again", SPEAK_UP)):
            # Whether a model is silent shows only where it is listened to.
            listens = self.message.stream or self.settings.memory_after_s is not None
            answering = self.answering = self.calls.answering(attempt, stream=listens, model=model)
            sayings = self.calls.parts(attempt, answering, prompt.built(instruction), seconds=seconds)
            async with aclosing(sayings):
                async for saying in sayings:
                    if self.message.stream:
                        yield saying
            if not answering.only_thought:
                break
            self.calls.keep(attempt, answering)
            self.calls.notes.append("the model reasoned and gave no answer; it was asked again")
            seconds = max(self.left(), LEAST_S)
        else:
            raise Unavailable("the model reasoned twice and gave no answer")

        self.take(answering)

    async def deliberate(self) -> AsyncGenerator[Saying]:
        """Several steps; what of them came is the answer."""
        work = Deliberation(
            calls=self.calls,
            prompt=self.prompt,
            left=self.left,
            stream=self.message.stream,
            show=self.message.reasoning == "show",
            candidates=self.settings.candidates,
            search=self.search if self.depth.effort == "high" else None,
        )
        try:
            async with aclosing(work.high() if self.depth.effort == "high" else work.medium()) as sayings:
                async for saying in sayings:
                    yield saying
        finally:
            self.why += work.skipped
            self.prompt = work.prompt
            self.answering = work.live

        best = work.best
        if best is None:
            raise Unavailable("no step came to an answer")
        self.choices, self.model, self.endpoint = best.choices, best.model or self.model, best.endpoint
        self.degraded = not best.whole
        self.rung = "fewer_steps" if self.why else "full"
        if self.message.stream and work.live is None:
            for choice in best.choices:
                yield Saying(index=choice.index, delta=choice.message)

    def take(self, answering: Answering) -> None:
        """Its words are the answer."""
        generated = answering.generated
        assert generated is not None  # noqa: S101 (parts ends with it or raises)
        self.choices, self.model, self.endpoint = generated.choices, generated.model, generated.endpoint

    def check(self, error: LatticeError) -> None:
        """What goes out after a failure: what had been said when time was up; otherwise a lower rung.

        Raises:
            LatticeError: the model failed in the middle of what the client has already seen.
        """
        answering = self.answering
        if answering is None:
            return
        if isinstance(error, DeadlineExceeded) and (said := answering.cut()):
            self.choices, self.degraded, self.rung = said, True, "one_call" if self.depth.effort == "none" else "fewer_steps"
        elif answering.begun and self.message.stream:
            raise error

    async def smaller(self) -> AsyncGenerator[Saying]:
        """The smaller model, where one is named and there is time."""
        model = self.settings.smaller_model
        if model is None or model == self.message.model or self.left() < LEAST_S:
            return

        try:
            async with aclosing(self.one_call("smaller", self.prompt, model=model)) as sayings:
                async for saying in sayings:
                    yield saying
        except LatticeError as error:
            self.why.append(f"smaller model: {error.code}: {error.message}")
            self.check(error)
        else:
            self.rung = "smaller_model"

    async def from_memory(self, error: LatticeError) -> AsyncGenerator[Saying]:
        """What memory holds, marked degraded.

        Raises:
            LatticeError: the caller cannot read prose, or memory cannot be reached either; or models are there and have too
            much to do, so that who comes back in a moment gets a real answer.
        """
        self.degraded = True
        self.rung = "cannot"
        if isinstance(error, Overloaded) or not takes_prose(self.message.options):
            raise come_back(error)

        kept_out = self.message.memory == "off"
        recalled = None if kept_out else await self.recalled()
        if recalled is None and not kept_out:
            raise come_back(error, "; memory gives no answer in time either")

        self.rung = "memory"
        self.quoted = relevant(question(self.message.messages), recalled or ())[: self.settings.quotes]
        text = degraded_text(self.quoted, kept_out=kept_out)
        self.model, self.endpoint = MODEL, None
        self.choices = (Choice(message={"role": "assistant", "content": text}, finish_reason="stop"),)
        if self.message.stream:
            yield Saying(delta=self.choices[0].message)


def come_back(error: LatticeError, beside: str = "") -> LatticeError:
    """The honest "cannot now": what went wrong, and when to come back."""
    after = error.retry_after_ms or RETRY_AFTER_MS
    if error.retryable:
        return type(error)(f"{error.message}{beside}", retry_after_ms=after, detail=error.detail)

    return Unavailable(f"no answer can be given now: {error.message}{beside}", retry_after_ms=after, detail=error.detail)
