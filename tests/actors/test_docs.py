"""docs/writing-an-actor.md says what is so: its examples are run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from actors.host import Host
from actors.message import contracts

PAGE = Path(__file__).parents[2] / "docs" / "writing-an-actor.md"


@pytest.fixture
def page():
    names = {"__name__": "page"}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL):
        exec(compile(block, str(PAGE), "exec"), names)
    yield names
    for type_name in [name for name in contracts if name.startswith("words.")]:
        del contracts[type_name]


async def test_the_examples_of_the_how_to_run(page, short_dir):
    (short_dir / "run").mkdir(mode=0o700)
    assert await page["talk"](short_dir / "run") == 2
    assert await page["listing"](short_dir / "run") == (["b", "a"], 3)
    async with Host(run_dir=short_dir / "run", bind=False) as host:
        await host.start_actor(page["Ticking"])
        assert host.readiness() in ({}, {"ticking": "it has not ticked yet"})
