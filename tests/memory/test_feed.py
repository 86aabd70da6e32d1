"""Who follows memory misses nothing, waits without polling, and holds nobody up."""

import asyncio

import pytest

from actors.host import Host
from actors.memory.actor import Memory
from actors.memory.followers import Followers
from actors.memory.messages import Fed, Feed, Forget, Get, GetStats, NewMemory, Recall, Remember, Revise, Supersede, end_of_feed
from actors.memory.settings import MemorySettings
from transport.errors import Invalid, Unavailable


async def remember(memory, *texts, namespace="default"):
    message = Remember(namespace=namespace, memories=tuple(NewMemory(text=text) for text in texts))
    return [stored.id for stored in (await memory.ask(message)).memories]


async def test_every_change_is_told_in_order_over_all_namespaces(memory):
    one, two = await remember(memory, "one", "two")
    [three] = await remember(memory, "three", namespace="other")
    await memory.ask(Revise(id=one, text="uno"))
    await memory.ask(Supersede(id=one, by=two, cause="update"))
    await memory.ask(Recall(query="two"))
    await memory.ask(Forget(ids=(two,)))

    fed = await memory.ask(Feed())
    assert [(change.change, change.id) for change in fed.changes] == [
        ("remembered", one),
        ("remembered", two),
        ("remembered", three),
        ("revised", one),
        ("superseded", one),
        ("forgotten", two),
    ]
    assert [change.seq for change in fed.changes] == sorted({change.seq for change in fed.changes})
    assert fed.changes[2].namespace == "other"
    assert fed.changes[0].memory.text == "uno"
    assert fed.changes[1].memory is None
    assert fed.changes[4].cause == "update"
    assert fed.cursor == fed.changes[-1].seq
    assert (await memory.ask(Feed(cursor=fed.cursor))).changes == ()


async def test_pages_of_the_feed_leave_nothing_out(memory):
    ids = await remember(memory, *(str(number) for number in range(25)))
    seen, cursor = [], 0
    while (fed := await memory.ask(Feed(cursor=cursor, limit=7))).changes:
        seen += [change.id for change in fed.changes]
        cursor = fed.cursor
    assert seen == ids


async def test_a_follower_that_waits_is_told_at_once(memory):
    waiting = asyncio.ensure_future(memory.ask(Feed(wait_ms=20_000)))
    await memory.ask(GetStats())
    assert not waiting.done()
    [new] = await remember(memory, "news")
    fed = await asyncio.wait_for(waiting, 15)
    assert [change.id for change in fed.changes] == [new]


async def test_waiting_ends_when_nothing_comes(memory):
    await remember(memory, "one", "two")
    fed = await memory.ask(Feed(cursor=2, wait_ms=30))
    assert (fed.changes, fed.cursor) == ((), 2)


async def test_waiting_followers_hold_nobody_up_and_too_many_are_refused(memory):
    waiting = [asyncio.ensure_future(memory.ask(Feed(wait_ms=25_000))) for _ in range(70)]
    [new] = await asyncio.wait_for(remember(memory, "news", namespace="other"), 15)
    assert (await asyncio.wait_for(memory.ask(Get(namespace="other", id=new)), 15)).memory.text == "news"
    results = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 15)
    told = [result for result in results if not isinstance(result, Exception)]
    assert len(told) >= 64
    assert all(error.code == "overloaded" for error in results if isinstance(error, Exception))


async def test_a_follower_of_some_changes_alone_is_told_of_them_and_moves_past_the_others(memory):
    one, two, three = await remember(memory, "one", "two", "three")
    await memory.ask(Forget(ids=(one,)))
    await memory.ask(Forget(ids=(two,)))
    first = await memory.ask(Feed(changes=("forgotten",), limit=1))
    rest = await memory.ask(Feed(changes=("forgotten",), cursor=first.cursor))
    assert [change.id for fed in (first, rest) for change in fed.changes] == [one, two]

    waiting = asyncio.ensure_future(memory.ask(Feed(changes=("forgotten",), cursor=rest.cursor, wait_ms=20_000)))
    await remember(memory, "four")
    await memory.ask(Forget(ids=(three,)))
    assert [change.id for change in (await waiting).changes] == [three]
    await remember(memory, "five")
    nothing = await memory.ask(Feed(changes=("forgotten",), cursor=rest.cursor + 2))
    assert (nothing.changes, nothing.cursor) == ((), (await memory.ask(GetStats())).feed_cursor)


async def test_many_writers_and_a_follower_that_misses_none(memory):
    seen = []

    async def follow():
        cursor = 0
        while len(seen) < 200:
            fed = await memory.ask(Feed(cursor=cursor, limit=13, wait_ms=10_000))
            seen.extend(change.memory.text for change in fed.changes)
            cursor = fed.cursor

    following = asyncio.ensure_future(follow())
    await asyncio.gather(*(remember(memory, f"{number}") for number in range(200)))
    await asyncio.wait_for(following, 20)
    assert sorted(seen, key=int) == [str(number) for number in range(200)]


async def test_a_host_that_goes_away_lets_its_followers_go(short_dir):
    async with Host(run_dir=short_dir / "run") as host:
        await host.start_actor(Memory, MemorySettings(), short_dir)
        waiting = asyncio.ensure_future(host.ref("memory").ask(Feed(wait_ms=25_000)))
        await host.ref("memory").ask(GetStats())
        await asyncio.wait_for(host.drain(60), 15)
        assert (await waiting).changes == ()


async def test_who_would_wait_for_a_host_that_goes_away_is_told_to_come_later():
    followers, leaving, looked = Followers(4), asyncio.Event(), asyncio.Event()

    async def read(feed: Feed) -> Fed:
        looked.set()
        return Fed(changes=(), cursor=feed.cursor, timeline="t")

    loop = asyncio.get_running_loop()
    waiting = asyncio.ensure_future(followers.follow(Feed(wait_ms=20_000), read, loop.time() + 20))
    await looked.wait()
    leaving.set()
    await followers.let_go(leaving)
    assert (await waiting).changes == ()
    with pytest.raises(Unavailable) as refused:
        await followers.follow(Feed(wait_ms=20_000), read, loop.time() + 20)
    assert refused.value.retry_after_ms
    assert (await followers.follow(Feed(), read, loop.time())).changes == ()


@pytest.mark.parametrize("cursor", [2, 10**6, 2**62])
async def test_a_cursor_beyond_the_end_is_refused_by_name_and_told_where_the_end_is(memory, cursor):
    await remember(memory, "a")
    with pytest.raises(Invalid, match="cursor") as refused:
        await memory.ask(Feed(cursor=cursor, wait_ms=20_000))
    assert refused.value.detail == {"field": "cursor", "end": 1}
    assert end_of_feed(refused.value) == 1


async def test_who_waits_for_one_kind_of_change_is_told_it_whatever_else_comes_in_meanwhile(memory):
    waiting = asyncio.create_task(memory.ask(Feed(changes=("forgotten",), wait_ms=20_000), timeout=30))
    [gone] = await remember(memory, "one")
    for _ in range(5):
        await remember(memory, "more")
        assert not waiting.done()
    await memory.ask(Forget(ids=(gone,)))
    fed = await waiting
    assert [(change.change, change.id) for change in fed.changes] == [("forgotten", gone)]
