"""Pykka's own ways to an AsyncActor: from threads they block, from a loop they must be awaited."""

from __future__ import annotations

import asyncio
import threading

import pykka
import pytest

from actors.runtime import AsyncActor, handles
from tests.actors.conftest import Count, Counted, Echo, Echoed, Number


class Plain(AsyncActor):
    def __init__(self):
        super().__init__()
        self.stopped_on = None

    def on_receive(self, message):
        return message

    async def twice(self, value):
        await asyncio.sleep(0)
        return 2 * value

    def thread(self):
        return threading.current_thread().name

    @handles(Echo)
    async def echo(self, message: Echo) -> Echoed:
        return Echoed(text=message.text)

    @handles(Count)
    async def count(self, message: Count):
        yield Number(n=0)
        yield Counted(total=message.to)


@pytest.fixture
def ref():
    ref = Plain.start()
    yield ref
    ref.stop()


def test_a_script_without_a_loop_asks_and_blocks(ref):
    assert ref.ask("hello") == "hello"
    assert ref.proxy().twice(21).get() == 42
    assert ref.ask(Echo(text="a contract")).text == "a contract"
    assert ref.ask(Count(to=3)).total == 3


def test_actors_outside_a_loop_share_one_thread():
    before = threading.active_count()
    refs = [Plain.start() for _ in range(50)]
    assert {ref.proxy().thread().get() for ref in refs} == {"actors"}
    assert threading.active_count() <= before + 1
    assert all(ref.stop() for ref in refs)


@pytest.mark.parametrize(
    ("what", "instead"),
    [
        (lambda ref: ref.ask("hello"), "await ref.ask"),
        (lambda ref: ref.stop(), "await ref.stop"),
        (lambda ref: ref.proxy().twice(1).get(), "await future"),
        (lambda ref: ref.proxy().twice(1).map(str).get(), "await future"),
        (lambda ref: ref.stop(block=False).get(), "await future"),
    ],
)
async def test_blocking_on_a_loop_is_an_error_at_once_that_names_the_way_to_await(what, instead):
    ref = Plain.start()
    with pytest.raises(RuntimeError, match=instead):
        what(ref)
    await ref.stop(block=False)


async def test_futures_are_awaited_on_the_actors_own_loop():
    ref = Plain.start()
    assert await ref.ask("hello", block=False) == "hello"
    assert await ref.proxy().twice(4) == 8
    assert await ref.proxy().twice(4).map(lambda value: value + 1) == 9
    assert await ref.proxy().twice(1).join(ref.proxy().twice(2)) == [2, 4]
    assert await ref.stop(block=False) is True
    assert await ref.stop(block=False) is False
    with pytest.raises(pykka.ActorDeadError):
        await ref.ask("too late", block=False)


async def test_futures_of_an_actor_elsewhere_are_awaited_from_any_loop():
    ref = await asyncio.to_thread(Plain.start)
    assert await ref.proxy().twice(4) == 8
    assert await asyncio.to_thread(ref.stop)


async def test_an_actor_on_this_loop_is_asked_from_other_threads():
    ref = Plain.start()
    assert await asyncio.to_thread(ref.ask, "hello") == "hello"
    assert await asyncio.to_thread(ref.stop)


def test_actors_of_a_loop_that_has_ended_are_dead_not_silent():
    async def start():
        return Plain.start()

    ref = asyncio.run(start())
    assert not ref.is_alive()
    with pytest.raises(pykka.ActorDeadError):
        ref.ask("hello")
