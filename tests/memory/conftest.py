"""A memory actor in a host of its own, asked over its real socket; and the store alone, for what needs many runs."""

from datetime import UTC, datetime

import apsw
import pytest

from actors.clock import ManualClock
from actors.host import Host
from actors.memory import listing, sessions
from actors.memory.actor import Memory
from actors.memory.messages import Answer, Converse, GetSession, Turn
from actors.memory.schema import MIGRATIONS
from actors.memory.settings import MemorySettings
from actors.memory.tail import index_more
from actors.memory.transaction import Transaction
from actors.memory.writer_cache import WriterCache

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def clock():
    return ManualClock(NOW)


@pytest.fixture
async def host(short_dir, clock):
    async with Host(run_dir=short_dir / "run") as host:
        await host.start_actor(Memory, MemorySettings(), short_dir, clock)
        yield host


@pytest.fixture
async def memory(host, short_dir):
    """Asks the actor from another host: every message crosses the wire."""
    del host
    async with Host(run_dir=short_dir / "run", bind=False) as client:
        yield client.ref("memory")


class Store:
    """The store without an actor, in the memory of this process."""

    def __init__(self, *, indexes: bool) -> None:
        self.indexes = indexes
        self.connection = apsw.Connection(":memory:")
        self.cache = WriterCache()
        for migration in MIGRATIONS:
            self.connection.execute(migration)

    def write(self, fn, message, **settings):
        with self.connection:
            done = fn(Transaction(self.connection, message.namespace, NOW, self.cache), message, **settings)
            self.cache.flush(self.connection)
            if self.indexes:
                index_more(self.connection, 1000)
            return done

    def converse(self, *texts, session="talk", namespace="default", begin_as="new talk", **told):
        message = Converse(namespace=namespace, session=session, turns=turns(*texts), begin_as=begin_as, **told)
        return self.write(sessions.converse, message, importance=0.5)

    def answer(self, after, text, *, session="talk", key):
        return self.write(sessions.answer, Answer(session=session, after=after, text=text, key=key), importance=0.5)

    def talk(self, session="talk", namespace="default"):
        """What is said in the talk, as `converse` takes it."""
        message = GetSession(namespace=namespace, name=session, limit=1000)
        found = listing.get_session(self.connection, message, page_bytes=1 << 30)
        return [f"{memory.role[0]}:{memory.text}" for memory in found.turns]

    def everything(self):
        """Every row that there is, but for those of calls."""
        tables = ("namespace", "session", "memory", "link", "forgotten", "event", "tally")
        return {table: list(self.connection.execute(f"SELECT * FROM {table}")) for table in tables}


ROLES = {"u": "user", "a": "assistant", "t": "tool"}


def turns(*texts):
    """Turns from "u:what the user said", "a:what the assistant answered" and "t:what a tool put out"."""
    return tuple(Turn(role=ROLES[text[0]], text=text[2:]) for text in texts)


@pytest.fixture(params=[False, True], ids=["tail", "indexed"])
def book(request):
    """Everything in the tail of the index, or everything in it."""
    return Store(indexes=request.param)
