"""Processes killed with -9 in the middle of a thought, and callers that ask again."""

import asyncio

from actors.memory.messages import GetSession
from actors.thinking.messages import Think
from tests.thinking.house import TEXT, Process, house
from tests.thinking.test_think import text_of, turns, user
from transport.addresses import address_of, run_directory
from transport.client import Client


async def test_a_stream_goes_on_whole_when_the_llm_actor_is_killed_in_the_middle_of_it(short_dir, model) -> None:
    model.next({"text": TEXT, "fault": "hang_mid", "after_tokens": 5})
    model.always(text=TEXT)
    async with (
        Process(short_dir, "llm", model.base_url) as llm,
        house(short_dir, parts=("memory", "paradox", "thinking")) as host,
    ):
        pieces = []
        async with host.ref("thinking").stream(Think(session="s", stream=True, messages=(user("Hello"),))) as stream:
            async for part in stream:
                content = part.delta.get("content")
                if content and not pieces:
                    await llm.kill()
                    await llm.start()
                pieces.append(content or "")

            thought = stream.reply

        assert "".join(pieces) == text_of(thought) == TEXT
        assert not thought.degraded
        assert thought.attempts >= 2
        assert await turns(host, "s") == [("user", "Hello"), ("assistant", TEXT)]

    assert len(model.log()) == 2


async def test_a_plain_answer_comes_when_the_llm_actor_is_killed_meanwhile(short_dir, model) -> None:
    model.next({"text": TEXT, "fault": "hang"})
    async with (
        Process(short_dir, "llm", model.base_url) as llm,
        house(short_dir, parts=("memory", "paradox", "thinking"), llm_patience_s=30) as host,
    ):
        asking = asyncio.create_task(host.ref("thinking").ask(Think(session="s", messages=(user("Hello"),))))
        await asyncio.to_thread(model.log, holding=1)
        await llm.kill()
        await llm.start()

        thought = await asking
        assert text_of(thought) == TEXT
        assert not thought.degraded


async def test_a_thought_is_begun_again_when_this_actor_is_killed_with_one_model_call_and_one_memory(short_dir, model) -> None:
    model.next({"text": TEXT, "fault": "hang"})
    async with (
        Process(short_dir, "thinking") as thinking,
        house(short_dir, url=model.base_url, parts=("memory", "paradox", "llm")) as host,
    ):
        asking = asyncio.create_task(host.ref("thinking").ask(Think(messages=(user("Hello"),))))
        await asyncio.to_thread(model.log, holding=1)
        await thinking.kill()
        await thinking.start()
        model.release()

        thought = await asking
        assert text_of(thought) == TEXT
        assert await turns(host, thought.session) == [("user", "Hello"), ("assistant", TEXT)]

    assert len(model.log()) == 1


async def test_memory_killed_in_the_middle_of_an_answer_still_has_it_in_the_end(short_dir, model) -> None:
    model.next({"text": TEXT, "fault": "hang"})
    async with (
        Process(short_dir, "memory") as memory,
        house(short_dir, url=model.base_url, parts=("llm", "paradox", "thinking"), remember_deadline_s=30) as host,
    ):
        asking = asyncio.create_task(host.ref("thinking").ask(Think(session="s", messages=(user("Hello"),))))
        await asyncio.to_thread(model.log, holding=1)
        await memory.kill()
        model.release()
        await memory.start()

        assert text_of(await asking) == TEXT
        found = await host.ref("memory").ask(GetSession(name="s"))
        assert [turn.text for turn in found.turns] == ["Hello", TEXT]


async def test_an_answer_that_could_not_wait_for_memory_is_remembered_when_memory_is_back(short_dir, model) -> None:
    model.next({"text": TEXT, "fault": "hang"})
    async with (
        Process(short_dir, "memory") as memory,
        house(short_dir, url=model.base_url, parts=("llm", "paradox", "thinking"), remember_deadline_s=0.2) as host,
    ):
        # The first is asked while memory is there and answered when it is not; the second knows no memory at all.
        asking = asyncio.create_task(host.ref("thinking").ask(Think(session="s", messages=(user("Hello"),))))
        await asyncio.to_thread(model.log, holding=1)
        await memory.kill()
        model.release()
        assert text_of(await asking) == TEXT
        assert text_of(await host.ref("thinking").ask(Think(session="t", messages=(user("Hello again"),)))) == TEXT

        await memory.start()
        await host.stop_actor("thinking")
        for session, words in (("s", "Hello"), ("t", "Hello again")):
            found = await host.ref("memory").ask(GetSession(name=session))
            assert [turn.text for turn in found.turns] == [words, TEXT]


async def test_who_asks_with_the_same_id_is_joined_to_the_thought_under_way(short_dir, model) -> None:
    model.next({"text": TEXT, "fault": "hang"})
    body = Think(session="s", messages=(user("Hello"),)).model_dump(mode="json")
    async with house(short_dir, url=model.base_url):
        address = address_of("thinking", run_directory(short_dir), {})
        first, second = Client(address), Client(address)
        try:
            one = asyncio.create_task(first.ask("thinking", "thinking.think", body, ttl_ms=20_000, id="call-1"))
            await asyncio.to_thread(model.log, holding=1)
            other = asyncio.create_task(second.ask("thinking", "thinking.think", body, ttl_ms=20_000, id="call-1"))
            model.release()
            answers = [(await one).body, (await other).body]
        finally:
            await first.close()
            await second.close()

        late = Client(address)
        try:
            answers.append((await late.ask("thinking", "thinking.think", body, ttl_ms=20_000, id="call-1")).body)
        finally:
            await late.close()

    assert answers[0] == answers[1] == answers[2]
    assert len(model.log()) == 1


async def test_the_same_key_joins_only_who_says_that_it_repeats_itself(short_dir, model) -> None:
    async with house(short_dir, url=model.base_url) as host:
        thinking = host.ref("thinking")
        first = await thinking.ask(Think(session="s", messages=(user("Hello"),)), key="k")
        again = await thinking.ask(Think(session="s", retry=True, messages=(user("Hello"),)), key="k")
        anew = await thinking.ask(Think(session="s", messages=(user("Hello"),)), key="k")

    assert again.thought_id == first.thought_id
    assert anew.thought_id != first.thought_id
    assert len(model.log()) == 2
