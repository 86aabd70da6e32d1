"""Deliberation: what efforts "medium" and "high" do between the question and the answer.

medium: a draft, a critique of it, a revision where the critique finds fault. high: memory is searched in steps, several
candidates are
written in parallel, a judge chooses one. From the first whole draft on there is a best answer so far; who runs out of time
or into an error sends that.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final

from actors.llm.messages import ChatMessage, Choice
from actors.thinking.answering import Answering
from actors.thinking.calls import ModelCalls
from actors.thinking.likeness import most_like_the_others
from actors.thinking.messages import Saying
from actors.thinking.prompt import Prompt
from actors.thinking.search import Search
from transport.errors import LatticeError, Unavailable

__all__ = ["Best", "Deliberation"]

CRITIQUE: Final = (
    "Before this goes out: is it correct, does it answer what was asked, does it agree with what memory holds, is anything "
    "missing? "
    "If nothing needs to change, reply with the one word FINE. Otherwise list what to change, in at most five short lines."
)
REVISE: Final = "Now write the answer anew with these changes. Write the answer alone, without a word about the changes."
JUDGE: Final = (
    "Here are {count} answers to my last message. Which one is the best: correct, to the point, in agreement with what "
    "memory holds? "
    "Reply with its letter first, then one sentence why."
)
WAYS: Final = (
    "",
    "Answer from first principles: what has to be true, and what follows.",
    "Answer by the most concrete example or step that fits.",
    "Answer as someone who expects the obvious answer to be wrong, and checks it.",
)
"""What tells candidates apart, in turn, so that they do not all make the same mistake."""

FINE: Final = re.compile(r"^\W*(?:fine|ok(?:ay)?|no changes?(?: needed)?|nothing)\W*$", re.IGNORECASE)
LETTER: Final = re.compile(
    r"^\W*(?:(?:answer|candidate|letter|option)\W+)?([a-h])\b"
    r"|\b(?:answer|candidate|letter|option|best is|choose)\W+([a-h])\b",
    re.IGNORECASE,
)
LONGEST_SHOWN: Final = 12_000
"""Characters of a candidate that the judge is shown."""

LIVE: Final = 3.0
"""A revision is streamed while it is written where so many times its expected time is left; otherwise it is held until it
is whole, so that the draft can still go out in its place."""


@dataclass(slots=True)
class Best:
    """The best answer so far."""

    step: str
    choices: tuple[Choice, ...]
    model: str
    endpoint: str | None
    whole: bool
    """False: time ended while it was being written."""


@dataclass(slots=True)
class Deliberation:
    """One deliberation.

    Args:
        left: seconds that models may still take.
        stream: whether the client takes pieces.
    """

    calls: ModelCalls
    prompt: Prompt
    left: Callable[[], float]
    stream: bool
    show: bool
    candidates: int
    search: Search | None
    best: Best | None = None
    live: Answering | None = None
    """The call whose pieces have gone out to the client as they came."""

    skipped: list[str] = field(default_factory=list)
    """Steps that were left out or failed, each with its reason."""

    async def medium(self) -> AsyncGenerator[Saying]:
        """Draft, critique, revise.

        Raises:
            LatticeError: the draft failed.
        """
        draft = await self.written("draft", self.prompt.built())
        async with aclosing(self.shown("Draft", draft)) as sayings:
            async for saying in sayings:
                yield saying
        if not draft.only_text:
            return

        if self.left() < 2 * self.calls.pace.seconds:
            self.skipped.append("critique and revision: not enough time left")
            return

        words: ChatMessage = {"role": "assistant", "content": draft.text}
        found = await self.calls.tried(
            "critique", self.prompt.built(also=(words, user(CRITIQUE))), seconds=self.left(), options={}
        )
        if found is None:
            self.skipped.append("critique: it failed")
            return
        async with aclosing(self.shown("Critique", found)) as sayings:
            async for saying in sayings:
                yield saying
        if FINE.match(found.text) or not found.text.strip():
            return

        if self.left() < self.calls.pace.seconds:
            self.skipped.append("revision: not enough time left")
            return

        fault: ChatMessage = {"role": "assistant", "content": found.text}
        also = (words, user(CRITIQUE), fault, user(REVISE))
        async with aclosing(self.revised(self.prompt.built(also=also))) as sayings:
            async for saying in sayings:
                yield saying

    async def revised(self, prompt: tuple[ChatMessage, ...]) -> AsyncGenerator[Saying]:
        """The revision: live where there is time, otherwise only once it is whole."""
        revision = self.calls.answering("revise", stream=True)
        live = self.stream and self.left() >= LIVE * self.calls.pace.seconds
        try:
            async with aclosing(self.calls.parts("revise", revision, prompt, seconds=self.left())) as sayings:
                async for saying in sayings:
                    if live:
                        if revision.begun:
                            self.live = revision
                        yield saying
        except LatticeError as error:
            if self.live is not None:
                raise
            self.skipped.append(f"revision: {error.code}: {error.message}")
        finally:
            self.calls.keep("revise", revision)

        if said_something(revision):
            self.take("revise", revision)
        elif revision.says_nothing:
            self.skipped.append("revision: the model said nothing in public")

    async def high(self) -> AsyncGenerator[Saying]:
        """Search, write candidates, choose.

        Raises:
            LatticeError: every candidate failed.
        """
        if self.search is not None and self.left() >= 3 * self.calls.pace.seconds:
            self.prompt = await self.search.deepen(self.prompt, self.calls, self.left)
            self.skipped += self.search.skipped
        elif self.search is not None:
            self.skipped.append("search of memory: not enough time left")

        written = await self.parallel()
        for n, (_, one) in enumerate(written):
            async with aclosing(self.shown(f"Candidate {letter(n)}", one)) as sayings:
                async for saying in sayings:
                    yield saying
        if len(written) < 2:
            self.skipped.append(f"judge: {len(written)} of {self.candidates} candidates to choose from")
            return

        self.take(*written[await self.judged([one for _, one in written])])

    async def parallel(self) -> list[tuple[str, Answering]]:
        """Candidates with their steps, all at once, as far as they came in time; the judge's time is kept back.

        Raises:
            LatticeError: none came, and none has begun.
        """
        under_way: list[Answering] = []
        tasks: list[asyncio.Task[Answering]] = []
        seconds = max(self.left() - self.calls.pace.seconds, self.left() / 2)
        for n in range(self.candidates):
            step = f"candidate-{n + 1}"
            candidate = self.calls.answering(step, stream=True)
            prompt = self.prompt.built(WAYS[n % len(WAYS)])
            under_way.append(candidate)
            tasks.append(
                asyncio.create_task(self.calls.whole(step, candidate, prompt, seconds=seconds), name=f"thinking {step}")
            )

        try:
            pending = set(tasks)
            while pending:
                _, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                first = next((n for n, one in enumerate(under_way) if tasks[n].done() and said_something(one)), None)
                if self.best is None and first is not None:
                    self.take(f"candidate-{first + 1}", under_way[first])
        finally:
            for task in tasks:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)

        errors = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        self.skipped += [f"candidate: {error.code}: {error.message}" for error in errors if isinstance(error, LatticeError)]
        whole = [(f"candidate-{n + 1}", one) for n, one in enumerate(under_way) if said_something(one)]
        empty = next((n for n, one in enumerate(under_way) if one.generated is not None and not one.only_thought), None)
        if not whole and empty is not None:
            # It says why it is empty: its room was used up, say.
            self.take(f"candidate-{empty + 1}", under_way[empty])
        elif not whole:
            self.take_longest(under_way)
        if self.best is None:
            raise next((error for error in errors if isinstance(error, LatticeError)), errors[0] if errors else silent())
        return whole

    async def judged(self, written: list[Answering]) -> int:
        """Which candidate is the best: by a judge, or where there is none in time, the one most like the others."""
        texts = [one.text for one in written]
        if self.left() >= self.calls.pace.seconds / 2:
            listed = "\n\n".join(f"{letter(n)}:\n{text[:LONGEST_SHOWN]}" for n, text in enumerate(texts))
            asked = user(f"{JUDGE.format(count=len(texts))}\n\n{listed}")
            judge = await self.calls.tried("judge", self.prompt.built(also=(asked,)), seconds=self.left(), options={})
            found = LETTER.search(judge.text) if judge is not None else None
            named = ord((found[1] or found[2]).upper()) - ord("A") if found is not None else len(texts)
            if named < len(texts):
                return named
            self.skipped.append("judge: it named none of them" if judge is not None else "judge: it failed")
        else:
            self.skipped.append("judge: not enough time left")

        return most_like_the_others(texts)

    async def written(self, step: str, prompt: tuple[ChatMessage, ...]) -> Answering:
        """An answer in private, which is then the best so far; what there is of it when time ends counts too.

        Raises:
            LatticeError: nothing of it can go out.
        """
        answering = self.calls.answering(step, stream=True)
        try:
            await self.calls.whole(step, answering, prompt, seconds=self.left())
        except LatticeError:
            self.take_longest([answering])
            if self.best is None:
                raise
            self.skipped.append(f"{step}: it broke off")
            return answering

        if answering.only_thought:
            raise silent()
        self.take(step, answering)
        return answering

    def take(self, step: str, answering: Answering) -> None:
        """It is the best so far."""
        generated = answering.generated
        if generated is not None:
            self.best = Best(step, generated.choices, generated.model, generated.endpoint, whole=True)
            self.calls.choose(step)

    def take_longest(self, under_way: list[Answering]) -> None:
        """Of those that broke off, the one that came furthest is the best so far."""
        furthest = max(under_way, key=lambda one: len(one.text))
        if self.best is None and (said := furthest.cut()):
            self.best = Best("cut", said, furthest.wish.model or "", None, whole=False)

    async def shown(self, heading: str, answering: Answering) -> AsyncGenerator[Saying]:
        """A step's text, for a client that asked to see the thinking."""
        if self.show and self.stream and answering.text:
            yield Saying(delta={"reasoning_content": f"{heading}:\n{answering.text}\n\n"})


def said_something(answering: Answering) -> bool:
    """Whether an answer is whole, and has anything in it that can go out."""
    return answering.generated is not None and not answering.says_nothing


def silent() -> LatticeError:
    """The model thought aloud and said nothing."""
    return Unavailable("the model reasoned and gave no answer")


def user(text: str) -> ChatMessage:
    """A user's message."""
    return {"role": "user", "content": text}


def letter(n: int) -> str:
    """A candidate's letter."""
    return chr(ord("A") + n)
