"""Answers in parts: credit, slow consumers, early ends."""

from __future__ import annotations

import asyncio

import pytest

from tests.actors.conftest import Count, Echo, Note, Number, Probe
from transport.envelope import INITIAL_CREDIT
from transport.errors import DeadlineExceeded, Invalid, PeerReplaced


async def numbers(stream):
    return [part.n async for part in stream]


async def test_a_stream_is_its_parts_in_order_and_then_its_reply(probe):
    async with probe.stream(Count(to=500)) as stream:
        assert [part.n async for part in stream] == list(range(500))
    assert stream.reply.total == 500


async def test_asking_a_streaming_contract_drops_the_parts(probe):
    assert (await probe.ask(Count(to=500))).total == 500


async def test_a_slow_consumer_holds_the_maker_back(probe, gates):
    async with probe.stream(Count(to=10_000)) as stream:
        first = await anext(stream)
        await probe.ask(Echo(text="a while"))
        assert first == Number(n=0)
        assert len(gates.log) <= INITIAL_CREDIT + 1
        for _ in range(INITIAL_CREDIT):
            await anext(stream)
        await probe.ask(Echo(text="a while"))
        await probe.ask(Echo(text="and a while"))
        assert INITIAL_CREDIT < len(gates.log) <= 2 * INITIAL_CREDIT + 1


async def test_leaving_a_stream_early_cancels_its_maker(probe, gates):
    async with probe.stream(Count(to=2, gate="g")) as stream:
        await anext(stream)
        await gates.reached["g"].wait()
    await asyncio.wait_for(gates.left["g"].wait(), 5)
    assert gates.cancelled == ["g"]


async def test_cancelling_who_waits_for_a_part_cancels_its_maker(probe, gates):
    stream = probe.stream(Count(to=1, gate="g"))
    waiting = asyncio.ensure_future(anext(stream))
    await gates.reached["g"].wait()
    waiting.cancel()
    await asyncio.wait_for(gates.left["g"].wait(), 5)
    assert gates.cancelled == ["g"]


async def test_a_consumer_that_stops_reading_holds_the_maker_until_the_deadline_only(home, near, gates):
    class Watched(Probe):
        async def count(self, message):
            try:
                async for item in super().count(message):
                    yield item
            finally:
                gates.left["maker"].set()

    await home.start_actor(Watched, gates)
    stream = near.ref("probe").stream(Count(to=10_000), timeout=1.0)
    assert (await anext(stream)).n == 0
    await asyncio.wait_for(gates.left["maker"].wait(), 5)
    with pytest.raises(DeadlineExceeded):
        await numbers(stream)
    assert len(gates.log) <= 2 * INITIAL_CREDIT


async def test_a_contract_without_parts_cannot_be_streamed(probe):
    with pytest.raises(Invalid):
        probe.stream(Echo(text="x"))


async def test_a_stream_ends_with_peer_replaced_when_its_actor_is_gone_after_a_part(home, near, gates):
    home.on_actor_failed = lambda *_: None
    await home.start_actor(Probe, gates)
    stream = near.ref("probe").stream(Count(to=2, gate="g"))
    assert (await anext(stream)).n == 0
    await gates.reached["g"].wait()
    home.ref("probe").tell(Note(text="break"))
    with pytest.raises(PeerReplaced):
        await anext(stream)


async def test_a_stream_of_which_nothing_was_consumed_is_begun_again_by_the_replacement(home, near, gates):
    failed = asyncio.Event()
    home.on_actor_failed = lambda *_: failed.set()
    await home.start_actor(Probe, gates)
    stream = near.ref("probe").stream(Count(to=1, gate="g"))
    await gates.reached["g"].wait()
    home.ref("probe").tell(Note(text="break"))
    await failed.wait()
    gates.open["g"].set()
    await home.start_actor(Probe, gates)
    assert [part.n async for part in stream] == [0]
    assert stream.reply.total == 1
