"""`kill -9` of each process in the middle of what it does: every request answered, every acknowledged write there once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest

from supervisors import linux
from tests.model_server.fixture import SyncModelServer
from tests.system.house import House, command_line, wait_for_ready

pytestmark = pytest.mark.system

ACTORS = ("encoder", "memory", "llm", "thinking", "paradox", "daemon", "gateway")
TEXT = "One two three four five six seven eight nine ten eleven twelve."


@pytest.mark.parametrize("name", ACTORS)
def test_a_plain_request_is_answered_though_the_actor_is_killed_in_its_middle(
    house: House, script: SyncModelServer, pool: ThreadPoolExecutor, name: str
) -> None:
    namespace = f"plain-{name}"
    script.always(mode="say", text=TEXT)
    script.next({"mode": "say", "text": TEXT, "fault": "hang"})
    asking = pool.submit(ask, house, namespace)
    script.log(holding=1)

    replaced = kill(house, name)
    script.release()

    assert asking.result(60).choices[0].message.content == TEXT
    replaced()
    assert remembered(house, namespace) == ["Count to twelve.", TEXT]
    # A model call that was made by a process that is dead has to be made again; any other goes on.
    assert len(script.log()) == (2 if name == "llm" else 1)


@pytest.mark.parametrize("name", [name for name in ACTORS if name != "gateway"])
def test_a_stream_is_whole_though_the_actor_is_killed_in_its_middle(
    house: House, script: SyncModelServer, pool: ThreadPoolExecutor, name: str
) -> None:
    namespace = f"stream-{name}"
    script.always(mode="say", text=TEXT)
    script.next({"mode": "say", "text": TEXT, "fault": "hang_mid", "after_tokens": 4})
    first = threading.Event()
    asking = pool.submit(stream, house, namespace, first)
    script.log(holding=1)
    assert first.wait(20)

    replaced = kill(house, name)
    script.release()

    assert asking.result(60) == TEXT
    replaced()
    assert remembered(house, namespace) == ["Count to twelve.", TEXT]


def test_a_stream_through_a_killed_gateway_breaks_openly_and_is_whole_when_repeated(
    house: House, script: SyncModelServer, pool: ThreadPoolExecutor
) -> None:
    namespace = "stream-gateway"
    script.always(mode="say", text=TEXT)
    script.next({"mode": "say", "text": TEXT, "fault": "hang_mid", "after_tokens": 4})
    first = threading.Event()
    key = {"Idempotency-Key": "the-same-question"}
    asking = pool.submit(stream, house, namespace, first, key)
    script.log(holding=1)
    assert first.wait(20)

    replaced = kill(house, "gateway")
    with pytest.raises((openai.APIConnectionError, openai.APIError, OSError)) as broken:
        asking.result(60)
    assert not isinstance(broken.value, AssertionError)
    again = pool.submit(stream, house, namespace, threading.Event(), key)
    replaced()
    script.release()

    assert again.result(60) == TEXT
    assert len(script.log()) == 1
    assert remembered(house, namespace) == ["Count to twelve.", TEXT]


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "the-first-words"}], ids=["as it comes", "with a key"])
def test_the_first_words_of_a_talk_are_remembered_once_though_all_that_knew_of_them_is_killed(
    house: House, script: SyncModelServer, pool: ThreadPoolExecutor, headers: dict[str, str]
) -> None:
    namespace = f"first-words-{len(headers)}"
    script.always(mode="say", text=TEXT)
    script.next({"mode": "say", "text": TEXT, "fault": "hang"})
    client = house.openai(default_headers={"X-Lattice-Namespace": namespace, **headers})
    words = [{"role": "user", "content": "Count to twelve."}]
    asking = pool.submit(client.chat.completions.create, model="gpt-test", messages=words)
    script.log(holding=1)

    before = {name: house.pid(name) for name in ("thinking", "gateway")}
    for pid in before.values():
        house.kill(pid)
    script.release()

    assert asking.result(60).choices[0].message.content == TEXT
    for name, pid in before.items():
        wait_for_ready(house, name=name, other_than=pid)
    assert remembered(house, namespace) == ["Count to twelve.", TEXT]


@pytest.mark.parametrize("name", ACTORS)
def test_acknowledged_writes_are_there_exactly_once_though_the_actor_is_killed(
    house: House, pool: ThreadPoolExecutor, name: str
) -> None:
    namespace = f"write-{name}"
    client = house.openai(default_headers={"X-Lattice-Namespace": namespace}, max_retries=4)
    under_way = threading.Barrier(5)

    def write(writer: int) -> list[str]:
        facts = [f"fact {writer}-{number}" for number in range(40)]
        for number, fact in enumerate(facts):
            if number == 10:
                under_way.wait(30)
            client.post(
                "/memories",
                cast_to=object,
                body={"memories": [{"text": fact, "kind": "fact"}]},
                options={"headers": {"Idempotency-Key": fact}},
            )
        return facts

    writers = [pool.submit(write, writer) for writer in range(4)]
    under_way.wait(30)
    kill(house, name)()

    acknowledged = sorted(fact for writer in writers for fact in writer.result(60))
    assert sorted(remembered(house, namespace)) == acknowledged


@pytest.mark.parametrize("name", ["supervisor", "zygote"])
def test_talk_and_actors_go_on_though_the_supervisor_or_the_zygote_is_killed(
    house: House, script: SyncModelServer, pool: ThreadPoolExecutor, name: str
) -> None:
    before = {actor: state["pid"] for actor, state in house.actors().items() if actor in ACTORS}
    script.always(mode="say", text=TEXT)
    script.next({"mode": "say", "text": TEXT, "fault": "hang"})
    asking = pool.submit(ask, house, f"above-{name}")
    script.log(holding=1)

    house.kill(house.pid_of(name))
    script.release()

    assert asking.result(60).choices[0].message.content == TEXT
    wait_for_ready(house)
    assert {actor: state["pid"] for actor, state in house.actors().items() if actor in ACTORS} == before
    kill(house, "memory")()
    assert remembered(house, f"above-{name}") == ["Count to twelve.", TEXT]


@pytest.mark.parametrize("with_it", [(), ("supervisor",)], ids=["alone", "with the supervisor"])
def test_up_is_killed_and_started_again_at_once_on_its_port(
    house: House, script: SyncModelServer, pool: ThreadPoolExecutor, with_it: tuple[str, ...]
) -> None:
    namespace = f"up-{len(with_it)}"
    script.always(mode="say", text=TEXT)
    script.next({"mode": "say", "text": TEXT, "fault": "hang"})
    asking = pool.submit(ask, house, namespace)
    script.log(holding=1)

    house.kill_up(*(house.pid_of(name) for name in with_it))
    script.release()
    house.start()

    assert asking.result(60).choices[0].message.content == TEXT
    assert remembered(house, namespace) == ["Count to twelve.", TEXT]
    assert len(script.log()) == 1


def test_up_that_is_started_while_a_supervisor_of_the_last_house_has_just_begun_waits_for_its_port(
    house: House, pool: ThreadPoolExecutor
) -> None:
    """It has inherited the listener, and has no lock yet by which anybody would know of it."""
    up, before = house.process.pid, house.pid_of("supervisor")
    house.kill(before)
    while not (begun := [pid for pid in linux.children_of(up) if b"supervise" in command_line(pid) and pid != before]):
        pass
    house.signal(begun[0], signal.SIGSTOP)
    house.kill_up()

    starting = pool.submit(house.start)
    while "of the last house to drain" not in house.output and not starting.done():
        pass
    house.signal(begun[0], signal.SIGCONT)
    starting.result()
    wait_for_ready(house)


def test_everything_killed_at_once_and_started_again_has_lost_nothing(house: House, script: SyncModelServer) -> None:
    script.always(mode="say", text=TEXT)
    ask(house, "power-cut")

    house.power_cut()
    house.start()

    assert remembered(house, "power-cut") == ["Count to twelve.", TEXT]
    assert ask(house, "power-cut-2").choices[0].message.content == TEXT


def ask(house: House, namespace: str) -> Any:
    """One plain request with the openai package as it comes."""
    return client_of(house, namespace).chat.completions.create(
        model="gpt-test", messages=[{"role": "user", "content": "Count to twelve."}]
    )


def stream(house: House, namespace: str, first: threading.Event, headers: dict[str, str] | None = None) -> str:
    """One streaming request: its whole text. A stream that ends without its finish fails the test."""
    said, finish = "", None
    with client_of(house, namespace).chat.completions.create(
        model="gpt-test",
        messages=[{"role": "user", "content": "Count to twelve."}],
        stream=True,
        extra_headers=headers or {},
    ) as chunks:
        for chunk in chunks:
            for choice in chunk.choices:
                said += choice.delta.content or ""
                finish = choice.finish_reason or finish
            if said:
                first.set()
    assert finish == "stop", f"silently short: {said!r}"
    return said


def client_of(house: House, namespace: str) -> openai.OpenAI:
    return house.openai(default_headers={"X-Lattice-Namespace": namespace, "X-Lattice-Session": "s"})


def kill(house: House, name: str) -> Callable[[], None]:
    """kill -9 of an actor's process; call what is returned to wait until another stands in its place."""
    before = house.actors()[name]
    house.kill(before["pid"])
    return lambda: wait_for_ready(house, name=name, other_than=before["pid"])


def remembered(house: House, namespace: str) -> list[str]:
    """The texts that are valid now, oldest first."""
    listed = house.get("/v1/memories?limit=1000", x_lattice_namespace=namespace)["memories"]
    kinds = ("turn", "fact")
    return [memory["text"] for memory in listed if memory["kind"] in kinds and memory["valid_to"] is None]
