"""The real house with two endpoints: 32 clients at once see nothing of any fault of the first, plain or streaming."""

from __future__ import annotations

import asyncio
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import openai
import pytest

from tests.llm.faults import FAULTS, Fault, addresses
from tests.model_server import SyncModelServer
from tests.system.house import House

pytestmark = pytest.mark.system

TEXT = "Well then, the quick brown fox jumps over the lazy dog, and sleeps."
CLIENTS = 32
TRIES = 3
"""The quickest counts, each with endpoints of which nothing is known: a machine with other work adds what it likes."""

ALLOWANCE_S = 1.0
TIMES = {
    "connect_timeout_s": ALLOWANCE_S,
    "first_token_timeout_s": ALLOWANCE_S,
    "between_tokens_timeout_s": ALLOWANCE_S,
    "total_timeout_s": 10.0,
}
ASKED = {"model": "gpt-test", "messages": [{"role": "user", "content": "Who?"}]}
FLOOD_TIMES = {**dict.fromkeys(TIMES, 20.0), "total_timeout_s": 40.0}
"""Of endless streams: 32 of them cost the test's own server a processor, and the sound one waits for its turn. What is asked of
Lattice here is that it sees the repetition, however long that takes to come."""


class Pair:
    """A house with two endpoints, of which the first is taken up anew for each fault: its breaker remembers nothing."""

    def __init__(self, house: House, first: SyncModelServer, second: SyncModelServer) -> None:
        self.house = house
        self.servers = (first, second)

    def set(self, name: str, url: str, priority: int, times: dict[str, float] = TIMES) -> None:
        self.house.post(
            "/v1/llm/endpoints", {"name": name, "base_url": url, "models": ["gpt-test"], "priority": priority, **times}
        )

    def fault(self, fault: Fault, ports: dict[str, int]) -> None:
        first, second = self.servers
        for server in self.servers:
            server.reset()
            server.always(text=TEXT)

        if fault.script:
            first.always(**{"text": TEXT, **fault.script})

        times = FLOOD_TIMES if fault.script.get("fault") == "endless" else TIMES
        self.set("a", fault.url.format(**ports) if fault.url else first.base_url, 0, times)
        # The sound one is waited for: a busy machine has it late.
        self.set("b", second.base_url, 1, FLOOD_TIMES)


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with started() as found:
        yield found


@pytest.fixture
def fresh_pair() -> Iterator[Pair]:
    """One that has no traffic behind it, of which a fifth might be tried again."""
    with started() as found:
        yield found


@contextmanager
def started() -> Iterator[Pair]:
    path = Path(tempfile.mkdtemp(prefix="lattice-"))
    try:
        with (
            SyncModelServer() as first,
            SyncModelServer() as second,
            House(path, config="[llm]\ndiscover = false\n", single_process=True) as house,
        ):
            yield Pair(house, first, second)
    finally:
        shutil.rmtree(path)


async def burst(house: House) -> tuple[list[Any], float]:
    """32 clients at once, half of them streaming: text and finish of each, or its error; and the median time to the end."""
    client = openai.AsyncOpenAI(base_url=f"{house.url}/v1", api_key="none", max_retries=0, timeout=50)
    took = []

    async def ask(number: int) -> Any:
        began = time.monotonic()
        asked: dict[str, Any] = {
            "model": "gpt-test",
            "messages": [{"role": "user", "content": f"Number {number}?"}],
            "extra_headers": {"X-Lattice-Memory": "off"},
        }
        try:
            if number % 2:
                stream = await client.chat.completions.create(**asked, stream=True)
                chunks = [chunk async for chunk in stream]
                text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
                finish = next((chunk.choices[0].finish_reason for chunk in reversed(chunks) if chunk.choices), None)
                extra = chunks[-1].model_extra
            else:
                whole = await client.chat.completions.create(**asked)
                text, finish = whole.choices[0].message.content, whole.choices[0].finish_reason
                extra = whole.model_extra
        except openai.OpenAIError as error:
            return repr(error)

        took.append(time.monotonic() - began)
        return text, finish, extra["lattice"]["degraded"]

    try:
        return await asyncio.gather(*(ask(number) for number in range(CLIENTS))), statistics.median(took or [0])
    finally:
        await client.close()


@pytest.fixture(scope="module")
def usual_s(pair: Pair) -> float:
    """How long a burst takes without any fault."""
    with addresses(pair.servers[0].port) as ports:
        pair.fault(Fault("none"), ports)
        asyncio.run(burst(pair.house))
        answers, took = asyncio.run(burst(pair.house))

    assert set(answers) == {(TEXT, "stop", False)}
    return took


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.replace(" ", "-"))
async def test_no_client_sees_a_fault_of_one_endpoint(pair: Pair, usual_s: float, fault: Fault) -> None:
    for _ in range(TRIES):
        with addresses(pair.servers[0].port) as ports:
            await asyncio.to_thread(pair.fault, fault, ports)
            answers, took = await burst(pair.house)

        if fault.name == "endless stream":
            # What the endless one had said stays said; the sound one goes on from there.
            assert {(text.endswith(TEXT), *rest) for text, *rest in answers} == {(True, "stop", False)}
            return

        assert set(answers) == {(TEXT, "stop", False)}
        # The first token's allowance and a tenth; the rest is what 32 clients cost on a machine that others use too.
        if took < usual_s * 3 + ALLOWANCE_S * 1.1 + 0.5:
            break

    assert took < usual_s * 3 + ALLOWANCE_S * 1.1 + 0.5


async def test_with_all_down_the_degraded_answer_comes_within_a_second(pair: Pair) -> None:
    with addresses(pair.servers[0].port) as ports:
        await asyncio.to_thread(pair.fault, Fault("none"), ports)
        closed = f"http://127.0.0.1:{ports['closed']}/v1"
        await asyncio.to_thread(pair.set, "a", closed, 0)
        await asyncio.to_thread(pair.set, "b", closed, 1)
        body = {"model": "gpt-test", "messages": [{"role": "user", "content": "Who?"}]}
        async with aiohttp.ClientSession() as session:
            for streaming in (False, True):
                took = []
                for _ in range(TRIES):
                    began = time.monotonic()
                    url = f"{pair.house.url}/v1/chat/completions"
                    async with session.post(url, json={**body, "stream": streaming}) as response:
                        told = await response.text()

                    assert response.status == 200
                    assert '"degraded":true' in told
                    took.append(time.monotonic() - began)

                assert min(took) < 1


async def test_with_all_silent_the_allowances_are_paid_once_and_then_the_degraded_answer_comes_within_a_second(
    pair: Pair,
) -> None:
    silent = Fault("silent", {"fault": "hang"})
    with addresses(pair.servers[0].port) as ports:
        await asyncio.to_thread(pair.fault, silent, ports)
        pair.servers[1].always(text=TEXT, fault="hang")
        await asyncio.to_thread(pair.set, "b", pair.servers[1].base_url, 1)
        client = openai.AsyncOpenAI(base_url=f"{pair.house.url}/v1", api_key="none", max_retries=0, timeout=30)
        took = []
        for number in range(6):
            began = time.monotonic()
            asked: list[Any] = [{"role": "user", "content": f"Number {number}?"}]
            whole = await client.chat.completions.create(model="gpt-test", messages=asked)
            took.append(time.monotonic() - began)
            assert whole.model_extra is not None
            assert whole.model_extra["lattice"]["degraded"]
        await client.close()

    # Those of both, and not twice.
    assert took[0] < 2 * 2 * ALLOWANCE_S
    assert statistics.median(took[1:]) < 1


async def test_with_all_hanging_as_a_whole_nobody_waits_for_their_allowances(pair: Pair) -> None:
    with addresses(pair.servers[0].port) as ports:
        await asyncio.to_thread(pair.fault, Fault("none"), ports)
        for name, server in zip("ab", pair.servers, strict=True):
            await asyncio.to_thread(pair.set, name, server.base_url, 0, FLOOD_TIMES)
            server.pause()
        try:
            began = time.monotonic()
            whole = await asyncio.to_thread(pair.house.post, "/v1/chat/completions", ASKED)
            took = time.monotonic() - began
        finally:
            for server in pair.servers:
                server.resume()

    assert whole["lattice"]["degraded"]
    # 0.8 s where nothing else runs; on a busy machine several times that.
    assert took < FLOOD_TIMES["first_token_timeout_s"] / 2


@pytest.mark.parametrize(
    "script", [{"fault": "status", "status": 500}, {"fault": "hang_first_token"}], ids=["failing", "silent"]
)
async def test_with_every_endpoint_down_upstream_sees_less_than_a_fifth_more_calls_than_there_were_callers(
    fresh_pair: Pair, script: dict[str, Any]
) -> None:
    pair = fresh_pair
    with addresses(pair.servers[0].port) as ports:
        await asyncio.to_thread(pair.fault, Fault("down", script), ports)
        pair.servers[1].always(**script)
        await asyncio.to_thread(pair.set, "b", pair.servers[1].base_url, 1)
        answers, _ = await burst(pair.house)

    assert {degraded for _, _, degraded in answers} == {True}
    calls = [seen for server in pair.servers for seen in server.log() if seen["path"] == "/v1/chat/completions"]
    asked = [seen for seen in calls if seen["body"]["messages"][-1]["content"] != "Say ok."]
    assert len(asked) <= CLIENTS * 1.2
