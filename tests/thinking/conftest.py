"""One scripted model a module."""

from collections.abc import Iterator

import pytest

from tests.model_server import SyncModelServer
from tests.thinking.house import TEXT


@pytest.fixture(scope="module")
def started() -> Iterator[SyncModelServer]:
    with SyncModelServer() as server:
        yield server


@pytest.fixture
def model(started) -> SyncModelServer:
    started.reset()
    started.always(text=TEXT)
    return started
