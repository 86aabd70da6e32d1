"""What goes on in the background survives what is not available, and nothing else."""

from __future__ import annotations

import pytest
from loguru import logger

from actors.patience import patiently
from actors.sqlite.opening import Damaged
from transport.errors import Conflict, Unavailable


async def test_what_is_not_available_is_waited_for():
    tries = []

    async def work():
        tries.append(1)
        if len(tries) < 4:
            raise Unavailable("the disk is full")

    await patiently("work", work, again_s=0)
    assert len(tries) == 4


@pytest.mark.parametrize("error", [Damaged("it is"), Conflict("no"), RuntimeError("a fault")])
async def test_damage_and_faults_end_it(error):
    async def work():
        raise error

    with pytest.raises(type(error)):
        await patiently("work", work, again_s=0)


async def test_a_second_time_that_something_is_not_available_is_told_as_well(monkeypatch):
    monkeypatch.setattr("actors.patience.WELL_S", 0.0)
    lines, tries = [], []

    async def work():
        tries.append(1)
        if len(tries) < 3:
            raise Unavailable(f"away {len(tries)}")

    sink = logger.add(lambda line: lines.append(line.record["extra"]["reason"]), level="WARNING")
    try:
        await patiently("work", work, again_s=0)
    finally:
        logger.remove(sink)
    assert lines == ["away 1", "away 2"]
