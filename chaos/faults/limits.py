"""Row 7: what a house takes for granted is not there: a clock that goes forwards, descriptors, ports, its own run directory."""

from __future__ import annotations

import shutil
import socket
from contextlib import ExitStack
from typing import Any, Final

from chaos.asking import ask, keep, keeps_again, reads
from chaos.row import Own, Row
from chaos.scene import Scene
from chaos.shims.told import tell
from transport.addresses import run_directory

__all__ = ["ROWS"]

WITHIN_S: Final = 30.0
GROWS_MB: Final = 256.0
"""A house of its own has not done everything once when the row begins: paradox reads its classifier at the first pair."""

HOUR_S: Final = 3600
JUMPS_S: Final = (HOUR_S, -2 * HOUR_S, 400 * 24 * HOUR_S, -30 * 24 * HOUR_S, 0)
"""From the right time. The last is right again: a jump back of what the others left."""

DESCRIPTORS: Final = 160
"""How many each process may have. A house at rest has some 40; the clients of the campaign take some more."""

SILENT: Final = 400
"""Connections that are opened and say nothing: more than there are descriptors."""


def clock_jumps(scene: Scene) -> None:
    """Forwards and backwards, while everybody works."""
    began = scene.ready()
    kept: dict[int, str] = {}
    for jump in (*scene.rng.sample(JUMPS_S[:-1], len(JUMPS_S) - 1), JUMPS_S[-1]):
        tell(scene.house.data_dir, str(jump))
        scene.count("jumps")
        for _ in range(5):
            keeps_again(scene, kept, WITHIN_S)
        scene.pause(0.5, 1.5)
        wrong = reads(scene, kept)
        scene.require(wrong is None, f"the clock is off by {jump} s: {wrong}")
    listed = ask(scene, "/v1/memories?limit=1000")
    ids = [memory["id"] for memory in listed.body["memories"]]
    scene.require(sorted(ids) == sorted(kept.values()), f"{len(kept)} facts were kept, and {len(ids)} are listed")
    same_processes(scene, began)


def descriptors_run_out(scene: Scene) -> None:
    """Connections that say nothing, until the gateway has no descriptor left; then they go."""
    began = scene.ready()
    kept: dict[int, str] = {}
    keeps_again(scene, kept, WITHIN_S)
    for _ in range(2):
        with ExitStack() as stack:
            for _ in range(SILENT):
                stack.enter_context(socket.create_connection(("127.0.0.1", scene.house.port), timeout=10))
            scene.count("exhausted")
            scene.pause(1.0, 2.0)
            # Who says something takes the place of one who says nothing.
            keeps_again(scene, kept, WITHIN_S * 2)
        keeps_again(scene, kept, WITHIN_S)
    wrong = reads(scene, kept)
    scene.require(wrong is None, f"afterwards: {wrong}")
    same_processes(scene, began)


def ports_run_out(scene: Scene) -> None:
    """No port is left to reach a model from: answers come from memory, and say so."""
    began = scene.ready()
    kept: dict[int, str] = {}
    keeps_again(scene, kept, WITHIN_S)
    tell(scene.house.data_dir, "ports")
    scene.count("exhausted")

    def degraded() -> bool:
        told = chat(scene, "Who is there?")
        return told is not None and told["lattice"]["degraded"]

    # Connections that stand are used on; the model server is made to end them.
    scene.models.always(mode="echo", fault="cut", after_tokens=0)
    scene.until("an answer is given without a model, and says so", degraded, WITHIN_S)
    scene.require(keep(scene, 999).status == 201, "memory does not keep while no model can be reached")
    scene.models.always(mode="echo")
    tell(scene.house.data_dir, "")
    scene.until("a model is asked again", lambda: not degraded(), 2 * WITHIN_S)
    wrong = reads(scene, kept)
    scene.require(wrong is None, f"afterwards: {wrong}")
    same_processes(scene, began)


def run_directory_is_deleted(scene: Scene) -> None:
    """All sockets and locks, while everybody talks over them; then actors are killed, whose replacements have to be found."""
    kept: dict[int, str] = {}
    keeps_again(scene, kept, WITHIN_S)
    # What the house puts there meanwhile may stay.
    shutil.rmtree(run_directory(scene.house.data_dir), ignore_errors=True)
    scene.count("deleted")
    for name in ("memory", *scene.rng.sample(("thinking", "llm", "paradox", "daemon"), 2), "supervisor", "memory"):
        pid = scene.kill(name)
        keeps_again(scene, kept, WITHIN_S)
        wrong = reads(scene, kept)
        scene.require(wrong is None, f"after the run directory was deleted and {name} killed: {wrong}")
        scene.another(name, pid, WITHIN_S)
        scene.ready()
    with scene.load.quiet():
        code = scene.house.stop()
        scene.require(code == 0, f"it ended with {code}: {scene.house.output[-300:]}")
        scene.house.start()
        scene.ready()
    keeps_again(scene, kept, WITHIN_S)
    wrong = reads(scene, kept)
    scene.require(wrong is None, f"afterwards: {wrong}")


def chat(scene: Scene, text: str) -> dict[str, Any] | None:
    """An answer; None where it was refused."""
    body = {"model": "default", "messages": [{"role": "user", "content": text}]}
    told = ask(scene, "/v1/chat/completions", body)
    return told.body if told.status == 200 else None


def same_processes(scene: Scene, began: dict[str, dict[str, Any]]) -> None:
    """Nobody was replaced meanwhile."""
    for name, actor in scene.ready().items():
        scene.require(actor["pid"] == began[name]["pid"], f"{name} was replaced: {actor['last_exit']}")


ROWS = (
    Row(
        name="clock-jumps",
        number=7,
        fault="the time of day jumps by hours, 400 days, and back again",
        passes="no request fails, nobody is replaced, what is kept is listed once",
        run=clock_jumps,
        own=Own(program=("-m", "chaos.shims.clock")),
        grows_mb=GROWS_MB,
    ),
    Row(
        name="no-descriptors",
        number=7,
        fault=f"{SILENT} connections that say nothing, where a process may have {DESCRIPTORS} descriptors",
        passes="nobody is replaced; who says something takes the place of one who says nothing",
        run=descriptors_run_out,
        own=Own(config=f"[limits]\ndescriptors = {DESCRIPTORS}\n[gateway]\nread_timeout_s = 2.0\n"),
        failed_allowed=None,
        broken_allowed=None,
        stall_s=60.0,
        grows_mb=GROWS_MB,
        grows_descriptors=48,
    ),
    Row(
        name="no-ports",
        number=7,
        fault="no process can connect by TCP any more (EADDRNOTAVAIL), and the connections that stand are reset",
        passes="answers are given from memory and say so, memory keeps; models are asked again by themselves",
        run=ports_run_out,
        own=Own(program=("-m", "chaos.shims.network")),
        failed_allowed=None,
        broken_allowed=None,
        stall_s=60.0,
        grows_mb=GROWS_MB,
        load=False,
    ),
    Row(
        name="no-run-directory",
        number=7,
        fault="the run directory with all sockets and locks is deleted; then actors and the supervisor are killed, one by one",
        passes="no request fails, each is replaced and found again; it stops with 0, and is whole after the start",
        run=run_directory_is_deleted,
        own=Own(),
        stall_s=60.0,
        grows_mb=GROWS_MB,
    ),
)
