"""What somebody told in confidence, and what was drawn from it, is shown to nobody else who shares the memory."""

from datetime import UTC, datetime

import pytest

from actors.clock import ManualClock
from actors.daemon.messages import Deliver, GetProfile, ListStatements
from actors.memory.messages import Forget, Link, NewMemory, Provenance, Remember
from actors.thinking.confidences import confidants
from actors.thinking.knowledge import Known
from actors.thinking.messages import Think
from actors.thinking.prompt import KnownLine
from tests.daemon.house import house as background
from tests.daemon.house import records, run
from tests.paradox.house import followed
from tests.thinking.house import house
from tests.thinking.test_think import prompt_of
from transport.errors import Conflict

SECRET = "I have bought a boat for the birthday. It has blue sails. Please don't tell Ada about it."
CYCLES = ("consolidate", "reflect", "profile", "statements")


async def ask(host, name: str | None, text: str, session: str) -> str:
    """What is answered; with a model, that is not looked at, but its prompt."""
    message = {"role": "user", "content": text, **({"name": name} if name else {})}
    thought = await host.ref("thinking").ask(Think(session=session, messages=(message,)))
    return thought.choices[0].message["content"]


def test_aspects_and_statements_are_for_those_alone_who_told_them_in_confidence() -> None:
    secret = KnownLine("Bert: is after: a boat", speaker="Bert", confided_by=("Bert",))
    plain = KnownLine("Bert: sails", speaker="Bert")
    both = KnownLine("Bert said this, but Ada said that. Ask.", confided_by=("Bert",))
    unnamed = KnownLine("The user has a plan. Ask.", speaker="user", confided_by=("user",))
    known = Known((secret, plain), (both, unnamed))
    assert [known.meant_for(name).profile for name in ("Ada", "Bert", None)] == [(plain,), (secret, plain), (plain,)]
    assert [known.meant_for(name).statements for name in ("Ada", "Bert", None)] == [(), (both,), (unnamed,)]


def test_an_answer_keeps_the_confidences_of_its_talk() -> None:
    talk = (
        {"role": "user", "name": "Bert", "content": "Don't tell Ada, but I bought a boat."},
        {"role": "assistant", "content": "A boat! I won't tell."},
        {"role": "user", "content": [{"type": "text", "text": "Keep this to yourself: I am leaving."}]},
    )
    assert confidants(talk) == {"Bert", "user"}
    assert confidants(talk[1:2]) == frozenset()


async def test_who_shares_a_memory_is_not_shown_what_another_told_in_confidence(short_dir, model) -> None:
    async with house(short_dir, url=model.base_url) as host:
        await ask(host, "Bert", "I've bought a boat for the birthday, but don't tell Ada.", "a")
        await ask(host, "Bert", "The birthday is on the first of May.", "b")
        await ask(host, "Bert", "What did I say about the birthday?", "c")
        mine = prompt_of(model.log()[-1])
        await ask(host, "Ada", "What do you know about the birthday?", "d")
        hers = prompt_of(model.log()[-1])
        # The telephone is handed over in the middle of a talk.
        await ask(host, "Ada", "And what is on that birthday?", "a")
        handed_over = prompt_of(model.log()[-1])

    assert "bought a boat" in mine
    assert "first of May" in hers
    assert "bought a boat" not in hers
    assert "bought a boat" not in handed_over


async def test_what_an_assistant_says_to_a_confidence_is_kept_as_well(short_dir, model) -> None:
    async with house(short_dir, url=model.base_url) as host:
        model.always(text="A sailing boat for the birthday, how generous!")
        await ask(host, "Bert", "Don't tell Ada: I bought something for the birthday.", "a")
        model.always(text="For the birthday you bought her a sailing boat.")
        await ask(host, "Bert", "What was it that I bought for the birthday?", "b")
        model.always(text="I cannot say.")
        await ask(host, "Ada", "Is something planned for the birthday?", "c")
        hers = prompt_of(model.log()[-1])
        await ask(host, "Bert", "Is something planned for the birthday?", "d")
        mine = prompt_of(model.log()[-1])

    assert "sailing boat" not in hers
    assert "you bought her a sailing boat" in mine


@pytest.mark.parametrize(("name", "other"), [("Bert", "Ada"), (None, "Ada"), ("Bert", None)])
async def test_what_the_background_life_draws_from_a_confidence_is_for_its_teller_alone(
    short_dir, name: str | None, other: str | None
) -> None:
    clock = ManualClock(datetime.now(UTC))
    parts = ("memory", "paradox", "thinking", "daemon")
    early = {"consolidate": {"summary_from": 2}, "reflect": {"turns_from": 2}}
    async with background(short_dir, clock, parts=parts, cycles=CYCLES, **early) as host:
        for text in (SECRET, "I want to build a boat house for the boat by next month.", "The boat lies in the harbour."):
            turn = NewMemory(text=text, role="user", speaker=name, session="talk", time=clock.now())
            secret = turn if text == SECRET else turn.model_copy(update={"text": f"{text} That stays between us."})
            await host.ref("memory").ask(Remember(memories=(secret,)))
        clock.advance(3600)
        for cycle in CYCLES:
            assert (await run(host, cycle)).state == "done"
        drawn = [one for kind in ("fact", "summary", "reflection") for one in await records(host, kind)]
        assert {one.kind for one in drawn} == {"fact", "summary", "reflection"}
        assert any("boat" in one.text and "tell" not in one.text for one in drawn)

        question = "What do you know about the boat and its blue sails?"
        assert "boat" not in (await ask(host, other, question, "x")).partition(":")[2]
        assert "boat" in (await ask(host, name, question, "y")).partition(":")[2]

        profile = await host.ref("daemon").ask(GetProfile())
        named = [one for one in profile.speakers[name or "user"] if one.kind != "style"]
        assert named
        assert {one.confided_by for one in named} == {(name or "user",)}

        clock.advance(3 * 86_400)
        told = await host.ref("daemon").ask(ListStatements(state=None))
        assert told.statements
        assert {one.confided_by for one in told.statements} == {(name or "user",)}
        assert not (await host.ref("daemon").ask(ListStatements(state=None, asker=other or "user"))).statements
        assert (await host.ref("daemon").ask(ListStatements(state=None, asker=name or "user"))).statements == told.statements


async def test_a_statement_is_given_to_no_thought_for_somebody_else(short_dir) -> None:
    clock = ManualClock(datetime.now(UTC))
    async with background(short_dir, clock, cycles=("statements",)) as host:
        plan = NewMemory(text="I'm going to Porto tomorrow. Don't tell Ada.", role="user", speaker="Bert", time=clock.now())
        await host.ref("memory").ask(Remember(memories=(plan,)))
        await run(host, "statements")
        clock.advance(3 * 86_400)
        (one,) = (await host.ref("daemon").ask(ListStatements())).statements
        for asker in ("Ada", None):
            with pytest.raises(Conflict):
                await host.ref("daemon").ask(Deliver(id=one.id, thought="th_1", asker=asker))
        given = await host.ref("daemon").ask(Deliver(id=one.id, thought="th_1", asker="Bert"))
        assert given.statement.state == "delivered"


async def test_what_is_derived_anew_without_a_confidence_is_for_anybody(short_dir) -> None:
    clock = ManualClock(datetime.now(UTC))
    by = Provenance(by="consolidate", rule="extractive")
    parts = ("memory", "paradox", "thinking", "daemon")
    async with background(short_dir, clock, parts=parts, cycles=("consolidate",)) as host:
        texts = (SECRET, "The birthday cake comes from the bakery at the harbour.")
        turns = tuple(NewMemory(text=text, role="user", speaker="Bert", session="talk", time=clock.now()) for text in texts)
        stored = (await host.ref("memory").ask(Remember(memories=turns))).memories
        links = tuple(Link(relation="summarises", target=one.id) for one in stored)
        summary = NewMemory(text="A boat, and a cake from the bakery.", kind="summary", links=links, provenance=by)
        await host.ref("memory").ask(Remember(memories=(summary,)))
        question = "What about the cake from the bakery?"
        assert "A boat" not in await ask(host, "Ada", question, "x")

        await host.ref("memory").ask(Forget(ids=(stored[0].id,)))
        await run(host, "consolidate")
        (anew,) = [one for one in await records(host, "summary") if one.links and not one.withheld]
        assert "boat" not in anew.text
        told = await ask(host, "Ada", question, "y")
        assert "bakery" in told


async def test_a_contradiction_that_holds_a_confidence_is_put_into_nobody_elses_prompt(short_dir, model) -> None:
    async with house(short_dir, url=model.base_url) as host:
        for number, text in enumerate(("I live in Lisbon.", "I live in Oslo. Please don't tell Ada.")):
            await ask(host, "Bert", text, f"talk {number}")
        await followed(host)
        await ask(host, "Ada", "Does anybody live in Lisbon?", "hers")
        hers = prompt_of(model.log()[-1])
        await ask(host, "Bert", "Do I live in Lisbon?", "his")
        his = prompt_of(model.log()[-1])
    assert "at odds" in his
    assert "at odds" not in hers
    assert "Oslo" not in hers


async def test_a_teller_of_a_long_name_is_known_by_it(short_dir, model) -> None:
    name = "Bert " * 100
    async with house(short_dir, url=model.base_url) as host:
        await ask(host, name, "I bought a boat for the birthday, don't tell Ada.", "a")
        await ask(host, name, "What did I buy for the birthday?", "b")
        mine = prompt_of(model.log()[-1])
    assert "bought a boat" in mine
