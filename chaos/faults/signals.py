"""Row 3: processes that are stopped and wake again, and signals that ask for something."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

from chaos.row import Row
from chaos.scene import ACTORS, Scene
from supervisors import linux

__all__ = ["ROWS"]

BLINK_S = 0.1
LONG_S = 30.0
HEARTBEATS_S = 3.0
"""Three heartbeats of the default length: after so long a silence an actor counts as hung."""

BUSY_S = 5.0
"""What a busy machine may add: the supervisor has to be run to notice, and the new process to start."""


def blink(scene: Scene) -> None:
    """Every process is stopped for 100 ms: too short for anyone to be taken for dead."""
    before = scene.pids()
    for _ in range(scene.kills):
        scene.pause(0.05, 0.4)
        name = scene.rng.choice((*ACTORS, "supervisor", "zygote", "up"))
        with stopped(scene, name):
            time.sleep(BLINK_S)
    after = scene.pids()
    replaced = [name for name in ACTORS if after[name] != before[name]]
    scene.require(not replaced, f"replaced, though they stood still for {BLINK_S * 1000:.0f} ms only: {', '.join(replaced)}")


def sleep_long(scene: Scene) -> None:
    """Each actor is stopped for 30 s: it is replaced, and what wakes is gone or fenced off."""
    began = time.monotonic()
    old: dict[str, int | None] = {}
    for name in scene.rng.sample(ACTORS, len(ACTORS)):
        scene.ready()
        since = time.monotonic()
        pid = scene.kill(name, signal.SIGSTOP)
        old[name] = linux.open_pidfd(pid)
        # `/v1/actors` says that one is ready until its silence has been noticed.
        scene.replaced(name, pid, HEARTBEATS_S + 10 * BUSY_S)
        took = time.monotonic() - since
        scene.figures[f"{name} replaced after s"] = round(took, 2)
        scene.require(
            took < HEARTBEATS_S + BUSY_S * scene.slowness,
            f"{name} stood still for {took:.1f} s before another served in its place",
        )
    scene.progress("waiting for 30 s to be over")
    time.sleep(max(0.0, LONG_S - (time.monotonic() - began)))
    woken = 0
    for pidfd in old.values():
        if pidfd is None:
            continue
        if not select.select([pidfd], [], [], 0)[0]:
            woken += 1
            linux.kill(pidfd, signal.SIGCONT)
        os.close(pidfd)
    scene.figures["woke"] = woken
    scene.pause(0.5, 1.0)


def sleep_keeper(scene: Scene, name: str) -> None:
    """The supervisor, the zygote or `up` is stopped for 30 s, and actors are killed meanwhile."""
    pid = scene.kill(name, signal.SIGSTOP)
    pidfd = linux.open_pidfd(pid)
    until = time.monotonic() + LONG_S
    try:
        for _ in range(4):
            victim = scene.rng.choice(ACTORS[:-1])
            since = time.monotonic()
            scene.replaced(victim, scene.kill(victim), LONG_S)
            scene.figures["longest until replaced s"] = max(
                round(time.monotonic() - since, 2), scene.figures.get("longest until replaced s", 0.0)
            )
            scene.pause(0.2, 0.5)
        if name != "up":
            scene.another(name, pid, LONG_S)
        else:
            time.sleep(max(0.0, until - time.monotonic()))
    finally:
        if pidfd is not None:
            linux.kill(pidfd, signal.SIGCONT)
            os.close(pidfd)
    scene.pause(0.5, 1.0)


def term(scene: Scene) -> None:
    """Actors are told to end: they drain, and others take their place."""
    for _ in range(scene.kills):
        scene.pause(0.1, 0.5)
        name = scene.rng.choice(ACTORS)
        scene.replaced(name, scene.kill(name, signal.SIGTERM))


def term_up(scene: Scene) -> None:
    """`up` is told to end with everybody asking: it drains within its time, and starts again."""
    for _ in range(min(scene.kills, 2)):
        scene.pause(0.5, 1.5)
        since = time.monotonic()
        code = scene.house.stop()
        took = time.monotonic() - since
        scene.count("kills")
        scene.figures["drained after s"] = max(round(took, 2), scene.figures.get("drained after s", 0.0))
        scene.require(code == 0, f"`up` ended with {code}: {scene.house.output[-300:]}")
        scene.require(not scene.house.pids(), f"processes outlived the house: {sorted(scene.house.pids())}")
        scene.house.start()
        scene.ready()


def hang_up(scene: Scene) -> None:
    """SIGHUP: nothing new, then another setting of the gateway's, then one that is wrong, then all as before."""
    config = scene.house.config.read_text()
    before = scene.pids()
    reload(scene, config, "no actor's settings have changed")
    reload(scene, f"{config}\n[gateway]\nmax_in_flight = {scene.rng.randint(60, 200)}\n", "runs with its new settings")
    changed = scene.pids()
    scene.require(
        {name for name in ACTORS if changed[name] != before[name]} == {"gateway"}, "not the gateway alone was restarted"
    )
    reload(scene, config + "\n[memory]\nnonsense = 1\n", "there is no such setting")
    scene.require(scene.pids() == changed, "wrong settings restarted something")
    reload(scene, config, "runs with its new settings")


def reload(scene: Scene, config: str, words: str) -> None:
    """Write settings, SIGHUP, wait for what `up` says of them."""
    scene.pause(0.2, 0.6)
    said = len(scene.house.drain())
    scene.house.config.write_text(config)
    scene.house.process.send_signal(signal.SIGHUP)
    scene.count("reloads")
    scene.until(f"`up` says {words!r}", lambda: words in scene.house.drain()[said:])
    scene.ready()


@contextmanager
def stopped(scene: Scene, name: str) -> Iterator[None]:
    """SIGSTOP, and SIGCONT whatever happens."""
    pid = scene.kill(name, signal.SIGSTOP)
    try:
        yield
    finally:
        scene.house.signal(pid, signal.SIGCONT)


ROWS = (
    Row(
        name="stop-100ms",
        number=3,
        fault="SIGSTOP of one process after the other for 100 ms: actors, supervisor, zygote, `up`",
        passes="no request fails, nobody is restarted",
        run=blink,
        short=True,
    ),
    Row(
        name="stop-30s",
        number=3,
        fault="SIGSTOP of each actor for 30 s",
        passes="each is replaced within three heartbeats, what wakes does nothing, no request fails; answers may be degraded",
        run=sleep_long,
        broken_allowed=None,
        degraded_allowed=None,
    ),
    Row(
        name="stop-supervisor",
        number=3,
        fault="SIGSTOP of the supervisor, kill -9 of actors meanwhile",
        passes="no request fails; answers may be given from memory, and say so, while llm is away",
        run=lambda scene: sleep_keeper(scene, "supervisor"),
        # Whoever is killed meanwhile stays away until the supervisor has been found out, also llm.
        degraded_allowed=None,
        broken_allowed=None,
        stall_s=30.0,
    ),
    Row(
        name="stop-zygote",
        number=3,
        fault="SIGSTOP of the zygote, kill -9 of actors meanwhile",
        passes="no request fails; answers may be given from memory, and say so, while llm is away",
        run=lambda scene: sleep_keeper(scene, "zygote"),
        degraded_allowed=None,
        broken_allowed=None,
        stall_s=30.0,
    ),
    Row(
        name="stop-up",
        number=3,
        fault="SIGSTOP of `up` for 30 s, kill -9 of actors meanwhile",
        passes="no request fails",
        run=lambda scene: sleep_keeper(scene, "up"),
        broken_allowed=None,
    ),
    Row(
        name="term-actor",
        number=3,
        fault="SIGTERM of actors",
        passes="no request fails and no stream breaks",
        run=term,
        short=True,
    ),
    Row(
        name="term-up",
        number=3,
        fault="SIGTERM of `up` under load, and start again",
        passes="exit 0 within its drain time, nothing is lost; requests may fail while nobody listens",
        run=term_up,
        failed_allowed=None,
        broken_allowed=None,
        degraded_allowed=None,
        stall_s=120.0,
    ),
    Row(
        name="reload",
        number=3,
        fault="SIGHUP with the same, other, wrong, and the first settings",
        passes="no request fails, only the gateway is restarted, wrong settings are named",
        run=hang_up,
    ),
)
