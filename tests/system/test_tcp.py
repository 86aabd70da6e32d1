"""Two machines, played by two data directories: an actor reached over TCP with CURVE, and who is not let in."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.children import child
from tests.ports import free_port
from tests.system.house import ROOT

pytestmark = pytest.mark.system


@pytest.fixture
def there(short_dir: Path) -> Iterator[Path]:
    """A memory actor that listens on TCP, by itself."""
    data_dir = short_dir / "there"
    data_dir.mkdir()
    (data_dir / "lattice.toml").write_text(f"[addresses]\nmemory = {{address = 'tcp://127.0.0.1:{free_port()}'}}\n")
    command = [*options("actor", "memory", data_dir=data_dir), "--config", str(data_dir / "lattice.toml")]
    with child(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "ready" in process.stdout.readline()
        yield data_dir
        process.terminate()
        assert process.wait(20) == 0


def test_an_actor_elsewhere_is_asked_over_tcp_by_who_is_let_in(there: Path, short_dir: Path) -> None:
    here = short_dir / "here"
    here.mkdir()
    server = run("keys", "curve", data_dir=there).strip()
    known = (there / "lattice.toml").read_text().replace("}", f", key = '{server}'}}")
    (here / "lattice.toml").write_text(known)
    ask = ("send", "memory.stats", "--timeout", "3", "--config", str(here / "lattice.toml"))

    refused = subprocess.run(options(*ask, data_dir=here), cwd=ROOT, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr

    run("keys", "curve", "here", "--allow", run("keys", "curve", "client", data_dir=here).strip(), data_dir=there)
    assert '"count": 0' in run(*ask, data_dir=here)


def test_whoever_expects_another_server_is_told_that_it_may_be_the_key(there: Path, short_dir: Path) -> None:
    here = short_dir / "here"
    here.mkdir()
    another = run("keys", "curve", data_dir=here).strip()
    (here / "lattice.toml").write_text((there / "lattice.toml").read_text().replace("}", f", key = '{another}'}}"))
    ask = ("send", "memory.stats", "--timeout", "2", "--config", str(here / "lattice.toml"))
    refused = subprocess.run(options(*ask, data_dir=here), cwd=ROOT, capture_output=True, text=True, check=False)
    assert (refused.returncode, refused.stderr.endswith("nobody listens there, or under another public key\n")) == (1, True)


def options(*words: str, data_dir: Path) -> list[str]:
    return [sys.executable, "run.py", *words, "--data-dir", str(data_dir)]


def run(*words: str, data_dir: Path) -> str:
    return subprocess.run(options(*words, data_dir=data_dir), cwd=ROOT, capture_output=True, text=True, check=True).stdout
