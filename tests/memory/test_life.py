"""The life cycle, with time in the test's hands: what moves a record on, what fades, and that each step leaves its cause."""

import pytest

from actors.memory.life import Facts, echo_of, faded, stage_next
from actors.memory.messages import (
    Affect,
    Age,
    Compress,
    Feed,
    Get,
    GetHistory,
    GetStats,
    Judged,
    Link,
    NewMemory,
    NoteAffect,
    Recall,
    Remember,
    Revise,
)
from actors.memory.settings import LifeSettings
from transport.errors import Invalid

DAY = 86_400
DAY_US = DAY * 1_000_000
LIFE = LifeSettings()


async def remember(memory, text="a lemon tree", **fields):
    stored = await memory.ask(Remember(memories=(NewMemory(text=text, **fields),)))
    return stored.memories[0].id


async def get(memory, memory_id):
    await memory.ask(GetHistory(id=memory_id))  # waits for recalls to be written down
    return (await memory.ask(Get(id=memory_id))).memory


async def steps(memory, memory_id):
    events = (await memory.ask(GetHistory(id=memory_id))).events
    return [(event.cause, event.detail["from"], event.detail["to"]) for event in events if event.change == "staged"]


async def recall(memory, *contexts):
    for context in contexts:
        await memory.ask(Recall(query="lemon", context=context))


async def age(memory):
    cursor, seen, faded_now, staged = None, 0, 0, 0
    while True:
        aged = await memory.ask(Age(limit=2, cursor=cursor))
        seen, faded_now, staged = seen + aged.seen, faded_now + aged.faded, staged + aged.staged
        cursor = aged.next_cursor
        if cursor is None:
            return seen, faded_now, staged


async def test_recalled_in_two_different_contexts_a_record_is_echoed(memory):
    tree = await remember(memory)
    await recall(memory, "monday", "monday", "monday")
    assert (await get(memory, tree)).stage == "raw"
    await recall(memory, "friday")

    assert (await get(memory, tree)).stage == "echoed"
    assert await steps(memory, tree) == [("echo", "raw", "echoed")]
    [staged] = [change for change in (await memory.ask(Feed())).changes if change.change == "staged"]
    assert (staged.id, staged.cause, staged.memory.stage) == (tree, "echo", "echoed")
    recalled = [event.detail for event in (await memory.ask(GetHistory(id=tree))).events if event.change == "recalled"]
    assert len(recalled) == 4
    assert len({detail["context"] for detail in recalled}) == 2
    assert (await get(memory, tree)).recalls == 4


async def test_without_a_named_context_other_words_are_another_one(memory):
    tree = await remember(memory)
    for query in ("lemon", "Lemon?", "the lemon"):
        await memory.ask(Recall(query=query))
    assert (await get(memory, tree)).stage == "raw"
    await memory.ask(Recall(query="tree"))
    assert (await get(memory, tree)).stage == "echoed"


async def test_echo_and_significance_together_crystallize(memory):
    usual, dear = await remember(memory), await remember(memory, "my lemon", importance=0.9)
    await recall(memory, "one", "two")
    assert (await get(memory, usual)).stage == "echoed"
    assert (await get(memory, dear)).stage == "crystallized"
    await recall(memory, "three")

    assert (await get(memory, usual)).stage == "crystallized"
    assert await steps(memory, dear) == [("echo", "raw", "echoed"), ("significance", "echoed", "crystallized")]
    [*_, detail] = [event.detail for event in (await memory.ask(GetHistory(id=dear))).events if event.change == "staged"]
    assert detail["echo"] + detail["significance"] >= detail["threshold"] == LIFE.crystallize_at


async def test_a_strong_feeling_or_a_higher_importance_crystallizes_what_is_echoed(memory):
    felt, raised = await remember(memory), await remember(memory, affect=Affect(user={"neutral": 1.0}))
    await recall(memory, "one", "two")
    assert [(await get(memory, one)).stage for one in (felt, raised)] == ["echoed", "echoed"]

    await memory.ask(NoteAffect(affects=(Judged(id=felt, user={"grief": 0.9}),)))
    await memory.ask(Revise(id=raised, importance=0.9))
    assert [(await get(memory, one)).stage for one in (felt, raised)] == ["crystallized", "crystallized"]


async def test_importance_halves_with_each_half_life_of_its_kind_down_to_the_floor(memory, clock):
    turn = await remember(memory, importance=0.8)
    fact = await remember(memory, kind="fact", importance=0.8)
    gone = await remember(memory, importance=0.06)
    assert await age(memory) == (3, 0, 0)
    clock.advance(30 * DAY)
    assert await age(memory) == (3, 3, 0)
    assert await age(memory) == (3, 0, 0)

    assert (await get(memory, turn)).importance == pytest.approx(0.4)
    assert (await get(memory, fact)).importance == pytest.approx(0.8 * 0.5 ** (30 / 180), abs=1e-6)
    assert (await get(memory, gone)).importance == LIFE.floor
    await memory.ask(Revise(id=turn, importance=1.0))
    clock.advance(30 * DAY)
    await age(memory)
    assert (await get(memory, turn)).importance == pytest.approx(0.5)
    assert [event.change for event in (await memory.ask(GetHistory(id=fact))).events] == ["remembered"]


async def test_what_is_used_fades_slower(memory, clock):
    used = await remember(memory)
    other = await remember(memory, "an orange", importance=0.5)
    await recall(memory, "one", "two")
    assert (await get(memory, used)).stage == "echoed"
    clock.advance(30 * DAY)
    await age(memory)
    assert (await get(memory, other)).importance == pytest.approx(0.25)
    assert (await get(memory, used)).importance == pytest.approx(0.5 * 0.5**0.5, abs=1e-6)


async def test_what_nobody_needed_for_long_is_archived_and_comes_back_when_it_is_needed(memory, clock):
    tree = await remember(memory)
    clock.advance(80 * DAY)
    await age(memory)
    assert (await get(memory, tree)).stage == "raw"
    clock.advance(20 * DAY)
    assert (await age(memory))[2] == 1
    assert (await get(memory, tree)).stage == "archived"
    assert (await memory.ask(GetStats())).by_stage == {"archived": 1}
    clock.advance(DAY)
    await recall(memory, "one")
    assert (await get(memory, tree)).stage == "archived"
    await recall(memory, "two")
    assert await steps(memory, tree) == [("age", "raw", "archived"), ("echo", "archived", "echoed")]


async def test_what_a_clock_that_was_ahead_has_aged_is_as_before_once_that_is_set_right(memory, clock):
    turn, fact = await remember(memory), await remember(memory, kind="fact", importance=0.8)
    clock.advance(10 * DAY)
    await age(memory)
    before = [(one.importance, one.stage) for one in (await get(memory, turn), await get(memory, fact))]
    clock.advance(400 * DAY)
    await age(memory)
    assert (await get(memory, turn)).stage == "archived"
    assert (await get(memory, fact)).importance < 0.2

    clock.advance(-400 * DAY)
    await age(memory)
    assert [(one.importance, one.stage) for one in (await get(memory, turn), await get(memory, fact))] == before
    assert await steps(memory, turn) == [("age", "raw", "archived"), ("clock", "archived", "raw")]
    assert await age(memory) == (2, 0, 0)


async def test_what_a_clock_that_was_behind_brought_back_is_archived_as_before_once_that_is_set_right(memory, clock):
    turn = await remember(memory, importance=0.8)
    clock.advance(95 * DAY)
    await age(memory)
    before = await get(memory, turn)
    assert (before.stage, before.importance > LIFE.floor) == ("archived", True)

    clock.advance(-50 * 365 * DAY)
    await age(memory)
    clock.advance(50 * 365 * DAY)
    await age(memory)
    after = await get(memory, turn)
    assert (after.stage, after.importance) == ("archived", before.importance)


async def test_a_summary_archives_what_it_sums_up_and_keeps_the_links(memory):
    plain, dear = await remember(memory), await remember(memory, "my lemon", importance=0.9)
    await recall(memory, "one", "two")
    assert [(await get(memory, one)).stage for one in (plain, dear)] == ["echoed", "crystallized"]
    links = tuple(Link(relation="summarises", target=source) for source in (plain, dear))
    summary = NewMemory(text="about lemons", kind="summary", links=links, key="lemons")
    made = await memory.ask(Compress(summary=summary))
    again = await memory.ask(Compress(summary=summary))

    assert (made.created, again.created) == (True, False)
    assert made.id == again.id
    assert made.archived == again.archived == (plain,)
    assert (await get(memory, made.id)).links == links
    assert [(await get(memory, one)).stage for one in (plain, dear)] == ["archived", "crystallized"]
    assert (await steps(memory, plain))[-1] == ("compress", "echoed", "archived")
    assert plain in [hit.id for hit in (await memory.ask(Recall(query="tree"))).memories]


@pytest.mark.parametrize(
    "summary",
    [
        {"kind": "summary", "text": "x", "key": "k"},
        {"kind": "summary", "text": "x", "links": [{"relation": "summarises", "target": "a"}]},
        {"kind": "fact", "text": "x", "key": "k", "links": [{"relation": "summarises", "target": "a"}]},
    ],
)
def test_a_summary_without_sources_or_key_is_none(summary):
    with pytest.raises(Invalid, match="summary"):
        Compress.parse({"summary": summary})


def facts(**given):
    usual = {"number": 1, "kind": "turn", "stage": "raw", "importance": 0.5, "base": 0.5, "since": 0, "used": 0}
    return Facts(**{**usual, "affect_user": None, "affect_assistant": None, **given})


@pytest.mark.parametrize(
    ("given", "stage"),
    [
        ({"contexts": 1}, None),
        ({"contexts": 2}, "echoed"),
        ({"stage": "echoed", "contexts": 9, "echo": 0.59}, None),
        ({"stage": "echoed", "contexts": 9, "echo": 0.61}, "crystallized"),
        ({"importance": 0.1, "used": -89 * DAY_US}, None),
        ({"importance": 0.1, "used": -90 * DAY_US}, "archived"),
        ({"importance": 0.11, "used": -900 * DAY_US}, None),
        ({"stage": "crystallized", "importance": 0.05, "used": -90 * DAY_US}, "archived"),
        ({"stage": "archived", "importance": 0.05, "used": -90 * DAY_US}, None),
        ({"stage": "archived", "contexts": 2}, "echoed"),
    ],
)
def test_the_stage_after(given, stage):
    step = stage_next(facts(**given), 0, LIFE)
    assert (step and step[0]) == stage


def test_echo_grows_with_contexts_and_fades_with_time():
    now = 100 * DAY_US
    assert echo_of([], now, LIFE) == 0
    assert echo_of([now] * 2, now, LIFE) == pytest.approx(0.5)
    assert echo_of([now] * 4, now, LIFE) == pytest.approx(0.75)
    assert echo_of([now - 30 * DAY_US] * 4, now, LIFE) == pytest.approx(0.5)
    assert echo_of([now + DAY_US], now, LIFE) == echo_of([now], now, LIFE)


@pytest.mark.parametrize(
    ("base", "days", "left"), [(0.8, 0, 0.8), (0.8, 30, 0.4), (0.8, 3000, 0.05), (0.03, 30, 0.03), (0.8, -9, 0.8)]
)
def test_importance_left(base, days, left):
    assert faded(base, days * DAY_US, 30.0, 0.05) == pytest.approx(left)
