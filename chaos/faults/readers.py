"""Row 9: clients that read slowly, connections of which only half is left, clients that vanish."""

from __future__ import annotations

import json
import socket
import time
from contextlib import ExitStack, suppress
from typing import Any

from chaos.probing import chat
from chaos.row import Own, Row
from chaos.scene import Scene

__all__ = ["ROWS"]

READERS = 12
LONG = " ".join(str(number) for number in range(10_000, 16_000))
"""6,000 words, which are 1.3 MB as events: more than lies in the buffers of a reader who takes nothing. What repeats itself
would be cut off."""

SMALL_BUFFER = 4096
HELD_MB = 64
"""By how much a process may grow at most, however many clients do not read."""

HALF_OPEN = 200
READ_TIMEOUT_S = 2.0
VANISH_S = 1.0
"""How long a model's work may go on whose reader has gone, in seconds."""

WAIT_S = 15.0


def slow_readers(scene: Scene) -> None:
    """Many ask for a long answer as a stream, and do not read it."""
    scene.models.always(mode="say", text=LONG)
    before = resident(scene)
    with ExitStack() as stack:
        readers = [stack.enter_context(streaming(scene, number, SMALL_BUFFER)) for number in range(READERS)]
        scene.count("slow readers", READERS)
        until = time.monotonic() + scene.seconds
        largest = dict(before)
        while time.monotonic() < until:
            for name, size in resident(scene).items():
                largest[name] = max(size, largest.get(name, 0.0))
            scene.pause(0.1, 0.2)
        grown = {name: largest[name] - before[name] for name in before}
        scene.figures["grown_mb"] = {name: round(size, 1) for name, size in grown.items()}
        for name, size in grown.items():
            scene.require(size < HELD_MB, f"{name} grew by {size:.0f} MB while {READERS} clients did not read")

        whole = read_to_the_end(readers[0])
        scene.require(whole.rstrip().endswith("data: [DONE]"), f"a stream that was read late ended in {whole[-200:]!r}")
    answers(scene)


def half_open(scene: Scene) -> None:
    """Many connect and say nothing, or half a request; others are served meanwhile, and the connections are given up."""
    with ExitStack() as stack:
        halves = []
        for number in range(HALF_OPEN):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", scene.house.port), WAIT_S))
            connection.sendall((b"", b"GET /v1/mod", b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n")[number % 3])
            halves.append(connection)
        scene.count("half-open connections", HALF_OPEN)
        answers(scene)
        said_half = [half for number, half in enumerate(halves) if number % 3]
        within_s = READ_TIMEOUT_S + WAIT_S
        scene.until("half requests are given up", lambda: all(closed(half) for half in said_half), within_s)
        answers(scene)


def vanish(scene: Scene) -> None:
    """A client goes in the middle of its answer: the model hears of it at once."""
    for _ in range(scene.kills):
        scene.models.reset()
        scene.models.always(mode="say", text=LONG, delay_between_s=0.01)
        reader = streaming(scene, 0, None)
        reader.recv(1)
        scene.until("the model speaks", lambda: [seen for seen in scene.models.log() if seen["state"] == "open"], WAIT_S)
        scene.pause(0.0, 0.2)
        # As a client ends whose machine is alive: with a reset where it had not read all.
        reader.close()
        began = time.monotonic()
        scene.count("vanished")
        scene.until(
            "the model's work is cancelled", lambda: [seen for seen in scene.models.log() if seen["state"] == "hung_up"], WAIT_S
        )
        took = time.monotonic() - began
        scene.figures["slowest_s"] = max(scene.figures.get("slowest_s", 0.0), round(took, 3))
        scene.require(took < VANISH_S, f"the model worked on for {took:.2f} s after its reader had gone")
    scene.models.reset()
    answers(scene)


def streaming(scene: Scene, number: int, buffer: int | None) -> socket.socket:
    """A connection that has asked for a stream."""
    connection = socket.socket()
    if buffer is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    connection.settimeout(WAIT_S)
    connection.connect(("127.0.0.1", scene.house.port))
    told = {"model": "gpt-test", "stream": True, "messages": [{"role": "user", "content": f"tell me all {scene.rng.random()}"}]}
    body = json.dumps(told).encode()
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"X-Lattice-Session: {scene.name}-{number}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    connection.sendall(head.encode() + body)
    return connection


def read_to_the_end(connection: socket.socket) -> str:
    """All that comes until nothing does, as it comes, without the marks of its chunks."""
    got = bytearray()
    with suppress(TimeoutError, ConnectionError):
        while piece := connection.recv(1 << 16):
            got += piece
    lines = (line for line in got.decode(errors="replace").split("\r\n") if not is_size(line))
    return "".join(lines)


def is_size(line: str) -> bool:
    """Whether this is the size of a chunk, and not what it holds."""
    return 0 < len(line) < 9 and all(letter in "0123456789abcdefABCDEF" for letter in line)


def closed(connection: socket.socket) -> bool:
    """Whether the other side has ended it, with or without a word."""
    connection.setblocking(False)
    try:
        while connection.recv(4096):
            pass
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
    return True


def resident(scene: Scene) -> dict[str, float]:
    """Memory of each actor in MB, as the house tells it."""
    actors: dict[str, dict[str, Any]] = scene.house.actors()
    return {name: actor["rss_bytes"] / (1 << 20) for name, actor in actors.items()}


def answers(scene: Scene) -> None:
    """See that other clients are served meanwhile."""
    scene.models.always(mode="echo")
    answer = chat(scene.house.port, "and others?", session=f"{scene.name}-others")
    scene.require(answer.text == "and others?", f"somebody else was answered {answer.status} {answer.body}")


ROWS = (
    Row(
        name="slow-readers",
        number=9,
        fault=f"{READERS} clients ask for a stream of 1.3 MB, and do not read",
        passes=f"no process grows by more than {HELD_MB} MB; others are served; who reads late gets the whole answer",
        run=slow_readers,
        own=Own(),
        load=False,
        grows_mb=256,
    ),
    Row(
        name="half-open",
        number=9,
        fault=f"{HALF_OPEN} connections that say nothing, or half a request",
        passes="others are served meanwhile; half a request is given up in its time; no descriptor is left",
        run=half_open,
        own=Own(config=f"[gateway]\nread_timeout_s = {READ_TIMEOUT_S}\n"),
        load=False,
        grows_mb=256,
    ),
    Row(
        name="vanish",
        number=9,
        fault="clients vanish in the middle of a stream",
        passes=f"the model's work is cancelled within {VANISH_S:g} s",
        run=vanish,
        own=Own(),
        load=False,
        grows_mb=256,
    ),
)
