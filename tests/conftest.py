"""What all tests share: nothing listens beyond loopback, and nothing that a test started outlives it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def short_dir() -> Iterator[Path]:
    """A directory whose sockets' paths stay under 107 bytes; pytest's own tmp_path may not."""
    path = Path(tempfile.mkdtemp(prefix="lattice-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)
