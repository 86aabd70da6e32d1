"""Kept calls outlive their callers; who asks again is joined."""

from __future__ import annotations

import asyncio

import pytest

from actors.kept import KEPT_S, KeptCalls
from tests.actors.conftest import Echo, Hold, KeptCount, Probe
from transport.client import Client
from transport.errors import LatticeError, Overloaded


async def numbers(stream):
    return [part.n async for part in stream]


async def test_the_same_key_joins_a_call_in_flight_and_gets_all_its_parts(probe, gates):
    first = probe.stream(KeptCount(to=100, gate="g"), key="k")
    second = probe.stream(KeptCount(to=100, gate="g"), key="k")
    reading = asyncio.gather(numbers(first), numbers(second))
    await gates.reached["g"].wait()
    gates.open["g"].set()
    assert await reading == [list(range(100))] * 2
    assert first.reply == second.reply
    assert gates.log.count("begun") == 1


async def test_the_same_key_gets_the_kept_answer_afterwards(probe, gates):
    assert (await probe.ask(KeptCount(to=3), key="k")).total == 3
    stream = probe.stream(KeptCount(to=3), key="k")
    assert await numbers(stream) == [0, 1, 2]
    assert stream.reply.total == 3
    assert gates.log.count("begun") == 1


async def test_another_key_and_no_key_begin_calls_of_their_own(probe, gates):
    for key in ("a", "b", None, None):
        await probe.ask(KeptCount(to=1), key=key)
    assert gates.log.count("begun") == 4


async def test_a_message_that_does_not_rejoin_begins_a_new_call_in_the_place_of_the_known_one(probe, gates):
    await probe.ask(KeptCount(to=1, retry=False), key="k")
    await probe.ask(KeptCount(to=2, retry=False), key="k")
    assert (await probe.ask(KeptCount(to=2), key="k")).total == 2
    assert gates.log.count("begun") == 2


async def test_the_same_id_joins_even_what_does_not_rejoin(home, gates, short_dir):
    await home.start_actor(Probe, gates)
    body = KeptCount(to=2, gate="g", retry=False).model_dump(mode="json")
    clients = [Client(f"ipc://{short_dir}/run/probe.sock") for _ in range(2)]
    try:
        asks = [asyncio.create_task(client.ask("probe", "probe.keptcount", body, ttl_ms=9000, id="same")) for client in clients]
        await gates.reached["g"].wait()
        gates.open["g"].set()
        assert [answer.body for answer in await asyncio.gather(*asks)] == [{"total": 2}] * 2
    finally:
        for client in clients:
            await client.close()
    assert gates.log.count("begun") == 1


async def test_a_kept_call_runs_on_when_its_callers_connection_is_gone(home, gates, short_dir):
    await home.start_actor(Probe, gates)
    body = KeptCount(to=2, gate="g").model_dump(mode="json")
    client = Client(f"ipc://{short_dir}/run/probe.sock")
    stream = client.stream("probe", "probe.keptcount", body, ttl_ms=9000, key="k")
    await anext(stream)
    await gates.reached["g"].wait()
    await client.close()
    gates.open["g"].set()
    assert (await home.ref("probe").ask(KeptCount(to=2, gate="g"), key="k")).total == 2
    assert gates.log.count("begun") == 1
    assert not gates.cancelled


async def test_cancelling_ends_a_kept_call_when_no_other_caller_is_joined(probe, gates):
    asks = [asyncio.create_task(probe.ask(KeptCount(to=1, gate="g"), key="k")) for _ in range(2)]
    await gates.reached["g"].wait()
    asks[0].cancel()
    await probe.ask(Echo(text="the cancel has come"))
    assert not gates.cancelled
    asks[1].cancel()
    await asyncio.wait_for(gates.left["g"].wait(), 5)
    assert gates.cancelled == ["g"]
    gates.open["g"].set()
    assert (await probe.ask(KeptCount(to=1, gate="g"), key="k")).total == 1
    assert gates.log.count("begun") == 2


async def test_a_failure_is_not_kept(home, near, gates):
    class Moody(Probe):
        async def kept_count(self, message):
            gates.log.append("begun")
            if gates.log.count("begun") == 1:
                raise LatticeError("not today")
            async for item in super().kept_count(message):
                yield item

    await home.start_actor(Moody, gates)
    probe = near.ref("probe")
    with pytest.raises(LatticeError):
        await probe.ask(KeptCount(to=1), key="k")
    assert (await probe.ask(KeptCount(to=1), key="k")).total == 1


async def test_a_consumer_that_stops_reading_holds_nobody_else_back(probe, gates):
    slow = probe.stream(KeptCount(to=500), key="k")
    await anext(slow)
    assert len(await numbers(probe.stream(KeptCount(to=500), key="k"))) == 500
    assert len(await numbers(slow)) == 499
    assert gates.log.count("begun") == 1


async def test_what_is_kept_is_bounded_in_number_and_bytes(home, gates):
    await home.start_actor(Probe, gates)
    actor = home._post.actors["probe"]
    actor._kept = KeptCalls(actor._mailbox.offer, most=2, most_bytes=10_000)
    for n in range(5):
        await home.ref("probe").ask(KeptCount(to=1), key=str(n))
    assert len(actor._kept) == 2
    await home.ref("probe").ask(KeptCount(to=2000), key="large")
    assert actor._kept.size <= 10_000
    assert len(actor._kept) <= 2


async def test_what_was_asked_counts_as_kept_too(home, gates):
    await home.start_actor(Probe, gates)
    actor = home._post.actors["probe"]
    actor._kept = KeptCalls(actor._mailbox.offer, most_bytes=10_000)
    for n in range(5):
        await home.ref("probe").ask(KeptCount(to=1, note="x" * 4_000), key=str(n))
    assert actor._kept.size <= 10_000
    assert len(actor._kept) == 2


async def test_an_answer_that_grows_too_large_ends_and_the_actor_goes_on(home, gates, monkeypatch):
    monkeypatch.setattr("actors.kept.CALL_BYTES", 1000)
    monkeypatch.setattr(Probe, "concurrency", 1)
    await home.start_actor(Probe, gates)
    probe = home.ref("probe")
    large, hold, later = await asyncio.gather(
        probe.ask(KeptCount(to=1000)),
        probe.ask(Hold(seconds=0.01)),
        probe.ask(Echo(text="later"), timeout=5),
        return_exceptions=True,
    )
    assert isinstance(large, Overloaded)
    assert len(gates.log) < 200
    assert (hold.text, later.text) == ("held", "later")


async def test_what_is_kept_is_dropped_after_a_minute(home, gates):
    await home.start_actor(Probe, gates)
    kept = home._post.actors["probe"]._kept
    await home.ref("probe").ask(KeptCount(to=1), key="k")
    kept._drop_old(asyncio.get_running_loop().time() + KEPT_S - 1)
    assert len(kept) == 1
    kept._drop_old(asyncio.get_running_loop().time() + KEPT_S + 1)
    assert (len(kept), kept.size) == (0, 0)
