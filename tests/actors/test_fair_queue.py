"""What waits is taken by turns between peers, and within a peer between namespaces; who has most waiting gives way."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict, deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.fair_gate import FairGate
from actors.fair_queue import WIDEST, FairQueue

PEERS = "abcd"
FLOWS = st.tuples(st.sampled_from(PEERS), st.integers(0, WIDEST + 2))
STEPS = st.lists(st.one_of(FLOWS, st.none()), max_size=200)
"""Something of a flow comes, or (None) something is taken."""

ROOM = 12


def fill(queue, *flows):
    for n, flow in enumerate(flows):
        queue.append((flow, n), flow)


def taken(queue, count=None):
    return [queue.popleft()[0][0] for _ in range(len(queue) if count is None else count)]


@given(STEPS)
def test_it_loses_nothing_is_never_idle_and_keeps_the_order_of_each_flow(steps):
    queue, waiting = FairQueue(), defaultdict(deque)
    for n, flow in enumerate(steps):
        if flow is not None:
            queue.append((flow, n), flow)
            waiting[flow].append(n)
        elif any(waiting.values()):
            whose, number = queue.popleft()
            assert waiting[whose].popleft() == number
        else:
            with pytest.raises(IndexError):
                queue.popleft()
        assert len(queue) == sum(map(len, waiting.values()))
        assert sorted(queue) == sorted((flow, n) for flow, numbers in waiting.items() for n in numbers)


@given(STEPS, st.integers(0, 3))
def test_nobody_waits_for_more_than_a_turn_of_each_other_peer(steps, mine):
    queue = FairQueue()
    for n, flow in enumerate(steps):
        if flow is not None:
            queue.append((flow, n), flow)
        elif queue:
            queue.popleft()
    queue.append((("me", mine), -1), ("me", mine))
    before = Counter()
    while (item := queue.popleft())[1] != -1:
        before[item[0][0]] += 1
        # What comes meanwhile changes nothing.
        queue.append((item[0], 1000), item[0])
    assert all(count <= WIDEST for count in before.values())


@given(st.lists(st.sampled_from(PEERS), max_size=100))
def test_who_wants_no_more_than_its_share_of_the_room_is_never_refused(comers):
    queue, refused, wanted = FairQueue(), Counter(), Counter(comers)
    for n, name in enumerate(comers):
        flow = (name, None)
        if len(queue) == ROOM:
            gone = queue.give_way(flow)
            refused[name if gone is None else gone[0][0]] += 1
            if gone is None:
                continue
        queue.append((flow, n), flow)
        assert len(queue) <= ROOM
    assert all(wanted[name] > ROOM / len(PEERS) for name in refused)
    assert len(queue) == min(ROOM, len(comers))


def test_who_sends_one_goes_second_whoever_sent_a_thousand():
    queue = FairQueue()
    fill(queue, *[("flood", None)] * 1000, ("calm", None))
    assert taken(queue, 3).index("calm") <= 1


def test_a_peer_has_a_turn_for_each_namespace_it_carries_up_to_the_widest():
    queue = FairQueue()
    for _ in range(40):
        fill(queue, ("one", "a"), *(("many", n) for n in range(2 * WIDEST)), *(("two", n) for n in range(2)))
    first = Counter(taken(queue, 10 * (1 + WIDEST + 2)))
    assert first == {"one": 10, "many": 10 * WIDEST, "two": 20}


def test_namespaces_of_one_peer_take_turns():
    queue = FairQueue()
    fill(queue, *[("gateway", "loud")] * 100, *[("gateway", "quiet")] * 2)
    assert [queue.popleft()[0][1] for _ in range(4)] == ["loud", "quiet"] * 2


def test_the_newest_of_the_longest_gives_way_and_not_to_its_own_peer():
    queue = FairQueue()
    fill(queue, *[("flood", None)] * 5, ("calm", None))
    assert queue.give_way(("flood", None)) is None
    assert queue.give_way(("calm", None)) == (("flood", None), 4)
    assert queue.give_way(("new", None)) == (("flood", None), 3)
    assert queue.give_way(("calm", None)) == (("flood", None), 2)
    assert queue.give_way(("calm", None)) is None


def test_within_a_peer_the_longest_namespace_gives_way():
    queue = FairQueue()
    fill(queue, *[("gateway", "loud")] * 5)
    assert queue.give_way(("gateway", "loud")) is None
    assert queue.give_way(("gateway", "quiet")) == (("gateway", "loud"), 4)


def test_what_is_not_wanted_is_dropped_and_the_rest_keeps_its_order():
    queue = FairQueue()
    fill(queue, *[("a", None), ("b", None)] * 3)
    queue.keep(lambda item: item[1] != 2)
    assert [queue.popleft()[1] for _ in range(5)] == [0, 1, 4, 3, 5]
    assert not queue


def test_looking_through_it_again_and_again_makes_nobodys_turn_longer():
    queue = FairQueue()
    fill(queue, *[("many", n) for n in range(WIDEST)] * 20, ("calm", None))
    order = []
    while "calm" not in order:
        order.append(queue.popleft()[0][0])
        queue.keep(lambda _: True)
    assert len(order) == WIDEST + 1


@pytest.mark.parametrize("namespaces", [1, 2, WIDEST + 2])
def test_what_nobody_wants_any_more_costs_its_sender_no_turn(namespaces):
    queue = FairQueue(wanted=lambda item: item[1] >= 100)
    fill(queue, *[("patient", n % namespaces) for n in range(100)], ("patient", 0), *[("other", None)] * 20)
    order = [item[0][0] for item in (queue.popleft() for _ in range(len(queue))) if item[1] >= 100]
    assert order.index("patient") <= 1


@given(STEPS, st.sets(st.integers(0, 200)))
def test_dropping_leaves_the_others_in_their_order(steps, dropped):
    queue, waiting = FairQueue(), defaultdict(deque)
    for n, flow in enumerate(steps):
        if flow is not None:
            queue.append((flow, n), flow)
            if n not in dropped:
                waiting[flow].append(n)
    queue.keep(lambda item: item[1] not in dropped)
    assert len(queue) == sum(map(len, waiting.values()))
    while queue:
        whose, number = queue.popleft()
        assert waiting[whose].popleft() == number
    assert not any(waiting.values())


async def test_a_gate_lets_others_through_before_all_of_one():
    loop = asyncio.get_running_loop()
    gate, through = FairGate(1), []

    async def go(name):
        async with gate.entered((name, None), loop.time() + 60):
            through.append(name)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as tasks:
        for name in ["flood"] * 50 + ["calm"]:
            tasks.create_task(go(name))
    assert through.index("calm") <= 2
    assert len(through) == 51


async def test_a_place_is_not_lost_with_who_gave_up():
    loop = asyncio.get_running_loop()
    gate = FairGate(1)
    async with gate.entered((None, None), loop.time() + 60):
        with pytest.raises(TimeoutError):
            async with gate.entered((None, None), loop.time()):
                pytest.fail("there was no place")
        waits = asyncio.create_task(gate.entered((None, None), loop.time() + 60).__aenter__())
        await asyncio.sleep(0)
    # It has just been given the place, and does not know it yet.
    waits.cancel()
    await asyncio.wait((waits,))
    async with gate.entered((None, None), loop.time()):
        pass
