"""The socket at which a supervisor is reached, alone."""

import asyncio
import resource
from contextlib import contextmanager

import pytest
from loguru import logger

from supervisors.control import connect
from supervisors.listener import Listener


@pytest.fixture
async def taken_in(short_dir):
    """Who was taken in by the listener of `short_dir`."""
    queue = asyncio.Queue()
    listener = Listener(short_dir, "supervisor", queue.put_nowait)
    listener.open()
    yield queue
    listener.close()
    while not queue.empty():
        queue.get_nowait().close()


@contextmanager
def no_descriptors_left():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


async def test_who_cannot_be_taken_in_does_not_hold_the_loop_and_is_taken_in_later(short_dir, taken_in):
    refused = []
    sink = logger.add(lambda line: refused.append(line.record["message"]), level="ERROR")
    caller = connect(short_dir, "supervisor")

    with no_descriptors_left():
        for _ in range(100):
            await asyncio.sleep(0)
    logger.remove(sink)
    assert refused == ["nobody can be taken in"]

    async with asyncio.timeout(5):
        other = await taken_in.get()
    caller.send("hello")
    assert other.receive()[0] == {"say": "hello"}
    caller.close()
    other.close()


async def test_a_listener_that_is_opened_anew_is_the_one_that_is_found(short_dir, taken_in):
    del taken_in
    again = asyncio.Queue()
    listener = Listener(short_dir, "supervisor", again.put_nowait)
    listener.open()
    listener.remove()
    assert not listener.in_place

    listener.open()
    assert listener.in_place
    caller = connect(short_dir, "supervisor")
    async with asyncio.timeout(5):
        (await again.get()).close()
    caller.close()
    listener.close()
