"""Efforts: what is asked of the model for each, and what goes out when steps fail or time is short."""

import pytest

from actors.thinking.deliberation import CRITIQUE, REVISE
from actors.thinking.depth import PLAN, depth_for
from actors.thinking.messages import GetThought, Think
from tests.thinking.house import RESERVED, house
from tests.thinking.test_think import streamed, text_of, turns, user

QUESTION = user("How do I fix a flat tyre on my bicycle?")
SURE = {"doubt_below": 0.0}


def last(seen) -> str:
    return seen["body"]["messages"][-1]["content"]


def system(seen) -> str:
    return "\n".join(one["content"] for one in seen["body"]["messages"] if one["role"] == "system")


async def record_of(host, thought):
    return await host.ref("thinking").ask(GetThought(thought_id=thought.thought_id))


async def test_effort_none_is_one_call_and_low_plans_in_private(short_dir, model) -> None:
    model.next({"text": "Plainly."}, {"text": "<think>a plan</think>Planned."})
    async with house(short_dir, url=model.base_url) as host:
        none = await host.ref("thinking").ask(Think(effort="none", messages=(QUESTION,)))
        low = await host.ref("thinking").ask(Think(effort="low", messages=(QUESTION,)))

    first, second = model.log()
    assert (text_of(none), text_of(low)) == ("Plainly.", "Planned.")
    assert PLAN not in system(first)
    assert PLAN in system(second)
    assert none.rung == low.rung == "full"


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_effort_medium_drafts_criticises_and_revises(short_dir, model, stream) -> None:
    model.next({"text": "The draft."}, {"text": "Name the tools."}, {"text": "The revision."})
    async with house(short_dir, url=model.base_url, **SURE) as host:
        text, thought = await streamed(host, Think(session="s", effort="medium", stream=stream, messages=(QUESTION,)))
        record = await record_of(host, thought)

        assert text_of(thought) == "The revision."
        assert text == ("The revision." if stream else "")
        assert await turns(host, "s") == [("user", QUESTION["content"]), ("assistant", "The revision.")]

    draft, critique, revision = model.log()
    assert (last(critique), last(revision)) == (CRITIQUE, REVISE)
    assert draft["body"]["messages"] == critique["body"]["messages"][: len(draft["body"]["messages"])]
    assert thought.rung == "full"
    assert [(one.step, one.text, one.chosen) for one in record.drafts] == [
        ("draft", "The draft.", False),
        ("critique", "Name the tools.", False),
        ("revise", "The revision.", True),
    ]
    assert record.calls == 3
    assert thought.usage.completion_tokens == record.usage.completion_tokens == 7


async def test_a_draft_without_fault_goes_out_as_it_is(short_dir, model) -> None:
    model.next({"text": "The draft."}, {"text": "FINE"})
    async with house(short_dir, url=model.base_url, **SURE) as host:
        text, thought = await streamed(host, Think(effort="medium", stream=True, messages=(QUESTION,)))

    assert text == text_of(thought) == "The draft."
    assert thought.rung == "full"
    assert len(model.log()) == 2


@pytest.mark.parametrize("fails", [1, 2], ids=["critique", "revision"])
async def test_the_draft_goes_out_when_what_follows_fails(short_dir, model, fails) -> None:
    after = [{"text": "Name the tools."}, {"text": "The revision."}]
    after[fails - 1] = {"fault": "status", "status": 500}
    model.next({"text": "The draft."}, *after)
    async with house(short_dir, url=model.base_url, **SURE) as host:
        text, thought = await streamed(host, Think(effort="medium", stream=True, messages=(QUESTION,)))
        record = await record_of(host, thought)

    assert text == text_of(thought) == "The draft."
    assert not thought.degraded
    assert thought.rung == "fewer_steps"
    assert record.rung_why


NOTHING = {"text": "", "reasoning": "All of its room went to this.", "finish_reason": "length"}


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_a_revision_without_a_public_word_does_not_take_the_drafts_place(short_dir, model, stream) -> None:
    model.next({"text": "The draft."}, {"text": "Name the tools."}, NOTHING)
    async with house(short_dir, url=model.base_url, **SURE) as host:
        text, thought = await streamed(host, Think(effort="medium", stream=stream, messages=(QUESTION,)))

    assert text_of(thought) == "The draft."
    assert text == ("The draft." if stream else "")
    assert thought.rung == "fewer_steps"


async def test_a_candidate_without_a_public_word_is_not_chosen(short_dir, model) -> None:
    model.next(NOTHING, NOTHING, {"text": "The only one.", "delay_first_s": 0.3})
    async with house(short_dir, url=model.base_url, search_rounds=0, **SURE) as host:
        thought = await host.ref("thinking").ask(Think(effort="high", messages=(QUESTION,)))

    assert text_of(thought) == "The only one."


async def test_the_draft_that_is_marked_as_chosen_is_the_one_that_went_out_where_another_failed(short_dir, model) -> None:
    model.next({"fault": "status", "status": 500}, {"text": "One."}, {"text": "Another."}, {"text": "B"})
    async with house(short_dir, url=model.base_url, search_rounds=0, **SURE) as host:
        thought = await host.ref("thinking").ask(Think(effort="high", messages=(QUESTION,)))
        record = await record_of(host, thought)

    assert [one.text for one in record.drafts if one.chosen] == [text_of(thought)]


async def test_where_no_candidate_has_a_public_word_the_client_is_told_why(short_dir, model) -> None:
    model.always(**NOTHING)
    async with house(short_dir, url=model.base_url, search_rounds=0, **SURE) as host:
        thought = await host.ref("thinking").ask(Think(effort="high", messages=(QUESTION,)))

    assert [(choice.message["content"] or "", choice.finish_reason) for choice in thought.choices] == [("", "length")]


async def test_the_best_answer_so_far_goes_out_at_the_deadline(short_dir, model) -> None:
    model.next(
        {"text": "The draft."}, {"text": "Name the tools."}, {"text": "The revision.", "fault": "hang_mid", "after_tokens": 1}
    )
    async with house(short_dir, url=model.base_url, first_pace_s=0.4, reserve_fraction=RESERVED / 2, **SURE) as host:
        text, thought = await streamed(host, Think(effort="medium", stream=False, messages=(QUESTION,)), timeout=3)

    assert text == ""
    assert text_of(thought) == "The draft."
    assert thought.rung == "fewer_steps"


async def test_a_draft_that_time_cuts_off_goes_out_as_far_as_it_came(short_dir, model) -> None:
    model.always(text="The draft goes on.", fault="hang_mid", after_tokens=2)
    async with house(short_dir, url=model.base_url, first_pace_s=0.1, reserve_fraction=RESERVED, **SURE) as host:
        _, thought = await streamed(host, Think(effort="medium", messages=(QUESTION,)), timeout=2)

    assert text_of(thought).strip() == "The draft"
    assert thought.choices[0].finish_reason == "length"
    assert thought.degraded


async def test_effort_high_searches_writes_candidates_and_lets_a_judge_choose(short_dir, model) -> None:
    calls = [
        {"id": "a", "name": "search_memory", "arguments": '{"query": "bicycle"}'},
        {"id": "b", "name": "search_memory", "arguments": "not JSON"},
    ]
    async with house(short_dir, url=model.base_url, **SURE) as host:
        await host.ref("thinking").ask(Think(memory="on", session="a", messages=(user("My bicycle has tubeless wheels."),)))
        model.reset()
        said = ("READY", "One.", "Two.", "Two.", "B, since")
        model.next({"tool_calls": calls, "text": ""}, *({"text": text} for text in said))
        asked = Think(effort="high", stream=True, session="b", messages=(user("Can I patch it?"),))
        text, thought = await streamed(host, asked)
        record = await record_of(host, thought)

    looked, ready, *candidates, judge = model.log()
    assert looked["body"]["tools"][0]["function"]["name"] == "search_memory"
    assert "tubeless" in str(ready["body"]["messages"][-2])
    assert len(candidates) == 3
    assert all("tubeless" in system(one) for one in candidates)
    assert "B:\n" in last(judge)
    assert text == text_of(thought)
    assert text in {"One.", "Two."}
    assert [one.step for one in record.drafts if one.chosen] == ["candidate-2"]
    assert any(part["part"] == "search" for part in record.context)
    assert thought.rung == "full"


TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_effort_high_searches_memory_and_leaves_the_clients_tools_to_the_client(short_dir, model, stream) -> None:
    search = {"id": "a", "name": "search_memory", "arguments": '{"query": "bicycle"}'}
    wanted = {"id": "call_7", "name": "weather", "arguments": '{"city": "Porto"}'}
    options = {"tools": [TOOL], "tool_choice": "auto"}
    async with house(short_dir, url=model.base_url, **SURE) as host:
        await host.ref("thinking").ask(Think(memory="on", session="a", messages=(user("My bicycle has tubeless wheels."),)))
        model.reset()
        model.next({"tool_calls": [search], "text": ""}, {"text": "READY"})
        model.next({"tool_calls": [wanted], "text": ""}, {"text": "Rain."})
        talk = (user("Can I ride it?"),)
        asked = Think(effort="high", stream=stream, session="b", messages=talk, options=options)
        _, thought = await streamed(host, asked) if stream else ("", await host.ref("thinking").ask(asked))
        called = thought.choices[0].message
        told = {"role": "tool", "tool_call_id": "call_7", "content": "rain"}
        await host.ref("thinking").ask(asked.model_copy(update={"messages": (*talk, called, told), "stream": False}))

    looked, _, first, second = model.log()
    assert [one["function"]["name"] for one in looked["body"]["tools"]] == ["search_memory"]
    assert first["body"]["tools"] == second["body"]["tools"] == [TOOL]
    assert "tubeless" in system(first)
    [call] = called["tool_calls"]
    assert (call["id"], call["function"]) == ("call_7", {"name": "weather", "arguments": '{"city": "Porto"}'})
    assert thought.choices[0].finish_reason == "tool_calls"
    assert thought.rung == "fewer_steps"
    assert second["body"]["messages"][-1] == told


async def test_candidates_that_fail_cost_nothing_but_themselves(short_dir, model) -> None:
    model.next({"fault": "status", "status": 500}, {"text": "The one."}, {"fault": "status", "status": 500})
    async with house(short_dir, url=model.base_url, search_rounds=0, **SURE) as host:
        thought = await host.ref("thinking").ask(Think(effort="high", memory="off", messages=(QUESTION,)))
        record = await record_of(host, thought)

    assert text_of(thought) == "The one."
    assert thought.rung == "fewer_steps"
    assert any("judge" in why for why in record.rung_why)


async def test_without_a_judge_the_candidate_most_like_the_others_goes_out(short_dir, model) -> None:
    model.next({"text": "Cut the tube."}, {"text": "Patch the tube."}, {"text": "Patch the tube."}, {"text": "I cannot say."})
    async with house(short_dir, url=model.base_url, search_rounds=0, **SURE) as host:
        thought = await host.ref("thinking").ask(Think(effort="high", memory="off", messages=(QUESTION,)))

    assert text_of(thought) == "Patch the tube."


async def test_too_little_time_for_an_effort_means_fewer_steps(short_dir, model) -> None:
    async with house(short_dir, url=model.base_url, first_pace_s=10, **SURE) as host:
        thought = await host.ref("thinking").ask(Think(effort="high", messages=(QUESTION,)), timeout=8)
        record = await record_of(host, thought)

    assert thought.rung == "one_call"
    assert not thought.degraded
    assert len(model.log()) == 1
    assert "left" in record.rung_why[0]


async def test_an_intent_in_doubt_is_asked_of_the_model(short_dir, model) -> None:
    model.next({"text": "philosophical"}, {"text": "The draft."}, {"text": "FINE"})
    async with house(short_dir, url=model.base_url, doubt_below=1.0) as host:
        thought = await host.ref("thinking").ask(Think(effort="medium", messages=(user("Hm hm hm"),)))
        record = await record_of(host, thought)

    assert (record.intent, record.intent_by) == ("philosophical", "model")


async def test_a_client_that_asked_sees_the_steps_as_reasoning(short_dir, model) -> None:
    model.next({"text": "The draft."}, {"text": "Name the tools."}, {"text": "The revision."})
    asked = Think(effort="medium", stream=True, reasoning="show", messages=(QUESTION,))
    async with house(short_dir, url=model.base_url, **SURE) as host, host.ref("thinking").stream(asked) as stream:
        deltas = [part.delta async for part in stream]

    shown = "".join(delta.get("reasoning_content") or "" for delta in deltas)
    assert "The draft." in shown
    assert "Name the tools." in shown
    assert "".join(delta.get("content") or "" for delta in deltas) == "The revision."


@pytest.mark.parametrize(
    ("effort", "options", "left_s", "depth"),
    [
        (None, {}, 60, "none"),
        ("low", {}, 0.1, "low"),
        ("medium", {}, 60, "medium"),
        ("high", {}, 60, "high"),
        ("high", {}, 2.7, "medium"),
        ("high", {}, 1.0, "low"),
        ("high", {"tools": [{}]}, 60, "none"),
        ("medium", {"n": 2}, 60, "none"),
        ("medium", {"logprobs": True}, 60, "none"),
    ],
)
def test_depth_follows_from_effort_time_and_what_the_client_takes(effort, options, left_s, depth) -> None:
    found = depth_for(effort, options, left_s=left_s, pace_s=1.0)

    assert found.effort == depth
    assert bool(found.why) == (depth != (effort or "none"))
