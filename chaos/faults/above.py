"""Row 2: kill -9 of what stands above the actors, of two at once, of everything at once; and start again."""

from __future__ import annotations

from chaos.row import Row
from chaos.scene import ACTORS, Scene

__all__ = ["ROWS"]

SEAMLESS = tuple(name for name in ACTORS if name not in {"thinking", "gateway"})
"""Actors whose end breaks no stream. The end of the other two may, and the client is told so (kills.py)."""


def kill_keeper(scene: Scene, name: str) -> None:
    """The supervisor or the zygote: the actors notice nothing, and can be replaced again afterwards."""
    before = scene.pids()
    for _ in range(scene.kills):
        scene.pause(0.1, 0.6)
        scene.another(name, scene.kill(name))
        scene.ready()
    after = scene.pids()
    scene.require(after == before, f"actors were replaced: {sorted(name for name in ACTORS if after[name] != before[name])}")
    victim = scene.rng.choice(SEAMLESS)
    scene.replaced(victim, scene.kill(victim))


def kill_up(scene: Scene) -> None:
    """`up` itself, alone or with its supervisor: what it leaves drains by itself, and a new one takes over port and data."""
    for number in range(min(scene.kills, 3)):
        scene.pause(0.2, 0.8)
        with_it = (scene.house.pid_of("supervisor"),) if number % 2 else ()
        scene.house.kill_up(*with_it)
        scene.count("kills", 1 + len(with_it))
        scene.house.start()
        scene.ready()


def kill_two(scene: Scene) -> None:
    """Two of all processes at once, by chance."""
    for _ in range(scene.kills):
        scene.pause(0.1, 0.6)
        first, second = scene.rng.sample((*ACTORS, "supervisor", "zygote"), 2)
        killed = {first: scene.kill(first), second: scene.kill(second)}
        scene.counts[f"{first} and {second}"] += 1
        for name, pid in killed.items():
            scene.another(name, pid)
        scene.ready()


def power_cut(scene: Scene) -> None:
    """Every process at once, in the middle of all that they do."""
    for _ in range(min(scene.kills, 3)):
        scene.pause(0.3, 1.2)
        scene.count("kills", len(scene.house.pids()))
        scene.house.power_cut()
        scene.house.start()
        scene.ready()


ROWS = (
    Row(
        name="kill-supervisor",
        number=2,
        fault="kill -9 of the supervisor, then of an actor",
        passes="no request fails, no actor is replaced but the one that was killed",
        run=lambda scene: kill_keeper(scene, "supervisor"),
        short=True,
    ),
    Row(
        name="kill-zygote",
        number=2,
        fault="kill -9 of the zygote, then of an actor",
        passes="no request fails, no actor is replaced but the one that was killed",
        run=lambda scene: kill_keeper(scene, "zygote"),
    ),
    Row(
        name="kill-two",
        number=2,
        fault="kill -9 of two processes at once: actors, supervisor, zygote",
        passes="no request fails but for streams that break openly",
        run=kill_two,
        broken_allowed=None,
    ),
    Row(
        name="kill-up",
        number=2,
        fault="kill -9 of `up`, alone and with its supervisor, and start again",
        passes="nothing that was acknowledged is lost; requests may fail while nobody listens",
        run=kill_up,
        failed_allowed=None,
        broken_allowed=None,
        degraded_allowed=None,
        stall_s=120.0,
    ),
    Row(
        name="power-cut",
        number=2,
        fault="kill -9 of every process at once, and start again",
        passes="nothing that was acknowledged is lost; requests may fail while nobody listens",
        run=power_cut,
        failed_allowed=None,
        broken_allowed=None,
        degraded_allowed=None,
        stall_s=120.0,
        short=True,
    ),
)
