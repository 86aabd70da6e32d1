"""Each bad request of the corpus, from a raw socket to the real gateway and the real memory: the right answer, nothing kept."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from chaos.bytes.http import play
from chaos.bytes.http_cases import HTTP_CASES, SLOW_HTTP_CASES
from tests.gateway.house import house

ALLOWED_S = 0.4
CASES = (*HTTP_CASES, *SLOW_HTTP_CASES)


@asynccontextmanager
async def gateway(**settings):
    home = Path(tempfile.mkdtemp(prefix="lattice-"))
    async with house(home, parts=("memory", "llm", "thinking"), **settings) as running:
        yield running.gateway.address
    shutil.rmtree(home)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def patient():
    async with gateway() as address:
        yield address


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def impatient():
    async with gateway(read_timeout_s=ALLOWED_S) as address:
        yield address


def test_there_are_enough_of_them_and_each_has_a_name_of_its_own():
    assert len(CASES) >= 120
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case", HTTP_CASES, ids=lambda case: case.name)
async def test_a_bad_request_gets_its_right_answer_and_the_next_is_served(patient, case):
    assert await play(case, *patient) is None


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case", SLOW_HTTP_CASES, ids=lambda case: case.name)
async def test_a_request_that_takes_too_long_is_told_so_and_the_next_is_served(impatient, case):
    assert await play(case, *impatient, allowed_s=ALLOWED_S) is None
