"""Chats that cost their asker next to nothing, by the hundred a second, from a process that tells what it used itself.

`python -m chaos.flooding PORT` asks a gateway by turns, over connections that stay open: a few clients, which is its best
(peak); ten times as much as that was, whether it answers or not (flood); ten times as many clients, who ask again at once
whatever they are told (storm). What came back is printed as one JSON object. Requests are prepared bytes, answers are read no
further than needed: clients and house share the machine's cores, and a client that costs more than a refusal measures itself.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import resource
import sys
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from supervisors import linux

__all__ = ["CLIENTS_MOST", "flooding"]

HOST = "127.0.0.1"
HEAD_END = b"\r\n\r\n"
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
REQUEST = (
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
)
QUESTION = b'{"model": "gpt-test", "messages": [{"role": "user", "content": "%b"}], "reasoning_effort": "minimal"}'

CLIENTS_MOST = 1000
"""Connections that the flood may have open: one for each chat that has not been answered yet."""

TICK_S = 0.005
"""How often it is looked how many chats are due, in seconds."""

END_S = 60.0
"""How long whatever was asked may take to be answered, in seconds."""

WARM_S = 1.0
RAMP_S = 6.0
"""The beginning of each phase that does not count, in seconds: answers are only on their way by then. With the default settings
a chat that was let in takes 4 to 6 s in a flood."""

REST_S = 1.5
"""The pause before each phase, in seconds, so that what the last one left to be done in the background does not count against
the next."""


@dataclass(slots=True)
class Tally:
    """What came back in one phase, and what asking cost."""

    began: float = 0.0
    """On the monotonic clock, which all processes share."""

    seconds: float = 0.0
    asked: int = 0
    unasked: int = 0
    """Due, and `CLIENTS_MOST` connections waited for answers already."""

    answers: Counter[str] = field(default_factory=Counter)
    """By status, as far as they came while the phase was at its height."""

    uncounted: Counter[str] = field(default_factory=Counter)
    """By status, while it grew and after its end."""

    refused_s: list[float] = field(default_factory=list)
    served_s: list[float] = field(default_factory=list)
    client_cpu_s: float = 0.0
    share: float = 1.0
    """The share of the machine that others left to the house. Its clients are others: they cost as much as what is refused to
    them."""

    def told(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "began": self.began,
            "seconds": round(self.seconds, 3),
            "asked": self.asked,
            "unasked": self.unasked,
            "answers": dict(self.answers),
            "uncounted": dict(self.uncounted),
            "served_per_s": round(self.answers["200"] / self.seconds, 2),
            "share": round(self.share, 3),
            "served_p50_s": middle(self.served_s, 0.5),
            "served_p99_s": middle(self.served_s, 0.99),
            "refused_p50_s": middle(self.refused_s, 0.5),
            "refused_p99_s": middle(self.refused_s, 0.99),
            "client_cpu_s": round(self.client_cpu_s, 3),
        }


class Connection(asyncio.Protocol):
    """One keep-alive connection: it asks, and tells the status of the answer once that is whole."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.told: Callable[[Connection, str], None] | None = None
        self.read = b""
        self.whole = 0
        """Bytes of the answer with its head; 0 until the head is there."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def ask(self, request: bytes, told: Callable[[Connection, str], None]) -> None:
        """Send a request; `told` is called once."""
        assert self.transport is not None
        self.told = told
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.read += data
        if not self.whole:
            end = self.read.find(HEAD_END)
            if end < 0:
                return
            length = LENGTH.search(self.read, 0, end + 2)
            self.whole = end + len(HEAD_END) + (int(length[1]) if length is not None else 0)
        if len(self.read) < self.whole:
            return
        status, self.read, self.whole = self.read[9:12].decode(), b"", 0
        self.tell(status)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self.tell(f"connection lost: {type(exc).__name__}" if exc is not None else "connection closed")

    def tell(self, status: str) -> None:
        """Give whoever asked the status; nobody where nothing was asked."""
        told, self.told = self.told, None
        if told is not None:
            told(self, status)


class Flood:
    """All connections to one gateway, and the phases that use them."""

    def __init__(self, port: int, house: int | None = None) -> None:
        self.port = port
        self.house = house
        self.idle: deque[Connection] = deque()
        self.open = 0
        self.number = 0

    def rested(self) -> Connection | None:
        """A connection that waits for nothing; None where there is none."""
        while self.idle:
            # The one that has rested for longest: each is another client's.
            if (connection := self.idle.popleft()).transport is not None:
                return connection
            self.open -= 1
        return None

    async def connected(self) -> Connection:
        """One more connection."""
        self.open += 1
        _, connection = await asyncio.get_running_loop().create_connection(Connection, HOST, self.port)
        return connection

    async def clients(self, clients: int, seconds: float) -> Tally:
        """So many clients, each asking again once it is answered, whatever it was told."""

        def again(connection: Connection) -> None:
            if not phase.over:
                phase.ask(connection, again)
            else:
                self.idle.append(connection)

        async with asyncio.timeout(END_S + seconds):
            asking = [self.rested() or await self.connected() for _ in range(clients)]
            phase = Phase(self, seconds)
            for connection in asking:
                phase.ask(connection, again)
            await asyncio.sleep(seconds)
            return await phase.ended()

    async def flood(self, per_s: float, seconds: float) -> Tally:
        """So many chats a second, whether the ones before are answered or not."""

        def back(connection: Connection) -> None:
            self.idle.append(connection)

        async def anew() -> None:
            phase.ask(await self.connected(), back)

        begun: set[asyncio.Task[None]] = set()
        async with asyncio.timeout(END_S + seconds):
            phase = Phase(self, seconds)
            due = 0
            while (passed := time.monotonic() - phase.began) < seconds:
                while due < passed * per_s:
                    due += 1
                    if (connection := self.rested()) is not None:
                        phase.ask(connection, back)
                    elif self.open < CLIENTS_MOST:
                        task = asyncio.create_task(anew())
                        begun.add(task)
                        task.add_done_callback(begun.discard)
                    else:
                        phase.tally.unasked += 1
                await asyncio.sleep(TICK_S)
            while begun:
                await asyncio.wait(begun)
            return await phase.ended()

    def question(self) -> bytes:
        """A request that was not asked before."""
        self.number += 1
        body = QUESTION % b"flood %d %d" % (self.number, time.monotonic_ns())
        return REQUEST % (len(body), body)


class Phase:
    """A stretch of time, and what is asked in it."""

    def __init__(self, flood: Flood, seconds: float) -> None:
        self.flood = flood
        self.tally = Tally()
        self.began = time.monotonic()
        self.counts_from = self.began + min(RAMP_S, seconds / 2)
        self.end = self.began + seconds
        self.cpu_s = cpu_s()
        self.others_s = others_s(flood.house)
        self.open = 0
        self.answered = asyncio.Event()

    @property
    def over(self) -> bool:
        """Whether its time is up."""
        return time.monotonic() >= self.end

    def ask(self, connection: Connection, back: Callable[[Connection], None]) -> None:
        """Ask once; the connection is given back when it is answered, unless it has been lost."""
        began = time.monotonic()
        self.tally.asked += 1
        self.open += 1

        def told(connection: Connection, status: str) -> None:
            now = time.monotonic()
            if self.counts_from <= now < self.end:
                self.tally.answers[status] += 1
                (self.tally.served_s if status == "200" else self.tally.refused_s).append(now - began)
            else:
                self.tally.uncounted[status] += 1
            self.open -= 1
            if not self.open:
                self.answered.set()
            if connection.transport is None:
                self.flood.open -= 1
            else:
                back(connection)

        connection.ask(self.flood.question(), told)

    async def ended(self) -> Tally:
        """What it was, once everything is answered."""
        self.tally.began, self.tally.seconds = self.counts_from, self.end - self.counts_from
        self.tally.client_cpu_s = cpu_s() - self.cpu_s
        taken = (others_s(self.flood.house) - self.others_s) / (time.monotonic() - self.began) / (os.cpu_count() or 1)
        self.tally.share = min(1.0, max(0.05, 1.0 - taken))
        while self.open:
            self.answered.clear()
            await self.answered.wait()
        return self.tally


def cpu_s() -> float:
    """Seconds of a core that this process has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def others_s(house: int | None) -> float:
    """Seconds of the machine's cores that went to others than the house, its clients among them; 0.0 without a house."""
    if house is None:
        return 0.0

    ours = {house, *linux.descendants(house)}
    user, nice, system, _, _, irq, softirq, steal = map(int, Path("/proc/stat").read_text().split()[1:9])
    ticks = user + nice + system + irq + softirq + steal
    return (ticks - sum(used_ticks(pid) for pid in ours)) / os.sysconf("SC_CLK_TCK")


def used_ticks(pid: int) -> int:
    """What a process has used; nothing when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0

    return int(fields[11]) + int(fields[12])


def middle(values: list[float], share: float) -> float | None:
    """A quantile; None where there is nothing."""
    return round(sorted(values)[min(int(len(values) * share), len(values) - 1)], 4) if values else None


async def rounds(flood: Flood, *, clients: int, times: float, seconds: float, count: int) -> dict[str, Any]:
    """Peak and flood by turns: what a machine does beside this changes from minute to minute."""
    warm = await flood.clients(clients, max(WARM_S, seconds / 4))
    told: list[dict[str, Any]] = []
    best = warm.answers["200"] / warm.seconds
    for _ in range(count):
        await asyncio.sleep(REST_S)
        peak = await flood.clients(clients, seconds)
        best = max(best, peak.answers["200"] / peak.seconds)
        await asyncio.sleep(REST_S)
        flooded = await flood.flood(best * times, seconds)
        await asyncio.sleep(REST_S)
        stormed = await flood.clients(int(clients * times), seconds)
        told.append(
            {"offered_per_s": round(best * times, 1), "peak": peak.told(), "flood": flooded.told(), "storm": stormed.told()}
        )
    return {"clients": clients, "rounds": told, "connections": flood.open}


@click.command()
@click.argument("port", type=int)
@click.option("--house", type=int, help="The process id of `up`: then what others take of the machine is told.")
@click.option("--clients", type=int, default=16, show_default=True, help="That ask at once at the peak.")
@click.option("--times", type=float, default=10.0, show_default=True, help="By which the flood is more than the peak.")
@click.option("--seconds", type=float, default=4.0, show_default=True, help="Of one phase.")
@click.option("--rounds", "count", type=int, default=3, show_default=True, help="Of peak and flood.")
def flooding(port: int, *, house: int | None, clients: int, times: float, seconds: float, count: int) -> None:
    """Ask a gateway by turns what it can serve and ten times that."""
    flood = Flood(port, house)
    json.dump(asyncio.run(rounds(flood, clients=clients, times=times, seconds=seconds, count=count)), sys.stdout)


if __name__ == "__main__":
    flooding()
