"""Asking, telling, deadlines, cancelling, and being answered although the process behind the address was killed."""

from __future__ import annotations

import asyncio
import os
import resource

import pytest
import zmq

from tests.transport.echo_server import EchoServer
from transport.client import Client
from transport.codec import LARGE, WireLimits
from transport.errors import Conflict, DeadlineExceeded, Internal, Invalid, Overloaded, Unavailable, UnknownType
from transport.keys import ClientKeys, KeyPair


async def test_an_ask_is_answered_with_its_senders_incarnation(client):
    reply = await client.ask("echo", "t.echo", {"text": "h\u00e9", "n": [1, 2.5, None, b"\xff"]}, ttl_ms=5000)

    assert reply.body == {"text": "h\u00e9", "n": [1, 2.5, None, b"\xff"]}
    assert reply.incarnation == "one"
    assert client.connected


async def test_header_fields_reach_the_other_side(client, echo):
    await client.ask("echo", "t.echo", {}, ttl_ms=5000, id="mine", key="k1", lane="bg", trace="00-abc")
    asked = echo.asked[0]

    assert (asked.id, asked.key, asked.lane, asked.trace, asked.to) == ("mine", "k1", "bg", "00-abc", "echo")
    assert 0 < asked.ttl <= 5000


async def test_an_error_is_raised_as_what_it_is(client):
    with pytest.raises(Conflict) as caught:
        await client.ask("echo", "t.fail", {}, ttl_ms=5000)

    assert caught.value.detail == {"why": "asked to"}

    with pytest.raises(UnknownType):
        await client.ask("echo", "t.nothing", {}, ttl_ms=5000)


async def test_a_tell_arrives_and_nothing_is_kept_of_it(client, echo):
    client.tell("echo", "t.note", {"a": 1}, ttl_ms=5000)
    await echo.until(lambda: echo.told)

    assert echo.told[0].body == {"a": 1}
    assert client._unanswered.bytes == 0


async def test_an_ask_that_is_not_answered_in_time_fails_and_is_cancelled_over_there(client, echo):
    with pytest.raises(DeadlineExceeded) as caught:
        await client.ask("echo", "t.silent", {}, ttl_ms=30)

    assert caught.value.detail == {"connected": True}
    await echo.until(lambda: echo.cancelled == [echo.asked[0].id])
    assert client._unanswered.calls == {}
    assert client._unanswered.bytes == 0


async def test_deadlines_pass_in_their_own_order(client):
    ended = []

    async def ask(ttl_ms):
        with pytest.raises(DeadlineExceeded):
            await client.ask("echo", "t.silent", {}, ttl_ms=ttl_ms)

        ended.append(ttl_ms)

    await asyncio.gather(*(ask(ttl_ms) for ttl_ms in (90, 30, 60)))
    assert ended == [30, 60, 90]


async def test_no_time_left_is_told_at_once(client):
    with pytest.raises(DeadlineExceeded):
        await client.ask("echo", "t.echo", {}, ttl_ms=0)


async def test_cancelling_the_waiting_task_cancels_the_call(client, echo):
    task = asyncio.create_task(client.ask("echo", "t.silent", {}, ttl_ms=5000))
    await echo.until(lambda: echo.asked)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task

    await echo.until(lambda: echo.cancelled == [echo.asked[0].id])
    assert client._unanswered.calls == {}


async def test_a_call_cancelled_before_it_was_sent_is_never_sent(client, echo):
    await client.ask("echo", "t.echo", {}, ttl_ms=5000)
    task = asyncio.create_task(client.ask("echo", "t.silent", {}, ttl_ms=5000))
    asyncio.get_running_loop().call_soon(task.cancel)

    with pytest.raises(asyncio.CancelledError):
        await task

    await client.ask("echo", "t.echo", {}, ttl_ms=5000)
    assert [ask.type for ask in echo.asked if ask.type == "t.silent"] in ([], ["t.silent"])
    assert client._unanswered.calls == {}


async def test_two_calls_cannot_share_an_id(client, echo):
    task = asyncio.create_task(client.ask("echo", "t.silent", {}, ttl_ms=5000, id="same"))
    await echo.until(lambda: echo.asked)

    with pytest.raises(Conflict):
        await client.ask("echo", "t.echo", {}, ttl_ms=5000, id="same")

    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_asked_before_anyone_listens_it_is_answered_when_someone_does(short_dir):
    address = f"ipc://{short_dir}/late.sock"
    client = Client(address)
    waiting = asyncio.create_task(client.ask("echo", "t.echo", {"a": 1}, ttl_ms=10_000))
    await asyncio.sleep(0)
    assert not client.connected
    echo = EchoServer()
    echo.server.bind(address)

    assert (await waiting).body == {"a": 1}
    assert len(echo.asked) == 1

    await client.close()
    await echo.server.close()


async def test_nobody_ever_listening_is_a_deadline_that_says_so(short_dir):
    client = Client(f"ipc://{short_dir}/never.sock")

    with pytest.raises(DeadlineExceeded) as caught:
        await client.ask("echo", "t.echo", {}, ttl_ms=50)

    assert caught.value.detail == {"connected": False}
    await client.close()


async def test_nothing_is_kept_of_calls_that_ended_while_nobody_listened(short_dir):
    client = Client(f"ipc://{short_dir}/never.sock")

    for _ in range(3):
        with pytest.raises(DeadlineExceeded):
            await client.ask("echo", "t.echo", {"large": "x" * 1000}, ttl_ms=2)

    assert (client._unanswered.calls, list(client._queue), client._unanswered.bytes) == ({}, [], 0)
    await client.close()


async def test_a_peer_that_dies_between_two_frames_costs_no_call(client, monkeypatch):
    await client.ask("echo", "t.echo", {}, ttl_ms=5000)
    refused = []

    class Dying:
        """Takes a header and refuses its body, once, as ZeroMQ does when the connection ends between the two."""

        def __init__(self, socket):
            self.socket = socket

        def __getattr__(self, name):
            return getattr(self.socket, name)

        def send(self, frame, flags):
            if refused:
                self.socket.send(frame, flags)
            elif not flags & zmq.SNDMORE:
                refused.append(frame)
                raise zmq.Again

    monkeypatch.setattr(client, "_socket", Dying(client._socket))
    assert (await client.ask("echo", "t.echo", {"a": 1}, ttl_ms=5000)).body == {"a": 1}
    assert len(refused) == 1


async def test_what_may_wait_is_bounded(short_dir, monkeypatch):
    monkeypatch.setattr("transport.unanswered.PENDING", 3)
    client = Client(f"ipc://{short_dir}/never.sock")
    waiting = [asyncio.create_task(client.ask("echo", "t.echo", {}, ttl_ms=5000)) for _ in range(3)]
    await asyncio.sleep(0)

    with pytest.raises(Overloaded):
        await client.ask("echo", "t.echo", {}, ttl_ms=5000)

    await client.close()
    assert {type(error) for error in await asyncio.gather(*waiting, return_exceptions=True)} == {Unavailable}


async def test_closing_sends_all_that_is_queued(client, echo):
    await client.ask("echo", "t.echo", {}, ttl_ms=5000)

    for number in range(900):
        client.tell("echo", "t.note", {"number": number}, ttl_ms=5000)

    await client.close()
    await echo.until(lambda: len(echo.told) == 900)


async def test_after_close_nothing_is_asked(client):
    await client.close()

    with pytest.raises(Unavailable):
        await client.ask("echo", "t.echo", {}, ttl_ms=5000)


async def test_a_killed_process_is_replaced_and_all_that_was_asked_is_answered_once(short_dir, start_process):
    address = f"ipc://{short_dir}/echo.sock"
    first = await start_process(address, "first")
    client = Client(address)
    pid = (await client.ask("echo", "t.who", {}, ttl_ms=5000)).body["pid"]
    assert pid == first.pid

    os.kill(first.pid, 19)  # SIGSTOP: what is asked now reaches it and is never answered by it
    waiting = [asyncio.create_task(client.ask("echo", "t.who", {}, ttl_ms=20_000)) for _ in range(100)]
    await asyncio.sleep(0)
    first.kill()
    await first.wait()
    second = await start_process(address, "second")
    answers = await asyncio.gather(*waiting)

    assert {answer.body["pid"] for answer in answers} == {second.pid}
    assert {answer.incarnation for answer in answers} == {"second"}
    assert client._unanswered.calls == {}
    assert client.counters.rejected["unasked"] == 0
    await client.close()


async def test_another_incarnation_in_an_answer_means_all_else_is_asked_again(client, echo):
    waiting = asyncio.create_task(client.ask("echo", "t.silent", {}, ttl_ms=10_000, key="k"))
    await client.ask("echo", "t.echo", {}, ttl_ms=5000)
    echo.server.incarnation = "two"
    await client.ask("echo", "t.echo", {}, ttl_ms=5000)
    await echo.until(lambda: len(echo.asked) == 4)
    first, again = (ask for ask in echo.asked if ask.type == "t.silent")

    assert (first.id, first.key) == (again.id, again.key)
    assert again.ttl <= first.ttl
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


async def test_a_body_larger_than_this_side_takes_is_refused_here(echo):
    small = Client(echo.address, limits=WireLimits(body_bytes=1000))

    with pytest.raises(Invalid, match="at most 1000"):
        await small.ask("echo", "t.echo", {"a": "x" * 1000}, ttl_ms=5000)

    await small.close()


async def test_a_body_that_the_peer_hangs_up_on_fails_and_the_connection_lives(client):
    with pytest.raises(Invalid, match="ends the connection"):
        await client.ask("echo", "t.echo", {"a": "x" * (2 << 20)}, ttl_ms=20_000)

    assert (await client.ask("echo", "t.echo", {"a": 1}, ttl_ms=5000)).body == {"a": 1}


async def test_an_answer_that_this_side_cannot_take_fails_at_once(echo):
    small = Client(echo.address, limits=WireLimits(items=100))

    with pytest.raises(Internal, match="too many items"):
        await small.ask("echo", "t.echo", {"a": [1.5] * 3000}, ttl_ms=20_000)

    assert (await small.ask("echo", "t.echo", {"a": 1}, ttl_ms=5000)).body == {"a": 1}
    await small.close()


async def test_a_host_that_asks_for_it_takes_sixteen_mebibytes(short_dir):
    echo = EchoServer(limits=LARGE)
    client = Client(echo.server.bind(f"ipc://{short_dir}/large.sock"))
    body = {"a": "x" * (16 << 20)}

    assert (await client.ask("echo", "t.echo", body, ttl_ms=20_000)).body == body
    await client.close()
    await echo.server.close()


async def test_background_calls_are_asked_again_after_those_whom_somebody_waits_for(client, echo):
    calls = [asyncio.create_task(client.ask("echo", "t.silent", {}, ttl_ms=5000, id=id_, lane=id_)) for id_ in ("bg", "fg")]
    await echo.until(lambda: len(echo.asked) == 2)
    await client.ask("echo", "t.echo", {}, ttl_ms=5000)
    echo.server.incarnation = "two"
    await client.ask("echo", "t.echo", {}, ttl_ms=5000)
    await echo.until(lambda: len(echo.asked) == 6)

    assert [ask.id for ask in echo.asked if ask.type == "t.silent"] == ["bg", "fg", "fg", "bg"]
    for call in calls:
        call.cancel()


async def test_who_may_open_nothing_more_is_told_so_and_may_try_again_once_it_may(short_dir):
    address = f"ipc://{short_dir}/nobody.sock"
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    next_one = os.dup(0)
    os.close(next_one)
    resource.setrlimit(resource.RLIMIT_NOFILE, (next_one, most))
    try:
        with pytest.raises(Unavailable, match="no connection to") as told:
            Client(address)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))

    assert told.value.retry_after_ms
    await Client(address).close()


async def test_what_is_told_to_nobody_takes_no_room_once_its_time_is_up(short_dir, monkeypatch):
    monkeypatch.setattr("transport.client.QUEUED", 3)
    client = Client(f"ipc://{short_dir}/nobody.sock")
    waiting = asyncio.ensure_future(client.ask("echo", "t.echo", {}, ttl_ms=30))
    await asyncio.sleep(0)
    for _ in range(3):
        client.tell("echo", "t.note", {"text": "x" * 1000}, ttl_ms=10)
    with pytest.raises(Overloaded):
        client.tell("echo", "t.note", {}, ttl_ms=10)

    with pytest.raises(DeadlineExceeded):
        await waiting
    with pytest.raises(DeadlineExceeded):
        await client.ask("echo", "t.echo", {}, ttl_ms=10)

    assert client._unanswered.bytes == 0
    assert client.counters.dropped["late"] == 3
    await client.close()


@pytest.mark.parametrize(
    ("address", "key"),
    [("tcp://127.0.0.1:1", "~" * 40), ("tcp://nowhere", "0" * 40)],
)
async def test_an_address_or_a_key_that_is_none_is_told_and_keeps_no_process_from_ending(address, key):
    pair = KeyPair(*(half.decode() for half in zmq.curve_keypair()))
    with pytest.raises(Unavailable, match="no connection to"):
        Client(address, curve=ClientKeys(pair, key))

    (release,) = (task for task in asyncio.all_tasks() if task.get_name() == "release")
    await asyncio.wait_for(release, 10)
