"""Answers in parts: whole, bounded by credit, ended by either side, and across the death of the answering process."""

from __future__ import annotations

import asyncio

import pytest

from transport.client import Client
from transport.envelope import INITIAL_CREDIT, PART, REPLY, Envelope
from transport.errors import DeadlineExceeded, Invalid, PeerReplaced, Unavailable


async def test_a_stream_comes_whole_and_in_order(client):
    stream = client.stream("echo", "t.count", {"n": 1000}, ttl_ms=20_000)

    assert [part.body["i"] async for part in stream] == list(range(1000))
    assert stream.reply.seq == 1000
    assert client._unanswered.calls == {}


async def test_an_ask_of_a_streaming_contract_passes_over_its_parts(client):
    assert (await client.ask("echo", "t.count", {"n": 1000}, ttl_ms=20_000)).seq == 1000


async def test_a_slow_consumer_is_sent_no_more_than_its_credit(client, echo):
    stream = client.stream("echo", "t.count", {"n": 10_000}, ttl_ms=20_000)
    first = await anext(stream)
    await client.ask("echo", "t.echo", {}, ttl_ms=5000)  # by now, all that was on its way is here

    assert first.seq == 0
    assert echo.streams[stream.id]["sent"] == INITIAL_CREDIT
    assert len(stream._buffer) == INITIAL_CREDIT - 1

    for _ in range(200):
        await anext(stream)

    await client.ask("echo", "t.echo", {}, ttl_ms=5000)
    assert echo.streams[stream.id]["sent"] <= 201 + INITIAL_CREDIT
    stream.cancel()


async def test_leaving_a_stream_early_cancels_it(client, echo):
    async with client.stream("echo", "t.count", {"n": 10_000}, ttl_ms=20_000) as stream:
        await anext(stream)

    await echo.until(lambda: echo.cancelled == [stream.id])
    assert [part async for part in stream] == []
    assert client._unanswered.calls == {}


async def test_cancelling_who_waits_for_a_part_cancels_the_call(client, echo):
    stream = client.stream("echo", "t.count", {"n": 5, "hold": 1}, ttl_ms=20_000)
    await anext(stream)
    waiting = asyncio.create_task(anext(stream))
    await asyncio.sleep(0)
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting

    await echo.until(lambda: echo.cancelled == [stream.id])


async def test_a_stream_that_is_not_done_in_time_fails(client, echo):
    stream = client.stream("echo", "t.count", {"n": 5, "hold": 2}, ttl_ms=100)

    with pytest.raises(DeadlineExceeded):
        async for _ in stream:
            pass

    await echo.until(lambda: echo.cancelled == [stream.id])


async def test_more_parts_than_granted_end_the_stream(client, echo):
    stream = client.stream("echo", "t.count", {"n": 10_000, "credit": 1000}, ttl_ms=20_000)
    await client.ask("echo", "t.echo", {}, ttl_ms=5000)

    with pytest.raises(Invalid, match="granted"):
        async for _ in stream:
            pass

    await echo.until(lambda: echo.cancelled == [stream.id])


async def test_a_stream_is_never_silently_short(client, echo):
    stream = client.stream("echo", "t.count", {"n": 5, "hold": 2}, ttl_ms=5000)
    await echo.until(lambda: echo.streams)
    peer = echo.streams[stream.id]["peer"]
    echo.server.send(peer, Envelope(REPLY, stream.id, seq=3))

    with pytest.raises(Unavailable, match="ended at part 2 of 3"):
        async for _ in stream:
            pass


async def test_a_gap_ends_the_stream(client, echo):
    stream = client.stream("echo", "t.count", {"n": 5, "hold": 2}, ttl_ms=5000)
    await echo.until(lambda: echo.streams)
    echo.server.send(echo.streams[stream.id]["peer"], Envelope(PART, stream.id, seq=3))

    with pytest.raises(Unavailable, match="part 2 of the stream was lost"):
        async for _ in stream:
            pass


async def test_asked_again_of_the_same_process_parts_already_here_are_passed_over(client, echo):
    stream = client.stream("echo", "t.count", {"n": 300, "hold": 150}, ttl_ms=20_000)
    numbers = [(await anext(stream)).body["i"] for _ in range(150)]
    echo.streams[stream.id]["hold"] = 1 << 60
    client._ask_again()  # as after a new handshake: the echo server begins from part 0
    await echo.until(lambda: len(echo.asked) == 2)
    echo.streams[stream.id]["hold"] = 1 << 60
    echo.pour(stream.id)
    numbers += [part.body["i"] async for part in stream]

    assert numbers == list(range(300))
    assert echo.asked[1].incarnation == "one"


async def test_a_consumer_that_catches_up_before_its_stream_is_asked_again_gets_the_rest(client):
    async with client.stream("echo", "t.count", {"n": 200}, ttl_ms=5000) as stream:
        for _ in range(INITIAL_CREDIT // 2):
            await anext(stream)

        for _ in range(2):
            await client.ask("echo", "t.echo", {}, ttl_ms=5000)

        assert len(stream._buffer) == INITIAL_CREDIT
        client._ask_again()
        rest = [part.body["i"] async for part in stream]

    assert rest == list(range(INITIAL_CREDIT // 2, 200))


async def test_a_replaced_process_ends_a_stream_that_had_begun(short_dir, start_process):
    address = f"ipc://{short_dir}/echo.sock"
    first = await start_process(address, "first")
    client = Client(address)
    stream = client.stream("echo", "t.count", {"n": 10, "hold": 3}, ttl_ms=20_000)
    assert (await anext(stream)).seq == 0
    first.kill()
    await first.wait()
    await start_process(address, "second")

    with pytest.raises(PeerReplaced):
        async for _ in stream:
            pass

    assert client._unanswered.calls == {}
    await client.close()


async def test_a_replaced_process_is_asked_anew_for_a_stream_that_had_not_begun(short_dir, start_process):
    address = f"ipc://{short_dir}/echo.sock"
    first = await start_process(address, "first")
    client = Client(address)
    stream = client.stream("echo", "t.count", {"n": 10, "hold": 0}, ttl_ms=20_000)
    await client.ask("echo", "t.who", {}, ttl_ms=5000)
    stream.header["type"], stream.body = "t.who", stream.body  # the second process is to answer something
    first.kill()
    await first.wait()
    await start_process(address, "second")

    assert [part async for part in stream] == []
    assert stream.reply.body["inc"] == "second"
    await client.close()
