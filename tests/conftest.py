"""What all tests share: nothing listens beyond loopback, and nothing that a test started outlives it."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as run.py does, before numpy is imported

from actors.encoder.minilm import model_name, prepare

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell runs a job in the background deaf to Ctrl-C, and its children would be, too: some tests interrupt theirs.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def short_dir() -> Iterator[Path]:
    """A directory whose sockets' paths stay under 107 bytes; pytest's own tmp_path may not."""
    path = Path(tempfile.mkdtemp(prefix="lattice-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def model_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the prepared model: making it takes a second or two, and one run needs it once."""
    folder = tmp_path_factory.mktemp("models")
    if prepare(folder / f"{model_name()}.model") is None:
        pytest.skip("the model is not installed")
    return folder


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In one of several processes: files with a test that may take long come first, then those of many tests.

    A long one that begins last would be waited for by all that have nothing left to do.
    """
    if hasattr(config, "workerinput"):
        counts = Counter(item.path for item in items)
        long = {item.path for item in items if item.get_closest_marker("timeout")}
        items.sort(key=lambda item: (item.path not in long, -counts[item.path]))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Why each one failed that was run again: where the second run passed, nothing else tells."""
    for report in terminalreporter.getreports("rerun"):
        terminalreporter.section(f"run again: {report.nodeid}", sep="_")
        terminalreporter.line(report.longreprtext)
