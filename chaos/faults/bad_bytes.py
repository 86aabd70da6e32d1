"""Row 10: bytes that are no message and no request, to every actor's socket and to the gateway, in an order by chance.

What is sent and what is right stands in chaos/bytes/. Here: nobody falls, nobody is replaced, nobody grows by it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Final, TypeVar

from chaos import census
from chaos.bytes import http, wire
from chaos.bytes.http_cases import HTTP_CASES, SLOW_HTTP_CASES
from chaos.bytes.wire_cases import CONTRACT_CASES, CURVE_CASES, SLOW_CASES, WIRE_CASES
from chaos.row import Own, Row
from chaos.scene import ACTORS, Scene
from tests.ports import free_port
from transport.addresses import run_directory

__all__ = ["ROWS"]

Case = TypeVar("Case")

SETTLES: Final = 2
"""Rounds after the first until buffers are filled: a gateway has 119 MiB after one, then, over fifteen more, 141 to 186. And
what the clients wrote in the first is judged meanwhile, for which paradox needs some 25."""

ROUNDS: Final = 4
GROWS_MB: Final = 24.0
"""By how much a process may be larger after one of these rounds than after those. The largest message has 16 MiB, and an
allocator keeps what it had for one."""

FILLS_MB: Final = 256.0
"""By how much it may grow in the first round: buffers of 16 MiB, several in flight, beside what the clients have it learn."""

ALLOWED_S: Final = 2.0
"""For a handshake (transport/server.py), and here for a request's head and body."""

MESSAGES: Final = (*WIRE_CASES, *CONTRACT_CASES, *SLOW_CASES, *CURVE_CASES)
REQUESTS: Final = (*HTTP_CASES, *SLOW_HTTP_CASES)
CURVE_PORT: Final = free_port()


def bad_messages(scene: Scene) -> None:
    """Everything to memory, and what needs no contract to every other actor by turns."""
    others = [name for name in ACTORS if name != "memory"]

    def rounds() -> None:
        scene.rng.shuffle(others)
        for number, case in enumerate(shuffled(scene, MESSAGES)):
            address = f"tcp://127.0.0.1:{CURVE_PORT}" if case.curve else socket_of(scene, "memory")
            send(scene, f"memory, {case.name}", wire.play(case, address, "memory"))
            if case in WIRE_CASES:
                other = others[number % len(others)]
                send(scene, f"{other}, {case.name}", wire.play(case, socket_of(scene, other), other))

    again(scene, rounds)


def bad_requests(scene: Scene) -> None:
    """Everything to the gateway."""

    def round_of_all() -> None:
        for case in shuffled(scene, REQUESTS):
            send(scene, case.name, http.play(case, "127.0.0.1", scene.house.port, allowed_s=ALLOWED_S))

    again(scene, round_of_all)


def again(scene: Scene, all_of_it: Callable[[], None]) -> None:
    """Once while the clients ask; then while nobody does, until nothing is larger than it was after the first rounds.

    An allocator keeps now more, now less of what 100 MB passed through; what leaks grows with every round.
    """
    began = scene.ready()
    all_of_it()
    with scene.load.quiet():
        for _ in range(SETTLES):
            all_of_it()
        before = census.census(scene.house)
        for _ in range(ROUNDS):
            all_of_it()
            scene.count("rounds")
            after = census.census(scene.house)
            descriptors = scene.grows_descriptors
            found = [*census.compare(before, after, grows_mb=GROWS_MB, grows_descriptors=descriptors)]
            if not found:
                break
    for violation in found:
        scene.require(False, f"after {ROUNDS} rounds more: {violation}")
    scene.figures["grew_mb"] = {
        name: round(after.residents[name][0].rss_mb - resident.rss_mb, 1)
        for name, (resident, *_) in before.residents.items()
        if name in after.residents
    }
    for name, actor in scene.ready().items():
        scene.require(actor["pid"] == began[name]["pid"], f"{name} was replaced: {actor['last_exit']}")


def send(scene: Scene, what: str, playing: Coroutine[None, None, str | None]) -> None:
    """One case."""
    wrong = asyncio.run(playing)
    scene.counts["cases"] += 1
    scene.require(wrong is None, f"{what}: {wrong}")
    scene.house.drain()


def shuffled(scene: Scene, cases: Sequence[Case]) -> list[Case]:
    """In an order by chance: one may break what the next needs."""
    return scene.rng.sample(cases, len(cases))


def socket_of(scene: Scene, name: str) -> str:
    """Where an actor listens."""
    return f"ipc://{run_directory(scene.house.data_dir)}/{name}.sock"


ROWS = (
    Row(
        name="bad-messages",
        number=10,
        fault=f"{len(MESSAGES)} kinds of bad ZeroMQ messages, to all actors",
        passes=f"the right error or end for each, the next ask answered, nobody replaced, nobody grows by {GROWS_MB:g} MiB",
        run=bad_messages,
        own=Own(config=f"[addresses]\nmemory = {{address = 'tcp://127.0.0.1:{CURVE_PORT}'}}\n"),
        stall_s=30.0,
        grows_mb=FILLS_MB,
    ),
    Row(
        name="bad-requests",
        number=10,
        fault=f"{len(REQUESTS)} kinds of bad HTTP requests, up to 100 MB and slower than allowed",
        passes=f"the right status for each, the next request answered, nobody replaced, nobody grows by {GROWS_MB:g} MiB",
        run=bad_requests,
        own=Own(config=f"[gateway]\nread_timeout_s = {ALLOWED_S}\n"),
        stall_s=30.0,
        grows_mb=FILLS_MB,
    ),
)
