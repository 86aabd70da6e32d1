"""The background lane: gets vectors for records that have none, a batch at a time, and for questions as they come.

What it holds is worth nothing: which records wait stands in the database, and vectors are written together with it.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from loguru import logger

from actors.call import current_call
from actors.fair_gate import FairGate
from actors.memory.embedding.embedders import Embedder, Question
from actors.memory.embedding.vectors import Batch, active, adopt, clear_some, keep, waiting
from actors.sqlite.database import Database
from transport.errors import LatticeError

__all__ = ["Lane"]

RECORDS = 32
PASSAGES = 48
"""About how many passages a batch has: 0.2 s of one core, so that a stop loses no more and a transaction stays small."""

CLEARED = 500
"""Vectors of a replaced set that one transaction deletes."""

AGAIN_S = 2.0
"""After an embedder could not be used."""

ABSENT_S = 60.0
"""After it said that it has no model."""

IDLE_S = 30.0
"""Longest sleep while nothing waits; what is committed wakes it."""

QUESTION_S = 5.0
"""How long a recall waits for its question's vectors at most, in seconds. An encoder that was just replaced has loaded its
model by then."""

SHARE = 0.5
"""The share of a recall's remaining time that may be spent on waiting for its question's vectors: a recall by words alone is
better than none."""

AWAY_S = 15.0
"""How long recalls go by words alone after a question got no vectors, in seconds, unless the embedder is known to be back
before: otherwise each of them would wait."""


class Lane:
    """One embedder's work.

    Args:
        embedder: who makes the vectors; None where there are to be none.
        database: memory's.
        embedded: told the numbers of records once vectors that were made anew are on disk, and of all when a new set came into
            use (None). Of those made for the first time `reached` says enough.
        questions_kept: how many questions' vectors are kept.
    """

    def __init__(
        self,
        embedder: Embedder | None,
        database: Database,
        embedded: Callable[[list[int] | None], None],
        questions_kept: int,
    ) -> None:
        self._embedder = embedder
        self._database = database
        self._embedded = embedded
        self._kept = questions_kept
        self._gate = FairGate(embedder.at_once if embedder is not None else 0)
        self._questions: OrderedDict[str, Question] = OrderedDict()
        self._forgettings = 0
        """How often questions were forgotten: one that was asked before that is not kept after it."""

        self._away_until = 0.0
        self._held_until = 0.0
        """Until then no vectors are made for records."""

        self._doubted = True
        """Whether the embedder is to be asked how it stands before it is given work."""

        self._work = asyncio.Event()
        self.absent = embedder is None
        """Whether no vectors will be made: nothing waits for any then."""

        self.target = ""
        """The model whose vectors are made now; empty before it is known."""

        self.in_use: str | None = None
        """The model by whose vectors is searched; None where there are none yet."""

        self.moved = asyncio.Event()
        """Set, and replaced, whenever there is less to wait for."""

        self._cleared: int | None = None
        """The last record whose vectors of a replaced set are deleted; None where no such set is known."""

        self._opened = False
        self.embedded = 0
        self.questions_unread = 0

    async def open(self) -> None:
        """See which vectors there are, once. The first question waits for it; what only writes does not."""
        if self._opened:
            return

        in_use = await self._database.read(active)
        self.in_use = None if in_use is None else in_use.name
        if self._embedder is None:
            self.in_use = None
        self._opened = True

    def wake(self) -> None:
        """Something was committed."""
        self._work.set()

    def forget_questions(self) -> None:
        """Keep none of the questions so far: what is forgotten may have been asked by its own words, as a chat does."""
        self._questions.clear()
        self._forgettings += 1

    def hold(self, seconds: float) -> None:
        """Make no vectors for records for so long; 0: go on."""
        self._held_until = asyncio.get_running_loop().time() + seconds
        self._work.set()

    async def question(self, text: str, time_left: float) -> Question | None:
        """A question's vectors by the model in use; None where there are none, or they cannot be had in time.

        Args:
            text: the question.
            time_left: seconds until its caller gives up.
        """
        await self.open()
        if self.in_use is None or self._embedder is None:
            return None
        known = self._questions.get(text)
        if known is not None and known.name == self.in_use:
            self._questions.move_to_end(text)
            return known

        loop = asyncio.get_running_loop()
        if loop.time() < self._away_until:
            return None
        forgettings = self._forgettings
        question = await self._ask(self._embedder, text, min(QUESTION_S, SHARE * time_left))
        if question is None or question.name != self.in_use:
            return None
        if self._kept and self._forgettings == forgettings:
            self._questions[text] = question
            while len(self._questions) > self._kept:
                self._questions.popitem(last=False)
        return question

    async def _ask(self, embedder: Embedder, text: str, seconds: float) -> Question | None:
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        call = current_call.get()
        try:
            # In line for half of it at most: with less the embedder would be taken for one that is away.
            async with self._gate.entered((None, None) if call is None else call.flow, until - seconds / 2):
                if loop.time() >= self._away_until:
                    return await embedder.question(text, until - loop.time())
        except TimeoutError:
            logger.debug("a recall goes by words alone: too many of its caller's questions were before it")
        except LatticeError as error:
            self._away_until = loop.time() + AWAY_S
            self._doubted = True
            self._work.set()
            logger.bind(code=error.code).warning("recall goes by words alone for a while: {}", error.message)
        self.questions_unread += 1
        return None

    async def run(self) -> None:
        """Work for ever."""
        if self._embedder is None:
            return
        while True:
            self._work.clear()
            try:
                pause = await self._step(self._embedder)
            except LatticeError as error:
                logger.bind(code=error.code).info("embedding waits: {}", error.message)
                self._doubted = True
                await asyncio.sleep(AGAIN_S)
                continue
            if pause:
                try:
                    async with asyncio.timeout(pause):
                        await self._work.wait()
                except TimeoutError:
                    pass

    async def _step(self, embedder: Embedder) -> float:
        """Do what is next; returns how long to sleep if nothing happens."""
        if self._doubted:
            standing = await embedder.standing()
            self.absent = standing.state == "absent"
            self._moves()
            if standing.state != "ready":
                # The work of a moment ago must not wake it: nobody but time can help.
                await asyncio.sleep(ABSENT_S if self.absent else AGAIN_S)
                return 0.0
            self.target, self._doubted, self._away_until = standing.name, False, 0.0

        self._cleared = await self._database.write_rebuildable(clear_some, self._cleared or 0, CLEARED)
        if self._cleared is not None:
            return 0.0
        adopted = await self._database.write_rebuildable(adopt, self.target)
        if adopted is None:
            return 0.0
        if held_s := self._held_s():
            return held_s
        batch = await self._database.read(waiting, adopted, RECORDS, PASSAGES)
        if not batch.works and not batch.idle:
            await self._use_newest()
            return IDLE_S
        await self._embed(embedder, batch)
        return 0.0

    def _held_s(self) -> float:
        return max(self._held_until - asyncio.get_running_loop().time(), 0.0)

    async def _embed(self, embedder: Embedder, batch: Batch) -> None:
        passages = [work.passage(piece) for work in batch.works for piece in work.pieces]
        vectors: list[tuple[bytes, bytes]] = []
        if passages:
            name, vectors = await embedder.passages(passages)
            if name != self.target:
                self._doubted = True
                return
        await self._database.write_rebuildable(keep, batch, vectors)
        self.embedded += len(batch.works)
        await self._use_newest()
        if again := [work.number for work in batch.works if work.number <= batch.vector_set.reached]:
            self._embedded(again)
        self._moves()

    def _moves(self) -> None:
        moved, self.moved = self.moved, asyncio.Event()
        moved.set()

    async def _use_newest(self) -> None:
        in_use = await self._database.read(active)
        name = None if in_use is None else in_use.name
        if name != self.in_use:
            self.in_use = name
            self._embedded(None)
