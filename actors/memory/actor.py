"""The memory actor: takes messages to the functions that read and write its database.

Every handler only waits: writes share commits in the writer's thread, reads run in the reader's, and a follower of the feed
sleeps until something was committed.
"""

from __future__ import annotations

import asyncio
import builtins
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import apsw
from loguru import logger

from actors.clock import Clock, system_clock
from actors.memory import changes, confidences, echoes, forgetting, life, listing, namespaces, sessions, store, transfer
from actors.memory import feed as feeding
from actors.memory.embedding.embedders import embedder_of
from actors.memory.embedding.lane import Lane
from actors.memory.erasure import Erasure
from actors.memory.followers import Followers
from actors.memory.indexing import Indexing
from actors.memory.messages import (
    Age,
    Aged,
    Answer,
    Answered,
    BackedUp,
    Backup,
    Compress,
    Compressed,
    Confidences,
    Converse,
    Conversed,
    Export,
    Exported,
    Fed,
    Feed,
    Forget,
    ForgetNamespace,
    ForgetSession,
    Forgotten,
    Found,
    Get,
    GetAnswer,
    GetConfidences,
    GetHistory,
    GetSession,
    GetStats,
    History,
    HoldVectors,
    Import,
    Imported,
    List,
    Listed,
    ListSessions,
    NamespaceForgotten,
    NoteAffect,
    Noted,
    Recall,
    Recalled,
    Rederive,
    Reinstate,
    Relate,
    Remember,
    Remembered,
    Revise,
    SessionFound,
    Sessions,
    Stats,
    Supersede,
    Unrelate,
    VectorsHeld,
)
from actors.memory.reading_ahead import keep_reading_ahead
from actors.memory.schema import MEND, MIGRATIONS
from actors.memory.search import recall as recalling
from actors.memory.search.asks import spans_in
from actors.memory.search.events import event_in
from actors.memory.search.shelves import Shelves
from actors.memory.settings import MemorySettings
from actors.memory.tail import Tail
from actors.memory.transaction import Transaction
from actors.memory.writer_cache import WriterCache
from actors.message import Reply
from actors.metrics import Metric
from actors.moments import MICROSECOND, micros
from actors.runtime import AsyncActor, handles
from actors.sqlite.database import Database
from transport.errors import Overloaded, Unavailable

__all__ = ["Memory"]

FIRST_S = 0.1
"""After its start, how long memory answers who has waited for it before it begins with work of its own, in seconds."""

SWEEP_EVERY_S = 60.0
"""How often old calls are looked for."""

R = TypeVar("R", bound=Reply)


class Memory(AsyncActor):
    """Remembers what was said, and finds it again.

    Args:
        settings: see `MemorySettings`.
        data_dir: holds memory.db.
        clock: tells when something is remembered.
    """

    name = "memory"
    concurrency: ClassVar[int] = 256
    switch_s: ClassVar[float] = 0.001
    """CPython's own 5 ms would by themselves take up all the lag that this loop may have."""

    def __init__(self, settings: MemorySettings, data_dir: Path, clock: Clock = system_clock) -> None:
        super().__init__()
        self.settings = settings
        self._clock = clock
        self._cache = WriterCache()
        self._tail = Tail()
        self._database = Database(data_dir / "memory.db", MIGRATIONS, held=self._cache, on_commit=self._committed, mend=MEND)
        self._indexing = Indexing(self._database, settings.index_pause_s, settings.index_at_once)
        self._shelves = Shelves(settings.shelf_records, settings.shelf_bytes)
        self._erasure = Erasure(self._database, self._shelves.let_go)
        embedder = embedder_of(settings.embedder, settings.embedding_model, self.ask)
        self._lane = Lane(embedder, self._database, self._shelves.embedded, settings.questions_kept)
        self._followers = Followers(settings.waiting_feeds)
        self._searched = asyncio.Event()
        self._unnoted = 0

    async def on_start(self) -> None:
        """Open the database."""
        await self._database.open()
        self._followers.hold_off(FIRST_S)
        self.spawn(self._database.watch(), name="memory watches its database")
        if self.host is not None:
            self.spawn(self._embed_on(), name="embedding")
            self.spawn(self._followers.let_go(self.host.draining), name="let followers go")
        self.spawn(self._indexing.run(), name="memory indexes")
        self.spawn(self._forget_old_calls(), name="memory forgets old calls")
        self.spawn(self._erasure.run(), name="memory erases forgotten namespaces")
        self.spawn(keep_reading_ahead(self._database, self._shelves, self._searched), name="memory reads ahead")
        asyncio.get_running_loop().call_later(FIRST_S, self._begin_own_work)

    def _begin_own_work(self) -> None:
        logger.bind(sqlite=apsw.sqlite_lib_version()).info("memory is open")
        self._indexing.written()
        self._erasure.begin()

    async def on_stop(self) -> None:
        """Close it, with all that was accepted on disk."""
        await self._database.close()

    async def on_failure(self, *_: object) -> None:
        """Close it: whoever takes this actor's place opens it anew."""
        await self._database.close()

    @handles(Backup)
    async def back_up(self, message: Backup) -> BackedUp:
        """Copy the database."""
        return BackedUp(bytes=await self._database.back_up(message.name))

    @handles(Remember)
    async def remember(self, message: Remember) -> Remembered:
        """All of the records or none."""
        return await self._once(Remembered, message, store.remember, importance=self.settings.importance)

    @handles(Revise)
    async def revise(self, message: Revise) -> Found:
        """Correct a record."""
        return await self._once(Found, message, changes.revise, life=self.settings.life)

    @handles(Supersede)
    async def supersede(self, message: Supersede) -> Found:
        """End a record's validity."""
        return await self._write(message, changes.supersede)

    @handles(Reinstate)
    async def reinstate(self, message: Reinstate) -> Found:
        """Take the end of a record's validity back."""
        return await self._write(message, changes.reinstate)

    @handles(Relate)
    async def relate(self, message: Relate) -> Found:
        """Link a record to another."""
        return await self._write(message, changes.relate)

    @handles(Unrelate)
    async def unrelate(self, message: Unrelate) -> Found:
        """Take a link away."""
        return await self._write(message, changes.unrelate)

    @handles(NoteAffect)
    async def note_affect(self, message: NoteAffect) -> Noted:
        """Fill in what is felt in records."""
        return await self._write(message, changes.note_affect, life=self.settings.life)

    @handles(Age)
    async def age(self, message: Age) -> Aged:
        """Let a page of records age."""
        return await self._write(message, life.age, life=self.settings.life)

    @handles(Compress)
    async def compress(self, message: Compress) -> Compressed:
        """Remember a summary and archive what it summarises."""
        return await self._write(message, life.compress, importance=self.settings.importance)

    @handles(Rederive)
    async def rederive(self, message: Rederive) -> Found:
        """Give a withheld record a text again."""
        return await self._write(message, forgetting.rederive)

    @handles(Converse)
    async def converse(self, message: Converse) -> Conversed:
        """Take over what is new in a client's history."""
        return await self._write(message, sessions.converse, importance=self.settings.importance)

    @handles(Answer)
    async def answer(self, message: Answer) -> Answered:
        """Remember what was answered."""
        return await self._write(message, sessions.answer, importance=self.settings.importance)

    @handles(Forget)
    async def forget(self, message: Forget) -> Forgotten:
        """Forget records for good. The answer comes when they are out of the log too."""
        return await self._forget(message, forgetting.forget)

    @handles(ForgetSession)
    async def forget_session(self, message: ForgetSession) -> Forgotten:
        """Forget a talk for good."""
        return await self._forget(message, forgetting.forget_session)

    @handles(ForgetNamespace)
    async def forget_namespace(self, message: ForgetNamespace) -> NamespaceForgotten:
        """Forget all that is in a namespace for good."""
        key = None if self.call is None or self.call.key is None else blake2b(self.call.key.encode(), digest_size=16).digest()
        left = self._time_left()
        until = asyncio.get_running_loop().time() + max(left / 2, left - 0.5)
        forgotten = await self._write(message, namespaces.forget_namespace, key=key)
        self._let_questions_go()
        await self._erasure.erased(message.namespace, until)
        return forgotten

    @handles(Export)
    async def export(self, message: Export) -> Exported:
        """A page of records with all that belongs to them, the recalls before this question included."""
        if message.cursor is None:
            await self._note_recalls()
        return await self._database.read(transfer.export, message, page_bytes=self.settings.page_bytes)

    @handles(Import)
    async def bring_in(self, message: Import) -> Imported:
        """Take records over. Each is known by a name of its own; where some have none, the call's key counts."""
        if all(record.id is not None or record.key is not None for record in message.records):
            return await self._write(message, transfer.bring_in, importance=self.settings.importance)
        return await self._once(Imported, message, transfer.bring_in, importance=self.settings.importance)

    @handles(Recall)
    async def recall(self, message: Recall) -> Recalled:
        """Find what was said. That it was found is written down later, unless background work asked."""
        now = micros(self._clock.now())
        time_left = self._time_left()
        event = event_in(message.query)
        question, happened = await asyncio.gather(
            self._lane.question(message.query, time_left),
            self._lane.question(event.text, time_left) if event is not None else asyncio.sleep(0),
        )
        view = recalling.View(self.settings, self._shelves, self._tail)
        recalled = await self._database.read(recalling.recall, message, now, view, question, happened)
        self._searched.set()
        if recalled.memories and (self.call is None or self.call.lane == "fg"):
            self._note(message, recalled)
        return recalled

    @handles(Get)
    async def get(self, message: Get) -> Found:
        """One record."""
        return await self._database.read(store.find, message.namespace, message.id)

    @handles(GetAnswer)
    async def get_answer(self, message: GetAnswer) -> Found:
        """What the assistant said."""
        return await self._database.read(store.find_answer, message.namespace, message.key)

    @handles(GetConfidences)
    async def confidences(self, message: GetConfidences) -> Confidences:
        """Who told in confidence what stands in records."""
        return await self._database.read(confidences.told_by, message)

    @handles(List)
    async def list(self, message: List) -> Listed:
        """A page of records."""
        return await self._database.read(listing.list_memories, message, page_bytes=self.settings.page_bytes)

    @handles(GetHistory)
    async def history(self, message: GetHistory) -> History:
        """What happened to a record, the recalls before this question included."""
        await self._note_recalls()
        return await self._database.read(store.history, message.namespace, message.id)

    @handles(GetStats)
    async def stats(self, message: GetStats) -> Stats:
        """A namespace's figures."""
        loop = asyncio.get_running_loop()
        wait_until = loop.time() + message.wait_embedded_ms / 1000
        while True:
            moved = self._lane.moved
            stats = await self._database.read(store.stats, message.namespace, self._lane.target, embeds=not self._lane.absent)
            if not stats.pending or loop.time() >= wait_until:
                return stats
            await self._followers.wait_for(moved, wait_until)

    @handles(HoldVectors)
    def hold_vectors(self, message: HoldVectors) -> VectorsHeld:
        """Leave the records as they are for a while."""
        self._lane.hold(message.for_ms / 1000)
        return VectorsHeld(for_ms=message.for_ms)

    @handles(ListSessions)
    async def list_sessions(self, message: ListSessions) -> Sessions:
        """A page of talks."""
        return await self._database.read(listing.list_sessions, message)

    @handles(GetSession)
    async def get_session(self, message: GetSession) -> SessionFound:
        """One talk."""
        return await self._database.read(listing.get_session, message, page_bytes=self.settings.page_bytes)

    @handles(Feed)
    async def feed(self, message: Feed) -> Fed:
        """What changed after the cursor; waits for the first change without holding anything but a slot."""
        loop = asyncio.get_running_loop()
        wait_until = loop.time() + message.wait_ms / 1000
        if self.call is not None:
            wait_until = min(wait_until, self.call.deadline - 0.1)

        def read(feed: Feed) -> Awaitable[Fed]:
            return self._database.read(feeding.feed, feed, page_bytes=self.settings.page_bytes)

        return await self._followers.follow(message, read, wait_until)

    def metrics(self) -> builtins.list[Metric]:
        """Followers that wait, and recalls that were not written down."""
        return [
            Metric("lattice_memory_feed_waiting", "gauge", "Followers of the feed that wait", [({}, self._followers.waiting)]),
            Metric("lattice_memory_recalls_unnoted", "counter", "Recalls lost to history", [({}, self._unnoted)]),
            Metric("lattice_memory_embedded", "counter", "Records whose vectors were made", [({}, self._lane.embedded)]),
            Metric("lattice_memory_questions_unread", "counter", "Recalls by words alone", [({}, self._lane.questions_unread)]),
        ]

    def _committed(self) -> None:
        """Something is on disk, whether its caller is there still or not: tell those that wait for what is new."""
        self._indexing.written()
        self._followers.wake()
        self._lane.wake()

    async def _write(self, message: Any, fn: Callable[..., R], **settings: Any) -> R:
        """Run `fn(transaction, message, **settings)`, until it is on disk."""
        now = self._clock.now()

        def run(connection: apsw.Connection) -> R:
            return fn(Transaction(connection, message.namespace, now, self._cache), message, **settings)

        return await self._database.write(run)

    async def _forget(self, message: Any, fn: Callable[..., Forgotten]) -> Forgotten:
        """As `_write`, until it is out of the log and of what is kept of questions."""
        forgotten = await self._write(message, fn)
        self._let_questions_go()
        await self._database.checkpoint()
        return forgotten

    def _let_questions_go(self) -> None:
        self._lane.forget_questions()
        spans_in.cache_clear()

    def _time_left(self) -> float:
        return 30.0 if self.call is None else self.call.deadline - time.monotonic()

    async def _once(self, reply: type[R], message: Any, fn: Callable[..., R], **settings: Any) -> R:
        """As `_write`; a call whose envelope key is known gets the answer that was given then, and changes nothing.

        Raises:
            KeyReused: the key is known, and this is not the message that it came with.
        """
        key = self.call.key if self.call is not None else None
        if key is None:
            return await self._write(message, fn, **settings)

        def run(transaction: Transaction, message: Any, **settings: Any) -> R:
            request = blake2b(message.model_dump_json().encode(), digest_size=16).digest()
            known = transaction.answered_before(message.contract.type, key, request)
            if known is not None:
                return reply.model_validate_json(known)
            given = fn(transaction, message, **settings)
            transaction.keep_answer(message.contract.type, key, request, given.model_dump_json())
            return given

        return await self._write(message, run, **settings)

    async def _embed_on(self) -> None:
        """Get vectors for what has none, for ever."""
        await asyncio.sleep(FIRST_S)
        await self._lane.open()
        await self._lane.run()

    async def _forget_old_calls(self) -> None:
        """Now and then, for ever: keys that nobody will use again."""
        await asyncio.sleep(FIRST_S)
        while True:
            oldest = micros(self._clock.steady()) - timedelta(days=self.settings.calls_kept_days) // MICROSECOND
            try:
                await self._database.write(store.forget_calls, oldest)
            except (Overloaded, Unavailable) as error:
                logger.bind(code=error.code, reason=error.message).warning("old calls are kept for now")
            await asyncio.sleep(SWEEP_EVERY_S)

    async def _note_recalls(self) -> None:
        """Have all recalls so far written down, unless the disk takes nothing: reading goes on without them."""
        try:
            await self._database.settle()
        except Unavailable as error:
            logger.bind(code=error.code, reason=error.message).warning("the latest recalls are not written down")

    def _note(self, message: Recall, recalled: Recalled) -> None:
        said = message.context or repr((message.session, recalling.words_of(message.query)))
        context = blake2b(said.encode(), digest_size=8).digest()
        ids = [memory.id for memory in recalled.memories]
        now = self._clock.now()

        def run(connection: apsw.Connection) -> None:
            echoes.note_recall(Transaction(connection, message.namespace, now, self._cache), ids, context, self.settings)

        if not self._database.write_later(run):
            self._unnoted += 1
