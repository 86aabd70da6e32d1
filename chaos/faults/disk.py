"""Row 5: the disk is full, read-only, broken or slow. Writes are refused and nothing of them is kept; reading goes on."""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from chaos.asking import Told, keep, keeps_again, reads
from chaos.row import Own, Row
from chaos.scene import AWAY, Failed, Scene
from chaos.shims.told import tell

__all__ = ["ROWS"]

SIZE_MB: Final = 96
"""The size of the small disk: several times what a house needs in a minute."""

SHIM: Final = ("-m", "chaos.shims.disk")
WITHIN_S: Final = 30.0
GROWS_MB: Final = 256.0
"""A house of its own has not done everything once when the row begins: paradox reads its classifier at the first pair."""

SLOW_S: Final = 0.3


def mount(data_dir: Path) -> None:
    """Put a small disk of its own under the data directory, where this is allowed."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m,mode=0700", "tmpfs", str(data_dir)]
    with suppress(OSError):
        subprocess.run(command, check=False, capture_output=True)


def unmount(data_dir: Path) -> None:
    """Take it away."""
    if data_dir.is_mount():
        subprocess.run(["umount", str(data_dir)], check=True)


def full(scene: Scene) -> None:
    """A disk without room: a real one where a small one could be mounted, else a VFS that says so."""
    small = scene.house.data_dir.is_mount()
    scene.figures["by"] = "tmpfs" if small else "a VFS of SQLite's"
    kept = {number: kept_id(keep(scene, number)) for number in range(3)}
    for turn in range(max(1, scene.kills // 3)):
        filler = scene.house.data_dir / "filler"
        if small:
            fill(filler)
        else:
            tell(scene.house.data_dir, "full")
        refused(scene, f"full {turn}", kept)
        # What was free in other files' ends is taken by now.
        if small:
            fill(filler)
        scene.pause(1.0, 2.0)
        if small:
            filler.unlink()
        else:
            tell(scene.house.data_dir, "")
        keeps_again(scene, kept, WITHIN_S)
        scene.count("faults")
    scene.ready()
    wrong = reads(scene, kept)
    scene.require(wrong is None, f"afterwards: {wrong}")


def errors(scene: Scene) -> None:
    """A disk that fails in each of its ways, in an order by chance."""
    kept = {number: kept_id(keep(scene, number)) for number in range(3)}
    ways = scene.rng.sample(("read-only", "error", "sync"), 3)
    for way in ways:
        tell(scene.house.data_dir, way)
        refused(scene, way, kept)
        scene.pause(0.5, 1.5)
        tell(scene.house.data_dir, "")
        keeps_again(scene, kept, WITHIN_S)
        scene.count("faults")

    tell(scene.house.data_dir, "unreadable")
    scene.pause(1.0, 2.0)
    tell(scene.house.data_dir, "")
    keeps_again(scene, kept, WITHIN_S)
    scene.count("faults")
    scene.ready()
    undamaged(scene, kept)


def read_only(scene: Scene) -> None:
    """A disk that turns read-only under the house, and actors that are killed meanwhile.

    The kernel lets nobody turn a file system with open files read-only but for an error of the disk. So what is written is
    refused by a VFS, and where mounting is allowed a read-only mount of the same directory lies over it for whoever opens.
    Thinking is spared: what was said meanwhile is nowhere but with it.
    """
    data_dir = scene.house.data_dir
    kept = {number: kept_id(keep(scene, number)) for number in range(3)}
    for victim in (None, *scene.rng.sample(("memory", "paradox", "daemon"), 2)):
        tell(data_dir, "read-only")
        covered = cover(data_dir)
        scene.figures["by"] = "a read-only mount and a VFS" if covered else "a VFS of SQLite's"
        try:
            refused(scene, f"read-only, {victim or 'nobody'} killed", kept)
            if victim is not None:
                scene.kill(victim)
            scene.pause(1.0, 3.0)
        finally:
            uncover(data_dir)
            tell(data_dir, "")
        keeps_again(scene, kept, WITHIN_S)
        scene.ready()
        scene.count("faults")
    undamaged(scene, kept)


def undamaged(scene: Scene, kept: dict[int, str]) -> None:
    """What was kept is read back, and no database was set aside: what the disk refused was not taken for damage."""
    wrong = reads(scene, kept)
    scene.require(wrong is None, f"afterwards: {wrong}")
    aside = [path.name for path in scene.house.data_dir.glob("*.damaged-*")]
    scene.require(not aside, f"what the disk refused was taken for damage: {aside}")


def cover(data_dir: Path) -> bool:
    """Have whoever opens a file there find a read-only file system; False where this is not allowed."""
    mounted = mounts("mount", "--bind", str(data_dir), str(data_dir))
    return mounted and mounts("mount", "-o", "remount,bind,ro", str(data_dir))


def uncover(data_dir: Path) -> None:
    """Take that away, if it is there; who has something open below it goes on."""
    mounts("umount", "--lazy", str(data_dir))


def mounts(*command: str) -> bool:
    """Whether it was done."""
    with suppress(OSError):
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    return False


def slow(scene: Scene) -> None:
    """A disk whose every sync takes long: nobody is refused, reading does not wait for it."""
    kept = {number: kept_id(keep(scene, number)) for number in range(3)}
    tell(scene.house.data_dir, f"slow {SLOW_S}")
    until = time.monotonic() + min(scene.seconds, 10.0)
    slowest = 0.0
    while time.monotonic() < until:
        began = time.monotonic()
        wrong = reads(scene, kept)
        slowest = max(slowest, time.monotonic() - began)
        scene.require(wrong is None, f"while it is slow: {wrong}")
    scene.figures["slowest_reads_s"] = round(slowest, 3)
    tell(scene.house.data_dir, "")
    keeps_again(scene, kept, WITHIN_S)
    scene.count("faults")


def refused(scene: Scene, way: str, kept: dict[int, str]) -> None:
    """Wait until a write is refused, see that it is refused as it should be, and that what was kept is read."""
    number = 1000 + len(kept)

    def look() -> Told | None:
        nonlocal number
        number += 1
        told = keep(scene, number)
        if told.status == 201:
            kept[number] = kept_id(told)
            return None
        return told

    told: Told = scene.until(f"{way}: a write is refused", look, WITHIN_S)
    scene.require(
        told.is_refused_for_now, f"{way}: a write was answered {told.status} {told.body}, Retry-After {told.retry_after}"
    )
    try:
        wrong = reads(scene, dict(list(kept.items())[-5:]))
    except AWAY as error:
        wrong = repr(error)
    scene.require(wrong is None, f"{way}: {wrong}")


def kept_id(told: Told) -> str:
    """The id of a fact that was kept.

    Raises:
        Failed: it was not.
    """
    if told.status != 201:
        raise Failed(f"a fact was answered {told.status} {told.body} on a sound disk")
    identity: str = told.body["memories"][0]["id"]
    return identity


def fill(path: Path) -> None:
    """Write until there is no room, down to the last byte."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        for size in (1 << 20, 1 << 12, 1):
            with suppress(OSError):
                for _ in range(SIZE_MB << 1 if size == 1 << 20 else 1 << 12):
                    os.write(descriptor, bytes(size))
    finally:
        os.close(descriptor)


ROWS = (
    Row(
        name="disk-full",
        number=5,
        fault=f"a disk of {SIZE_MB} MiB is filled to its last byte, and freed, again and again",
        passes="writes are refused with 503 and Retry-After, reads go on, it recovers by itself, nothing acknowledged is lost",
        run=full,
        own=Own(program=SHIM, prepare=mount, clean_up=unmount),
        failed_allowed=None,
        broken_allowed=None,
        stall_s=60.0,
        grows_mb=GROWS_MB,
    ),
    Row(
        name="disk-errors",
        number=5,
        fault="the disk turns read-only, writing fails (EIO), fsync fails, reading fails (EIO)",
        passes="as for a full disk; no error of the disk is taken for damage",
        run=errors,
        own=Own(program=SHIM),
        failed_allowed=None,
        broken_allowed=None,
        stall_s=60.0,
        grows_mb=GROWS_MB,
    ),
    Row(
        name="disk-read-only",
        number=5,
        fault="the data directory turns read-only, and actors are killed meanwhile",
        passes="writes are refused, reads go on; who was killed is back once the disk takes writes; nothing is lost",
        run=read_only,
        own=Own(program=SHIM, clean_up=uncover),
        failed_allowed=None,
        broken_allowed=None,
        degraded_allowed=None,
        stall_s=90.0,
        grows_mb=GROWS_MB,
    ),
    Row(
        name="disk-slow",
        number=5,
        fault=f"every fsync takes {SLOW_S} s",
        passes="nothing fails; reads go on",
        run=slow,
        own=Own(program=SHIM),
        stall_s=30.0,
        grows_mb=GROWS_MB,
    ),
)
