"""Ask, tell, errors and circumstances, alike from within the process and from another."""

from __future__ import annotations

import asyncio
import time

import pytest

from actors.runtime import calling
from actors.system import SysDump, SysInfo, SysMetrics, SysPing
from tests.actors.conftest import (
    Ask,
    Break,
    Echo,
    Note,
    Pass,
    PassAsk,
    Probe,
    Refuse,
    Relay,
    Unhandled,
    Wait,
    Wrong,
)
from transport.client import Client
from transport.errors import (
    DeadlineExceeded,
    Internal,
    Invalid,
    NotFound,
    Unavailable,
    UnknownActor,
    UnknownType,
)


async def test_an_ask_is_answered_with_the_contracts_reply(probe):
    assert (await probe.ask(Echo(text="hello"))).text == "hello"


async def test_a_handlers_lattice_error_reaches_the_caller_whole(probe):
    with pytest.raises(NotFound, match="no such thing") as caught:
        await probe.ask(Refuse())
    assert caught.value.detail == {"looked": "everywhere"}


async def test_a_handler_that_raises_on_an_ask_answers_internal_and_lives_on(probe, lines):
    with pytest.raises(Internal) as caught:
        await probe.ask(Break())
    assert "secret contents" not in caught.value.message
    assert any(line["message"] == "a handler failed" and line["exception"] for line in lines)
    assert (await probe.ask(Echo(text="still here"))).text == "still here"


async def test_a_handler_that_answers_something_else_is_an_internal_error(probe):
    with pytest.raises(Internal):
        await probe.ask(Wrong())


async def test_a_contract_that_no_method_handles_is_unknown(probe):
    with pytest.raises(UnknownType):
        await probe.ask(Unhandled())


async def test_asking_what_is_only_told_is_invalid(probe):
    with pytest.raises(Invalid):
        await probe.ask(Note(text="x"))


async def test_a_tell_reaches_its_handler(probe, gates):
    probe.tell(Note(text="noted"))
    await probe.ask(Echo(text="after it"))
    assert gates.log == ["noted"]


async def test_a_failure_in_a_tell_ends_the_actor_and_its_host_knows_why(home, probe, lines):
    probe.tell(Note(text="break"))
    reason, trace = await home.failed
    assert reason == "ZeroDivisionError: told to break"
    assert "in note" in trace
    assert [letter.reason for letter in home.dead_letters.ring] == ["failed"]
    assert any(line["message"] == "an actor failed" for line in lines)


async def test_a_call_inherits_deadline_lane_and_trace(home, hosts, near, gates):
    await home.start_actor(Probe, gates)
    other = await hosts()
    await other.start_actor(Relay)
    with calling(timeout=5.0, lane="bg", trace="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", caller="a test"):
        found = await near.ref("relay").ask(PassAsk())
    assert found.lane == "bg"
    assert found.trace == "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    assert 4.0 < found.left_s <= 5.0


async def test_a_call_of_its_own_has_thirty_seconds_and_its_key(probe):
    found = await probe.ask(Ask(), key="k-1")
    assert 29.0 < found.left_s <= 30.0
    assert (found.lane, found.key, found.trace) == ("fg", "k-1", None)


async def test_a_deadline_ends_the_ask_and_its_handler(probe, gates):
    # Enough to be handled: a busy machine may take 50 ms for that.
    asked = asyncio.create_task(probe.ask(Wait(gate="never"), timeout=0.5))
    await gates.reached["never"].wait()
    with pytest.raises(DeadlineExceeded):
        await asked
    await asyncio.wait_for(gates.left["never"].wait(), 5)
    assert gates.cancelled == ["never"]


async def test_a_message_whose_time_is_up_in_the_queue_is_not_run(home, near, gates):
    class Slow(Probe):
        concurrency = 1

    await home.start_actor(Slow, gates)
    probe = near.ref("probe")
    first = asyncio.create_task(probe.ask(Wait(gate="first")))
    await gates.reached["first"].wait()
    with pytest.raises(DeadlineExceeded):
        # Long enough to get into the queue on a busy machine.
        await probe.ask(Wait(gate="second"), timeout=1.0)
    # Where it waits its time began when it came in, a little later than where it was asked. It is up once a third one is.
    gates.open["third"].set()
    with pytest.raises(DeadlineExceeded):
        await probe.ask(Wait(gate="third"), timeout=0.5)
    gates.open["first"].set()
    await first
    await probe.ask(Echo(text="the queue is empty"))
    assert gates.order[0] == "first"
    assert "second" not in gates.order
    assert home.dead_letters.counts["deadline"] >= 1


async def test_cancelling_an_ask_cancels_its_handler_and_frees_its_place(probe, gates):
    asks = [asyncio.create_task(probe.ask(Wait(gate=f"g{n}"))) for n in range(4)]
    for n in range(4):
        await gates.reached[f"g{n}"].wait()
    for ask in asks:
        ask.cancel()
    assert (await probe.ask(Echo(text="room again"), timeout=5)).text == "room again"
    assert sorted(gates.cancelled) == ["g0", "g1", "g2", "g3"]


async def test_cancelling_reaches_through_two_hosts(home, hosts, near, gates):
    await home.start_actor(Probe, gates)
    other = await hosts()
    await other.start_actor(Relay)
    ask = asyncio.create_task(near.ref("relay").ask(Pass(gate="far")))
    await gates.reached["far"].wait()
    ask.cancel()
    await asyncio.wait_for(gates.left["far"].wait(), 5)
    assert gates.cancelled == ["far"]


async def test_what_a_handler_waits_for_being_cancelled_is_an_error_not_the_workers_end(home, near, gates):
    class Fragile(Probe):
        async def echo(self, message):
            if message.text == "cancelled":
                task = asyncio.ensure_future(asyncio.Event().wait())
                task.cancel()
                await task
            return await super().echo(message)

    await home.start_actor(Fragile, gates)
    for _ in range(8):
        with pytest.raises(Internal, match="cancelled"):
            await near.ref("probe").ask(Echo(text="cancelled"))
    assert (await near.ref("probe").ask(Echo(text="x"))).text == "x"


async def test_every_actor_answers_what_is_asked_of_all_while_its_places_are_taken(probe, home, gates):
    asks = [asyncio.create_task(probe.ask(Wait(gate=f"g{n}"))) for n in range(5)]
    for n in range(4):
        await gates.reached[f"g{n}"].wait()
    ping = await probe.ask(SysPing())
    assert (ping.name, ping.incarnation) == ("probe", home.incarnation)
    info = await probe.ask(SysInfo())
    assert info.ready
    assert "probe.echo" in info.types
    dump = await probe.ask(SysDump())
    assert len(dump.running) == 4
    assert [waiting.type for waiting in dump.waiting] == ["probe.wait"]
    for n in range(5):
        gates.open[f"g{n}"].set()
    await asyncio.gather(*asks)
    metrics = {metric.name: metric for metric in (await probe.ask(SysMetrics())).metrics}
    handled = {sample.labels["type"]: sample.value for sample in metrics["lattice_handled_total"].samples}
    assert handled == {"probe.wait": 5.0}


async def test_an_actor_that_never_came_is_unavailable_when_the_time_is_up(hosts):
    host = await hosts(bind=False)
    # Enough for a socket to be made: a time that is up before that is a deadline that was exceeded.
    with pytest.raises(Unavailable, match="nobody"):
        await host.ref("nobody").ask(Echo(text="x"), timeout=0.5)


async def test_an_ask_waits_for_an_actor_that_comes_later(home, hosts, gates):
    client = await hosts(bind=False)
    ask = asyncio.create_task(client.ref("probe").ask(Echo(text="patient"), timeout=10))
    await asyncio.sleep(0)
    await home.start_actor(Probe, gates)
    assert (await ask).text == "patient"


async def test_strangers_are_told_what_is_wrong_with_what_they_send(home, gates, short_dir):
    await home.start_actor(Probe, gates)
    client = Client(f"ipc://{short_dir}/run/probe.sock")
    try:
        for to, type_name, body, error in (
            ("nobody", "probe.echo", {"text": "x"}, UnknownActor),
            ("probe", "probe.nothing", {}, UnknownType),
            ("probe", "probe.unhandled", {}, UnknownType),
            ("probe", "probe.echo", {"text": 1}, Invalid),
            ("probe", "probe.echo", {"text": "x" * 5000}, Invalid),
            ("probe", "probe.note", {"text": "x"}, Invalid),
        ):
            with pytest.raises(error):
                await client.ask(to, type_name, body, ttl_ms=5000)
        client.tell("probe", "probe.nothing", {}, ttl_ms=5000)
        await client.ask("probe", "probe.echo", {"text": "x"}, ttl_ms=5000)
    finally:
        await client.close()
    assert home.dead_letters.counts == {"unknown_actor": 1, "unknown_type": 3, "invalid": 3}
    assert home.dead_letters.ring[0].to == "nobody"
    assert home.dead_letters.ring[0].time <= time.time()
