"""Each case runs over actors of the test's process and over processes; the processes' parent runs for all of them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.children import child
from tests.supervisors.otp.erlang import ActorWorld, ProcessWorld, World
from tests.supervisors.otp.house import command


@pytest.fixture(scope="session")
def parent() -> Iterator[Path]:
    """A supervisor of processes without children; its directory."""
    root = Path(tempfile.mkdtemp(prefix="lattice-"))
    (root / "run").mkdir(mode=0o700)
    (root / "logs").mkdir(mode=0o700)
    environment = {**os.environ, "LATTICE_LOG_LEVEL": "DEBUG"}
    with child(
        command("supervise", root, str(os.getpid())), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=environment
    ) as process:
        yield root
        process.send_signal(signal.SIGTERM)
        process.wait(20)
    shutil.rmtree(root)


@pytest.fixture(params=["actors", "processes"])
async def world(request: pytest.FixtureRequest, short_dir: Path) -> AsyncIterator[World]:
    """Where the case takes place."""
    if request.param == "actors":
        async with ActorWorld(short_dir) as made:
            yield made
    else:
        async with ProcessWorld(request.getfixturevalue("parent")) as made:
            yield made
