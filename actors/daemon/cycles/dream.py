"""Dream: two memories that have nothing to do with each other are brought together.

A dream is a record of its own kind, which recall does not find unless it is asked for: it is never taken for something that was
said. Which two, is chance; chance comes from the run, so that whoever takes it over dreams the same.
"""

from __future__ import annotations

import random
from datetime import timedelta
from functools import partial
from typing import Any, ClassVar, Final

import apsw

from actors.daemon import extract
from actors.daemon.cycles.reflect import line_of
from actors.daemon.follower import Follower, is_known, namespaces
from actors.daemon.settings import DreamSettings
from actors.daemon.work import Work
from actors.memory.messages import GetStats, Link, List, Listed, Memory, NewMemory, Remember, Stats

__all__ = ["Dream"]

PAGE = 200
TRIES: Final = 20
"""Pairs that are looked at for two that lie far enough apart."""

RECOMBINE = (
    "Two memories of different times follow. In at most three sentences, imagine what they could have to do with each other: "
    "an image, a possibility or a question, as in a dream. Do not claim that it happened."
)


class Dream:
    """The cycle `dream`; `about` says what it does."""

    name: ClassVar[str] = "dream"
    about: ClassVar[str] = "Brings two distant memories together, marked as a dream and never recalled as a fact."
    needs_model: ClassVar[str] = "Images: without one it lays the two side by side, and says what they share."
    follows: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, settings: DreamSettings, follower: Follower) -> None:
        self.settings = settings
        self.follower = follower

    async def work(self, work: Work) -> None:
        """One dream, or a few, in every namespace that has enough to dream of."""
        await self.follower.catch_up(work)
        for namespace in await work.read(namespaces):
            stats: Stats = await work.ask(GetStats(namespace=namespace))
            awake = sum(count for kind, count in stats.by_kind.items() if kind in ("turn", "fact"))
            for number in range(self.settings.dreams if awake >= self.settings.from_records else 0):
                await self._dream(work, namespace, number)
                await work.pass_on()

    async def _dream(self, work: Work, namespace: str, number: int) -> None:
        if await work.read(is_dreamt, namespace, work.run.id, number):
            return
        # Not for secrets: the same run has to choose the same pair.
        chance = random.Random(f"{work.run.id}:{namespace}:{number}")  # noqa: S311
        pair = self._pair(chance, await self._some(work, namespace))
        if pair is None:
            return
        one, other = pair
        shared = sorted(set(extract.content(one.text)) & set(extract.content(other.text)))
        scene = f"{one.time:%d %B %Y}: {line_of(one)}\n{other.time:%d %B %Y}: {line_of(other)}"
        imagined = await work.generate(RECOMBINE, scene, pair, most_tokens=200)
        joined = f"Both speak of {', '.join(shared[:5])}." if shared else "Nothing that was said joins them."
        dream = NewMemory(
            text=f"A dream, not something that happened.\n{scene}\n{imagined or f'{joined} What would?'}",
            time=work.now,
            kind="dream",
            importance=0.1,
            provenance=work.provenance(by_model=bool(imagined)),
            links=tuple(Link(relation="derives_from", target=memory.id) for memory in pair),
            key=f"dream:{work.run.id}:{number}",
        )
        await work.write(Remember(namespace=namespace, memories=(dream,)), text=dream.text)
        await work.commit(partial(note_dreamt, namespace=namespace, run=work.run.id, number=number), dreams=1)

    async def _some(self, work: Work, namespace: str) -> list[Memory]:
        """The latest of what was said, and the first: the two ends of what is remembered."""
        found: list[Memory] = []
        for newest in (True, False):
            for kind in ("turn", "fact"):
                listed: Listed = await work.ask(List(namespace=namespace, kind=kind, limit=PAGE, newest=newest, current=True))
                found += listed.memories
        return sorted({memory.id: memory for memory in found}.values(), key=lambda memory: memory.id)

    def _pair(self, chance: random.Random, memories: list[Memory]) -> tuple[Memory, Memory] | None:
        telling = [memory for memory in memories if memory.role != "assistant" and len(extract.content(memory.text)) >= 3]
        distance = timedelta(days=self.settings.distance_days)
        if len(telling) < 2:
            return None
        for _ in range(TRIES):
            one, other = sorted(chance.sample(telling, 2), key=lambda memory: (memory.time, memory.id))
            if other.time - one.time >= distance:
                return one, other
        return None


def is_dreamt(connection: apsw.Connection, namespace: str, run: str, number: int) -> bool:
    """Whether a run that is gone through again has had that dream already."""
    row: Any = connection.execute("SELECT value FROM cursor WHERE name = ?", (f"dreamt:{namespace}",)).fetchone()
    by, _, last = row[0].rpartition(":") if row is not None else ("", "", "")
    return bool(by == run and int(last) >= number)


def note_dreamt(connection: apsw.Connection, *, namespace: str, run: str, number: int) -> None:
    """Note the latest dream of a namespace, unless that was forgotten meanwhile."""
    if not is_known(connection, namespace):
        return
    connection.execute(
        "INSERT INTO cursor VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
        (f"dreamt:{namespace}", f"{run}:{number}"),
    )
