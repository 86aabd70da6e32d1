"""A second endpoint is asked when the first is slower than usual; off unless asked for."""

import asyncio
import time
from contextlib import aclosing

import pytest

from actors.llm.attempts import Attempts
from actors.llm.form import Asked, Piece
from actors.llm.hedging import Race, Runner
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

    def count(self) -> None:
        """It is an attempt at no endpoint."""

    def forgo(self) -> None:
        """Nobody has counted it."""

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


async def test_a_burst_of_hedged_calls_keeps_to_the_limit(servers) -> None:
    first, _ = servers
    first.always(text=TEXT)
    async with routing(endpoint("a", first.base_url, max_in_flight=2, **SLOW), hedge=HEDGE) as router:
        for _ in range(5):
            await answer(router, ask())
        first.always(text=TEXT, fault="hang_first_token")
        calls = [asyncio.create_task(answer(router, ask())) for _ in range(8)]
        await asyncio.to_thread(first.log, holding=2)
        assert router.endpoints[0].in_flight == 2
        assert len(router.line) == 6
        first.always(text=TEXT)
        first.release()
        assert {text for text, _ in await asyncio.gather(*calls)} == {TEXT}


async def test_a_hedge_for_a_model_that_nobody_has_any_more_leaves_the_answer_to_the_first(servers) -> None:
    first, second = servers
    other = endpoint("b", second.base_url, models=["other"])
    async with routing(endpoint("a", first.base_url, **SLOW), other, hedge=HEDGE) as router:
        for _ in range(5):
            await answer(router, ask())
        first.always(text=TEXT, fault="hang_first_token")
        call = asyncio.create_task(answer(router, ask()))
        await asyncio.to_thread(first.log, holding=1)
        gone = router.endpoints[0]
        router.remove(gone)
        # Longer than the usual first token.
        await asyncio.wait([call], timeout=0.5)
        first.release()
        assert (await call)[0] == TEXT
        await gone.close()


async def test_a_hedged_call_that_is_left_before_it_has_begun_leaves_its_room(servers) -> None:
    first, _ = servers
    async with routing(endpoint("a", first.base_url, **SLOW), hedge=HEDGE) as router:
        there = router.endpoints[0]
        runner = Runner(await router.dispatcher.choose(Attempts(("gpt-test",), None)), Asked("gpt-test", (), {}))
        assert (there.in_flight, there.evidence.unanswered) == (1, 1)
        await runner.close()
        assert (there.in_flight, there.evidence.unanswered) == (0, 0)
        assert first.log() == []
