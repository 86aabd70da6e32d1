"""Row 1: kill -9 of each actor, at rest and in the middle of what it does."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from chaos.row import Row
from chaos.scene import ACTORS, Scene

__all__ = ["ROWS"]

HOLD_S = 15.0


def kill(scene: Scene, name: str) -> None:
    """Kill -9 of one actor, each moment at least once, then by chance."""
    moments = moments_of(name)
    schedule = [*scene.rng.sample(moments, len(moments))]
    while len(schedule) < scene.kills:
        schedule.append(scene.rng.choice(moments))
    for moment in schedule:
        scene.pause(0.1, 0.6)
        scene.replaced(name, moment(scene, name))
        scene.counts[moment.__name__] += 1


def idle(scene: Scene, name: str) -> int:
    """While nobody asks anything."""
    with scene.load.quiet():
        pid = scene.kill(name)
        scene.replaced(name, pid)
    return pid


def request(scene: Scene, name: str) -> int:
    """While a model has been asked and has not said a word."""
    return held(scene, name, fault="hang")


def stream(scene: Scene, name: str) -> int:
    """While an answer is half said."""
    return held(scene, name, fault="hang_mid", after_tokens=scene.rng.randint(1, 8))


def held(scene: Scene, name: str, **behaviour: str | int) -> int:
    """While the next answer is held back."""
    scene.models.next({"mode": "echo", **behaviour})
    scene.until("a client's answer is held back", lambda: holding(scene), HOLD_S)
    pid = scene.kill(name)
    scene.pause(0.0, 0.05)
    scene.models.release()
    return pid


def holding(scene: Scene) -> bool:
    """Whether the model server holds an answer back now."""
    return any(seen["state"] == "holding" for seen in scene.models.log())


def transaction(scene: Scene, name: str) -> int:
    """Just when something was written to its database's log."""
    log = scene.house.data_dir / f"{name}.db-wal"
    before = written(log)
    until = time.monotonic() + HOLD_S
    while written(log) == before and time.monotonic() < until:
        pass
    scene.pause(0.0, 0.003)
    return scene.kill(name)


def written(path: Path) -> int:
    """When a file was last written to; 0: there is none."""
    return path.stat().st_mtime_ns if path.exists() else 0


def moments_of(name: str) -> list[Callable[[Scene, str], int]]:
    """When it is worth killing that actor."""
    stateless = {"encoder", "gateway"}
    return [idle, request, stream, *([] if name in stateless else [transaction])]


ROWS = tuple(
    Row(
        name=f"kill-{name}",
        number=1,
        fault=f"kill -9 of {name}: {', in a '.join(moment.__name__ for moment in moments_of(name))}",
        passes="no request fails" + (" but for streams that break openly" if name in {"gateway", "thinking"} else ""),
        run=partial(kill, name=name),
        # A stream of the gateway's own is TCP, and of thinking's own the protocol says that it is over: both say so.
        broken_allowed=None if name in {"gateway", "thinking"} else 0,
        short=name in {"memory", "gateway"},
    )
    for name in ACTORS
)
