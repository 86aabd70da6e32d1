"""Names and their addresses: an endpoint that moves is followed, by time and at once where its old place is empty."""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from actors.llm.connections import Connections
from actors.llm.failure import Failure
from actors.llm.timeouts import Timeouts
from tests.llm.conftest import TEXT, answer, ask, endpoint, routing


class Moving(AbstractResolver):
    """A resolver whose answer a test changes."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.asked = 0

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        self.asked += 1
        told = {"hostname": host, "host": self.address, "port": port, "family": family, "proto": 0, "flags": 0}
        return [ResolveResult(**told)]

    async def close(self) -> None:
        pass


@asynccontextmanager
async def serving(address: str, port: int = 0, *, keep: bool = False):
    """A server that says where it lives; its port. Unless told to keep connections it closes each, so that the next request
    needs the address."""

    async def where(_request: web.Request) -> web.Response:
        return web.Response(text=address, headers={} if keep else {"Connection": "close"})

    app = web.Application()
    app.router.add_get("/v1/where", where)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, address, port)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


class Hanging(Moving):
    """A resolver that never ends, after `refused` times at which there was no descriptor for it."""

    def __init__(self, refused: int) -> None:
        super().__init__("127.0.0.1")
        self.refused = refused

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        told = await super().resolve(host, port, family)
        if self.asked <= self.refused:
            raise OSError(errno.EMFILE, "Too many open files")

        await asyncio.get_running_loop().create_future()
        return told


@asynccontextmanager
async def connections(resolver: Moving, port: int, dns_s: float, **times: float):
    settings = endpoint("a", f"http://models.example:{port}/v1", **times)
    there = Connections(settings, settings.base_url, dict, 1 << 20, resolver=resolver, dns_s=dns_s)

    async def where() -> str:
        timeouts = Timeouts(settings, None)
        response = await there.send("GET", "/where", None, timeouts)
        text = (await there.read(response, timeouts)).decode()
        there.release(response, complete=True)
        return text

    try:
        yield where
    finally:
        await there.close()


async def test_a_name_is_looked_up_again_when_its_time_is_over() -> None:
    async with serving("127.0.0.1") as port, serving("127.0.0.2", port):
        resolver = Moving("127.0.0.1")
        async with connections(resolver, port, dns_s=0.05) as where:
            assert await where() == "127.0.0.1"
            resolver.address = "127.0.0.2"
            places = {await where()}
            while "127.0.0.2" not in places:
                places.add(await where())
            assert places <= {"127.0.0.1", "127.0.0.2"}
            assert resolver.asked < 10


async def test_until_then_it_is_not_asked_for_again() -> None:
    async with serving("127.0.0.1") as port:
        resolver = Moving("127.0.0.1")
        async with connections(resolver, port, dns_s=3600) as where:
            assert [await where() for _ in range(5)] == ["127.0.0.1"] * 5
            assert resolver.asked == 1


async def test_an_endpoint_that_has_moved_is_found_by_the_next_attempt_after_one_that_failed() -> None:
    async with serving("127.0.0.2") as port:
        resolver = Moving("127.0.0.1")
        async with connections(resolver, port, dns_s=3600) as where:
            with pytest.raises(Failure, match="no connection"):
                await where()
            resolver.address = "127.0.0.2"
            assert await where() == "127.0.0.2"


async def test_a_name_that_moves_is_followed_though_the_old_place_goes_on_answering_over_what_is_kept() -> None:
    async with serving("127.0.0.1", keep=True) as port, serving("127.0.0.2", port):
        resolver = Moving("127.0.0.1")
        async with connections(resolver, port, dns_s=0.05) as where:
            assert await where() == "127.0.0.1"
            resolver.address = "127.0.0.2"
            places = []
            async with asyncio.timeout(10):
                while "127.0.0.2" not in places:
                    places.append(await where())
            assert set(places) == {"127.0.0.1", "127.0.0.2"}


async def test_a_sound_endpoint_answers_though_each_turn_of_this_loop_takes_longer_than_a_connection_may(servers) -> None:
    loop = asyncio.get_running_loop()
    times = {"connect_timeout_s": 0.03, "first_token_timeout_s": 20.0, "total_timeout_s": 60.0}
    async with routing(endpoint("a", servers[0].base_url, **times)) as router:
        asking = asyncio.create_task(answer(router, ask()))

        def hold() -> None:
            time.sleep(0.06)
            if not asking.done():
                loop.call_soon(hold)

        loop.call_soon(hold)
        assert (await asking)[0] == TEXT
        assert router.endpoints[0].failures == 0


async def turns() -> None:
    """Let the loop do all that is due now."""
    for _ in range(50):
        await asyncio.sleep(0)


@pytest.mark.parametrize(("connect_timeout_s", "refused"), [(6.0, 0), (3.0, 1)], ids=["long", "after a wait for a descriptor"])
async def test_a_connection_that_is_given_up_in_time_is_not_tried_again_as_if_this_process_were_busy(
    monkeypatch, connect_timeout_s, refused
) -> None:
    # By a clock that stands still between its steps, so that nothing but what is counted wrong makes it late. The second's
    # fraction shows whether a timeout is rounded up.
    loop, clock = asyncio.get_running_loop(), [1000.5]
    monkeypatch.setattr(loop, "time", lambda: clock[0])
    loop.set_exception_handler(lambda *_: None)
    resolver = Hanging(refused)
    times = {"connect_timeout_s": connect_timeout_s, "first_token_timeout_s": 60.0, "total_timeout_s": 60.0}
    async with connections(resolver, 1, 3600, **times) as where:
        asking = asyncio.create_task(where())
        await turns()
        for _ in range(refused):
            clock[0] += 0.1001
            await turns()
        assert resolver.asked == refused + 1
        clock[0] += connect_timeout_s + 0.0001
        await turns()
        assert asking.done()
        with pytest.raises(Failure, match="no connection within"):
            await asking
        assert resolver.asked == refused + 1
