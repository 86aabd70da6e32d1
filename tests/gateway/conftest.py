"""One scripted model server a module, with an empty script for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from tests.gateway.house import TEXT, House, house
from tests.model_server import SyncModelServer


@pytest.fixture(scope="module")
def model_process() -> Iterator[SyncModelServer]:
    with SyncModelServer() as server:
        yield server


@pytest.fixture
def model(model_process: SyncModelServer) -> SyncModelServer:
    model_process.reset()
    model_process.always(text=TEXT)
    return model_process


@pytest.fixture
async def bare(short_dir: Path) -> AsyncIterator[House]:
    """A gateway that is alone."""
    async with house(short_dir, parts=()) as running:
        yield running


@pytest.fixture
def logged() -> Iterator[list[dict[str, Any]]]:
    """What was logged during the test, but for what the lag watch tells of a busy machine."""
    records: list[dict[str, Any]] = []
    sink = logger.add(
        lambda message: records.append(message.record), level="INFO", filter=lambda record: record["name"] != "actors.lag"
    )
    yield records
    logger.remove(sink)


@pytest.fixture
async def lattice(short_dir: Path, model: SyncModelServer) -> AsyncIterator[House]:
    """A whole house with a model."""
    async with house(short_dir, model=model.base_url) as running:
        yield running
