"""Two bounded lanes: foreground first, background never starves, a full lane refuses."""

from __future__ import annotations

import asyncio
import time

import pytest
from pykka._envelope import Envelope

from actors.call import next_id
from actors.delivery import Delivery
from actors.mailbox import FOREGROUND_RUN, Mailbox
from tests.actors.conftest import Echo, Probe, Wait
from transport.errors import Overloaded


def delivery(lane, text="", caller="a test"):
    return Delivery(Echo(text=text), next_id(), None, lane, time.monotonic() + 60, None, caller)


def lanes(mailbox, **options):
    taken = []
    while (item := mailbox.take(**options)) is not None:
        taken.append(item.lane)
    return taken


def test_foreground_goes_first_and_each_lane_keeps_its_order():
    mailbox = Mailbox()
    for n in range(3):
        mailbox.offer(delivery("bg", f"b{n}"))
        mailbox.offer(delivery("fg", f"f{n}"))
    assert [mailbox.take().message.text for _ in range(6)] == ["f0", "f1", "f2", "b0", "b1", "b2"]


def test_background_gets_every_ninth_place_while_foreground_keeps_coming():
    mailbox = Mailbox()
    for _ in range(3):
        mailbox.offer(delivery("bg"))
    for _ in range(40):
        mailbox.offer(delivery("fg"))
    taken = lanes(mailbox)
    assert [place for place, lane in enumerate(taken) if lane == "bg"] == [FOREGROUND_RUN * (n + 1) + n for n in range(3)]


def test_background_that_may_not_run_leaves_the_foreground_alone():
    mailbox = Mailbox()
    mailbox.offer(delivery("bg"))
    for _ in range(20):
        mailbox.offer(delivery("fg"))
    assert lanes(mailbox, background=False) == ["fg"] * 20
    assert len(mailbox) == 1


@pytest.mark.parametrize("lane", ["fg", "bg"])
def test_a_full_lane_refuses_and_says_when_to_try_again(lane):
    mailbox = Mailbox((2, 2))
    mailbox.service_s = 0.1
    mailbox.offer(delivery(lane))
    mailbox.offer(delivery(lane))
    mailbox.offer(delivery("bg" if lane == "fg" else "fg"))
    with pytest.raises(Overloaded) as caught:
        mailbox.offer(delivery(lane))
    assert caught.value.retry_after_ms == 200
    assert mailbox.overloaded == 1


@pytest.mark.parametrize("lane", ["fg", "bg"])
def test_callers_of_a_lane_take_turns_and_where_it_is_full_who_has_most_waiting_gives_way(lane):
    mailbox = Mailbox((4, 4))
    displaced = []
    mailbox.on_displaced = lambda delivery, error: displaced.append((delivery.message.text, error.code))
    for n in range(4):
        mailbox.offer(delivery(lane, f"flood {n}", "flood"))
    mailbox.offer(delivery(lane, "calm", "calm"))
    with pytest.raises(Overloaded):
        mailbox.offer(delivery(lane, "flood 4", "flood"))
    assert displaced == [("flood 3", "overloaded")]
    assert [mailbox.take().message.text for _ in range(4)] == ["flood 0", "calm", "flood 1", "flood 2"]
    assert mailbox.overloaded == 2


def test_what_was_cancelled_before_it_gives_way_is_refused_nothing():
    mailbox = Mailbox((2, 2))
    displaced = []
    mailbox.on_displaced = lambda delivery, _: displaced.append(delivery)
    flood = [delivery("fg", f"flood {n}", "flood") for n in range(2)]
    for one in flood:
        mailbox.offer(one)
    with pytest.raises(Overloaded):
        mailbox.offer(delivery("fg", caller="flood"))
    flood[1].cancel()
    mailbox.offer(delivery("fg", caller="calm"))
    assert (len(mailbox), mailbox.overloaded, displaced) == (2, 1, [])


def test_none_of_pykkas_envelopes_gives_way():
    mailbox = Mailbox((2, 2))
    mailbox.put(Envelope("first"))
    mailbox.put(Envelope("second"))
    with pytest.raises(Overloaded):
        mailbox.offer(delivery("fg"))
    assert [mailbox.take().message for _ in range(2)] == ["first", "second"]


def test_what_was_cancelled_while_it_waited_takes_no_room():
    mailbox = Mailbox((2, 2))
    first = delivery("fg")
    mailbox.offer(first)
    mailbox.offer(delivery("fg"))
    first.cancel()
    mailbox.offer(delivery("fg"))
    assert len(mailbox) == 2


def test_a_full_lane_is_not_looked_through_for_each_that_it_refuses():
    mailbox = Mailbox((100, 100))
    waiting = [Looked() for _ in range(100)]
    for one in waiting:
        mailbox.offer(one)
    for _ in range(1000):
        with pytest.raises(Overloaded):
            mailbox.offer(delivery("fg"))
    assert sum(one.looks for one in waiting) <= 1100

    waiting[50].done = True
    refused = 0
    while len(mailbox) == 100 and refused <= 100:
        try:
            mailbox.offer(Looked())
            break
        except Overloaded:
            refused += 1
    assert refused <= 100


class Looked(Delivery):
    """Counts how often it is looked at."""

    __slots__ = ("is_done", "looks")

    def __init__(self):
        self.looks = 0
        super().__init__(Echo(text=""), next_id(), None, "fg", time.monotonic() + 60, None, "a test")

    @property
    def done(self):
        self.looks += 1
        return self.is_done

    @done.setter
    def done(self, value):
        self.is_done = value


def test_pykkas_envelopes_stand_in_the_foreground_and_are_bounded_too():
    mailbox = Mailbox((1, 1))
    mailbox.put(Envelope("hello"))
    with pytest.raises(Overloaded):
        mailbox.put(Envelope("too much"))
    assert mailbox.take().message == "hello"


async def test_an_overloaded_actor_answers_at_once_and_counts_it(home, near, gates):
    class Small(Probe):
        concurrency = 1
        mailbox_limits = (2, 2)

    await home.start_actor(Small, gates)
    probe = near.ref("probe")
    asks = [asyncio.create_task(probe.ask(Wait(gate="g")))]
    await gates.reached["g"].wait()
    asks += [asyncio.create_task(probe.ask(Echo(text=str(n)))) for n in range(3)]
    done, _ = await asyncio.wait(asks, return_when=asyncio.FIRST_COMPLETED)
    error = done.pop().exception()
    assert isinstance(error, Overloaded)
    assert error.retry_after_ms >= 10
    assert home.dead_letters.counts == {"overloaded": 1}
    gates.open["g"].set()
    assert sum(isinstance(result, Overloaded) for result in await asyncio.gather(*asks, return_exceptions=True)) == 1


async def test_background_work_leaves_one_place_to_the_foreground(probe, gates):
    background = [asyncio.create_task(probe.ask(Wait(gate=f"b{n}"), lane="bg")) for n in range(6)]
    for n in range(3):
        await gates.reached[f"b{n}"].wait()
    assert (await probe.ask(Echo(text="quick"), timeout=5)).text == "quick"
    assert not gates.reached["b3"].is_set()
    for n in range(6):
        gates.open[f"b{n}"].set()
    await asyncio.gather(*background)
