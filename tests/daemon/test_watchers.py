"""Who watches can go away and come back: it goes on from what it saw last, or is told that it missed something."""

from __future__ import annotations

import asyncio

import pytest

from actors.clock import ManualClock
from actors.daemon.messages import Progress
from actors.daemon.watchers import KEPT, Watchers
from transport.errors import Unavailable


def told(watchers, *runs):
    for run in runs:
        watchers.tell(Progress(what="worked", cycle="decay", run=str(run), time=ManualClock().now()))


async def seen(watchers, count, after=None):
    """The next steps: what, run and id of each."""
    steps = watchers.watch(after)
    found = [await anext(steps) for _ in range(count)]
    await steps.aclose()
    return [(step.what, step.run) for step in found], found[-1].id


async def test_who_comes_back_goes_on_from_the_step_that_it_saw_last():
    watchers = Watchers(ManualClock())
    told(watchers, 0)
    _, last = await seen(watchers, 1, "")
    told(watchers, 1, 2)
    steps, last = await seen(watchers, 1, last)
    assert steps == [("worked", "1")]
    told(watchers, 3)
    assert (await seen(watchers, 2, last))[0] == [("worked", "2"), ("worked", "3")]


async def test_who_asks_for_no_position_is_told_of_none():
    watchers = Watchers(ManualClock())
    told(watchers, 1)
    coming = asyncio.ensure_future(anext(watchers.watch()))
    await asyncio.sleep(0)
    watchers.leave()
    with pytest.raises(StopAsyncIteration):
        await coming


async def test_who_comes_when_all_are_let_go_is_to_ask_the_next_one():
    watchers = Watchers(ManualClock())
    watchers.leave()
    with pytest.raises(Unavailable):
        await anext(watchers.watch(""))


async def test_who_saw_another_life_is_told_that_it_missed_something_and_all_that_is_known():
    before, watchers = Watchers(ManualClock()), Watchers(ManualClock())
    told(before, 0)
    _, last = await seen(before, 1, "unknown") and await seen(before, 2, "unknown")
    told(watchers, 1, 2)
    assert (await seen(watchers, 3, last))[0] == [("missed", None), ("worked", "1"), ("worked", "2")]


@pytest.mark.parametrize("after", ["unknown", ".", "1", "\N{SUPERSCRIPT TWO}.\N{SUPERSCRIPT TWO}"])
async def test_what_is_no_position_is_one_of_which_nothing_is_known(after):
    watchers = Watchers(ManualClock())
    told(watchers, 1)
    assert (await seen(watchers, 2, after))[0] == [("missed", None), ("worked", "1")]


async def test_a_position_that_was_not_reached_yet_is_none():
    watchers = Watchers(ManualClock())
    told(watchers, 1)
    _, last = await seen(watchers, 2, "unknown")
    assert (await seen(watchers, 1, f"{last}0"))[0] == [("missed", None)]


async def test_who_falls_behind_misses_the_oldest_and_is_told_so():
    watchers = Watchers(ManualClock())
    steps = watchers.watch("")
    assert (await anext(steps)).what == "watching"
    told(watchers, *range(KEPT + 5))
    first = await anext(steps)
    assert first.what == "missed"
    assert [(await anext(steps)).run for _ in range(KEPT)] == [str(run) for run in range(5, KEPT + 5)]
    await steps.aclose()
    assert (await seen(watchers, 1, first.id))[0] == [("worked", "5")]
