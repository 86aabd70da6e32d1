"""Row 6, while they are open: databases whose files are deleted, moved away or replaced, then `kill -9` of their actors.

Whoever has a file open can write to it without its name; what is written so is gone with the process.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Final

from chaos.row import Own, Row
from chaos.scene import Scene

__all__ = ["ROWS"]

OWNERS: Final = ("memory", "thinking", "llm", "paradox", "daemon")
WITHIN_S: Final = 5.0
"""How long a file may take to be in its place again, in seconds. Nobody need write: its owner looks once a second."""


def deleted(scene: Scene, path: Path) -> None:
    """Delete the database file, and leave its log."""
    del scene
    path.unlink()


def log_deleted(scene: Scene, path: Path) -> None:
    """Delete the log alone: the file looks sound, and is old."""
    del scene
    log_of(path).unlink()


def both_deleted(scene: Scene, path: Path) -> None:
    """Delete the file and its log."""
    del scene
    path.unlink()
    log_of(path).unlink()


def all_deleted(scene: Scene, path: Path) -> None:
    """Whatever begins with its name, and its owner's lock."""
    del scene
    for file in [path.with_suffix(".owner"), *path.parent.glob(f"{path.name}*")]:
        if ".damaged-" not in file.name:
            file.unlink(missing_ok=True)


def moved_away(scene: Scene, path: Path) -> None:
    """As who makes room does."""
    path.rename(path.with_name(f"elsewhere-{scene.counts['faults']}"))


def replaced_by_noise(scene: Scene, path: Path) -> None:
    """Another file, of nothing."""
    replace(path, scene.rng.randbytes(100_000))


def replaced_by_a_copy(scene: Scene, path: Path) -> None:
    """As who brings back an old one does: the file as it was, without its log."""
    del scene
    replace(path, path.read_bytes())


def log_replaced(scene: Scene, path: Path) -> None:
    """Put another log in the place of the log."""
    replace(log_of(path), scene.rng.randbytes(100_000))


def replace(path: Path, content: bytes) -> None:
    """Put another file there, whole."""
    new = path.with_name("another")
    new.write_bytes(content)
    new.rename(path)


def log_of(path: Path) -> Path:
    """Its write-ahead log."""
    return path.with_name(f"{path.name}-wal")


Fault = Callable[[Scene, Path], None]


def lose(scene: Scene, faults: Sequence[Fault], *, asides: bool) -> None:
    """Take names away in turn, wait until they are back, and kill who had the file open."""
    turns = max(scene.kills, len(faults))
    for turn in range(turns):
        name = "memory" if turn < len(faults) else scene.rng.choice(OWNERS)
        path = scene.house.data_dir / f"{name}.db"
        fault = faults[turn % len(faults)]
        files = path, log_of(path)
        scene.until(f"{path.name} is open", lambda: all(file.exists() for file in files))  # noqa: B023 (called at once)
        before = set(path.parent.glob(f"{path.name}.damaged-*.json"))
        had = [file.stat().st_ino for file in files]
        fault(scene, path)
        scene.count("faults")
        scene.count(f"{fault.__name__} {name}")

        def back() -> bool:
            # Both are new: all of it is written to another file, whichever of the two was lost.
            return all(file.exists() and file.stat().st_ino != ino for file, ino in zip(files, had, strict=True)) and (  # noqa: B023
                not asides or bool(set(path.parent.glob(f"{path.name}.damaged-*.json")) - before)  # noqa: B023
            )

        scene.until(f"{path.name} is written back after it was {fault.__name__}", back, WITHIN_S)
        # An answer that is half said ends with thinking, openly: kills.py has that.
        with scene.load.quiet() if name == "thinking" else nullcontext():
            pid = scene.kill(name)
            scene.replaced(name, pid)
        scene.pause(0.2, 1.0)


DELETED: Final = (deleted, log_deleted, both_deleted, all_deleted, moved_away)
REPLACED: Final = (replaced_by_noise, replaced_by_a_copy, log_replaced)

ROWS = (
    Row(
        name="file-deleted",
        number=6,
        fault="databases, their logs or both are deleted or moved away while they are open, and their actors killed",
        passes="each is written back within 5 s, no request fails, nothing acknowledged is lost",
        run=partial(lose, faults=DELETED, asides=False),
        own=Own(),
        grows_mb=256.0,
    ),
    Row(
        name="file-replaced",
        number=6,
        fault="noise or an older copy is moved to the place of databases or their logs, and their actors are killed",
        passes="as before, and what was put there is set aside with a report",
        run=partial(lose, faults=REPLACED, asides=True),
        own=Own(),
        grows_mb=256.0,
    ),
)
