"""A thought is given again to the same question in the same state, and to no other."""

import pytest

from actors.clock import ManualClock
from actors.host import Host
from actors.memory.messages import Forget, NewMemory, Remember
from actors.thinking.actor import Thinking
from actors.thinking.messages import GetThought, Think
from actors.thinking.settings import ThinkingSettings
from tests.thinking.house import TEXT, house
from tests.thinking.test_think import streamed, text_of, turns, user

QUESTION = user("What is my cat called?")


def asked(session: str, **how) -> Think:
    return Think(**{"session": session, "effort": "low", "messages": (QUESTION,), **how})


async def remember(host: Host, text: str) -> str:
    remembered = await host.ref("memory").ask(Remember(memories=(NewMemory(text=text),)))
    return remembered.memories[0].id


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_the_same_question_in_the_same_state_costs_one_model_call(short_dir, model, stream) -> None:
    async with house(short_dir, url=model.base_url) as host:
        await remember(host, "My cat is called Pim.")
        first = await host.ref("thinking").ask(asked("a"))
        text, second = await streamed(host, asked("b", stream=stream))
        third = await host.ref("thinking").ask(asked("c"))
        record = await host.ref("thinking").ask(GetThought(thought_id=second.thought_id))

        assert text_of(first) == text_of(second) == text_of(third) == TEXT
        assert text == (TEXT if stream else "")
        assert (first.reused, second.reused, third.reused) == (False, True, True)
        assert record.reused_from == first.thought_id
        # It is an answer all the same, and is remembered in the talk that it was given in.
        assert await turns(host, "b") == [("user", QUESTION["content"]), ("assistant", TEXT)]

    assert len(model.log()) == 1


async def test_an_answer_that_was_given_before_to_something_else_does_not_keep_it_from_being_given_again(
    short_dir, model
) -> None:
    answer = "Your cat is called Pim."
    model.always(text=answer)
    async with house(short_dir, url=model.base_url) as host:
        await remember(host, "My cat is called Pim.")
        await remember(host, answer)
        first = await host.ref("thinking").ask(asked("a"))
        second = await host.ref("thinking").ask(asked("b"))

    assert (first.reused, second.reused) == (False, True)


async def test_it_is_thought_about_anew_once_memory_changes_under_it(short_dir, model) -> None:
    async with house(short_dir, url=model.base_url) as host:
        known = await remember(host, "My cat is called Pim.")
        await host.ref("thinking").ask(asked("a"))
        await remember(host, "My cat is called Pom by my sister.")
        added = await host.ref("thinking").ask(asked("b"))
        await host.ref("memory").ask(Forget(ids=(known,)))
        forgotten = await host.ref("thinking").ask(asked("c"))

    assert not added.reused
    assert not forgotten.reused


async def test_a_question_in_another_talk_that_leans_on_other_turns_is_another_thought(short_dir, model) -> None:
    talks = {"a": "Let us list my dogs: Rex, Bello.", "b": "Let us list my boats: Aurora, Svea."}
    leaning = (user("And the second?"),)
    async with house(short_dir, url=model.base_url) as host:
        for session, text in talks.items():
            turn = NewMemory(text=text, role="user", session=session)
            await host.ref("memory").ask(Remember(memories=(turn,)))
        first = await host.ref("thinking").ask(asked("a", messages=leaning))
        other = await host.ref("thinking").ask(asked("b", messages=leaning))

    assert not first.reused
    assert not other.reused


@pytest.mark.parametrize(
    "how",
    [
        {"effort": None},
        {"reuse": False},
        {"memory": "off"},
        {"namespace": "other"},
        {"options": {"temperature": 0.5}},
        {"session": "a"},
        {"effort": "none"},
    ],
    ids=str,
)
async def test_another_question_or_state_or_wish_is_another_thought(short_dir, model, how) -> None:
    async with house(short_dir, url=model.base_url) as host:
        await host.ref("thinking").ask(asked("a"))
        again = await host.ref("thinking").ask(asked(**{"session": "b", **how}))

    assert not again.reused
    assert len(model.log()) == 2


async def test_it_is_given_again_for_so_long_only(short_dir, model) -> None:
    clock = ManualClock()
    async with house(short_dir, url=model.base_url, parts=("memory", "llm", "paradox")) as host:
        await host.start_actor(Thinking, ThinkingSettings(reuse_s=60), data_dir=short_dir / "data", clock=clock)
        await host.ref("thinking").ask(asked("a"))
        clock.advance(59)
        in_time = await host.ref("thinking").ask(asked("b"))
        clock.advance(2)
        late = await host.ref("thinking").ask(asked("c"))
        clock.advance(-3600)
        set_back = await host.ref("thinking").ask(asked("d"))

    assert in_time.reused
    assert not late.reused
    assert not set_back.reused
