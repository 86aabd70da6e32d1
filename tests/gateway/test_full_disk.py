"""A full disk as a client of HTTP sees it: 503 and when to come back, reading goes on, and it is over by itself."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from chaos.shims.told import PLACE, place_in, tell
from chaos.shims.vfs import Disk
from tests.gateway.house import TEXT, House, house
from tests.model_server import SyncModelServer

SIZE_MB = 24
MEMORIES = "/v1/memories"


@pytest.fixture
def told(short_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bool], None]]:
    """A disk that says that it is full while it is told to."""
    monkeypatch.setenv(PLACE, str(place_in(short_dir / "data")))
    disk = Disk()
    yield lambda full: tell(short_dir / "data", "full" if full else "")
    disk.unregister()


@pytest.fixture
def small(short_dir: Path) -> Iterator[Callable[[bool], None]]:
    """A small disk that is full."""
    data_dir = short_dir / "data"
    data_dir.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "tmpfs", str(data_dir)]
    try:
        mounted = subprocess.run(command, check=False, capture_output=True).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("nothing can be mounted here")

    def fill(full: bool) -> None:
        filler = data_dir / "filler"
        if not full:
            filler.unlink()
            return
        with filler.open("ab", buffering=0) as file:
            for size in (1 << 16, 1 << 12, 1):
                with suppress(OSError):
                    for _ in range(SIZE_MB << 4):
                        file.write(bytes(size))

    yield fill
    subprocess.run(["umount", str(data_dir)], check=True)


@pytest.fixture(params=["told", "small"])
def fill(request: pytest.FixtureRequest) -> Callable[[bool], None]:
    wanted: Callable[[bool], None] = request.getfixturevalue(request.param)
    return wanted


async def test_a_full_disk_refuses_writes_for_now_and_nothing_acknowledged_is_lost(
    fill: Callable[[bool], None], short_dir: Path
) -> None:
    async with house(short_dir, parts=("encoder", "memory")) as lattice:
        kept = await many(lattice, 0, 20)
        for turn in range(2):
            fill(True)
            kept += await until_refused(lattice, 100 * (turn + 1))
            assert [memory["id"] for memory in (await lattice.get(f"{MEMORIES}?limit=1000"))["memories"]] == kept
            found = await lattice.post(f"{MEMORIES}/search", {"query": "fact 7"})
            assert len(found["memories"]) == 10
            assert (await lattice.get("/healthz")) == {"status": "ok"}

            fill(False)
            kept += await many(lattice, 1000 * (turn + 1), 5)

    async with house(short_dir, parts=("encoder", "memory")) as again:
        assert [memory["id"] for memory in (await again.get(f"{MEMORIES}?limit=1000"))["memories"]] == kept


async def many(lattice: House, first: int, count: int) -> list[str]:
    return [(await lattice.post(MEMORIES, fact(number)))["memories"][0]["id"] for number in range(first, first + count)]


async def until_refused(lattice: House, first: int) -> list[str]:
    """Keeps facts until one is refused, and sees how. What is refused is asked for once more: nothing of it was kept."""
    kept = []
    for number in range(first, first + 90):
        async with lattice.http.post(lattice.url + MEMORIES, json=fact(number)) as response:
            told = await response.json()
        if response.status == 201:
            kept.append(told["memories"][0]["id"])
            continue
        assert (response.status, told["error"]["code"]) == (503, "unavailable")
        assert int(response.headers["Retry-After"]) >= 1
        assert response.headers["x-should-retry"] == "true"
        return kept
    raise AssertionError("nothing was refused")


def fact(number: int) -> dict[str, str]:
    return {"text": f"fact {number} " + os.urandom(8).hex() + " and some more of it" * 500, "key": f"fact-{number}"}


async def test_what_was_said_while_no_disk_took_anything_is_remembered_once_one_does(
    told: Callable[[bool], None], short_dir: Path, model: SyncModelServer
) -> None:
    parts = ("encoder", "memory", "llm", "thinking")
    async with house(short_dir, model=model.base_url, parts=parts) as lattice:
        session = {"X-Lattice-Session": "s"}
        said = lattice.openai(default_headers=session).chat.completions
        told(True)
        for number in (1, 2):
            answer = await said.create(model="default", messages=[{"role": "user", "content": f"Number {number}"}])
            assert answer.choices[0].message.content == TEXT

        told(False)
        async with asyncio.timeout(30):
            turns: list[str] = []
            while len(turns) < 4:
                _, told_turns = await lattice.call("GET", "/v1/sessions/s")
                turns = [turn["text"] for turn in told_turns.get("turns", ())]
        assert turns == ["Number 1", TEXT, "Number 2", TEXT]
