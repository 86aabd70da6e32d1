"""What every command pays before it does anything: the composition root and all settings."""

from __future__ import annotations

import subprocess
import sys

from tests.commands.conftest import ROOT


def test_a_command_loads_no_contracts_and_no_http_before_it_needs_them() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import run, sys; print(*sys.modules)"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = done.stdout.split()

    assert "actors.memory.settings" in loaded
    assert [name for name in loaded if name.startswith("actors.") and "messages" in name] == []
    assert {"actors.llm.dialects", "aiohttp", "numpy", "onnxruntime", "packaging.requirements"}.isdisjoint(loaded)
