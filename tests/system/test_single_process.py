"""The same house in one process: the same talk, and an actor's failure where elsewhere a process is killed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.model_server.fixture import SyncModelServer
from tests.system.conftest import ENDPOINT
from tests.system.house import House

# The talk is the same; pytest runs it here with this module's house.
from tests.system.test_talk import *  # noqa: F403

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def house(model: SyncModelServer, data_dir: Path) -> Iterator[House]:
    with House(data_dir, config=ENDPOINT.format(url=model.base_url), single_process=True) as house:
        yield house


def test_all_actors_live_in_one_process(house: House) -> None:
    assert {actor["pid"] for actor in house.actors().values()} == {house.process.pid}
