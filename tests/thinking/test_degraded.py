"""No model, no memory, no paradox, no time: what still comes, and how soon."""

import time

import pytest

from actors.thinking.messages import GetThought, Think
from tests.thinking.house import RESERVED, TEXT, Process, house
from tests.thinking.test_think import streamed, text_of, turns, user
from transport.errors import Unavailable

SLACK_S = 4.0
"""What a busy machine may add to a deadline in these tests: without the deadline a call takes a fifth of its 30 s, or all."""

AGAIN = 3
"""So often is asked again what is to be quick then; the quickest counts."""


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_without_a_model_memory_answers_and_says_so(short_dir, stream) -> None:
    async with house(short_dir) as host:
        thinking = host.ref("thinking")
        await thinking.ask(Think(session="a", messages=(user("My cat is called Pim."),)))

        asked = Think(session="b", stream=stream, messages=(user("What is my cat called?"),))
        text, thought = await streamed(host, asked)
        assert text == (text_of(thought) if stream else "")

        answer = text_of(thought)
        assert "No language model can be reached" in answer
        assert '"My cat is called Pim."' in answer
        assert thought.degraded
        assert thought.endpoint is None
        assert thought.memories
        # The user's words are kept; our notice of the failure is not kept as something that the assistant said.
        assert await turns(host, "b") == [("user", "What is my cat called?")]

        # It comes back in the client's history, and is still not taken for the assistant's words.
        history = (user("What is my cat called?"), {"role": "assistant", "content": answer}, user("Are you back?"))
        await thinking.ask(Think(session="b", messages=history))
        assert await turns(host, "b") == [("user", "What is my cat called?"), ("user", "Are you back?")]


async def test_what_has_nothing_to_do_with_the_question_is_not_quoted(short_dir) -> None:
    async with house(short_dir) as host:
        thinking = host.ref("thinking")
        for said in ("Hello there, my cat is called Pim.", "hello", "Hello again"):
            await thinking.ask(Think(session="a", messages=(user(said),)))

        greeted = await thinking.ask(Think(session="b", messages=(user("Hello!"),)))
        assert "nothing in memory about it" in text_of(greeted)
        assert greeted.memories == ()

        asked = await thinking.ask(Think(session="c", messages=(user("Hello! What is my cat called?"),)))
        assert text_of(asked).count('"') == 2
        assert "Pim" in text_of(asked)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_without_model_and_memory_it_says_when_to_come_back(short_dir, stream) -> None:
    async with house(short_dir, parts=("llm", "thinking")) as host:
        with pytest.raises(Unavailable) as failed:
            await streamed(host, Think(stream=stream, messages=(user("What is my cat called?"),)), timeout=4)

    assert failed.value.retry_after_ms


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_without_an_llm_actor_memory_answers_within_the_time_that_is_left(short_dir, stream) -> None:
    """A caller in a hurry has less time than the llm actor is given for a sign of life."""
    async with house(short_dir, parts=("memory", "paradox", "thinking")) as host:
        asked = Think(stream=stream, messages=(user("What is my cat called?"),))
        _, thought = await streamed(host, asked, timeout=4)
        assert thought.rung == "memory"

        took = []
        for _ in range(AGAIN):
            began = time.monotonic()
            await streamed(host, asked, timeout=4)
            took.append(time.monotonic() - began)

        assert min(took) < 1.0


async def test_a_memory_that_is_late_and_alive_is_waited_for_where_nothing_else_is_left(short_dir) -> None:
    """At its start it reads what it searches, and takes longer than a context is worth."""
    async with house(short_dir, context_deadline_s=0.001, profile_cache_s=60.0) as host:
        for number in range(4):
            thought = await host.ref("thinking").ask(Think(session="s", messages=(user(f"Is there a number {number}?"),)))
            assert thought.rung == "memory"


async def test_a_memory_that_gives_no_sign_of_life_is_not(short_dir) -> None:
    parts = ("llm", "thinking")
    async with Process(short_dir, "memory") as memory, house(short_dir, parts=parts, context_deadline_s=0.3) as host:
        await host.ref("thinking").ask(Think(messages=(user("Hello"),)))
        memory.halt()
        took = []
        for _ in range(1 + AGAIN):
            began = time.monotonic()
            with pytest.raises(Unavailable, match="memory gives no answer in time either"):
                await host.ref("thinking").ask(Think(memory="read", messages=(user("Hello"),)), timeout=30)
            took.append(time.monotonic() - began)

    assert took[0] < 0.3 + 1.0 + SLACK_S
    assert min(took[1:]) < 1.0


async def test_with_memory_off_a_degraded_answer_quotes_nothing(short_dir) -> None:
    async with house(short_dir) as host:
        await host.ref("thinking").ask(Think(session="a", messages=(user("My cat is called Pim."),)))
        thought = await host.ref("thinking").ask(Think(memory="off", messages=(user("What is my cat called?"),)))

    assert "Pim" not in text_of(thought)
    assert thought.memories == ()


async def test_parts_that_are_absent_cost_the_context_deadline_and_no_more(short_dir, model) -> None:
    async with house(short_dir, url=model.base_url, parts=("llm", "thinking"), context_deadline_s=0.3) as host:
        began = time.monotonic()
        thought = await host.ref("thinking").ask(Think(memory="read", session="s", messages=(user("Hello"),)))
        took = time.monotonic() - began
        record = await host.ref("thinking").ask(GetThought(thought_id=thought.thought_id))

    assert text_of(thought) == TEXT
    assert not thought.degraded
    assert took < 0.3 + SLACK_S
    assert {reason.split(":")[0] for reason in record.missing} == {
        "memory.recall",
        "memory.list",
        "paradox.list",
        "daemon.profile",
    }


async def test_a_memory_that_stands_still_costs_no_more_either(short_dir, model) -> None:
    parts = ("llm", "paradox", "thinking")
    async with (
        Process(short_dir, "memory") as memory,
        house(short_dir, url=model.base_url, parts=parts, context_deadline_s=0.3, remember_deadline_s=0.5) as host,
    ):
        await host.ref("thinking").ask(Think(session="s", messages=(user("Hello"),)))
        memory.halt()

        began = time.monotonic()
        thought = await host.ref("thinking").ask(Think(session="s", messages=(user("Hello again"),)))
        took = time.monotonic() - began
        record = await host.ref("thinking").ask(GetThought(thought_id=thought.thought_id))

    assert text_of(thought) == TEXT
    assert took < 0.3 + 0.5 + SLACK_S
    missing = {reason.split(":")[0] for reason in record.missing}
    assert {"memory.recall", "memory.converse"} <= missing
    assert "paradox.list" not in missing


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_when_time_is_up_what_is_there_goes_out(short_dir, model, stream) -> None:
    model.always(text=TEXT, fault="hang_mid", after_tokens=4)
    async with house(short_dir, url=model.base_url, reserve_fraction=RESERVED) as host:
        text, thought = await streamed(host, Think(session="s", stream=stream, messages=(user("Hello"),)), timeout=2)

        assert thought.degraded
        if stream:
            # A plain call of the model gives nothing until it is whole, so there memory answers.
            assert text == text_of(thought)
            assert TEXT.startswith(text)
            assert text
            assert thought.choices[0].finish_reason == "length"
            assert await turns(host, "s") == [("user", "Hello"), ("assistant", text)]
        else:
            assert "No language model" in text_of(thought)
            assert await turns(host, "s") == [("user", "Hello")]


async def test_what_is_known_to_be_away_is_not_waited_for_again(short_dir, model) -> None:
    parts = ("llm", "thinking")
    async with house(short_dir, url=model.base_url, parts=parts, context_deadline_s=1.0, remember_deadline_s=1.0) as host:
        thinking = host.ref("thinking")
        await thinking.ask(Think(session="s", messages=(user("Hello"),)))
        took = []
        for number in range(AGAIN):
            began = time.monotonic()
            thought = await thinking.ask(Think(session="s", messages=(user(f"Hello again, {number}"),)))
            took.append(time.monotonic() - began)
            assert text_of(thought) == TEXT

        assert min(took) < 1.0


async def test_a_model_actor_that_stands_still_is_not_waited_for_until_the_end(short_dir, model) -> None:
    parts = ("memory", "paradox", "thinking")
    async with Process(short_dir, "llm", model.base_url) as llm, house(short_dir, parts=parts, llm_patience_s=2.0) as host:
        await host.ref("thinking").ask(Think(session="s", messages=(user("My cat is called Pim."),)))
        llm.halt()
        first = await host.ref("thinking").ask(Think(messages=(user("What is my cat called?"),)), timeout=30)
        took = []
        for _ in range(AGAIN):
            began = time.monotonic()
            again = await host.ref("thinking").ask(Think(messages=(user("What is my cat called?"),)), timeout=30)
            took.append(time.monotonic() - began)
            assert first.rung == again.rung == "memory"

    # Whoever waited again would have waited for as long as its patience.
    assert min(took) < 2.0


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("fault", ["hang", "hang_first_token"])
async def test_where_silence_is_bounded_memory_answers_within_it(short_dir, model, fault, stream) -> None:
    model.always(text=TEXT, fault=fault)
    async with house(short_dir, url=model.base_url, memory_after_s=0.4) as host:
        asked = Think(session="s", stream=stream, messages=(user("What is my cat called?"),))
        began = time.monotonic()
        _, thought = await streamed(host, asked, timeout=30)
        assert time.monotonic() - began < 0.4 + SLACK_S
        assert (thought.rung, thought.attempts) == ("memory", 1)

        # A model that has said something has the time that it needs.
        model.always(text=TEXT, delay_between_s=0.06)
        said, thought = await streamed(host, Think(session="s", stream=stream, messages=(user("And now?"),)), timeout=30)
        assert text_of(thought) == TEXT
        assert said == (TEXT if stream else "")


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_the_smaller_model_answers_where_the_wanted_one_cannot(short_dir, model, stream) -> None:
    model.next({"fault": "status", "status": 500})
    async with house(short_dir, url=model.base_url, smaller_model="gpt-test") as host:
        text, thought = await streamed(host, Think(stream=stream, messages=(user("Hello"),)))

    assert text_of(thought) == TEXT
    assert text == (TEXT if stream else "")
    assert thought.rung == "smaller_model"
    assert not thought.degraded


async def test_who_cannot_read_prose_hears_when_to_come_back(short_dir) -> None:
    options = {"response_format": {"type": "json_object"}}
    async with house(short_dir) as host:
        with pytest.raises(Unavailable) as failed:
            await host.ref("thinking").ask(Think(messages=(user("Hello"),), options=options))

    assert failed.value.retry_after_ms


async def test_a_stream_that_nobody_can_go_on_with_ends_with_an_error_and_is_not_remembered(short_dir, model) -> None:
    model.always(text=TEXT, fault="cut_clean")
    async with house(short_dir, url=model.base_url) as host:
        heard = ""
        with pytest.raises(Unavailable) as failed:  # noqa: PT012 (what came before counts too)
            async with host.ref("thinking").stream(Think(session="s", stream=True, messages=(user("Well?"),))) as stream:
                async for part in stream:
                    heard += part.delta.get("content", "")

        assert TEXT.startswith(heard.strip())
        assert heard.strip()
        assert failed.value.retry_after_ms
        assert await turns(host, "s") == [("user", "Well?")]

        # Who asked for the whole had heard nothing, and gets an answer.
        whole = await host.ref("thinking").ask(Think(session="t", messages=(user("Well?"),)))
        assert whole.rung == "memory"
