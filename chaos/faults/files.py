"""Row 6: memory's database file is damaged while nobody holds it. Nothing is overwritten, and who looks is told what is lost.

Memory is stopped by its supervisor, the file is damaged, memory is started again; the rest of the house goes on meanwhile.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from chaos.asking import ask, keep, keeps_again
from chaos.raw import Refused, Unanswered, Wire
from chaos.row import Own, Row
from chaos.scene import Failed, Scene
from transport.addresses import run_directory

__all__ = ["ROWS"]

FACTS: Final = 200
PAGE: Final = 4096
HEAD: Final = 32
FRAME: Final = 24 + PAGE
"""Bytes of a write-ahead log's head and of each of its frames, which repeat the head's salt."""

WITHIN_S: Final = 60.0
FILES: Final = ("memory.db", "memory.db-wal")
OPEN: Final = "memory.db-open"


@dataclass(frozen=True, slots=True)
class Damage:
    """One way to damage a file.

    Arguments:
        name: of the row.
        fault: what is done, in one line.
        passes: when the row has passed.
        do: does it.
        held: whether the log is there as a kill leaves it; a stop moves all of it into the file.
        most_lost: how many rows may be gone; None: all.
    """

    name: str
    fault: str
    passes: str
    do: Callable[[Scene, Path], None]
    held: bool = False
    most_lost: int | None = None


def damaged(scene: Scene, damage: Damage) -> None:
    """Keep facts, damage the file, and look at what the house makes of it."""
    kept = {}
    for number in range(FACTS):
        told = keep(scene, number)
        if told.status != 201:
            raise Failed(f"a fact was answered {told.status} {told.body}")
        kept[number] = told.body["memories"][0]["id"]

    path = scene.house.data_dir / FILES[0]
    as_killed = {name: path.with_name(name).read_bytes() for name in (*FILES, OPEN)} if damage.held else {}
    stop_memory(scene)
    for name, content in as_killed.items():
        path.with_name(name).write_bytes(content)
    damage.do(scene, path)
    before = {name: fingerprint(path.with_name(name)) for name in FILES}
    supervise(scene, "supervisor.start")
    scene.count("faults")

    def noticed() -> bool:
        # Not every page is read at a start: damage shows where somebody reads.
        for what in ("/v1/memories?limit=1000", "/v1/memories/stats", "/v1/sessions"):
            ask(scene, what)
        return bool(list(path.parent.glob("memory.db.damaged-*.json")))

    scene.until("the damage is noticed", noticed, WITHIN_S)
    keeps_again(scene, kept, WITHIN_S)
    scene.ready()
    (report,) = reports(scene, path)
    aside = path.with_name(report["set_aside"])
    scene.require(fingerprint(aside) == before[FILES[0]], "the damaged file is not what it was")
    scene.require(report["why"], "the report does not say what was wrong")

    there = {number for number, identity in kept.items() if ask(scene, f"/v1/memories/{identity}").status == 200}
    lost = len(kept) - len(there)
    scene.figures |= {"facts": len(kept), "lost": lost, "rows": report["rows"], "report": report["lost"][:5]}
    scene.require(not lost or report["lost"], f"{lost} facts are gone, and the report does not say so")
    # Facts whose namespace's name is lost are there, and not under it: the report says so.
    rows = report["rows"].get("memory", 0)
    scene.require(damage.most_lost is None or rows >= FACTS - damage.most_lost, f"{rows} of {FACTS} and more were recovered")
    found = ask(scene, "/v1/memories/search", {"query": "row fact", "k": 5})
    scene.require(found.status == 200, f"a search was answered {found.status} {found.body}")


def newer(scene: Scene) -> None:
    """Another version's file is not opened, not changed, and said to be the reason."""
    kept: dict[int, str] = {}
    keeps_again(scene, kept, WITHIN_S)
    path = scene.house.data_dir / FILES[0]
    stop_memory(scene)
    with sqlite3.connect(path) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        connection.execute("PRAGMA user_version = 9999")
    connection.close()
    before = {name: fingerprint(path.with_name(name)) for name in FILES}
    supervise(scene, "supervisor.start", succeeds=False)
    scene.count("faults")

    def said() -> bool:
        told = ask(scene, "/readyz")
        return told.status == 503 and "newer" in str(told.body["actors"]["memory"])

    scene.until("/readyz says that the file is a newer program's", said, WITHIN_S)
    scene.require(ask(scene, "/healthz").status == 200, "the gateway does not answer")
    scene.require({name: fingerprint(path.with_name(name)) for name in FILES} == before, "the newer file was touched")
    scene.require(not list(path.parent.glob("*.damaged-*")), "the newer file was set aside")

    stop_memory(scene)
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
    supervise(scene, "supervisor.start")
    scene.ready()
    for identity in kept.values():
        scene.require(ask(scene, f"/v1/memories/{identity}").status == 200, "a fact is gone with the old version back")


def stop_memory(scene: Scene) -> None:
    """Have its supervisor stop it; it stays stopped."""
    supervise(scene, "supervisor.stop")


def supervise(scene: Scene, what: str, *, succeeds: bool = True) -> None:
    """Tell the supervisor to do something with memory."""
    with Wire(run_directory(scene.house.data_dir) / "supervisor.sock") as wire:
        try:
            wire.ask(what, {"name": "memory"}, ttl_s=WITHIN_S)
        except (Refused, Unanswered) as error:
            if succeeds:
                raise Failed(f"{what}: {error}") from error


def reports(scene: Scene, path: Path) -> list[dict[str, Any]]:
    """What the house wrote about files that it set aside."""
    found = [json.loads(report.read_text()) for report in path.parent.glob("memory.db.damaged-*.json")]
    if len(found) != 1:
        raise Failed(f"there are {len(found)} reports of a damaged file: {scene.house.output[-300:]}")
    return found


def fingerprint(path: Path) -> str | None:
    """Of a file's content; None where there is none. An empty log is none: SQLite makes one to look at a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() and path.stat().st_size else None


def truncated(scene: Scene, path: Path) -> None:
    """Somewhere between a third and two thirds, not at a page's end."""
    size = path.stat().st_size
    os.truncate(path, scene.rng.randrange(size // 3, 2 * size // 3) | 1)


def flipped(scene: Scene, path: Path) -> None:
    """A bit in each of some twenty pages, the first not among them, and in the schema's page."""
    data = bytearray(path.read_bytes())
    pages = scene.rng.sample(range(1, len(data) // PAGE), min(20, len(data) // PAGE - 1))
    for page in pages:
        data[page * PAGE + scene.rng.randrange(8)] ^= 1 << scene.rng.randrange(8)
    data[100 + scene.rng.randrange(8)] ^= 0x55
    path.write_bytes(data)


def nonsense(scene: Scene, path: Path) -> None:
    """A file of the same size that holds nothing."""
    path.write_bytes(scene.rng.randbytes(path.stat().st_size))


def emptied(scene: Scene, path: Path) -> None:
    """A file of no bytes."""
    del scene
    os.truncate(path, 0)


def anothers(scene: Scene, path: Path) -> None:
    """Another program's database in its place."""
    del scene
    path.unlink()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE bookmarks (url)")
    connection.close()


def log_removed(scene: Scene, path: Path) -> None:
    """The file alone: it is sound, and old."""
    del scene
    path.with_name(FILES[1]).unlink()


def log_flipped(scene: Scene, path: Path) -> None:
    """A bit in the first half of what the log holds; behind it may stand what it held before, which is of no use to anybody."""
    log = path.with_name(FILES[1])
    data = bytearray(log.read_bytes())
    frames = 0
    while data[HEAD + frames * FRAME + 8 : HEAD + frames * FRAME + 16] == data[16:24]:
        frames += 1
    data[scene.rng.randrange(HEAD, HEAD + max(frames // 2, 1) * FRAME)] ^= 1 << scene.rng.randrange(8)
    log.write_bytes(data)


TOLD: Final = "set aside untouched, a report says what is lost, the rest is there and memory keeps on"

DAMAGES: Final = (
    Damage("file-truncated", "memory.db is cut off in its middle", TOLD, truncated),
    Damage("file-flipped", "bits flip in twenty pages of memory.db and in its schema", TOLD, flipped, most_lost=FACTS * 4 // 5),
    Damage("file-nonsense", "memory.db holds noise", TOLD, nonsense),
    Damage("file-emptied", "memory.db has no bytes", TOLD, emptied),
    Damage("file-anothers", "another program's database stands in its place", TOLD, anothers),
    Damage("log-removed", "memory.db-wal is taken away as a kill has left it", TOLD, log_removed, held=True),
    Damage("log-flipped", "a bit flips in memory.db-wal as a kill has left it", TOLD, log_flipped, held=True),
)

ROWS = (
    *(
        Row(
            name=damage.name,
            number=6,
            fault=damage.fault,
            passes=damage.passes,
            run=partial(damaged, damage=damage),
            own=Own(),
            load=False,
            grows_mb=256.0,
        )
        for damage in DAMAGES
    ),
    Row(
        name="file-newer",
        number=6,
        fault="memory.db is a newer version's",
        passes="memory does not start and says why, the file is untouched, the rest of the house answers",
        run=newer,
        own=Own(),
        load=False,
        grows_mb=256.0,
        # /readyz has the gateway meet actors that it had never asked.
        grows_descriptors=48,
    ),
)
