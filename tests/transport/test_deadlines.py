"""A deadline ends what has not ended by itself, and keeps nothing of what has."""

from __future__ import annotations

import asyncio
import weakref
from dataclasses import dataclass

from transport.deadlines import Deadlines


@dataclass(eq=False)
class Item:
    deadline: float
    done: bool = False


async def test_what_is_not_done_in_time_is_ended_in_the_order_of_its_time():
    loop, expired, over = asyncio.get_running_loop(), [], asyncio.Event()

    def expire(item: Item) -> None:
        expired.append(item)
        if len(expired) == 2:
            over.set()

    deadlines: Deadlines[Item] = Deadlines(loop, expire)
    late, done, early = (Item(loop.time() + seconds) for seconds in (0.02, 0.015, 0.01))
    for item in (late, done, early):
        deadlines.add(item)
    done.done = True
    await asyncio.wait_for(over.wait(), 10)
    assert expired == [early, late]


async def test_what_has_ended_is_not_kept_until_its_time_comes():
    """A call has with it all that was asked and answered: 20 lists of 1,000 records kept so for two minutes were 30 MB."""
    deadlines: Deadlines[Item] = Deadlines(asyncio.get_running_loop(), lambda _: None)
    item = Item(asyncio.get_running_loop().time() + 3600)
    deadlines.add(item)
    kept = weakref.ref(item)
    item.done = True
    del item
    assert kept() is None
    deadlines.close()


async def test_the_heap_is_swept_of_what_has_ended():
    loop = asyncio.get_running_loop()
    deadlines: Deadlines[Item] = Deadlines(loop, lambda _: None)
    lives = [Item(loop.time() + 3600) for _ in range(10)]
    for item in lives:
        deadlines.add(item)
    for _ in range(5000):
        deadlines.add(Item(loop.time() + 3600))
    assert len(deadlines._heap) <= 1025
    assert {entry[2]() for entry in deadlines._heap} >= set(lives)
    deadlines.close()
