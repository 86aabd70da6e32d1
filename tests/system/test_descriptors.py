"""A process whose descriptors are taken away from outside: requests are answered, and another process takes its place."""

from __future__ import annotations

import http.client
import json
import resource
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.model_server.fixture import SyncModelServer
from tests.system.house import House, wait_for_ready

pytestmark = pytest.mark.system

ACTORS = ("encoder", "memory", "llm", "thinking", "paradox", "daemon", "gateway")
FEW = 8
"""Below what each has open: nothing more can be opened, and what is open goes on."""

ANSWERED_S = 60.0
"""Far above three heartbeats, for a machine that others use."""


@pytest.fixture(scope="module")
def pool() -> Any:
    with ThreadPoolExecutor(8) as executor:
        yield executor


@pytest.mark.parametrize("name", ACTORS)
def test_an_actor_whose_descriptors_are_taken_away_is_replaced_and_every_request_answered(
    house: House, script: SyncModelServer, name: str
) -> None:
    script.always(mode="say", text="Seven.")
    # Nobody is about to be replaced already, and each has been asked by then.
    wait_for_ready(house)
    ask_all(house, f"before-{name}")
    pid = house.pid(name)

    allow(pid, FEW, FEW)

    until = time.monotonic() + ANSWERED_S
    asked = 0
    while house.pid(name) == pid:
        ask_all(house, f"{name}-{asked}")
        asked += 1
        assert time.monotonic() < until, f"{name} goes on with nothing that it can open"
    ask_all(house, f"after-{name}")
    wait_for_ready(house)


def test_models_are_asked_by_another_process_when_this_one_can_open_no_connection(
    house: House, script: SyncModelServer, pool: ThreadPoolExecutor
) -> None:
    script.always(mode="say", text="Seven.")
    wait_for_ready(house)
    pid = house.pid("llm")
    allow(pid, FEW, FEW)

    asking = [pool.submit(chat, house, f"at-once-{number}") for number in range(6)]

    answers = [one.result(60) for one in asking]
    assert {answer["choices"][0]["message"]["content"] for answer in answers} == {"Seven."}
    assert not any(answer["lattice"]["degraded"] for answer in answers)
    wait_for_ready(house, name="llm", other_than=pid)


@pytest.mark.parametrize("name", ["gateway", "memory"])
def test_a_limit_that_a_process_may_set_again_is_set_again(house: House, script: SyncModelServer, name: str) -> None:
    script.always(mode="say", text="Seven.")
    wait_for_ready(house)
    pid = house.pid(name)
    allowed, most = resource.prlimit(pid, resource.RLIMIT_NOFILE)

    allow(pid, FEW, most)

    until = time.monotonic() + ANSWERED_S
    while house.pid(name) == pid and resource.prlimit(pid, resource.RLIMIT_NOFILE) != (allowed, most):
        ask_all(house, f"soft-{name}")
        assert time.monotonic() < until
    ask_all(house, f"soft-{name}")
    wait_for_ready(house)


def test_a_supervisor_whose_descriptors_are_taken_away_makes_way_for_another(house: House, script: SyncModelServer) -> None:
    script.always(mode="say", text="Seven.")
    wait_for_ready(house)
    pid = house.pid_of("supervisor")
    before = {name: actor["pid"] for name, actor in house.actors().items()}

    allow(pid, FEW, FEW)

    until = time.monotonic() + ANSWERED_S
    while pid in house.pids():
        ask_all(house, "supervisor")
        assert time.monotonic() < until
    wait_for_ready(house)
    assert {name: actor["pid"] for name, actor in house.actors().items()} == before

    house.kill(before["memory"])
    wait_for_ready(house, name="memory", other_than=before["memory"])


def test_an_up_whose_descriptors_are_taken_away_starts_the_next_supervisor_all_the_same(
    house: House, script: SyncModelServer
) -> None:
    script.always(mode="say", text="Seven.")
    wait_for_ready(house)
    pid = house.pid_of("supervisor")
    _, most = resource.prlimit(house.process.pid, resource.RLIMIT_NOFILE)
    before = house.pid("memory")

    allow(house.process.pid, 3, most)
    house.kill(pid)

    ask_all(house, "up")
    house.kill(before)
    wait_for_ready(house, name="memory", other_than=before)


def allow(pid: int, allowed: int, most: int) -> None:
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (allowed, most))


def ask_all(house: House, key: str) -> None:
    """A request to each actor, over a connection of its own each."""
    request(house, "POST", "/v1/memories", {"memories": [{"text": "The sky is blue.", "key": key}]})
    request(house, "POST", "/v1/memories/search", {"query": "sky"})
    request(house, "GET", "/v1/paradoxes")
    request(house, "GET", "/v1/daemon/cycles")
    chat(house, key)


def chat(house: House, session: str) -> Any:
    return request(
        house,
        "POST",
        "/v1/chat/completions",
        {"model": "gpt-test", "messages": [{"role": "user", "content": "What is three and four?"}], "session": session},
    )


def request(house: House, method: str, path: str, body: Any = None) -> Any:
    """What a client sees that asks again only where it is told to."""
    while (said := answer(house, method, path, body)) is None:
        pass
    return said


def answer(house: House, method: str, path: str, body: Any) -> Any:
    """None: it is to be asked for again."""
    connection = http.client.HTTPConnection("127.0.0.1", house.port, timeout=ANSWERED_S)
    try:
        connection.request(method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json"})
        response = connection.getresponse()
        said = response.read()
        if response.status in (429, 503) and response.getheader("Retry-After"):
            return None
        assert response.status < 300, (path, response.status, said)
        return json.loads(said)
    finally:
        connection.close()
