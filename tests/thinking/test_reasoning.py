"""What a model thinks aloud stays out of the answer, in tags and in fields of its own, and is kept with the thought."""

import pytest

from actors.thinking.messages import GetThought, Think
from tests.thinking.house import TEXT, house
from tests.thinking.test_think import assistant, streamed, text_of, turns, user

THOUGHT = "The user is a spy, I think."


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize(
    "behaviour",
    [
        {"text": f"<think>{THOUGHT}</think>\n\n{TEXT}"},
        {"text": f"<reasoning> {THOUGHT} <think> and </think> </reasoning> {TEXT}"},
        {"text": TEXT, "reasoning": THOUGHT},
    ],
    ids=["tags", "nested tags", "field"],
)
async def test_reasoning_is_kept_with_the_thought_and_goes_nowhere_else(short_dir, model, behaviour, stream) -> None:
    model.always(**behaviour)
    async with house(short_dir, url=model.base_url) as host:
        text, thought = await streamed(host, Think(session="s", stream=stream, messages=(user("Hello"),)))

        assert text_of(thought) == TEXT
        assert text == (TEXT if stream else "")
        assert "spy" not in thought.model_dump_json()
        assert await turns(host, "s") == [("user", "Hello"), ("assistant", TEXT)]
        record = await host.ref("thinking").ask(GetThought(thought_id=thought.thought_id))
        assert THOUGHT in record.reasoning


@pytest.mark.parametrize("behaviour", [{"text": f"<think>{THOUGHT}</think>{TEXT}"}, {"text": TEXT, "reasoning": THOUGHT}])
async def test_who_asks_for_the_reasoning_gets_it_in_a_field(short_dir, model, behaviour) -> None:
    model.always(**behaviour)
    asked = Think(stream=True, reasoning="show", messages=(user("Hello"),))
    async with house(short_dir, url=model.base_url) as host, host.ref("thinking").stream(asked) as stream:
        deltas = [part.delta async for part in stream]
        thought = stream.reply

    assert "".join(delta.get("reasoning_content") or "" for delta in deltas).strip() == THOUGHT
    assert "".join(delta.get("content") or "" for delta in deltas) == TEXT
    assert thought.choices[0].message["reasoning_content"].strip() == THOUGHT


async def test_a_model_that_only_thinks_is_asked_again_for_its_answer(short_dir, model) -> None:
    model.next({"text": f"<think>{THOUGHT}"})
    async with house(short_dir, url=model.base_url) as host:
        thought = await host.ref("thinking").ask(Think(messages=(user("Hello"),)))
        record = await host.ref("thinking").ask(GetThought(thought_id=thought.thought_id))

    assert text_of(thought) == TEXT
    assert record.calls == 2
    assert THOUGHT in record.drafts[0].reasoning


async def test_a_model_that_never_says_anything_in_public_is_no_model(short_dir, model) -> None:
    model.always(text=f"<think>{THOUGHT}")
    async with house(short_dir, url=model.base_url) as host:
        thought = await host.ref("thinking").ask(Think(messages=(user("Hello"),)))

    assert thought.degraded
    assert thought.rung == "memory"
    assert "spy" not in text_of(thought)


async def test_a_model_that_begins_in_the_middle_of_its_reasoning_is_known_the_next_time(short_dir, model) -> None:
    model.always(text=f"{THOUGHT}</think>{TEXT}")
    async with house(short_dir, url=model.base_url) as host:
        # A whole text shows by itself where the reasoning ends.
        plain = await host.ref("thinking").ask(Think(messages=(user("Hello"),)))
        text, _ = await streamed(host, Think(stream=True, messages=(user("Hello you"),)))

    assert text_of(plain) == text == TEXT


async def test_of_an_unknown_model_no_stream_that_begins_like_reasoning_goes_out_before_it_is_known_what_it_is(
    short_dir, model
) -> None:
    model.next({"text": f"{THOUGHT}</think>{TEXT}"}, {"text": "Let me help you with that, gladly."})
    async with house(short_dir, url=model.base_url) as host:
        text, thought = await streamed(host, Think(stream=True, messages=(user("Hello"),)))
        assert text == text_of(thought) == TEXT

    # What turns out to be none goes out whole.
    async with house(short_dir / "other", url=model.base_url) as host:
        text, thought = await streamed(host, Think(stream=True, messages=(user("Hello"),)))
        assert text == text_of(thought) == "Let me help you with that, gladly."


async def test_what_begins_otherwise_is_not_held_back(short_dir, model) -> None:
    model.always(text="Lettuce, then.", fault="hang_mid", after_tokens=2)
    asked = Think(stream=True, messages=(user("Hello"),))
    heard = ""
    async with house(short_dir, url=model.base_url) as host, host.ref("thinking").stream(asked, timeout=20) as stream:
        async for saying in stream:
            heard += saying.delta.get("content") or ""
            if heard:
                break
        model.release()

    assert heard
    assert "Lettuce, then.".startswith(heard)


async def test_how_a_model_begins_is_known_after_a_restart_too(short_dir, model) -> None:
    model.always(text=f"Oh dear, a spy. What now?</think>{TEXT}")
    async with house(short_dir, url=model.base_url) as host:
        leaked, _ = await streamed(host, Think(stream=True, messages=(user("Hello"),)))
        assert "spy" in leaked
    async with house(short_dir, url=model.base_url) as host:
        text, _ = await streamed(host, Think(stream=True, messages=(user("Hello you"),)))
        assert text == TEXT


async def test_where_unknown_models_are_held_nothing_leaks_and_who_has_shown_to_be_plain_streams_also_after_a_restart(
    short_dir, model
) -> None:
    model.next({"text": f"Oh dear, a spy. What now?</think>{TEXT}"})
    async with house(short_dir / "one", url=model.base_url, unknown_models="hold") as host:
        text, _ = await streamed(host, Think(stream=True, messages=(user("Hello"),)))
        assert text == TEXT

    async with house(short_dir, url=model.base_url, unknown_models="hold") as host:
        for n in range(3):
            text, _ = await streamed(host, Think(stream=True, memory="off", messages=(user(f"Hello {n}"),)))
            assert text == TEXT
    model.next({"text": TEXT, "fault": "hang_mid", "after_tokens": 2})
    asked = Think(stream=True, messages=(user("Hello"),))
    held = house(short_dir, url=model.base_url, unknown_models="hold")
    async with held as host, host.ref("thinking").stream(asked, timeout=20) as stream:
        async for saying in stream:
            if saying.delta.get("content"):
                break
        model.release()


async def test_a_model_named_in_the_settings_is_held_back_from_the_first_stream(short_dir, model) -> None:
    model.always(text=f"{THOUGHT}</think>{TEXT}")
    async with house(short_dir, url=model.base_url, begins_in_reasoning=("GPT-*",)) as host:
        text, _ = await streamed(host, Think(model="gpt-test", stream=True, messages=(user("Hello"),)))

    assert text == TEXT


async def test_reasoning_in_the_clients_history_is_not_remembered(short_dir, model) -> None:
    history = (user("Hello"), assistant(f"<think>{THOUGHT}</think>Hello you"), user("And now?"))
    async with house(short_dir, url=model.base_url) as host:
        await host.ref("thinking").ask(Think(session="s", messages=history))
        assert [text for _, text in await turns(host, "s")] == ["Hello", "Hello you", "And now?", TEXT]


async def test_a_user_who_asks_for_the_tag_gets_it_in_code(short_dir, model) -> None:
    said = "Write `<think>` before it.\n\n```\n<think>so</think>\n```"
    model.always(text=f"<think>{THOUGHT}</think>{said}")
    async with house(short_dir, url=model.base_url) as host:
        text, thought = await streamed(host, Think(stream=True, messages=(user("How do I write a <think> tag?"),)))

    assert text == text_of(thought) == said
