"""Lookup: what one thought finds before it answers, what of it the prompt shows, and what is asked of memory on the way.

Knows nothing of how the answer is made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from actors.call import Call
from actors.memory.messages import Conversed, Recollection
from actors.thinking.confidences import Discretion
from actors.thinking.context import Context, gather, recall, to_the_point
from actors.thinking.messages import Think
from actors.thinking.mind import Mind
from actors.thinking.prompt import Material, Prompt, fitting
from actors.thinking.relevance import bearing
from actors.thinking.remembering import LAST_FRACTION
from actors.thinking.search import Search
from actors.thinking.steps import Steps
from actors.thinking.talk import asker, plain, question, read, visible
from transport.errors import LatticeError

__all__ = ["Lookup"]


class Lookup:
    """One thought's. Until `gather` has been called nothing was found."""

    def __init__(self, mind: Mind, call: Call, message: Think, *, thought_id: str, steps: Steps) -> None:
        self.mind = mind
        self.call = call
        self.message = message
        self.thought_id = thought_id
        self.steps = steps
        self.discretion = Discretion(mind.actor, message.namespace, asker(message.messages))
        self.context = Context()
        self.material = Material()
        self.seen: frozenset[str] = frozenset()
        """What the model sees of the talk anyway, in the form in which it is compared."""

    async def gather(self, talk: asyncio.Task[Conversed | None] | None) -> None:
        """Gather the context; `talk` is memory taking over the talk."""
        settings = self.mind.settings
        seconds = min(settings.context_deadline_s, self.call.remaining() * settings.context_fraction)
        with self.steps.step("context"):
            found = await gather(
                self.mind.actor,
                self.message,
                talk,
                settings=settings,
                presence=self.mind.presence,
                knowledge=self.mind.knowledge,
                discretion=self.discretion,
                seconds=seconds,
                steps=self.steps,
            )
        if found.known is not None:
            found.known = found.known.meant_for(self.discretion.asker)
        self.context = found
        self.seen = await read(self.message.messages, visible)

    async def take_statements(self, *, fit: bool) -> None:
        """Take what the daemon would like to bring up; none of it where it does not fit in."""
        known = self.context.known
        if known is None or not known.statements:
            return

        self.context.known = await self.mind.knowledge.take(
            self.message.namespace,
            self.thought_id,
            known,
            asker=self.discretion.asker,
            most=self.mind.settings.statements if fit else 0,
            seconds=self.mind.presence.patience("daemon", self.mind.settings.context_deadline_s),
        )

    def cut(self, recalled: Sequence[Recollection]) -> None:
        """What of the context the prompt shows: nothing that the client shows anyway, and each part within its budget."""
        settings, found = self.mind.settings, self.context
        tail = tuple(turn for turn in found.tail or () if plain(turn.text) not in self.seen)[: settings.tail_turns]
        seen = self.seen | {plain(turn.text) for turn in tail}
        memories = [memory for memory in recalled if plain(memory.text) not in seen]
        known = found.known
        self.material = fitting(
            settings.budgets,
            memories[: settings.recall_k],
            tail,
            bearing(question(self.message.messages), found.tensions or (), recalled, self.seen)[: settings.tensions],
            profile=known.profile if known is not None else (),
            statements=known.statements if known is not None else (),
        )

    def search(self) -> Search | None:
        """How the model may look into memory itself; None where memory stays out of it."""
        settings = self.mind.settings
        if self.message.memory == "off" or settings.search_rounds == 0:
            return None

        async def look(query: str) -> tuple[Recollection, ...]:
            with self.steps.step("memory.recall search"):
                return await recall(
                    self.mind.actor,
                    self.message,
                    self.discretion,
                    settings=settings,
                    seconds=settings.context_deadline_s,
                    query=query,
                )

        def fit(prompt: Prompt, found: list[Recollection]) -> Prompt:
            """What was looked up goes before what was recalled for the question as a whole."""
            ids = {memory.id for memory in found}
            self.context.searched = tuple(found)
            self.cut([*found, *(one for one in self.context.recalled or () if one.id not in ids)])
            return prompt.with_material(self.material)

        return Search(look, rounds=settings.search_rounds, fit=fit)

    async def recalled(self) -> tuple[Recollection, ...] | None:
        """What memory holds on the question. Where it was too late for the context it is asked once more, and waited for."""
        if self.context.recalled is not None:
            return self.context.recalled

        settings = self.mind.settings
        seconds = min(settings.memory_patience_s, self.call.remaining() * LAST_FRACTION)
        with self.steps.step("memory.recall again") as step:
            try:
                asked = recall(self.mind.actor, self.message, self.discretion, settings=settings, seconds=seconds)
                found = await self.mind.presence.while_alive("memory", asked, seconds)
            except LatticeError as error:
                step.outcome = error.code
                return None

        return to_the_point(found, self.message, None)
