"""The list of the latest thoughts: in order, of one namespace, and without what memory has forgotten."""

from actors.memory.messages import ForgetSession
from actors.thinking.messages import ListThoughts, Think
from tests.thinking.house import house
from tests.thinking.test_think import user


async def thoughts_of(host, namespace="default", **how):
    told = await host.ref("thinking").ask(ListThoughts(namespace=namespace, **how))
    return told.thoughts


async def think(host, text, namespace="default", session="s"):
    answer = await host.ref("thinking").ask(Think(namespace=namespace, session=session, messages=(user(text),)))
    return answer.thought_id


async def test_the_latest_stands_first_also_before_it_is_on_disk_and_after_a_restart(short_dir, model) -> None:
    async with house(short_dir, url=model.base_url) as host:
        assert await thoughts_of(host) == ()
        known = [await think(host, f"Why does it rain in {place}?") for place in ("Porto", "Oslo", "Lagos")]
        await think(host, "Elsewhere", namespace="other")

        latest = await thoughts_of(host)
        assert [thought.thought_id for thought in latest] == known[::-1]
        assert (latest[0].session, latest[0].endpoint, latest[0].rung, latest[0].calls) == ("s", "first", "full", 1)
        assert latest[0].took_ms > 0
        assert [thought.thought_id for thought in await thoughts_of(host, limit=2)] == known[:0:-1]

    async with house(short_dir, url=model.base_url, parts=("memory", "thinking")) as host:
        assert [thought.thought_id for thought in await thoughts_of(host)] == known[::-1]
        assert len(await thoughts_of(host, "other")) == 1


async def test_a_talk_that_was_forgotten_is_not_named(short_dir, model) -> None:
    async with house(short_dir, url=model.base_url) as host:
        await think(host, "My password is zanzibar.", session="secret")
        await think(host, "Hello", session="kept")
        await host.ref("memory").ask(ForgetSession(name="secret"))

        assert [thought.session for thought in await thoughts_of(host)] == ["kept", None]


async def test_no_talk_is_named_while_memory_cannot_say_whether_it_was_forgotten(short_dir, model) -> None:
    async with house(short_dir, url=model.base_url) as host:
        known = await think(host, "Hello", session="perhaps")
        await host.kill_actor("memory")

        (thought,) = await thoughts_of(host)
        assert (thought.thought_id, thought.session) == (known, None)
