"""Outbox: answers that went out before memory had them. They stand in thinking.db until memory has them, whatever is killed.

They are told in the order in which they were said: what follows in a talk must not come before what it follows.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

import apsw
from loguru import logger
from pydantic import JsonValue

from actors.clock import Clock
from actors.memory.messages import CONFIDED_BY, Answer, Answered, Converse, Conversed, namespace_digest
from actors.message import Data, Name
from actors.runtime import AsyncActor
from actors.sqlite.database import Database
from actors.thinking.settings import ThinkingSettings
from actors.thinking.spare_room import SpareRoom
from transport.errors import Cancelled, DeadlineExceeded, LatticeError, Overloaded, Unavailable, UnknownActor

__all__ = ["Outbox", "Owed"]

TRY_S: Final = 30.0
PAUSE_S: Final = 1.0
LAST_S: Final = 3.0
"""How long an orderly stop waits for memory at most, in seconds. The rest is told after the next start."""

AWAY: Final = (Cancelled, DeadlineExceeded, Overloaded, Unavailable, UnknownActor)


Talk = tuple[str, str | None]
"""Namespace, and the client's name for the session. Talks without a name are taken for one: nobody knows yet which are."""


class AnswerOwed(Data):
    """An answer that is to be remembered, without the place where it belongs."""

    text: str
    model: str
    key: Name
    confided_by: tuple[str, ...] = ()
    """Who told in confidence what it may say again."""


class Owed(Data):
    """What one thought owes memory."""

    thought: Name
    converse: Converse
    """The talk up to the question. Memory leaves alone what of it it has already."""

    conversed: Conversed | None = None
    """What memory said of it, where it has it already: it is not told a second time, since the talk may have gone on."""

    words: AnswerOwed | None
    """None where there is no answer to remember."""

    def answer(self, conversed: Conversed) -> Answer | None:
        """The answer, at its place."""
        if self.words is None:
            return None

        metadata: dict[str, JsonValue] = {"thought": self.thought, "model": self.words.model}
        if self.words.confided_by:
            metadata[CONFIDED_BY] = list(self.words.confided_by)
        return Answer(
            namespace=self.converse.namespace,
            session=conversed.session,
            after=conversed.last,
            text=self.words.text,
            metadata=metadata,
            key=self.words.key,
        )


class Outbox:
    """What memory is still to be told.

    Args:
        actor: who tells it.
        database: thinking.db, with the table `owed`.
        spare_room: takes what the disk does not.
        told: is told of each thought that memory was told of late: its id, its session's name, and the records.
    """

    def __init__(
        self,
        actor: AsyncActor,
        database: Database,
        spare_room: SpareRoom,
        settings: ThinkingSettings,
        clock: Clock,
        *,
        told: Callable[[str, str, tuple[str, ...]], Awaitable[None]],
    ) -> None:
        self.actor = actor
        self.database = database
        self.spare_room = spare_room
        self.settings = settings
        self.clock = clock
        self.told = told
        self.waiting = 0
        self.talks: Counter[Talk] = Counter()
        """How much is owed of each."""

        self.wake = asyncio.Event()
        self.telling = asyncio.Lock()
        self.writing = asyncio.Lock()
        self.unwritten: deque[tuple[Owed, float]] = deque()
        """What the disk has not taken, and since when: `owed_most` bounds it with the rest. Spare room has it too."""

    async def open(self) -> None:
        """Count what an earlier process left."""
        self.talks = await self.database.read(owing)
        self.unwritten.extend((Owed.model_validate_json(body), since) for body, since in await self.spare_room.left())
        self.talks.update(talk_of(owed.converse) for owed, _ in self.unwritten)
        self.waiting = self.talks.total()
        if self.waiting:
            logger.bind(waiting=self.waiting).info("memory is told what it has missed")
            self.wake.set()

    async def owe(self, owed: Owed) -> None:
        """Write down what is owed. Where the disk takes nothing it is held until it does, and put into spare room meanwhile.

        Raises:
            Overloaded: memory has been away for too many thoughts.
        """
        if self.waiting >= self.settings.owed_most:
            raise Overloaded("memory is away for too many thoughts: this one is not remembered")

        self.waiting += 1
        self.talks[talk_of(owed.converse)] += 1
        held = owed, self.clock.now().timestamp()
        self.unwritten.append(held)
        try:
            await self.write_down()
        except Unavailable as error:
            kept = await self._hold(held)
            logger.bind(thought=owed.thought, reason=error.message, survives_a_kill=kept).warning(
                "the outbox is held in memory"
            )
        self.wake.set()

    def owes(self, converse: Converse) -> bool:
        """Whether memory has not heard yet what was said before in that talk: what follows is to come behind it."""
        return self.talks[talk_of(converse)] > 0

    async def owes_for(self, thought: str) -> bool:
        """Whether memory is still to be told of a thought."""
        # What is held moves to the disk, never back.
        held = any(owed.thought == thought for owed, _ in self.unwritten)
        return held or (self.waiting > 0 and await self.database.read(is_owed, thought))

    async def let_go(self, namespaces: Mapping[str, datetime]) -> None:
        """Owe memory nothing of what was said in forgotten namespaces, by the digests of their names, until they were."""
        async with self.telling, self.writing:
            self.unwritten = deque((owed, since) for owed, since in self.unwritten if not is_of(owed, since, namespaces))
            self.talks = await self.database.write(drop_namespaces, namespaces)
            self.talks.update(talk_of(owed.converse) for owed, _ in self.unwritten)
            self.waiting = self.talks.total()
            await self.spare_room.empty()
            for owed, since in self.unwritten:
                await self.spare_room.keep(owed.model_dump_json(), since)

    async def write_down(self) -> None:
        """Write what is held, in order.

        Raises:
            Unavailable: the disk takes nothing still.
        """
        async with self.writing:
            if not self.unwritten:
                return
            while self.unwritten:
                await self.database.write(insert, *self.unwritten[0])
                self.unwritten.popleft()
            # Who is killed before this tells memory twice, by the same key.
            await self.spare_room.empty()

    async def tell_on(self) -> None:
        """Tell memory what it is owed, as it comes, for ever."""
        while True:
            await self.wake.wait()
            self.wake.clear()
            if not await self.tell():
                await asyncio.sleep(PAUSE_S)
                self.wake.set()

    async def tell(self) -> bool:
        """Tell all that is owed; False where memory is away, or the disk takes neither what is held nor that it was told."""
        async with self.telling:
            try:
                await self.write_down()
            except Unavailable:
                return False
            while (row := await self.database.read(first)) is not None:
                place, owed, since = row
                try:
                    # However long ago: by a clock that has just jumped, what was said a second before is a year old.
                    await self._tell(owed, datetime.fromtimestamp(since, UTC))
                except AWAY as error:
                    logger.bind(thought=owed.thought, code=error.code, waiting=self.waiting).info("memory is still away")
                    return False
                except LatticeError as error:
                    logger.bind(thought=owed.thought, code=error.code).error("a thought could not be remembered")
                else:
                    logger.bind(thought=owed.thought).info("memory was told late")

                try:
                    await self.database.write(delete, place)
                except Unavailable:
                    # It is told once more, which memory takes for the same.
                    return False
                self.waiting = max(self.waiting - 1, 0)
                talk = talk_of(owed.converse)
                self.talks[talk] -= 1
                if self.talks[talk] <= 0:
                    del self.talks[talk]
        return True

    async def close(self) -> None:
        """Tell what is still to be told, once more; what memory does not take now stays on disk."""
        if self.waiting:
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_S):
                    await self.tell()
        await self.spare_room.close()

    async def _hold(self, held: tuple[Owed, float]) -> bool:
        """Put it into spare room too; whether it outlives a kill now."""
        async with self.writing:
            # By now the disk may have taken it.
            return held not in self.unwritten or await self.spare_room.keep(held[0].model_dump_json(), held[1])

    async def _tell(self, owed: Owed, said: datetime) -> None:
        late = owed.converse.model_copy(update={"said": said})
        conversed: Conversed = owed.conversed or await self.actor.ask(late, timeout=TRY_S)
        answer = owed.answer(conversed)
        records = (*conversed.created, conversed.last)
        if answer is not None:
            answered: Answered = await self.actor.ask(answer, timeout=TRY_S)
            records = (*records, answered.id)
        await self.told(owed.thought, conversed.session, records)


def insert(connection: apsw.Connection, owed: Owed, time: float) -> None:
    connection.execute("INSERT INTO owed (time, body) VALUES (?, ?)", (time, owed.model_dump_json()))


def first(connection: apsw.Connection) -> tuple[int, Owed, float] | None:
    row = connection.execute("SELECT place, body, time FROM owed ORDER BY place LIMIT 1").fetchone()
    return None if row is None else (int(row[0]), Owed.model_validate_json(str(row[1])), float(row[2]))


def is_owed(connection: apsw.Connection, thought: str) -> bool:
    found = connection.execute("SELECT 1 FROM owed WHERE json_extract(body, '$.thought') = ? LIMIT 1", (thought,))
    return found.fetchone() is not None


def delete(connection: apsw.Connection, place: int) -> None:
    connection.execute("DELETE FROM owed WHERE place = ?", (place,))


def is_of(owed: Owed, since: float, namespaces: Mapping[str, datetime]) -> bool:
    until = namespaces.get(namespace_digest(owed.converse.namespace))
    return until is not None and since <= until.timestamp()


def drop_namespaces(connection: apsw.Connection, namespaces: Mapping[str, datetime]) -> Counter[Talk]:
    for namespace in {namespace for namespace, _ in owing(connection)}:
        until = namespaces.get(namespace_digest(namespace))
        if until is not None:
            connection.execute(
                "DELETE FROM owed WHERE json_extract(body, '$.converse.namespace') = ? AND time <= ?",
                (namespace, until.timestamp()),
            )
    return owing(connection)


def owing(connection: apsw.Connection) -> Counter[Talk]:
    rows = connection.execute(
        "SELECT json_extract(body, '$.converse.namespace'), json_extract(body, '$.converse.session'), count(*) "
        "FROM owed GROUP BY 1, 2"
    )
    return Counter({(str(namespace), session): int(number) for namespace, session, number in rows})


def talk_of(converse: Converse) -> Talk:
    return converse.namespace, converse.session
