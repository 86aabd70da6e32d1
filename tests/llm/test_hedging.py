"""A second endpoint is asked when the first is slower than usual; off unless asked for."""

import asyncio
import time
from contextlib import aclosing

import pytest

from actors.llm.form import Asked, Piece
from actors.llm.hedging import Race
from tests.llm.conftest import TEXT, answer, ask, endpoint, routing

HEDGE = {"enabled": True, "minimum_calls": 5, "at_least_s": 0.05}
SLOW = {"first_token_timeout_s": 20, "between_tokens_timeout_s": 20, "total_timeout_s": 30}


async def test_a_hang_costs_no_more_than_the_usual_first_token_and_the_loser_is_left_at_once(servers) -> None:
    first, second = servers
    pair = endpoint("a", first.base_url, **SLOW), endpoint("b", second.base_url, priority=1)
    async with routing(*pair, hedge=HEDGE) as router:
        for _ in range(5):
            assert (await answer(router, ask()))[1].endpoint == "a"
        first.next({"fault": "hang_first_token"}, {"fault": "hang"})
        for stream in (True, False):
            began = time.monotonic()
            text, reply = await answer(router, ask(stream=stream))
            assert (text, reply.endpoint, reply.attempts) == (TEXT, "b", 2)
            assert time.monotonic() - began < 5
        await asyncio.to_thread(first.log, hung_up=2)
        assert [one.in_flight for one in router.endpoints] == [0, 0]


async def test_without_the_setting_nobody_is_asked_twice(servers) -> None:
    first, second = servers
    async with routing(endpoint("a", first.base_url, **SLOW), endpoint("b", second.base_url, priority=1)) as router:
        first.always(text=TEXT, delay_first_s=0.2)
        for _ in range(3):
            await answer(router, ask())
        assert second.log() == []


async def test_a_hedge_that_fails_leaves_the_answer_to_the_first(servers) -> None:
    first, second = servers
    second.always(fault="status", status=500)
    pair = endpoint("a", first.base_url, **SLOW), endpoint("b", second.base_url, priority=1)
    async with routing(*pair, hedge=HEDGE) as router:
        for _ in range(5):
            await answer(router, ask())
        first.next({"text": TEXT, "delay_first_s": 0.5})
        assert (await answer(router, ask(stream=True)))[1].endpoint == "a"
        assert len(second.log()) == 1


class Speaker:
    """An attempt that says its words, if any, and then nothing more; closing it takes until `may_end`."""

    def __init__(self, *words: str) -> None:
        self.words = words
        self.ending, self.may_end, self.ended = asyncio.Event(), asyncio.Event(), False

    async def events(self, _asked):
        try:
            for word in self.words:
                yield Piece(0, {"content": word})
            await asyncio.Event().wait()
        finally:
            self.ending.set()
            await self.may_end.wait()
            self.ended = True


async def test_who_leaves_while_the_loser_is_being_left_leaves_the_winner_too() -> None:
    slow, fast = Speaker(), Speaker("word")
    race = Race(slow, Asked("m", (), {}), delay=0.0, second=lambda: fast, lost=lambda _attempt, _failure: None)

    async def listen() -> None:
        async with aclosing(race.events()) as events:
            async for _ in events:
                pass

    listening = asyncio.create_task(listen())
    await slow.ending.wait()
    fast.may_end.set()
    listening.cancel()
    slow.may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await listening
    assert fast.ended
