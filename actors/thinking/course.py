"""The course of one thought: take over the talk, look up the context, choose depth and strategy, answer, remember."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from hashlib import sha256
from typing import Any, Final

from actors.call import Call
from actors.memory.messages import UNNAMED, Converse, Conversed, Memory
from actors.thinking.calls import ModelCalls
from actors.thinking.confidences import confidants
from actors.thinking.degraded import takes_prose
from actors.thinking.depth import depth_for
from actors.thinking.doubt import asked_of_a_model
from actors.thinking.intent import intent_of
from actors.thinking.ladder import Ladder
from actors.thinking.lookup import Lookup
from actors.thinking.messages import Saying, Think, Thought
from actors.thinking.mind import Mind
from actors.thinking.mood import mood_of, mood_with
from actors.thinking.outbox import AnswerOwed
from actors.thinking.prompt import Prompt
from actors.thinking.remembering import Remembering
from actors.thinking.reuse import Had
from actors.thinking.steps import Steps
from actors.thinking.strategy import Strategy, strategy_for
from actors.thinking.talk import ends_of, plain, question, read, text_of, turns_of

__all__ = ["Course", "thought_id_of"]

LONGEST_ANSWER: Final = 262_144
DOUBT_S: Final = 1.5
"""How long a model may take for its word on the intent, in seconds."""


def thought_id_of(call_id: str) -> str:
    """A thought's id, the same whenever the same call is asked again."""
    return f"th_{digest(call_id)}"


class Course:
    """One thought on its way. `run` is its whole life; thought_record.py makes a record of it, at whatever point it ends."""

    def __init__(self, mind: Mind, call: Call, message: Think) -> None:
        self.mind = mind
        self.call = call
        self.message = message

        self.id = thought_id_of(call.id)
        self.began = mind.clock.now()
        self.created = int(self.began.timestamp())
        self.steps = Steps()
        self.text = ends_of(question(message.messages))
        self.persona = mind.persona.text
        with self.steps.step("intent") as step:
            self.intent = intent_of(self.text)
            self.mood = mood_of(self.text)
            step.outcome = self.intent.name
        self.intent_by_model = False
        self.strategy = Strategy("direct", (), "")
        self.lookup = Lookup(mind, call, message, thought_id=self.id, steps=self.steps)
        self.calls = ModelCalls(
            mind.actor,
            message,
            call.id,
            settings=mind.settings,
            steps=self.steps,
            presence=mind.presence,
            pace=mind.pace,
            quirks=mind.quirks,
        )
        self.ladder: Ladder | None = None
        self.confidants: frozenset[str] = frozenset()
        """Who tells something in confidence in what the client sent."""

        self.reused: Had | None = None
        self.known_as: str | None = None
        """What the question is known by for reuse; None where it is to be thought about anew."""

        self.remembering = Remembering(
            mind.actor,
            mind.outbox,
            mind.presence,
            call,
            thought_id=self.id,
            session=message.session,
            deadline_s=mind.settings.remember_deadline_s,
            steps=self.steps,
        )

    async def run(self) -> AsyncGenerator[Saying | Thought]:
        """The public pieces, then the thought.

        1. Memory takes over what is new in the talk, while the context is gathered. So many thoughts at a time do this; the
           others stand in line. Waiting for a model takes no place.
        2. Depth and strategy are chosen, and the answer is made; what of it is public goes out as it comes.
        3. What was said is on disk before the thought ends the stream; in memory, or in the outbox where memory is away.
        """
        talk = doubt = None
        try:
            async with self.mind.line.place():
                talk, doubt = await self.take_over(), self.settle_doubt()
                await self.look_up(talk)

            await self.choose(doubt)
            name: dict[str, Any] = {"thought_id": self.id, "created": self.created}
            async with aclosing(self.answer(talk)) as sayings:
                async for saying in sayings:
                    yield saying.model_copy(update=name) if name else saying
                    name = {}

            async with self.mind.line.last_place():
                await self.remembering.wait_for(talk, self.words())
            self.hold_ready()
            yield await self.kept(self.thought())
        finally:
            for begun in (talk, doubt):
                if begun is not None:
                    begun.cancel()

    async def kept(self, thought: Thought) -> Thought:
        """The answer, on disk as a response where that was asked for, unless what it left behind is forgotten already."""
        message, left, talk = self.message, self.remembering.left_behind, self.remembering.conversed
        # The turn that is answered, too, where memory had it before.
        sources = dict.fromkeys(left if talk is None else (*left, talk.last))
        if message.keep is None or self.mind.thoughts.has_lost(message.namespace, sources, self.began):
            return thought

        with self.steps.step("keep"):
            kept = await self.mind.responses.keep(thought, message, sources)
        return thought.model_copy(update={"kept": kept})

    async def take_over(self) -> asyncio.Task[Conversed | None] | None:
        """Let memory take over the talk; None where it is not to, or there is nothing to take."""
        turns = await read(self.message.messages, turns_of) if self.message.memory == "on" else ()
        if not turns:
            return None

        self.confidants = await read(self.message.messages, confidants)
        request = Converse(
            namespace=self.message.namespace,
            session=self.message.session,
            turns=turns,
            begin_as=self.message.talk or f"talk-{digest(self.call.id)}",
            again=self.message.retry and self.message.talk is None,
        )
        return self.remembering.begin(request)

    async def look_up(self, talk: asyncio.Task[Conversed | None] | None) -> None:
        """Look up the context. What the daemon would like to bring up is for people, in talks that are kept."""
        if self.message.memory == "off":
            return

        await self.lookup.gather(talk)
        self.mood = mood_with(self.mood, felt_before(self.lookup.context.tail or ()))
        fit = self.message.memory == "on" and not self.for_a_machine and not self.mood.crisis
        await self.lookup.take_statements(fit=fit)
        self.lookup.cut(self.lookup.context.recalled or ())

    async def choose(self, doubt: asyncio.Task[Any] | None) -> None:
        """Settle what is in doubt, and choose the strategy."""
        if doubt is not None and (named := await doubt) is not None:
            self.intent, self.intent_by_model = named, True

        known = self.lookup.context.known
        self.strategy = strategy_for(
            self.text,
            self.intent,
            self.mood,
            tensions=[one.id for one in self.lookup.material.tensions if self.bears_on(one.earlier.text, one.later.text)],
            profile=[line.text for line in known.profile] if known is not None else (),
            machine=self.for_a_machine,
        )

    @property
    def for_a_machine(self) -> bool:
        """Whether a program reads the answer."""
        return not takes_prose(self.message.options) or bool(self.message.options.get("tools"))

    def settle_doubt(self) -> asyncio.Task[Any] | None:
        """Ask a model for the intent where the classifier is in doubt, and several calls are made anyway."""
        doubtful = self.intent.confidence < self.mind.settings.doubt_below and bool(self.text.strip())
        if not doubtful or depth_for(
            self.message.effort, self.message.options, left_s=self.left(), pace_s=self.mind.pace.seconds
        ).effort not in {
            "medium",
            "high",
        }:
            return None

        seconds = min(DOUBT_S, self.left() / 10)
        return asyncio.create_task(
            asked_of_a_model(self.text, self.intent, self.calls, seconds=seconds), name="thinking intent"
        )

    def bears_on(self, *texts: str) -> bool:
        """Whether texts share a word of some length with the question."""
        asked = {word for word in plain(self.text).split() if len(word) > 4}
        return any(word in asked for text in texts for word in plain(ends_of(text)).split())

    async def answer(self, talk: asyncio.Task[Conversed | None] | None) -> AsyncGenerator[Saying]:
        """The answer, by the ladder; or that of an earlier thought."""
        self.known_as = self.mind.reuse.question_of(self.message, self.persona)
        if self.known_as is not None and not await self.is_asked_anew(talk):
            had = self.mind.reuse.find(self.known_as, self.lookup.context, self.mind.clock.now().timestamp())
            if had is not None:
                self.reused = had
                if self.message.stream:
                    for choice in had.choices:
                        yield Saying(index=choice.index, delta=choice.message)
                return

        settings = self.mind.settings
        prompt = Prompt(
            messages=self.message.messages,
            persona=self.persona,
            material=self.lookup.material,
            budgets=settings.budgets,
            now=None if self.message.memory == "off" else self.mind.clock.now(),
            guidance=self.strategy.guidance if settings.guide and self.message.memory != "off" else "",
        )
        depth = depth_for(self.message.effort, self.message.options, left_s=self.left(), pace_s=self.mind.pace.seconds)
        self.ladder = Ladder(
            self.message,
            self.calls,
            prompt,
            depth,
            settings=settings,
            left=self.left,
            recalled=self.lookup.recalled,
            search=self.lookup.search(),
        )
        async with aclosing(self.ladder.descend()) as sayings:
            async for saying in sayings:
                yield saying

    async def is_asked_anew(self, talk: asyncio.Task[Conversed | None] | None) -> bool:
        """Whether the talk had this question already: who asks it again there wants another answer."""
        if talk is None:
            return False
        if not talk.done():
            await asyncio.wait({talk}, timeout=self.mind.presence.patience("memory", self.mind.settings.context_deadline_s))

        conversed = talk.result() if talk.done() else None
        return conversed is None or not conversed.created

    def left(self) -> float:
        """Seconds that models may still take: what is left, less what comes after them."""
        settings = self.mind.settings
        left = self.call.remaining()
        return left - min(settings.reserve_s, left * settings.reserve_fraction)

    def words(self) -> AnswerOwed | None:
        """What memory is to remember as the answer; None where there is nothing.

        A degraded answer from memory is not remembered: it is a notice of our failure, and recalling it later as something
        that the assistant knew would be wrong. A model's answer that was cut off is, since it was said. Bare tool calls have
        no text to remember; the tools' outputs come back in the client's next request.
        """
        choices = self.choices
        text = text_of(choices[0].message)[:LONGEST_ANSWER] if choices else ""
        if not text.strip() or (self.ladder is not None and self.ladder.from_no_model):
            return None

        model = self.reused.model if self.reused is not None else self.ladder.model if self.ladder is not None else ""
        discretion = self.lookup.discretion
        confided_by = self.confidants
        if discretion.is_shown(self.lookup.material):
            confided_by |= {discretion.asker or UNNAMED}
        return AnswerOwed(text=text, model=model, key=f"{self.id}:answer", confided_by=tuple(sorted(confided_by)))

    def hold_ready(self) -> None:
        """Hold the thought ready for the same question, where it is whole and memory has it."""
        if self.reused is not None:
            self.reused.own.update(self.remembering.left_behind)
            return

        ladder = self.ladder
        if (
            self.known_as is None
            or ladder is None
            or ladder.rung != "full"
            or ladder.degraded
            or self.remembering.owes
            or self.lookup.context.recalled is None
        ):
            return
        if not all(choice.finish_reason == "stop" for choice in ladder.choices):
            return

        had = Had(
            thought_id=self.id,
            at=self.mind.clock.now().timestamp(),
            state=frozenset(),
            choices=ladder.choices,
            model=ladder.model,
            endpoint=ladder.endpoint,
            own=set(self.remembering.left_behind),
            memories=self.lookup.material.ids,
        )
        # As it will be looked at: without what says the same as the answer, also where it was said before.
        had.state = self.mind.reuse.state_of(self.lookup.context, had)
        self.mind.reuse.keep(self.known_as, had)

    @property
    def missing(self) -> dict[str, str]:
        """Parts that were not there in time or failed, each with its reason."""
        return {**self.lookup.context.missing, **self.remembering.missing}

    @property
    def choices(self) -> Sequence[Any]:
        """The choices that went out."""
        if self.reused is not None:
            return self.reused.choices
        return self.ladder.choices if self.ladder is not None else ()

    def thought(self) -> Thought:
        """The public answer as a whole."""
        known: dict[str, Any] = {
            "thought_id": self.id,
            "session": self.remembering.session,
            "usage": self.calls.usage,
            "attempts": self.calls.attempts,
            "created": self.created,
        }
        if self.reused is not None:
            had = self.reused
            return Thought(
                choices=had.choices,
                model=had.model,
                memories=had.memories,
                degraded=False,
                endpoint=had.endpoint,
                reused=True,
                **known,
            )

        ladder = self.ladder
        assert ladder is not None  # noqa: S101 (answer has made it)
        ids = tuple(memory.id for memory in ladder.quoted) if ladder.from_no_model else self.lookup.material.ids
        return Thought(
            choices=ladder.choices,
            model=ladder.model,
            memories=ids,
            degraded=ladder.degraded,
            endpoint=ladder.endpoint,
            rung=ladder.rung,
            **known,
        )


def felt_before(tail: Sequence[Memory]) -> dict[str, float]:
    """What memory has of the user's feelings in their latest turn before this one; empty where nobody has judged it yet."""
    felt = next((turn.affect.user for turn in tail if turn.role == "user"), None)
    return dict(felt) if felt is not None else {}


def digest(call_id: str) -> str:
    """24 hexadecimal digits."""
    return sha256(call_id.encode()).hexdigest()[:24]
