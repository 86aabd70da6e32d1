"""Compress: a talk of long ago becomes one summary that keeps links to its turns; the turns that have faded are archived.

Nothing is deleted: an archived turn is found by whoever asks for it, and stays the source of what was made of it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from actors.daemon import extract
from actors.daemon.cycles.consolidate import SUMMARISE, talk_of
from actors.daemon.follower import Follower, namespaces
from actors.daemon.salient import salient
from actors.daemon.settings import CompressSettings
from actors.daemon.work import Work
from actors.memory.messages import Compress as CompressTalk
from actors.memory.messages import Compressed, Link, List, Listed, ListSessions, Memory, NewMemory, Session, Sessions

__all__ = ["Compress"]

PAGE = 200
LINKS = 256
"""Most links that a record may have."""


class Compress:
    """The cycle `compress`; `about` says what it does."""

    name: ClassVar[str] = "compress"
    about: ClassVar[str] = "Sums up talks of long ago, and archives the turns of theirs that have faded."
    needs_model: ClassVar[str] = "Summaries in words of their own: without one they are sentences chosen from the talk."
    follows: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, settings: CompressSettings, follower: Follower) -> None:
        self.settings = settings
        self.follower = follower

    async def work(self, work: Work) -> None:
        """Every talk that is old enough, in every namespace."""
        await self.follower.catch_up(work)
        for namespace in await work.read(namespaces):
            cursor: str | None = None
            while True:
                page: Sessions = await work.ask(ListSessions(namespace=namespace, limit=PAGE, cursor=cursor))
                for session in page.sessions:
                    if session.last <= work.now - timedelta(days=self.settings.older_days):
                        await self._compress(work, session)
                        await work.pass_on()
                cursor = page.next_cursor
                if cursor is None:
                    break

    async def _compress(self, work: Work, session: Session) -> None:
        faded = [turn for turn in await self._turns(work, session) if turn.importance < self.settings.importance]
        if not faded:
            return
        for start in range(0, len(faded), LINKS):
            stretch = faded[start : start + LINKS]
            summary = await self._summary(work, session, stretch)
            if summary is None:
                continue
            message = CompressTalk(namespace=session.namespace, summary=summary)
            done: Compressed | None = await work.write(message, records=1 + len(stretch), text=summary.text)
            if done is not None:
                await work.commit(lambda _connection: None, archived=len(done.archived), summaries=1)

    async def _turns(self, work: Work, session: Session) -> list[Memory]:
        """The talk's turns that are not archived yet."""
        found: list[Memory] = []
        cursor: str | None = None
        while True:
            listed: Listed = await work.ask(
                List(namespace=session.namespace, session=session.name, kind="turn", current=True, limit=PAGE, cursor=cursor)
            )
            # What is crystallized matters, and stays at hand.
            found += [turn for turn in listed.memories if turn.stage in ("raw", "echoed")]
            cursor = listed.next_cursor
            if cursor is None:
                return found

    async def _summary(self, work: Work, session: Session, turns: list[Memory]) -> NewMemory | None:
        chosen = await salient(work, extract.said_in(turns), self.settings.sentences)
        if not chosen:
            return None
        written = await work.generate(SUMMARISE, talk_of(turns), turns) or None
        text = written or "\n".join(f"{turn.speaker}: {sentence}" if turn.speaker else sentence for turn, sentence in chosen)
        return NewMemory(
            text=text[:4000],
            session=session.name,
            time=turns[-1].time,
            kind="summary",
            importance=0.4,
            metadata={"turns": len(turns)},
            provenance=work.provenance(by_model=written is not None),
            links=tuple(Link(relation="summarises", target=turn.id) for turn in turns),
            key=f"compress:{turns[-1].id}",
        )
