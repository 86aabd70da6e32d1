"""Paradox: judges statements on request, follows memory's feed in the background, keeps what is at odds, and thinks it over.

A detector alone never changes a memory, but for one thing: a sure update that itself tells of a change ends the old fact, which
stays, with its end. That is an event with its reason, and is taken back by resolving it otherwise.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from actors.clock import Clock, system_clock
from actors.idempotency import once_of
from actors.memory.messages import Change, GetSession, SessionFound
from actors.metrics import Metric
from actors.paradox.compare import findings, revised
from actors.paradox.contemplation import Contemplator
from actors.paradox.effects import Effect
from actors.paradox.feelings import Feelings
from actors.paradox.follower import Follower, retried
from actors.paradox.judging.pair import Judgement
from actors.paradox.messages import (
    BackedUp,
    Backup,
    Check,
    Checked,
    Contemplate,
    Contemplated,
    Found,
    Get,
    GetMood,
    GetProgress,
    List,
    ListSetAside,
    MoodTold,
    Paradoxes,
    ProgressTold,
    Resolve,
    Retried,
    Retry,
    SetAsides,
    Side,
    Statement,
)
from actors.paradox.moods import mood_of
from actors.paradox.opinion import Consultant
from actors.paradox.settings import ParadoxSettings
from actors.paradox.settling import Settler
from actors.paradox.store import Store
from actors.paradox.workshop import Workshop
from actors.patience import patiently
from actors.runtime import AsyncActor, handles

__all__ = ["Paradox"]

MOOD_TURNS = 24
"""How many turns of a talk are looked at for its mood. Earlier ones weigh less than a sixtieth."""

CONTEMPLATED_AT_ONCE = 32
"""Open paradoxes that one round in the background takes up."""


class Paradox(AsyncActor):
    """The paradox actor. Its state is `paradox.db` in `data_dir`."""

    name: ClassVar[str] = "paradox"
    concurrency: ClassVar[int] = 16

    def __init__(self, settings: ParadoxSettings, data_dir: Path, clock: Clock = system_clock) -> None:
        super().__init__()
        self.settings = settings
        self.clock = clock
        self.store = Store(data_dir)
        self.cursor = 0
        self._moved = asyncio.Condition()
        self._workshop = Workshop(settings)
        self._settler = Settler(settings, self.store, ask=self.ask)
        self._contemplator = Contemplator(settings, self.store, clock, ask=self.ask, judge=self._judge_sides)
        self._consultant = Consultant(settings, self.store, clock, ask=self.ask, answered=self._settler.wake)

    async def on_start(self) -> None:
        """Open the store, and follow on from where it stands."""
        await self.store.open()
        self.spawn(self.store.watch(), name="paradox watches its database")
        self.cursor = (await self.store.progress()).cursor
        if self.settings.follow:
            follower = Follower(self.settings, self.store, self.clock, ask=self.ask, judge=self._judge, moved=self._on_moved)
            self.spawn(patiently("following", follower.run), name="follow")
            self.spawn(patiently("settling", self._settler.run), name="settle")
            if self.settings.affect:
                feelings = Feelings(self.settings, self.store, ask=self.ask, read=self._workshop.feel)
                self.spawn(patiently("what is felt", feelings.run), name="feel")
            if self.settings.judge_model and self.settings.judge_model_per_day:
                self.spawn(patiently("a model's opinion", self._consultant.run), name="consult")
            if self.settings.contemplate_every_s:
                self.spawn(patiently("contemplation", self._contemplate), name="contemplate")

    async def on_stop(self) -> None:
        """Close the store."""
        self._workshop.close()
        await self.store.close()

    async def on_failure(self, *_failure: object) -> None:
        """Close the store."""
        self._workshop.close()
        await self.store.close()

    @handles(Backup)
    async def back_up(self, message: Backup) -> BackedUp:
        """Copy the database."""
        return BackedUp(bytes=await self.store.back_up(message.name))

    @handles(Check)
    async def check(self, message: Check) -> Checked:
        """Judge and forget."""
        return await self._workshop.check(message.statements, message.new)

    @handles(List)
    async def list_paradoxes(self, message: List) -> Paradoxes:
        """A namespace's paradoxes."""
        found, more = await self.store.page(
            message.namespace, only_open=message.open, limit=message.limit, cursor=message.cursor
        )
        return Paradoxes(paradoxes=found, next_cursor=more)

    @handles(Get)
    async def get(self, message: Get) -> Found:
        """One paradox."""
        return Found(paradox=await self.store.get(message.namespace, message.id))

    @handles(Resolve)
    async def resolve(self, message: Resolve) -> Found:
        """End a paradox, with a reason."""
        once = once_of(self.call, message, self.clock.steady())
        paradox = await self.store.resolve(message, self.clock.now(), once)
        self._settler.wake()
        return Found(paradox=paradox)

    @handles(ListSetAside)
    async def list_set_aside(self, message: ListSetAside) -> SetAsides:
        """What could not be judged."""
        return SetAsides(items=await self.store.set_aside(message.namespace, message.limit))

    @handles(Retry)
    async def retry(self, message: Retry) -> Retried:
        """Judge what was set aside."""
        once = once_of(self.call, message, self.clock.steady())
        known = await self.store.retried(once)
        if known is not None:
            return Retried(id=message.id, found=known)
        item = await self.store.one_set_aside(message.namespace, message.id)
        found = await retried(item, self.store, self.clock, self.ask, self._judge, once=once)
        self._settler.wake()
        return Retried(id=item.id, found=found)

    @handles(Contemplate)
    async def contemplate(self, message: Contemplate) -> Contemplated:
        """Think over what is open."""
        done = await self._contemplator.step(message.namespace, message.limit)
        self._settler.wake()
        return done

    @handles(GetMood)
    async def mood(self, message: GetMood) -> MoodTold:
        """A talk's mood, from what memory knows to be felt in its latest turns."""
        session: SessionFound = await self.ask(GetSession(namespace=message.namespace, name=message.session, limit=MOOD_TURNS))
        return mood_of(session.turns, message.at or self.clock.now())

    @handles(GetProgress)
    async def progress(self, message: GetProgress) -> ProgressTold:
        """How far the feed has been followed."""
        if message.wait_ms and self.cursor < message.reached:
            try:
                async with asyncio.timeout(message.wait_ms / 1000), self._moved:
                    await self._moved.wait_for(lambda: self.cursor >= message.reached)
            except TimeoutError:
                pass
        return await self.store.progress()

    def metrics(self) -> list[Metric]:
        """How far the feed has been followed."""
        about = "Seq of the last change of memory's feed that was judged."
        return [Metric(name="lattice_paradox_cursor", kind="gauge", help=about, samples=[({}, float(self.cursor))])]

    async def _judge(self, change: Change) -> list[Effect]:
        if change.change == "revised":
            texts = await self.store.texts_of(change.namespace, change.id)
            return await revised(change, texts, self.ask, self._workshop.several, self.settings)
        return await findings(change, self.ask, self._workshop.several, self.settings)

    async def _judge_sides(self, pairs: Sequence[tuple[Side, Side]]) -> list[Judgement]:
        return await self._workshop.pairs(
            [
                (
                    Statement(text=earlier.text, speaker=earlier.speaker, time=earlier.time),
                    Statement(text=later.text, speaker=later.speaker, time=later.time),
                )
                for earlier, later in pairs
            ]
        )

    async def _contemplate(self) -> None:
        while True:
            await asyncio.sleep(self.settings.contemplate_every_s)
            await self._contemplator.step(None, CONTEMPLATED_AT_ONCE)
            self._settler.wake()

    async def _on_moved(self, cursor: int) -> None:
        self.cursor = cursor
        self._settler.wake()
        self._consultant.wake()
        async with self._moved:
            self._moved.notify_all()
