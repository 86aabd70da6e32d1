"""Who told in confidence what stands in a record: read off its words, its talk, and all that it was derived from."""

from actors.memory.messages import (
    Forget,
    GetConfidences,
    Link,
    NewMemory,
    Provenance,
    Rederive,
    Remember,
    Revise,
)

BY = Provenance(by="consolidate", rule="extractive")


async def remembered(memory, *records: NewMemory) -> list[str]:
    stored = await memory.ask(Remember(memories=records))
    return [one.id for one in stored.memories]


async def tellers(memory, *ids: str) -> list[tuple[str, ...]]:
    told = (await memory.ask(GetConfidences(ids=ids))).told
    return [told.get(one, ()) for one in ids]


def said(text: str, speaker: str | None = "Bert", role: str = "user", session: str = "one") -> NewMemory:
    return NewMemory(text=text, speaker=speaker, role=role, session=session)


def drawn(text: str, *sources: str, kind="fact", relation="derives_from", speaker=None) -> NewMemory:
    links = tuple(Link(relation=relation, target=source) for source in sources)
    return NewMemory(text=text, kind=kind, speaker=speaker, links=links, provenance=BY)


async def test_what_is_drawn_from_a_confidence_is_one_at_any_remove(memory) -> None:
    secret, plain = await remembered(memory, said("I bought a boat. Don't tell Ada."), said("We sail.", "Ada", session="two"))
    fact, summary, open_one = await remembered(
        memory,
        drawn("I bought a boat.", secret, speaker="Bert"),
        drawn("A boat was bought, and they sail.", secret, plain, kind="summary", relation="summarises"),
        drawn("We sail.", plain, speaker="Ada"),
    )
    (reflection,) = await remembered(memory, drawn("Boats matter.", fact, open_one, kind="reflection"))

    assert await tellers(memory, secret, fact, summary, reflection) == [("Bert",)] * 4
    assert await tellers(memory, plain, open_one, "mem_unknown") == [()] * 3


async def test_a_confidence_goes_with_the_source_that_held_it(memory) -> None:
    secret, plain = await remembered(memory, said("I bought a boat. Don't tell Ada."), said("We sail.", "Ada", session="two"))
    (summary,) = await remembered(memory, drawn("A boat was bought.", secret, plain, kind="summary", relation="summarises"))
    await memory.ask(Forget(ids=(secret,)))
    assert await tellers(memory, summary) == [()]
    await memory.ask(Rederive(id=summary, text="Ada: We sail.", sources=(plain,), provenance=BY))
    assert await tellers(memory, summary) == [()]


async def test_what_was_drawn_before_a_correction_stays_what_it_was(memory) -> None:
    (turn,) = await remembered(memory, said("I bought a boat. Don't tell Ada."))
    (before,) = await remembered(memory, drawn("A boat was bought.", turn, kind="summary", relation="summarises"))
    await memory.ask(Revise(id=turn, text="I bought a bicycle."))
    (after,) = await remembered(memory, drawn("A bicycle was bought.", turn, kind="summary", relation="summarises"))
    assert await tellers(memory, turn, before, after) == [(), ("Bert",), ()]

    await memory.ask(Revise(id=turn, text="I bought a bicycle, but keep that to yourself."))
    assert await tellers(memory, turn, after) == [("Bert",), ("Bert",)]


async def test_a_request_of_its_own_is_about_what_stands_beside_it(memory) -> None:
    ids = await remembered(
        memory,
        said("We sail on Sundays."),
        said("Lovely.", "assistant", "assistant"),
        said("Can you keep a secret?"),
        said("Of course.", "assistant", "assistant"),
        said("I bought Ada a boat."),
        said("A boat for Ada, how generous!", "assistant", "assistant"),
        said("When is the tide?", "Ada"),
        said("At nine.", "assistant", "assistant"),
    )
    assert await tellers(memory, *ids) == [(), (), *[("Bert",)] * 4, (), ()]


async def test_two_who_tell_are_both_named_and_who_has_no_name_is_the_user(memory) -> None:
    one, two, three = await remembered(
        memory,
        said("I bought a boat, don't tell Ada."),
        said("Don't tell Bert, but I'm leaving.", "Ada", session="two"),
        said("Just between us: I was sacked.", None, session="three"),
    )
    (both,) = await remembered(memory, drawn("A boat; a leave.", one, two, kind="summary", relation="summarises"))
    told = await memory.ask(GetConfidences(ids=(both, three, "mem_unknown")))
    assert told.told == {both: ("Ada", "Bert"), three: ("user",)}
    assert [told.keeps(who, both) for who in ("Ada", "Bert", None)] == [True, True, True]
    assert [told.keeps(who, three) for who in ("Ada", "user", None)] == [True, False, False]
    assert told.gone == ("mem_unknown",)
    assert [told.keeps(who, "mem_unknown") for who in ("Ada", None)] == [True, True]


async def test_metadata_may_say_it(memory) -> None:
    (marked,) = await remembered(memory, NewMemory(text="The boat is blue.", metadata={"confided_by": ["Bert"]}))
    (fact,) = await remembered(memory, drawn("It is blue.", marked))
    assert await tellers(memory, marked, fact) == [("Bert",)] * 2
