"""A burst that comes over from an endpoint that failed: a few go ahead, the others wait for their news."""

import asyncio

import pytest

from tests.llm.conftest import TEXT, answer, ask, endpoint, routing
from transport.errors import DeadlineExceeded, LatticeError

CALLERS = 32
LONG = {"first_token_timeout_s": 10.0, "between_tokens_timeout_s": 10.0, "total_timeout_s": 20.0}
"""For faults that take no time: a tenth of it is longer than a busy machine needs to see them."""

ALONE = {"share": 0.0, "at_least_per_s": 1}
"""A retry budget for one scout."""


def pair(servers, **settings):
    return endpoint("a", servers[0].base_url, **settings), endpoint("b", servers[1].base_url, priority=1, **settings)


def chats(server) -> list[dict]:
    return [seen for seen in server.log() if seen["path"] == "/v1/chat/completions"]


def is_probe(seen) -> bool:
    return seen["body"]["messages"][-1]["content"] == "Say ok."


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize(
    ("fault", "times"),
    [
        ({"fault": "hang"}, {}),
        ({"fault": "hang_first_token"}, {}),
        ({"fault": "drip", "delay_between_s": 5}, {}),
        # Of the time between tokens: the first one of so many comes late on a busy machine.
        ({"fault": "hang_mid", "after_tokens": 1}, {**LONG, "between_tokens_timeout_s": 1.0}),
        # Slowly, so that what was said before a reset is read before it.
        ({"fault": "cut", "delay_between_s": 0.1}, LONG),
        ({"fault": "cut_clean"}, LONG),
        ({"fault": "error_inside"}, LONG),
        ({"fault": "status", "status": 503}, LONG),
    ],
    ids=lambda told: told.get("fault", ""),
)
async def test_with_all_down_upstream_sees_no_more_than_a_fifth_more_calls_than_callers(servers, fault, times, stream) -> None:
    for server in servers:
        server.always(text=TEXT, **fault)
    async with routing(*pair(servers, **times), retry={"at_least_per_s": 0}) as router:
        told = await asyncio.gather(*(answer(router, ask(stream=stream)) for _ in range(CALLERS)), return_exceptions=True)

    assert all(isinstance(error, LatticeError) for error in told), told
    assert sum(len(chats(server)) for server in servers) <= CALLERS * 1.2


async def test_who_waits_for_a_silent_endpoint_has_the_next_one_looked_at_meanwhile(servers) -> None:
    first, second = servers
    first.always(text=TEXT, fault="hang_first_token")
    second.next({"text": TEXT, "delay_first_s": 1.2})
    second.always(text=TEXT, fault="hang_first_token")
    silent = endpoint("a", first.base_url, first_token_timeout_s=3.0, total_timeout_s=20.0)
    async with routing(silent, endpoint("b", second.base_url, priority=1, **LONG)) as router:
        asking = asyncio.gather(*(answer(router, ask()) for _ in range(CALLERS)))
        # All at once, and not first some, and the others when these had their first token.
        await asyncio.to_thread(second.log, holding=CALLERS)
        second.release()
        answers = await asking

    assert {(text, reply.endpoint) for text, reply in answers} == {(TEXT, "b")}
    probe, *asked = chats(second)
    assert is_probe(probe)
    assert len(asked) == CALLERS


async def test_few_callers_cost_no_probe_and_neither_do_those_who_are_answered(servers) -> None:
    first, second = servers
    async with routing(*pair(servers)) as router:
        first.next({"fault": "hang_first_token", "times": 3})
        answers = await asyncio.gather(*(answer(router, ask()) for _ in range(3)))
        assert {text for text, _ in answers} == {TEXT}
    async with routing(*pair(servers, first_token_timeout_s=100.0)) as router:
        await asyncio.gather(*(answer(router, ask()) for _ in range(CALLERS)))

    assert not any(is_probe(seen) for seen in chats(second))


async def test_where_the_scout_leaves_the_next_one_goes(servers) -> None:
    first, second = servers
    first.always(fault="status", status=500)
    second.next({"fault": "hang"})
    async with routing(*pair(servers, **LONG), retry=ALONE) as router:
        scout = asyncio.create_task(answer(router, ask()))
        await asyncio.to_thread(second.log, holding=1)
        behind = asyncio.create_task(answer(router, ask()))
        await asyncio.to_thread(first.log, faulted=2)
        scout.cancel()
        await asyncio.wait({scout})
        text, reply = await behind

    assert (text, reply.endpoint) == (TEXT, "b")


async def test_who_waits_for_news_of_an_endpoint_that_is_removed_asks_the_next(servers) -> None:
    first, second = servers
    first.always(fault="status", status=500)
    second.always(text=TEXT, fault="hang")
    third = endpoint("c", first.base_url, priority=2, models=["other"], **LONG)
    async with routing(*pair(servers, **LONG), third, retry=ALONE) as router:
        scout = asyncio.create_task(answer(router, ask()))
        await asyncio.to_thread(second.log, holding=1)
        behind = asyncio.create_task(answer(router, ask()))
        await asyncio.to_thread(first.log, faulted=2)
        first.always(text=TEXT)
        gone = router.endpoints[1]
        router.remove(gone)
        text, reply = await behind
        assert (text, reply.endpoint) == (TEXT, "c")
        second.release()
        assert (await scout)[0] == TEXT
        await gone.close()


async def test_who_waits_for_news_does_so_within_its_own_time(servers) -> None:
    first, second = servers
    first.always(fault="status", status=500)
    second.always(text=TEXT, fault="hang")
    async with routing(*pair(servers, **LONG), retry=ALONE) as router:
        scout = asyncio.create_task(answer(router, ask()))
        await asyncio.to_thread(second.log, holding=1)
        with pytest.raises(DeadlineExceeded):
            await answer(router, ask(), deadline=asyncio.get_running_loop().time() + 0.5)
        scout.cancel()
        await asyncio.wait({scout})


async def test_tokens_that_go_on_are_proof_to_those_whose_answer_broke_off(servers) -> None:
    first, second = servers
    text = " ".join(f"{number}" for number in range(80))
    first.always(text=text, fault="cut_clean")
    second.always(text=text, delay_between_s=0.1)
    async with routing(*pair(servers, first_token_timeout_s=10, between_tokens_timeout_s=5, total_timeout_s=60)) as router:
        answers = await asyncio.gather(*(answer(router, ask(stream=True)) for _ in range(12)))

    assert {told for told, _ in answers} == {text}
    starts = [seen["started"] for seen in chats(second)]
    # An answer takes 8 s and more; nobody waits for the end of another's.
    assert max(starts) - min(starts) < 5


async def test_who_waits_for_an_endpoint_that_was_removed_is_waited_for_in_peace(servers) -> None:
    first, _ = servers
    first.always(text=TEXT, fault="hang")
    raised = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: raised.append(context))
    async with routing(endpoint("a", first.base_url, **LONG)) as router:
        calls = [asyncio.create_task(answer(router, ask())) for _ in range(8)]
        await asyncio.to_thread(first.log, holding=8)
        gone = router.endpoints[0]
        router.remove(gone)
        # Longer than a tenth of the allowance, after which it is looked ahead.
        await asyncio.wait(calls, timeout=1.5)
        first.release()
        assert {text for text, _ in await asyncio.gather(*calls)} == {TEXT}
        await gone.close()

    assert raised == []


async def test_connections_that_were_kept_and_are_reset_cost_no_second_call_each(servers) -> None:
    first, _ = servers
    first.always(text=TEXT, delay_first_s=0.5)
    async with routing(endpoint("a", first.base_url, **LONG), retry={"at_least_per_s": 0, "rounds": 0}) as router:
        # So that there are as many connections as callers.
        await asyncio.gather(*(answer(router, ask()) for _ in range(CALLERS)))
        first.always(text=TEXT, fault="refuse")
        told = await asyncio.gather(*(answer(router, ask()) for _ in range(CALLERS)), return_exceptions=True)

    assert all(isinstance(error, LatticeError) for error in told), told
    assert len(chats(first)) <= 2 * CALLERS * 1.2


async def test_a_server_that_has_closed_all_that_was_kept_answers_all_the_same(servers) -> None:
    first, _ = servers
    first.always(text=TEXT, delay_first_s=0.5)
    async with routing(endpoint("a", first.base_url, **LONG), retry={"at_least_per_s": 0, "rounds": 0}) as router:
        await asyncio.gather(*(answer(router, ask()) for _ in range(CALLERS)))
        first.always(text=TEXT)
        first.next({"fault": "refuse", "times": CALLERS})
        answers = await asyncio.gather(*(answer(router, ask()) for _ in range(CALLERS)))

    assert {text for text, _ in answers} == {TEXT}


@pytest.mark.parametrize(
    "told", [{"fault": "status", "status": 500}, {"fault": "cut", "delay_between_s": 0.1}], ids=["500", "cut"]
)
async def test_that_all_answered_a_moment_ago_costs_no_storm_when_all_are_down(servers, told) -> None:
    async with routing(*pair(servers, **LONG), retry={"at_least_per_s": 0}) as router:
        first, second = router.endpoints
        await answer(router, ask())
        first.draining = True
        await answer(router, ask())
        first.draining = False
        assert first.evidence.proven
        assert second.evidence.proven
        for server in servers:
            server.always(text=TEXT, **told)
        await asyncio.gather(*(answer(router, ask()) for _ in range(CALLERS)), return_exceptions=True)

    assert sum(len(chats(server)) for server in servers) <= (CALLERS + 2) * 1.2
