"""Remembering: a talk goes into memory while it is answered, and the answer after it: on disk there, or in the outbox."""

from __future__ import annotations

import asyncio
from typing import Final

from actors.call import Call
from actors.memory.messages import Answer, Answered, Converse, Conversed
from actors.runtime import AsyncActor
from actors.thinking.outbox import AnswerOwed, Outbox, Owed
from actors.thinking.presence import Presence
from actors.thinking.steps import Steps
from transport.errors import LatticeError

__all__ = ["LAST_FRACTION", "Remembering"]

LAST_FRACTION: Final = 0.8
"""The share of the time left at the end that may be spent on waiting for memory. The rest is for the way back."""


class Remembering:
    """What one thought has memory remember.

    Args:
        actor: who asks memory.
        outbox: takes what memory does not.
        presence: knows whether memory is away.
        call: whose time is spent.
        thought_id: the thought.
        session: what the client calls the talk.
        deadline_s: how long a finished answer waits for memory, in seconds.
        steps: of the thought.
    """

    def __init__(
        self,
        actor: AsyncActor,
        outbox: Outbox,
        presence: Presence,
        call: Call,
        *,
        thought_id: str,
        session: str | None,
        deadline_s: float,
        steps: Steps,
    ) -> None:
        self.actor = actor
        self.outbox = outbox
        self.presence = presence
        self.call = call
        self.thought_id = thought_id
        self.session = session
        self.deadline_s = deadline_s
        self.steps = steps

        self.conversed: Conversed | None = None
        """Where the user's turn stands in memory, once it does."""

        self.missing: dict[str, str] = {}
        """Part -> reason."""

        self.left_behind: tuple[str, ...] = ()
        """Ids of the records that are new by this thought."""

        self.owes = False
        """Whether memory is told the rest after the thought has ended."""

    def begin(self, request: Converse) -> asyncio.Task[Conversed | None]:
        """Let memory take over what is new in the talk, beside everything else."""
        self.request = request
        return asyncio.create_task(self._converse(request), name="thinking memory.converse")

    async def wait_for(self, talk: asyncio.Task[Conversed | None] | None, words: AnswerOwed | None) -> None:
        """Wait until the user's turn, and then the answer, are on disk: in memory, or in the outbox where memory is away."""
        if talk is None:
            return

        loop = asyncio.get_running_loop()
        patience = self.presence.patience("memory", self.deadline_s)
        until = loop.time() + min(patience, self.call.remaining() * LAST_FRACTION)
        await asyncio.wait({talk}, timeout=until - loop.time())
        if not talk.done():
            self.missing["memory.converse"] = "not there in time"
            self.presence.lost("memory")
            await self._owe(words)
            return

        conversed = talk.result()
        if conversed is None:
            await self._owe(words)
            return

        self.conversed = conversed
        self.session = conversed.session
        self.left_behind = conversed.created
        answer = self._owed(words).answer(conversed)
        if answer is not None:
            await self._answer(answer, words, seconds=max(until - loop.time(), 0.001))

    async def _converse(self, request: Converse) -> Conversed | None:
        with self.steps.step("memory.converse") as step:
            if self.outbox.owes(request):
                step.outcome = "waits"
                self.missing["memory.converse"] = "memory is still being told what was said before"
                return None

            try:
                conversed: Conversed = await self.actor.ask(request)
            except LatticeError as error:
                step.outcome = error.code
                self.missing["memory.converse"] = f"{error.code}: {error.message}"
                return None

            step.outcome = f"{len(conversed.created)} new, {len(conversed.superseded)} superseded"
            return conversed

    async def _answer(self, answer: Answer, words: AnswerOwed | None, *, seconds: float) -> None:
        with self.steps.step("memory.answer") as step:
            try:
                answered: Answered = await self.actor.ask(answer, timeout=seconds)
                self.left_behind = (*self.left_behind, answered.id)
            except LatticeError as error:
                step.outcome = error.code
                self.missing["memory.answer"] = f"{error.code}: {error.message}"
                self.presence.lost("memory")
                await self._owe(words)

    async def _owe(self, words: AnswerOwed | None) -> None:
        """Write it down: memory is told as soon as it can be, and the client waits no longer."""
        with self.steps.step("outbox") as step:
            try:
                await self.outbox.owe(self._owed(words))
                self.owes = True
            except LatticeError as error:
                step.outcome = error.code
                self.missing["outbox"] = f"{error.code}: {error.message}"

    def _owed(self, words: AnswerOwed | None) -> Owed:
        return Owed(thought=self.thought_id, converse=self.request, conversed=self.conversed, words=words)
