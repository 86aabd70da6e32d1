"""Row 1, the two moments that a load does not bring by itself: a migration at start, and a cycle of the background life."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
from collections import Counter
from contextlib import closing
from functools import partial
from pathlib import Path

import apsw

from actors.memory.schema import MIGRATIONS
from chaos.evidence import opened, records_told
from chaos.row import Own, Row
from chaos.scene import Scene
from tests.system.house import ROOT, comm

__all__ = ["ROWS"]

VERSION_1 = ROOT / "tests" / "memory" / "version_1.sql"
OLD_FACTS = 50_000
"""As many facts as make memory's migrations take about a second."""

OLD = (
    "INSERT INTO memory (id, namespace, kind, text, time, ingested, valid_from, importance) "
    "VALUES (?, 1, 'fact', ?, ?, ?, ?, 0.5)"
)
FIRST_S = 0.05
LATEST_S = 1.5
"""After its process is there, within which memory is killed while it starts, the first time and the last: fast machines are
ready in a third of a second."""

CYCLES = ("consolidate", "reflect", "integrate", "percolate", "decay", "profile", "statements")
WITHIN_S = 0.15
"""After a cycle has begun: most of them are done a little later, with what the load has left them."""


def kill_migrating(scene: Scene) -> None:
    """Memory, again and again, while it brings a file of the first version up to date."""
    scene.house.stop()
    path = scene.house.data_dir / "memory.db"
    for file in path.parent.glob("memory.db*"):
        file.unlink()
    write_version_1(path)
    over = threading.Event()
    killing = threading.Thread(target=kill_starting, args=(scene, path, over))
    killing.start()
    try:
        scene.house.start()
    finally:
        over.set()
        killing.join()
    scene.ready()
    scene.require(scene.counts["kills"], "memory was ready before it could be killed once")

    with closing(opened(path)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (sound,) = connection.execute("PRAGMA integrity_check").fetchone()
    scene.require(version == len(MIGRATIONS), f"memory.db has version {version}, not {len(MIGRATIONS)}")
    scene.require(sound == "ok", f"memory.db is not sound: {sound}")
    scene.require(not list(path.parent.glob("memory.db.damaged-*")), "a file was taken for damaged, and was not")
    told = Counter(record.text for record in records_told(scene.house.get, "default"))
    wrong = [number for number in range(OLD_FACTS) if told[old_fact(number)] != 1]
    scene.figures["old facts"] = OLD_FACTS - len(wrong)
    scene.require(not wrong, f"{len(wrong)} of {OLD_FACTS} old facts are not there exactly once, as {wrong[:3]}")


def write_version_1(path: Path) -> None:
    """A file as the first version wrote it, with many more facts."""
    connection = apsw.Connection(str(path))
    connection.pragma("journal_mode", "wal")
    connection.execute(VERSION_1.read_text())
    rows = ((f"mem_{number + 1:032x}", old_fact(number), number, number, number) for number in range(OLD_FACTS))
    with connection:
        connection.executemany(OLD, rows)
        connection.execute(
            "INSERT INTO event (change, memory, time, cause) SELECT 'remembered', number, ingested, 'remember' FROM memory "
            "WHERE number NOT IN (SELECT memory FROM event)"
        )
    connection.close()


def old_fact(number: int) -> str:
    """One of the facts of long ago."""
    return f"Long ago it was noted as number {number} that the mill stood still."


def kill_starting(scene: Scene, path: Path, over: threading.Event) -> None:
    """Kill memory's process a little after it is there, as often as the row may."""
    killed: set[int] = set()
    while len(killed) < scene.kills and not over.is_set():
        living = [pid for pid in scene.house.pids() if comm(pid) == "lattice:memory" and pid not in killed]
        if not living or over.wait(scene.rng.uniform(0.0, FIRST_S + LATEST_S * len(killed) / scene.kills)):
            continue
        if comm(living[0]) != "lattice:memory":
            continue
        os.kill(living[0], signal.SIGKILL)
        killed.add(living[0])
        scene.count("kills")
        scene.counts["in a migration"] += version_of(path) < len(MIGRATIONS)


def version_of(path: Path) -> int:
    """The version of the file at this moment."""
    try:
        with closing(opened(path)) as connection:
            return int(connection.execute("PRAGMA user_version").fetchone()[0])
    except sqlite3.OperationalError:
        # The next process recovers its log just now.
        return len(MIGRATIONS)


def kill_in_cycle(scene: Scene) -> None:
    """The daemon, memory or paradox, while a cycle works through what was said. Every run ends, and nothing is made twice."""
    scene.pause(2.0, 3.0)
    with scene.load.quiet():
        for number in range(scene.kills):
            cycle = CYCLES[number % len(CYCLES)]
            run = begun(scene, cycle)
            scene.pause(0.0, WITHIN_S)
            victim = scene.rng.choice(("daemon", "daemon", "memory", "paradox"))
            scene.counts["while it ran"] += state_of(scene, cycle, run) == "running"
            scene.kill(victim)
            scene.until(f"{cycle} is done", partial(is_done, scene, cycle, run))
            scene.ready()

    derived = Counter(
        (record.kind, record.text) for record in records_told(scene.house.get, scene.load.shared.namespace) if record.derived
    )
    scene.figures["derived"] = sum(derived.values())
    twice = [text for (_, text), count in derived.items() if count > 1]
    scene.require(not twice, f"{len(twice)} derived records are there more than once, as {twice[:2]}")


def begun(scene: Scene, cycle: str) -> str:
    """Have a cycle run; the run's id."""
    told = scene.until(f"{cycle} begins", lambda: scene.house.post(f"/v1/daemon/cycles/{cycle}/run", {}))
    run: str = told["id"]
    return run


def is_done(scene: Scene, cycle: str, run: str) -> bool:
    """Whether a run has come to its end."""
    return state_of(scene, cycle, run) == "done"


def state_of(scene: Scene, cycle: str, run: str) -> str:
    """How a run stands."""
    runs = scene.house.get(f"/v1/daemon/runs?cycle={cycle}&limit=20")["runs"]
    found: str = next((told["state"] for told in runs if told["id"] == run), "")
    return found


ROWS = (
    Row(
        name="kill-migration",
        number=1,
        fault="kill -9 of memory while it brings a file of its first version up to date",
        passes=f"all {OLD_FACTS} old records are there once, the file is sound and of the newest version",
        run=kill_migrating,
        own=Own(),
        load=False,
    ),
    Row(
        name="kill-cycle",
        number=1,
        fault="kill -9 of daemon, memory or paradox in the middle of a cycle",
        passes="every run ends as done, nothing is derived twice",
        run=kill_in_cycle,
    ),
)
