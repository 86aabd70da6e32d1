"""Row 4: handlers that raise, never return, hold the loop, eat memory; and an actor that cannot start."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

from chaos.probing import request
from chaos.raw import Refused, Unanswered, Wire
from chaos.row import Own, Row
from chaos.scene import Failed, Scene
from transport.addresses import run_directory

__all__ = ["ROWS"]

VICTIMS = ("memory", "paradox", "thinking", "llm")
FAULTY = ("-m", "tests.system.faulty_house")

SHORT_S = 1.0
"""The time that is allowed to a call that never returns, in seconds."""

SILENCE_S = 3.0
"""Three heartbeats; a replacement is there a little later."""

LIMIT_MB = 400
RESERVE_MB = 1024
"""How much of the machine's memory has to be left, whatever an actor does."""

GROWS_MB = 256
"""A house that has just been started still loads what it learnt: paradox's judges take 150 MB when they are first needed."""

FREQUENT = 12
"""Starts that a broken actor may try within the row's time: at once, then after 0.1 s, 0.2 s and so on up to 15 s."""


def misbehave(scene: Scene, name: str, how: str, ttl_s: float) -> str:
    """Tell an actor to, over its socket; how that was answered."""
    with Wire(run_directory(scene.house.data_dir) / f"{name}.sock") as wire:
        scene.count(how)
        try:
            wire.ask(f"{name}.misbehave", {"how": how}, ttl_s=ttl_s)
        except (Refused, Unanswered) as error:
            return str(error)
    return "it returned"


def raises(scene: Scene) -> None:
    """An error in a handler is its caller's; the actor lives on."""
    before = scene.ready()
    for _ in range(scene.kills):
        name = scene.rng.choice(VICTIMS)
        answer = misbehave(scene, name, "raise", 10.0)
        scene.require(answer.startswith("internal"), f"{name} answered {answer!r} after its handler raised")
        scene.pause(0.0, 0.3)
    same_processes(scene, before)


def never_returns(scene: Scene) -> None:
    """A handler that waits for ever holds one place, until its caller's time is up."""
    before = scene.ready()
    for _ in range(scene.kills):
        name = scene.rng.choice(VICTIMS)
        began = time.monotonic()
        answer = misbehave(scene, name, "wait", SHORT_S)
        took = time.monotonic() - began
        scene.require(
            answer.startswith(("deadline_exceeded", "no answer in time")),
            f"{name} answered {answer!r} for a handler that waits",
        )
        scene.require(took < SHORT_S + 2.0, f"{name} answered {took:.1f} s after it was allowed {SHORT_S:g} s")
    same_processes(scene, before)


def blocks(scene: Scene) -> None:
    """A loop that is held is as good as dead after three heartbeats."""
    for name in scene.rng.sample(("memory", "paradox"), 2):
        pid = scene.ready()[name]["pid"]
        began = time.monotonic()
        misbehave(scene, name, "block", SHORT_S)
        scene.replaced(name, pid)
        took = time.monotonic() - began
        scene.figures[f"{name}_replaced_after_s"] = round(took, 2)
        scene.require(took > SILENCE_S * 0.6, f"{name} was replaced after {took:.1f} s, before its heartbeats were missed")
        exit_says(scene, name, "no heartbeat")


def eats(scene: Scene) -> None:
    """Who grows beyond its limit is ended by it; the machine is unharmed."""
    for name in scene.rng.sample(("memory", "paradox"), 2):
        pid = scene.ready()[name]["pid"]
        least, largest = available_mb(), 0.0
        misbehave(scene, name, "eat", SHORT_S)

        def over(name: str = name, pid: int = pid) -> bool:
            nonlocal least, largest
            actor = scene.house.actors()[name]
            least = min(least, available_mb())
            largest = max(largest, actor["rss_bytes"] / (1 << 20))
            return actor["pid"] not in (pid, None) and actor["state"] == "ready"

        scene.until(f"{name} is replaced", over)
        scene.figures[f"{name}_largest_mb"] = round(largest)
        scene.require(least > RESERVE_MB, f"the machine was down to {least:.0f} MB")
        exit_says(scene, name, "memory")


def cannot_start(scene: Scene, name: str) -> None:
    """An actor that fails at each start waits longer each time; the rest serves, and `/readyz` says who is missing, and why."""
    before = scene.ready()
    broken = scene.house.data_dir / f"faulty-{name}"
    broken.touch()
    try:
        scene.kill(name)
        scene.until(f"{name} backs off", lambda: scene.house.actors()[name]["state"] == "backing_off")

        def readiness() -> dict[str, str] | None:
            # Between two waits it is just being tried again, and then only said to be away.
            told = request(scene.house.port, "GET", "/readyz")
            said: dict[str, str] = told.body["actors"]
            return said if told.status == 503 and "broken on purpose" in said[name] else None

        said = scene.until(f"/readyz says 503, and why {name} is missing", readiness, 10.0)
        others = {other: why for other, why in said.items() if other != name and why != "ready"}
        scene.require(not others, f"others are not ready: {others}")

        scene.pause(scene.seconds, scene.seconds)
        tried = scene.house.actors()[name]["restarts"] - before[name]["restarts"]
        scene.figures["starts_tried"] = tried
        scene.require(2 <= tried <= FREQUENT, f"{name} was tried {tried} times")
    finally:
        broken.unlink()
    request(scene.house.port, "POST", f"/v1/actors/{name}/restart", {})
    scene.ready()
    same_processes(scene, before, but=name)


def same_processes(scene: Scene, before: dict[str, dict[str, object]], but: str = "") -> None:
    """Nobody was replaced."""
    for name, actor in scene.ready().items():
        scene.require(name == but or actor["pid"] == before[name]["pid"], f"{name} was replaced")


def exit_says(scene: Scene, name: str, word: str) -> None:
    """The newest crash report says why."""
    try:
        told = scene.until(
            f"a crash report of {name}",
            lambda: request(scene.house.port, "GET", f"/v1/actors/{name}/crashes").body["crashes"],
            10.0,
        )
    except Failed as failed:
        scene.require(False, str(failed))
    else:
        reasons = [crash["reason"] for crash in told]
        scene.require(any(word in reason for reason in reasons), f"{name} is said to have ended by {reasons}")


def available_mb() -> float:
    """What the machine can still give."""
    line = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemAvailable"))
    return int(line.split()[1]) / 1024


ROWS = (
    Row(
        name="handler-raises",
        number=4,
        fault="handlers of four actors raise what nobody expects",
        passes="the caller is told internal, nobody is replaced, no request fails",
        run=raises,
        own=Own(program=FAULTY),
        grows_mb=GROWS_MB,
    ),
    Row(
        name="handler-waits",
        number=4,
        fault="handlers of four actors never return",
        passes="the caller is told in time, nobody is replaced, no request fails",
        run=never_returns,
        own=Own(program=FAULTY),
        grows_mb=GROWS_MB,
    ),
    Row(
        name="handler-blocks",
        number=4,
        fault="a handler of memory, then of paradox holds the loop for good",
        passes="replaced after three missed heartbeats, with a report that says so; no request fails",
        run=blocks,
        own=Own(program=FAULTY),
        grows_mb=GROWS_MB,
    ),
    Row(
        name="handler-eats",
        number=4,
        fault=f"a handler of memory, then of paradox eats memory; limits.memory_mb is {LIMIT_MB}",
        passes="ended by its own limit and replaced, the machine keeps its memory; no request fails",
        run=eats,
        own=Own(config=f"[limits]\nmemory_mb = {LIMIT_MB}\n", program=FAULTY),
        grows_mb=GROWS_MB,
    ),
    Row(
        name="cannot-start",
        number=4,
        fault="paradox fails at each of its starts",
        passes="it backs off and /readyz says who and why; the others serve on, no request fails; mended, it comes back",
        run=partial(cannot_start, name="paradox"),
        own=Own(program=FAULTY),
        grows_mb=GROWS_MB,
        # The gateway asks the supervisor and paradox for the first time: a connection is five descriptors.
        grows_descriptors=32,
    ),
)
