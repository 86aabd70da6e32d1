"""What follows a stream that broke: the seam, at every place where it can break, and how each dialect is told to go on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.llm.continuation import INSTRUCTION, Seam
from actors.llm.settings import EndpointSettings
from tests.llm.conftest import TEXT, answer, ask, endpoint, routing
from transport.errors import Unavailable


def joined(said: str, *chunks: str) -> str:
    seam = Seam(said)
    return said + "".join(seam.feed(chunk) for chunk in chunks) + seam.close()


@pytest.mark.parametrize(
    ("said", "chunks", "whole"),
    [
        ("The quick ", ["brown", " fox"], "The quick brown fox"),
        ("The quick brown", [" fox"], "The quick brown fox"),
        ("The quick bro", ["wn fox"], "The quick brown fox"),
        ("The quick bro", ["brown fox"], "The quick brown fox"),
        ("The quick brown ", [" fox"], "The quick brown fox"),
        ("The quick brown fox ", ["quick ", "brown ", "fox jumps"], "The quick brown fox jumps"),
        ("The quick brown fox", ["The quick", " brown fox jumps"], "The quick brown fox jumps"),
        ("one two ", ["two three"], "one two two three"),
        ("He had ", ["had enough"], "He had had enough"),
        ("so be it", ["its end"], "so be its end"),
        ("", ["anew"], "anew"),
        ("The end", [], "The end"),
    ],
)
def test_what_is_said_twice_at_the_seam_is_said_once(said, chunks, whole) -> None:
    assert joined(said, *chunks) == whole


@given(st.integers(1, len(TEXT) - 1), st.integers(1, 9), st.booleans())
def test_the_seam_is_whole_wherever_the_text_broke(cut, size, anew) -> None:
    rest = TEXT if anew else TEXT[cut:]
    assert joined(TEXT[:cut], *(rest[i : i + size] for i in range(0, len(rest), size))) == TEXT


def patient(name: str, url: str, **settings) -> EndpointSettings:
    """An endpoint that is not left since a busy machine has it late: what breaks off here does so at once."""
    times = dict.fromkeys(("connect_timeout_s", "first_token_timeout_s", "between_tokens_timeout_s"), 20.0)
    return endpoint(name, url, **{**times, "total_timeout_s": 60.0, "sign_of_life_s": 0, **settings})


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
@pytest.mark.parametrize("overlap", [0, 2])
async def test_a_stream_broken_after_any_token_ends_whole_at_the_other_endpoint(servers, dialect, overlap) -> None:
    first, second = servers
    second.always(text=TEXT, overlap=overlap)
    breaker = {"consecutive_failures": 100, "minimum_calls": 100}
    pair = [patient("a", first.base_url, breaker=breaker), patient("b", second.base_url, priority=1, dialect=dialect)]
    async with routing(*pair) as router:
        for tokens in range(1, len(TEXT.split())):
            first.next({"fault": "cut", "text": TEXT, "after_tokens": tokens})
            text, reply = await answer(router, ask(stream=True))
            assert text == TEXT
            assert (reply.attempts, reply.endpoint) == (2, "b")
            assert reply.usage.completion_tokens > 5

    # A busy machine may have it probed as well, with a question of its own.
    *_, last = (seen["body"]["messages"] for seen in second.log() if len(seen["body"]["messages"]) > 1)
    if dialect == "anthropic":
        assert last[-1]["role"] == "assistant"
    else:
        assert last[-2]["role"] == "assistant"
        assert last[-1]["content"] == INSTRUCTION


async def test_a_model_that_refuses_a_prefilled_answer_is_instructed_instead_from_then_on(servers) -> None:
    first, second = servers
    pair = [patient("a", first.base_url), patient("b", second.base_url, priority=1, dialect="anthropic")]
    first.always(fault="cut_clean", text=TEXT)
    second.next({"fault": "status", "status": 400, "message": "This model does not support assistant message prefill."})
    async with routing(*pair) as router:
        text, reply = await answer(router, ask(stream=True))
        assert (text, reply.attempts) == (TEXT, 3)
        text, reply = await answer(router, ask(stream=True))
        assert (text, reply.attempts) == (TEXT, 2)


async def test_a_caller_can_ask_to_go_on_and_gets_the_rest_alone(servers) -> None:
    first, _ = servers
    async with routing(patient("a", first.base_url)) as router:
        for stream in (False, True):
            assert (await answer(router, ask(stream=stream, said=TEXT[:20])))[0] == TEXT[20:]


async def test_both_seams_hold_when_a_stream_that_went_on_breaks_again(servers) -> None:
    first, second = servers
    first.always(fault="cut", text=TEXT)
    async with routing(patient("a", first.base_url), patient("b", second.base_url, priority=1)) as router:
        assert (await answer(router, ask(stream=True, said="Well then, ")))[0] == TEXT.removeprefix("Well then, ")


async def test_tool_calls_that_broke_off_are_never_patched_together(servers) -> None:
    first, _ = servers
    call = {"name": "weather", "arguments": '{"city": "Bern"}'}
    first.always(fault="cut", tool_calls=[call], after_tokens=2)
    async with routing(patient("a", first.base_url), patient("b", servers[1].base_url, priority=1)) as router:
        with pytest.raises(Unavailable, match="broke after it had begun"):
            await answer(router, ask(stream=True))
        assert (await answer(router, ask()))[0] == TEXT


async def test_going_on_can_be_switched_off(servers) -> None:
    first, second = servers
    first.always(fault="cut", text=TEXT)
    pair = [patient("a", first.base_url), patient("b", second.base_url, priority=1)]
    async with routing(*pair, continue_streams=False) as router:
        with pytest.raises(Unavailable, match="broke after it had begun"):
            await answer(router, ask(stream=True))
