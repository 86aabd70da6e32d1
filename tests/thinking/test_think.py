"""A question through real memory and a real llm actor to a scripted model, and back."""

import asyncio
import time

import pytest

from actors.memory.messages import GetSession, List, ListSessions
from actors.thinking.messages import Analyze, GetThought, Think
from tests.thinking.house import TEXT, house
from transport.errors import Invalid, NotFound, Unavailable


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def text_of(thought) -> str:
    return thought.choices[0].message["content"]


def prompt_of(request) -> str:
    """The system text that the model saw."""
    return "\n".join(one["content"] for one in request["body"]["messages"] if one["role"] == "system")


async def streamed(host, message, **how):
    """The text as a client puts it together, and the thought."""
    async with host.ref("thinking").stream(message, **how) as stream:
        pieces = [part.delta.get("content") or "" async for part in stream]
        return "".join(pieces), stream.reply


async def turns(host, session, namespace="default"):
    found = await host.ref("memory").ask(GetSession(name=session, namespace=namespace))
    return [(turn.role, turn.text) for turn in found.turns]


async def test_what_was_said_in_an_earlier_session_is_in_the_prompt_of_a_later_one(short_dir, model) -> None:
    async with house(short_dir, url=model.base_url) as host:
        thinking = host.ref("thinking")
        await thinking.ask(Think(session="monday", messages=(user("My cat is called Pim and she is afraid of thunder."),)))
        thought = await thinking.ask(Think(session="friday", messages=(user("What is my cat called?"),)))

    seen = model.log()[-1]
    assert "My cat is called Pim" in prompt_of(seen)
    assert seen["body"]["messages"][-1] == user("What is my cat called?")
    assert thought.memories
    assert not thought.degraded
    assert thought.endpoint == "first"
    assert text_of(thought) == TEXT


async def test_what_the_client_shows_anyway_is_not_shown_again(short_dir, model) -> None:
    said = "My cat is called Pim and she is afraid of thunder."
    async with house(short_dir, url=model.base_url) as host:
        thinking = host.ref("thinking")
        await thinking.ask(Think(session="s", messages=(user(said),)))
        await thinking.ask(Think(session="s", messages=(user(said), assistant(TEXT), user("What is my cat called?"))))

    seen = model.log()[-1]
    assert said not in prompt_of(seen)
    assert TEXT not in prompt_of(seen)


async def test_an_answer_that_is_acknowledged_is_remembered_with_the_question(short_dir, model) -> None:
    async with house(short_dir, url=model.base_url) as host:
        thought = await host.ref("thinking").ask(Think(session="s", messages=(user("Hello"),)))

        assert thought.session == "s"
        assert await turns(host, "s") == [("user", "Hello"), ("assistant", TEXT)]


async def test_a_talk_without_a_session_gets_one_and_keeps_it(short_dir, model) -> None:
    async with house(short_dir, url=model.base_url) as host:
        thinking = host.ref("thinking")
        first = await thinking.ask(Think(messages=(user("Hello you"),)))
        second = await thinking.ask(Think(messages=(user("Hello you"), assistant(TEXT), user("And now?"))))

        assert first.session
        assert second.session == first.session
        assert len(await turns(host, first.session)) == 4


async def test_a_regenerated_answer_supersedes_the_old_one(short_dir, model) -> None:
    async with house(short_dir, url=model.base_url) as host:
        thinking = host.ref("thinking")
        await thinking.ask(Think(session="s", messages=(user("Name a colour"),)))
        model.always(text="Blue, if you ask me.")
        await thinking.ask(Think(session="s", messages=(user("Name a colour"),)))

        assert await turns(host, "s") == [("user", "Name a colour"), ("assistant", "Blue, if you ask me.")]

    # What is being regenerated is not shown to the model as something that it once said.
    assert TEXT not in prompt_of(model.log()[-1])


async def test_a_client_that_sends_its_last_message_alone_still_has_its_talk(short_dir, model) -> None:
    async with house(short_dir, url=model.base_url) as host:
        thinking = host.ref("thinking")
        await thinking.ask(Think(session="s", messages=(user("I own a purple bicycle."),)))
        await thinking.ask(Think(session="s", memory="read", messages=(user("Say more."),)))

    assert "purple bicycle" in prompt_of(model.log()[-1])


async def test_a_talk_that_is_only_read_leaves_nothing_behind(short_dir, model) -> None:
    async with house(short_dir, url=model.base_url) as host:
        thinking = host.ref("thinking")
        await thinking.ask(Think(session="s", messages=(user("My cat is called Pim."),)))
        await thinking.ask(Think(session="t", memory="read", messages=(user("What is my cat called?"),)))
        listed = await host.ref("memory").ask(List())

        assert len(listed.memories) == 2

    assert "called Pim" in prompt_of(model.log()[-1])


async def test_a_talk_with_memory_off_goes_to_the_model_as_it_came(short_dir, model) -> None:
    messages = (user("My cat is called Pim."),)
    async with house(short_dir, url=model.base_url) as host:
        await host.ref("thinking").ask(Think(session="s", messages=(user("My cat is called Pom."),)))
        thought = await host.ref("thinking").ask(Think(session="t", memory="off", messages=messages))
        sessions = await host.ref("memory").ask(ListSessions())

        assert [session.name for session in sessions.sessions] == ["s"]
        assert thought.memories == ()

    assert model.log()[-1]["body"]["messages"] == list(messages)


async def test_streaming_says_what_a_plain_answer_says(short_dir, model) -> None:
    async with house(short_dir, url=model.base_url) as host:
        plain = await host.ref("thinking").ask(Think(session="a", messages=(user("Hello"),)))
        text, whole = await streamed(host, Think(session="b", stream=True, messages=(user("Hello"),)))

        assert text == text_of(whole) == text_of(plain)
        assert whole.choices[0].finish_reason == plain.choices[0].finish_reason == "stop"
        assert await turns(host, "a") == await turns(host, "b")


async def test_tool_calls_pass_through_and_their_output_is_remembered_apart(short_dir, model) -> None:
    model.next({"tool_calls": [{"id": "call_1", "name": "clock", "arguments": '{"zone": "UTC"}'}], "text": ""})
    asked = [user("What time is it?")]
    async with house(short_dir, url=model.base_url) as host:
        thinking = host.ref("thinking")
        first = await thinking.ask(Think(session="s", messages=tuple(asked)))
        call = first.choices[0].message
        assert call["tool_calls"][0]["function"] == {"name": "clock", "arguments": '{"zone": "UTC"}'}

        output = {"role": "tool", "tool_call_id": "call_1", "content": "It is noon."}
        await thinking.ask(Think(session="s", messages=(*asked, call, output)))

        assert await turns(host, "s") == [("user", "What time is it?"), ("tool", "It is noon."), ("assistant", TEXT)]

    assert model.log()[-1]["body"]["messages"][-2:] == [call, output]


async def test_reasoning_stays_out_of_the_public_text_and_out_of_memory(short_dir, model) -> None:
    model.always(text=TEXT, reasoning="The user is a spy, I think.")
    async with house(short_dir, url=model.base_url) as host:
        text, thought = await streamed(host, Think(session="s", stream=True, messages=(user("Hello"),)))

        assert text == text_of(thought) == TEXT
        assert await turns(host, "s") == [("user", "Hello"), ("assistant", TEXT)]


async def test_the_effort_goes_to_the_model(short_dir, model) -> None:
    async with house(short_dir, url=model.base_url) as host:
        thinking = host.ref("thinking")
        await thinking.ask(Think(messages=(user("Hello"),), effort="low"))
        await thinking.ask(Think(messages=(user("Hello"),), effort="low", options={"reasoning_effort": "minimal"}))

    assert [seen["body"].get("reasoning_effort") for seen in model.log()] == ["low", "minimal"]


async def test_what_the_endpoint_rejects_is_the_callers_to_hear(short_dir, model) -> None:
    model.always(fault="status", status=400, message="temperature is too high")
    async with house(short_dir, url=model.base_url) as host:
        with pytest.raises(Invalid):
            await host.ref("thinking").ask(Think(messages=(user("Hello"),), options={"temperature": 9}))


async def test_a_caller_that_cancels_ends_the_call_of_the_model(short_dir, model) -> None:
    model.always(text=TEXT, fault="hang_mid")
    async with house(short_dir, url=model.base_url) as host:
        asking = asyncio.create_task(host.ref("thinking").ask(Think(messages=(user("Hello"),))))
        await asyncio.to_thread(model.log, holding=1)
        asking.cancel()
        seen = await asyncio.to_thread(model.log, hung_up=1)

    assert len(seen) == 1


async def test_the_thought_tells_its_intent_its_context_and_its_steps_but_no_texts(short_dir, model) -> None:
    async with house(short_dir, url=model.base_url) as host:
        thinking = host.ref("thinking")
        await thinking.ask(Think(namespace="ada", session="a", messages=(user("My cat is called Pim."),)))
        answer = await thinking.ask(Think(namespace="ada", session="b", messages=(user("Who is called Pim?"),)))
        thought = await thinking.ask(GetThought(namespace="ada", thought_id=answer.thought_id))

        assert thought.intent == "information_seeking"
        assert {part.partition(":")[0] for part in thought.missing} <= {"daemon.profile"}
        assert any(part["part"] == "memory" and part["shown"] and part["score"] > 0 for part in thought.context)
        assert {"context", "memory.recall", "memory.converse", "llm.generate", "memory.answer"} <= {
            s.name for s in thought.steps
        }
        assert "Pim" not in thought.model_dump_json()
        with pytest.raises(NotFound):
            await thinking.ask(GetThought(namespace="bob", thought_id=answer.thought_id))

    async with house(short_dir, url=model.base_url, parts=("thinking",)) as host:
        again = await host.ref("thinking").ask(GetThought(namespace="ada", thought_id=answer.thought_id))

    assert again == thought


async def test_only_so_many_thoughts_are_kept(short_dir, model) -> None:
    ids = []
    async with house(short_dir, url=model.base_url, parts=("llm", "thinking")) as host:
        for n in range(5):
            thought = await host.ref("thinking").ask(Think(memory="off", messages=(user(f"Number {n}"),)))
            ids.append(thought.thought_id)

    async with house(short_dir, url=model.base_url, parts=("llm", "thinking"), kept_thoughts=2) as host:
        thinking = host.ref("thinking")
        ids.append((await thinking.ask(Think(memory="off", messages=(user("The last"),)))).thought_id)

    async with house(short_dir, parts=("thinking",)) as host:
        kept = []
        for thought_id in ids:
            try:
                kept.append((await host.ref("thinking").ask(GetThought(thought_id=thought_id))).thought_id)
            except NotFound:
                continue

    assert kept == ids[-2:]


async def test_an_intent_can_be_asked_for_alone(short_dir) -> None:
    async with house(short_dir, parts=("thinking",)) as host:
        analysis = await host.ref("thinking").ask(Analyze(text="How do I fix a flat tyre?"))

    assert analysis.intent == "problem_solving"
    assert analysis.scores["problem_solving"] > 0.5


async def test_a_json_answer_is_not_replaced_by_prose(short_dir) -> None:
    options = {"response_format": {"type": "json_object"}}
    async with house(short_dir) as host:
        began = time.monotonic()
        with pytest.raises(Unavailable):
            await host.ref("thinking").ask(Think(messages=(user("Hello"),), options=options))

        # And not at the end of its thirty seconds.
        assert time.monotonic() - began < 15
