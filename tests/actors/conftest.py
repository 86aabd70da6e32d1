"""Two hosts with real sockets between them, and small actors whose handlers wait until a test lets them go on."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import AsyncExitStack

import pytest
from loguru import logger

from actors.host import Host
from actors.message import Message, Reply
from actors.runtime import AsyncActor, handles
from actors.sqlite.encryption import KEY, StoreKey
from transport.errors import NotFound


class Echoed(Reply, type="probe.echoed"):
    text: str


class Echo(Message, type="probe.echo", reply=Echoed, idempotent=True, max_bytes=4096):
    text: str


class Wait(Message, type="probe.wait", reply=Echoed):
    """Answered once its gate is open."""

    gate: str


class Note(Message, type="probe.note"):
    """Told; the gate's name is written down."""

    text: str


class Refuse(Message, type="probe.refuse", reply=Echoed):
    """Answered with not_found."""


class Break(Message, type="probe.break", reply=Echoed):
    """Its handler raises what no contract knows of."""


class Stored(Reply, type="store.stored"):
    size: int


class Store(Message, type="store.store", reply=Stored, max_bytes=16 << 20):
    """Large."""

    text: str


class Unhandled(Message, type="probe.unhandled", reply=Echoed):
    """No method handles it."""


class Number(Reply, type="probe.number"):
    n: int


class Counted(Reply, type="probe.counted"):
    total: int


class Count(Message, type="probe.count", reply=Counted, part=Number):
    to: int
    gate: str | None = None
    """Opened by the test before the last part is made."""


class KeptCount(Message, type="probe.keptcount", reply=Counted, part=Number, kept=True):
    to: int
    gate: str | None = None
    retry: bool = True
    note: str = ""

    @property
    def rejoins(self) -> bool:
        return self.retry


class Circumstances(Reply, type="probe.circumstances"):
    lane: str
    key: str | None
    left_s: float
    trace: str | None
    caller: str


class Ask(Message, type="probe.ask", reply=Circumstances):
    """Answered with the circumstances of the call."""


class Pass(Message, type="relay.pass", reply=Echoed):
    """Asks probe to wait at the gate."""

    gate: str


class PassAsk(Message, type="relay.ask", reply=Circumstances):
    """Asks probe for the circumstances that reach it."""


class Hold(Message, type="probe.hold", reply=Echoed):
    """Holds the loop."""

    seconds: float


class Wrong(Message, type="probe.wrong", reply=Echoed):
    """Its handler answers something else than its contract says."""


class Probe(AsyncActor):
    name = "probe"
    concurrency = 4

    def __init__(self, gates):
        super().__init__()
        self.gates = gates

    @handles(Echo)
    async def echo(self, message: Echo) -> Echoed:
        return Echoed(text=message.text)

    @handles(Wait)
    async def wait(self, message: Wait) -> Echoed:
        await self.gates.at(message.gate)
        return Echoed(text=message.gate)

    @handles(Note)
    def note(self, message: Note) -> None:
        self.gates.log.append(message.text)
        if message.text == "break":
            raise ZeroDivisionError("told to break")

    @handles(Refuse)
    def refuse(self, _: Refuse) -> Echoed:
        raise NotFound("there is no such thing", detail={"looked": "everywhere"})

    @handles(Break)
    async def break_down(self, _: Break) -> Echoed:
        raise ZeroDivisionError("secret contents")

    @handles(Count)
    async def count(self, message: Count):
        for n in range(message.to):
            if message.gate is not None and n == message.to - 1:
                await self.gates.at(message.gate)
            self.gates.log.append(n)
            yield Number(n=n)
        yield Counted(total=message.to)

    @handles(KeptCount)
    async def kept_count(self, message: KeptCount):
        self.gates.log.append("begun")
        async for item in self.count(Count(to=message.to, gate=message.gate)):
            yield item

    @handles(Ask)
    def circumstances(self, _: Ask) -> Circumstances:
        call = self.call
        return Circumstances(lane=call.lane, key=call.key, left_s=call.remaining(), trace=call.trace, caller=call.caller)

    @handles(Hold)
    def hold(self, message: Hold) -> Echoed:
        hold_the_loop(message.seconds)
        return Echoed(text="held")

    @handles(Wrong)
    def wrong(self, _: Wrong) -> Counted:
        return Counted(total=1)


class Relay(AsyncActor):
    name = "relay"
    concurrency = 4

    @handles(Pass)
    async def relay(self, message: Pass) -> Echoed:
        return await self.ask(Wait(gate=message.gate))

    @handles(PassAsk)
    async def relay_ask(self, _: PassAsk) -> Circumstances:
        return await self.ask(Ask())


def hold_the_loop(seconds):
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while loop.time() < until:
        pass


class Warehouse(AsyncActor):
    name = "store"

    @handles(Store)
    def store(self, message: Store) -> Stored:
        return Stored(size=len(message.text))


class Gates:
    """Where handlers wait, and what they write down."""

    def __init__(self):
        self.open = defaultdict(asyncio.Event)
        self.reached = defaultdict(asyncio.Event)
        self.left = defaultdict(asyncio.Event)
        self.cancelled = []
        self.order = []
        self.log = []

    async def at(self, name):
        self.order.append(name)
        self.reached[name].set()
        try:
            await self.open[name].wait()
        except asyncio.CancelledError:
            self.cancelled.append(name)
            raise
        finally:
            self.left[name].set()


@pytest.fixture
def gates():
    return Gates()


@pytest.fixture
async def hosts(short_dir):
    """Makes hosts that share a run directory."""
    async with AsyncExitStack() as stack:

        async def make(**options):
            return await stack.enter_async_context(Host(run_dir=short_dir / "run", **options))

        (short_dir / "run").mkdir(mode=0o700)
        yield make


@pytest.fixture
async def home(hosts):
    """The host where the test's actors live."""
    return await hosts()


@pytest.fixture(params=["local", "remote"])
async def near(request, home, hosts):
    """A host to ask from: the actors' own, or another."""
    return home if request.param == "local" else await hosts(bind=False)


@pytest.fixture
async def probe(home, near, gates):
    """The way to a running probe."""
    await home.start_actor(Probe, gates)
    return near.ref("probe")


@pytest.fixture
def lines():
    """What was logged."""
    found = []
    sink = logger.add(lambda line: found.append(line.record), level="DEBUG")
    yield found
    logger.remove(sink)


@pytest.fixture(params=["plain", "encrypted"])
def key(request, monkeypatch):
    if request.param == "plain":
        monkeypatch.delenv(KEY, raising=False)
        return None
    text = StoreKey.new_text()
    monkeypatch.setenv(KEY, text)
    return StoreKey(text)
