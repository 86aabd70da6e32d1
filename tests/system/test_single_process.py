"""The same house in one process: the same talk, and an actor's failure where elsewhere a process is killed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openai
import pytest

from actors.host import Host
from actors.message import Message, contracts
from actors.system import SysPing
from tests.model_server.fixture import SyncModelServer
from tests.system.house import ENDPOINT, House, wait_for_ready
from tests.system.test_kill import ACTORS, TEXT, ask, remembered, stream

# The talk is the same; pytest runs it here with this module's house.
from tests.system.test_talk import *  # noqa: F403
from transport.addresses import run_directory

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def house(model: SyncModelServer, data_dir: Path) -> Iterator[House]:
    config = ENDPOINT.format(url=model.base_url)
    with House(data_dir, config=config, single_process=True, program=("-m", "tests.system.faulty_house")) as house:
        yield house


def test_all_actors_live_in_one_process(house: House) -> None:
    assert {actor["pid"] for actor in house.actors().values()} == {house.process.pid}


@pytest.mark.parametrize("name", ACTORS)
def test_a_plain_request_is_answered_though_the_actor_fails_in_its_middle(
    house: House, script: SyncModelServer, pool: ThreadPoolExecutor, name: str
) -> None:
    namespace = f"plain-failed-{name}"
    script.always(mode="say", text=TEXT)
    script.next({"mode": "say", "text": TEXT, "fault": "hang"})
    asking = pool.submit(ask, house, namespace)
    script.log(holding=1)

    fail(house, name)
    script.release()

    assert asking.result(60).choices[0].message.content == TEXT
    assert remembered(house, namespace) == ["Count to twelve.", TEXT]


@pytest.mark.parametrize("name", ACTORS)
def test_a_stream_ends_whole_or_openly_though_the_actor_fails_in_its_middle(
    house: House, script: SyncModelServer, pool: ThreadPoolExecutor, name: str
) -> None:
    script.always(mode="say", text=TEXT)
    script.next({"mode": "say", "text": TEXT, "fault": "hang_mid", "after_tokens": 4})
    first = threading.Event()
    asking = pool.submit(stream, house, f"stream-failed-{name}", first)
    script.log(holding=1)
    assert first.wait(20)

    fail(house, name)
    script.release()

    if name == "gateway":
        with pytest.raises((openai.APIError, OSError)):
            asking.result(60)
    else:
        assert asking.result(60) == TEXT


def fail(house: House, name: str) -> None:
    """Have an actor fail, and wait until another has taken its place."""
    before = house.actors()[name]["restarts"]
    asyncio.run(tell_to_fail(house, name))
    wait_for_ready(house, name=name, restarts_above=before)


async def tell_to_fail(house: House, name: str) -> None:
    async with Host(run_dir=run_directory(house.data_dir), bind=False) as host:
        host.ref(name).tell(fail_message(name))
        # Nothing answers a tell; the answer to what is asked after it, over the same connection, says that it has arrived.
        await host.ref(name).ask(SysPing())


def fail_message(name: str) -> Message:
    """The contract that `tests/system/faulty_house.py` adds to each actor."""
    if f"{name}.fail" not in contracts:

        class Fail(Message, type=f"{name}.fail"):
            """Fail, as by a programming error."""

    return contracts[f"{name}.fail"].message()
