"""Each bad message of the corpus, from a raw socket to the real memory actor: the right answer, and the next one is served."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
import pytest_asyncio

from actors.host import Host
from actors.memory.actor import Memory
from actors.memory.settings import MemorySettings
from chaos.bytes.wire import play
from chaos.bytes.wire_cases import CONTRACT_CASES, CURVE_CASES, SLOW_CASES, WIRE_CASES
from transport import keys as keys_of
from transport.keys import Curve, ServerKeys

ALLOWED_S = 0.4
CASES = (*WIRE_CASES, *CONTRACT_CASES, *SLOW_CASES, *CURVE_CASES)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def memory():
    """Addresses of one memory actor, plain and with CURVE."""
    home = Path(tempfile.mkdtemp(prefix="lattice-"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("transport.server.HANDSHAKE_MS", round(ALLOWED_S * 1000))
        keys = ServerKeys(keys_of.create(home / "keys", "server"), frozenset)
        curve = Curve(keys, lambda _: pytest.fail("nobody is asked"))
        async with Host(run_dir=home, addresses={"memory": "tcp://127.0.0.1:*"}, curve=curve) as host:
            await host.start_actor(Memory, MemorySettings(), home)
            yield host._doors.server.addresses
    shutil.rmtree(home)


def test_there_are_enough_of_them_and_each_has_a_name_of_its_own():
    assert len(CASES) >= 120
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_bad_message_gets_its_right_answer_and_the_next_is_served(memory, case):
    plain, encrypted = memory
    assert await play(case, encrypted if case.curve else plain, "memory", allowed_s=ALLOWED_S) is None
