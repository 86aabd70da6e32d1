"""One scripted model server and one house for a whole module of tests: starting them is most of the time."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.model_server.fixture import SyncModelServer
from tests.system.house import ENDPOINT, House


@pytest.fixture(scope="module")
def model() -> Iterator[SyncModelServer]:
    with SyncModelServer() as server:
        yield server


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="lattice-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def module_house(model: SyncModelServer, data_dir: Path) -> Iterator[House]:
    # The background has a model judge what it doubts, which would take what a test has written for its own request.
    with House(data_dir, config=ENDPOINT.format(url=model.base_url) + "[paradox]\njudge_model_per_day = 0\n") as house:
        yield house


@pytest.fixture
def house(module_house: House) -> House:
    """The module's house; started again where a test that failed has left none."""
    if module_house.process.poll() is not None:
        module_house.power_cut()
        module_house.start()
    return module_house


@pytest.fixture
def script(model: SyncModelServer) -> SyncModelServer:
    """The model server with an empty script and log."""
    model.reset()
    return model


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """For requests that are under way while the test does something to the house."""
    with ThreadPoolExecutor(8) as executor:
        yield executor
