"""Database files that are deleted, moved away or replaced while the house runs, and `kill -9` of who had them open."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.system.house import ROOT, House, wait_for_ready

pytestmark = pytest.mark.system

WITHIN_S = 60.0


def deleted(path: Path) -> None:
    path.unlink()


def deleted_with_its_log(path: Path) -> None:
    path.unlink()
    path.with_name(f"{path.name}-wal").unlink()


def its_log_deleted(path: Path) -> None:
    path.with_name(f"{path.name}-wal").unlink()


def replaced(path: Path) -> None:
    new = path.with_name("new")
    new.write_bytes(b"somebody else's" * 1000)
    new.rename(path)


@pytest.mark.parametrize("lose", [deleted, deleted_with_its_log, its_log_deleted, replaced])
def test_memory_that_is_killed_after_an_answer_has_all_that_was_answered(
    house: House, data_dir: Path, lose: Callable[[Path], None]
) -> None:
    space = {"x_lattice_namespace": lose.__name__}
    before = [keep(house, f"before {number}", **space) for number in range(3)]
    lose(data_dir / "memory.db")
    after = [keep(house, f"after {number}", **space) for number in range(3)]
    kill(house, "memory")

    listed = house.get("/v1/memories?limit=100", **space)["memories"]
    assert [memory["id"] for memory in listed] == before + after
    asides = [path.read_bytes()[:15] for path in data_dir.glob("memory.db.damaged-*Z")]
    assert asides == ([b"somebody else's"] if lose is replaced else [])


@pytest.mark.parametrize("lose", [deleted, deleted_with_its_log, its_log_deleted])
def test_memory_that_is_killed_at_once_has_all_that_was_answered(
    house: House, data_dir: Path, lose: Callable[[Path], None]
) -> None:
    space = {"x_lattice_namespace": f"at once {lose.__name__}"}
    before = [keep(house, f"before {number}", **space) for number in range(3)]
    pid = house.pid("memory")
    lose(data_dir / "memory.db")
    house.kill(pid)
    wait_for_ready(house, name="memory", other_than=pid)

    listed = house.get("/v1/memories?limit=100", **space)["memories"]
    assert [memory["id"] for memory in listed] == before


def test_a_house_does_not_start_beside_another_whose_lock_was_deleted(house: House, data_dir: Path) -> None:
    (data_dir / "house.lock").unlink()

    second = subprocess.run(
        [sys.executable, "run.py", "up", "--port", "0", "--data-dir", str(data_dir)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )

    assert second.returncode == 1
    assert f"another house runs there (process {house.process.pid})" in second.stderr


def test_a_copy_of_a_house_that_runs_starts_beside_it_and_leaves_it_alone(
    house: House, data_dir: Path, short_dir: Path
) -> None:
    before = {name: actor["pid"] for name, actor in house.actors().items()}
    kept = keep(house, "before the copy")
    copy = short_dir / "copy"
    subprocess.run(["cp", "-r", str(data_dir), str(copy)], check=True)

    with House(copy) as second:
        assert kept in [memory["id"] for memory in second.get("/v1/memories?limit=1000")["memories"]]
        assert not before.items() & {name: actor["pid"] for name, actor in second.actors().items()}.items()
    assert {name: actor["pid"] for name, actor in house.actors().items()} == before


@pytest.mark.parametrize("lose", [deleted, replaced])
def test_the_daemon_that_is_killed_after_an_answer_has_done_what_it_said(
    house: House, data_dir: Path, lose: Callable[[Path], None]
) -> None:
    for name in ("decay", "dream"):
        house.post(f"/v1/daemon/cycles/{name}/resume", {})
    house.post("/v1/daemon/cycles/decay/pause", {})
    lose(data_dir / "daemon.db")
    house.post("/v1/daemon/cycles/dream/pause", {})
    kill(house, "daemon")

    cycles = house.get("/v1/daemon/cycles")["cycles"]
    assert {"decay", "dream"} == {cycle["name"] for cycle in cycles if cycle["paused"]}


@pytest.mark.parametrize("name", ["thinking", "llm", "paradox"])
def test_a_file_that_nobody_writes_to_is_written_back_all_the_same(house: House, data_dir: Path, name: str) -> None:
    path = data_dir / f"{name}.db"
    had = path.stat().st_ino
    path.unlink()
    until = time.monotonic() + WITHIN_S
    while not path.exists():
        assert time.monotonic() < until
        house.get("/healthz")
    assert path.stat().st_ino != had
    assert house.actors()[name]["state"] == "ready"


def keep(house: House, text: str, **headers: str) -> str:
    identity: str = house.post("/v1/memories", {"text": text}, **headers)["memories"][0]["id"]
    return identity


def kill(house: House, name: str) -> None:
    pid = house.pid(name)
    house.kill(pid)
    wait_for_ready(house, name=name, other_than=pid)
