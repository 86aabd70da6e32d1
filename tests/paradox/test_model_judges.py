"""A model as judge of what is in doubt: through the real llm actor to a scripted server, in the background, on a budget."""

import json
from datetime import timedelta

import pytest

from actors.clock import ManualClock
from actors.llm.actor import Llm
from actors.llm.messages import GetUsage
from actors.llm.settings import EndpointSettings, LlmSettings
from actors.paradox.messages import Contemplate, List
from tests.model_server import SyncModelServer
from tests.paradox.house import START, followed, house, say


@pytest.fixture
def server():
    with SyncModelServer() as started:
        yield started


@pytest.fixture
def clock():
    return ManualClock(START + timedelta(days=30))


async def contemplated(home, server, clock, text: str, **settings):
    """What a paradox looks like after a day on which the model says `text`, and how often it was asked."""
    server.always(text=text)
    async with house(home, clock=clock, judge_model=True, keep_from=0.0, **settings) as host:
        url = EndpointSettings(name="a", base_url=server.base_url, models=["gpt-test"])
        await host.start_actor(Llm, LlmSettings(endpoints=(url,)), data_dir=home / "data")
        await say(host, "I live in Lisbon.", "I live in Oslo.")
        await followed(host)
        await host.ref("paradox").ask(Contemplate())
        (one,) = (await host.ref("paradox").ask(List())).paradoxes
        return one


def verdict(**fields) -> str:
    return "Here you are: " + json.dumps({"why": "people move", **fields})


async def test_a_model_that_finds_no_conflict_dismisses_it_with_its_reason(short_dir, server, clock) -> None:
    one = await contemplated(short_dir, server, clock, verdict(verdict="compatible", confidence=0.95))
    assert (one.state, [note.by for note in one.notes]) == ("dismissed", ["gpt-test"])
    assert "people move" in one.history[-1].note
    assert one.probability < 0.5


async def test_a_model_that_finds_one_leaves_it_open_and_surer(short_dir, server, clock) -> None:
    one = await contemplated(short_dir, server, clock, verdict(verdict="contradiction", confidence=1.0))
    assert (one.state, one.notes[-1].text) == ("processing", "Looks like a contradiction: people move")
    assert one.probability > 0.85


async def test_what_the_model_was_asked_counts_for_the_namespace_of_the_paradox(short_dir, server, clock) -> None:
    server.always(text=verdict(verdict="contradiction", confidence=1.0))
    async with house(short_dir, clock=clock, judge_model=True, keep_from=0.0) as host:
        url = EndpointSettings(name="a", base_url=server.base_url, models=["gpt-test"])
        await host.start_actor(Llm, LlmSettings(endpoints=(url,)), data_dir=short_dir / "data")
        await say(host, "I live in Lisbon.", "I live in Oslo.", namespace="ana")
        await followed(host)
        await host.ref("paradox").ask(Contemplate())
        rows = (await host.ref("llm").ask(GetUsage())).rows
        assert [(row.namespace, row.calls) for row in rows] == [("ana", 1)]


@pytest.mark.parametrize(
    "text", ["I would rather not.", '{"verdict": "maybe"}', '{"verdict": "compatible", "confidence": "high"}', "{"]
)
async def test_an_answer_that_cannot_be_read_leaves_the_evidence(short_dir, server, clock, text: str) -> None:
    one = await contemplated(short_dir, server, clock, text)
    assert (one.state, [note.by for note in one.notes]) == ("processing", ["evidence"])


async def test_without_budget_no_model_is_asked(short_dir, server, clock) -> None:
    one = await contemplated(short_dir, server, clock, verdict(verdict="compatible", confidence=1.0), judge_model_per_day=0)
    assert [note.by for note in one.notes] == ["evidence"]
    assert not [seen for seen in server.log() if seen["path"].endswith("completions")]
