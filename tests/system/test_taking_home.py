"""Memory taken home and brought back while things are killed: no record is lost, none comes in twice."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.system.house import ROOT, House, wait_for_ready

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]

COUNT = 1600
WITHIN_S = 60.0


def lines_of(path: Path) -> list[dict[str, Any]]:
    """The lines that are whole."""
    try:
        return [json.loads(line) for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
    except FileNotFoundError:
        return []


def command(house: House, *words: str | Path) -> subprocess.Popen[bytes]:
    """`run.py` with these words, at this house."""
    arguments = [sys.executable, "run.py", *map(str, words), "--data-dir", str(house.data_dir), "--config", str(house.config)]
    return subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def ended(process: subprocess.Popen[bytes]) -> str:
    """What it said, once it has ended well."""
    said, _ = process.communicate(timeout=WITHIN_S)
    assert process.returncode == 0, said.decode()
    return said.decode()


def killed_in_its_middle(process: subprocess.Popen[bytes], reached: Callable[[], int]) -> bool:
    """kill -9 of it once it has some of them; False where that came too late, since it has all."""
    until(lambda: reached() > 0)
    process.kill()
    process.communicate()
    return reached() < COUNT


def until(reached: Any) -> None:
    """Ask without a pause until it is so: what is to be hit is short."""
    end = time.monotonic() + WITHIN_S
    while not reached():
        assert time.monotonic() < end


def count(house: House, namespace: str) -> int:
    try:
        return int(house.get("/v1/memories/stats", x_lattice_namespace=namespace)["count"])
    except OSError:
        # Memory is being replaced.
        return 0


@pytest.fixture
def bare(house: House) -> House:
    """The house, whose background adds nothing to what is brought in."""
    for cycle in house.get("/v1/daemon/cycles")["cycles"]:
        house.post(f"/v1/daemon/cycles/{cycle['name']}/pause", {})
    return house


def test_exports_and_imports_that_are_killed_go_on_and_are_whole(tmp_path: Path, bare: House) -> None:
    house, first, second = bare, f"{tmp_path.name}-first", f"{tmp_path.name}-second"
    texts = [f"Number {n} was said, and {'something more ' * 20}" for n in range(COUNT)]
    written = tmp_path / "written.jsonl"
    written.write_text("".join(json.dumps({"text": text, "session": f"talk {n % 7}"}) + "\n" for n, text in enumerate(texts)))

    # Memory dies in the middle of an import: the import goes on by itself.
    importing = command(house, "import", written, "--namespace", first)
    until(lambda: count(house, first) > 0)
    before = house.pid("memory")
    house.kill(before)
    ended(importing)
    wait_for_ready(house, name="memory", other_than=before)
    assert count(house, first) == COUNT

    # The export dies in its middle, and is run again; memory has been replaced meanwhile.
    taken, part = tmp_path / "taken.jsonl", tmp_path / "taken.jsonl.part"

    def begun() -> int:
        if taken.exists():
            return COUNT
        return max((line["records"] for line in lines_of(part) if line.get("lattice") == "page"), default=0)

    while not killed_in_its_middle(command(house, "export", taken, "--namespace", first), begun):
        taken.unlink(missing_ok=True)
        part.unlink(missing_ok=True)
    before = house.pid("memory")
    house.kill(before)
    wait_for_ready(house, name="memory", other_than=before)
    assert f"goes on after {begun()} memories" in ended(command(house, "export", taken, "--namespace", first))
    assert not part.exists()
    records = [line for line in lines_of(taken) if "text" in line]
    assert [record["text"] for record in records] == texts
    assert lines_of(taken)[-1] == {"lattice": "end", "records": COUNT}

    # The import of that dies in its middle, and is run again.
    while not killed_in_its_middle(command(house, "import", taken, "--namespace", second), partial(count, house, second)):
        second += "-again"
    some = count(house, second)
    # What was under way when it died may still have come in.
    known = int(ended(command(house, "import", taken, "--namespace", second)).partition(" memories came in, ")[2].split()[0])
    assert some <= known < COUNT
    again = tmp_path / "again.jsonl"
    ended(command(house, "export", again, "--namespace", second))
    back = [line for line in lines_of(again) if "text" in line]
    assert Counter(record["text"] for record in back) == Counter(texts)
    assert [(record["text"], record["session"]) for record in back] == [(one["text"], one["session"]) for one in records]


def test_a_part_of_another_house_or_namespace_is_begun_anew(tmp_path: Path, house: House) -> None:
    house.post("/v1/memories", {"text": "Only this."}, x_lattice_namespace="small")
    taken, part = tmp_path / "taken.jsonl", tmp_path / "taken.jsonl.part"
    for namespace in ("small", "other"):
        head = {"lattice": "memories", "version": 1, "namespace": namespace, "exported": "2026-01-01T00:00:00+00:00"}
        record = {"text": "From elsewhere.", "id": "mem_" + "0" * 32}
        mark = {"lattice": "page", "records": 1, "cursor": "AAAA"}
        part.write_text("".join(json.dumps(line) + "\n" for line in (head, record, mark)))
        assert "goes on" not in ended(command(house, "export", taken, "--namespace", "small"))
        assert [line["text"] for line in lines_of(taken) if "text" in line] == ["Only this."]
        taken.unlink()
