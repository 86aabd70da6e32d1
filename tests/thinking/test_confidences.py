"""What somebody told in confidence is shown to nobody else who shares the memory."""

import pytest

from actors.thinking.confidences import is_kept_from, pits_a_confidence, tells_in_confidence
from actors.thinking.knowledge import Known
from actors.thinking.messages import Think
from actors.thinking.prompt import KnownLine
from tests.thinking.house import house
from tests.thinking.test_prompt import paradox, recollection
from tests.thinking.test_think import prompt_of


@pytest.mark.parametrize(
    ("text", "confided"),
    [
        ("I've bought her a sailing course, but don\u2019t tell her.", True),
        ("Psst: the cake has three tiers.", True),
        ("This stays between us: I was sacked.", True),
        ("I'm organising a surprise party for Bert.", True),
        ("Nobody must know that I failed.", True),
        ("Bert mustn't know about the loan.", True),
        ("My father doesn't know yet that we sold the boat.", True),
        ("I'd paint the shed without him noticing.", True),
        ("Don't tell me how it ends.", False),
        ("You should know that I sail.", False),
        ("Bert can't know everything.", False),
        ("It was a surprise that it rained.", False),
        ("The secret of good bread is time.", False),
        ("He said that he knows her.", False),
    ],
)
def test_what_is_told_in_confidence_says_so(text, confided) -> None:
    assert tells_in_confidence(text) is confided


def test_a_summary_is_kept_from_those_whose_line_it_is_not() -> None:
    told = "Ada: We sail on Sundays.\nBert: I bought her a boat, don't tell her."
    summary = recollection(1, told).model_copy(update={"kind": "summary", "speaker": None})
    assert is_kept_from("Ada", summary)
    assert not is_kept_from("Bert", summary)
    assert not is_kept_from("Ada", summary.model_copy(update={"text": "Ada: We sail on Sundays."}))
    one = paradox()
    secret = one.model_copy(update={"later": one.later.model_copy(update={"text": "I had a steak, don't tell Bert."})})
    assert [pits_a_confidence(who, secret) for who in ("Ada", "Bert", None)] == [False, True, True]


def test_a_confidence_stands_in_the_profile_that_its_own_speaker_is_shown() -> None:
    known = Known(
        (KnownLine('Bert: is after: "I want to buy a boat, psst."', speaker="Bert"), KnownLine("Bert: sails", speaker="Bert"))
    )
    assert [line.text for line in known.meant_for("Ada").profile] == ["Bert: sails"]
    assert len(known.meant_for("Bert").profile) == 2


def test_a_contradiction_that_holds_a_confidence_is_brought_up_to_nobody_else() -> None:
    two = KnownLine('Bert said: "I had a steak, don\'t tell Ada", but Ada: "Bert eats no meat". Ask.', speaker=None)
    own = KnownLine('On 3 May Bert said: "I\'ll fetch the boat tomorrow, psst." Ask how it went.', speaker="Bert")
    known = Known((), (two, own))
    assert [known.meant_for(name).statements for name in ("Ada", "Bert", None)] == [(), (own,), ()]


async def test_who_shares_a_memory_is_not_shown_what_another_told_in_confidence(short_dir, model) -> None:
    async def asked(host, name: str, text: str, session: str) -> str:
        await host.ref("thinking").ask(Think(session=session, messages=({"role": "user", "content": text, "name": name},)))
        return prompt_of(model.log()[-1])

    async with house(short_dir, url=model.base_url) as host:
        await asked(host, "Bert", "I've bought a boat for the birthday, but don't tell Ada.", "a")
        await asked(host, "Bert", "The birthday is on the first of May.", "b")
        mine = await asked(host, "Bert", "What did I say about the birthday?", "c")
        hers = await asked(host, "Ada", "What do you know about the birthday?", "d")

    assert "bought a boat" in mine
    assert "first of May" in hers
    assert "bought a boat" not in hers
