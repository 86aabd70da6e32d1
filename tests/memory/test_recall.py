"""What is found, in which order, and why."""

from datetime import UTC, datetime, timedelta

import pytest

from actors.memory.messages import GetHistory, NewMemory, Recall, Remember, Supersede
from transport.errors import Invalid

DAY = timedelta(days=1)
START = datetime(2025, 3, 1, tzinfo=UTC)


async def remember(memory, *records, namespace="default"):
    message = Remember(namespace=namespace, memories=tuple(NewMemory(**record) for record in records))
    return [stored.id for stored in (await memory.ask(message)).memories]


async def found(memory, query, **filters):
    return [hit.text for hit in (await memory.ask(Recall(query=query, **filters))).memories]


async def test_words_are_found_in_any_form_and_order(memory):
    await remember(memory, {"text": "She was running along the river"}, {"text": "Nothing of that kind"})
    assert await found(memory, "Who runs by rivers?") == ["She was running along the river"]


async def test_the_speakers_name_is_found_too(memory):
    await remember(memory, {"text": "I like tea", "speaker": "Ann"}, {"text": "I like tea", "speaker": "Bob"})
    hits = (await memory.ask(Recall(query="What does Bob like?"))).memories
    assert hits[0].speaker == "Bob"


async def test_every_filter_holds(memory):
    records = [
        {"text": "apples", "session": "s", "speaker": "Ann", "time": START},
        {"text": "apples pie", "session": "t", "speaker": "Bob", "time": START + DAY, "kind": "fact"},
        {"text": "apples and pears", "time": START + 2 * DAY, "metadata": {"shop": "corner", "n": 1}},
        {"text": "apples tool", "kind": "tool"},
    ]
    await remember(memory, *records)
    await remember(memory, {"text": "apples elsewhere"}, namespace="other")

    async def hits(**filters):
        return sorted(await found(memory, "apples", **filters))

    assert await hits() == ["apples", "apples and pears", "apples pie"]
    assert await hits(session="s") == ["apples"]
    assert await hits(session="none") == []
    assert await hits(speaker="Bob") == ["apples pie"]
    assert await hits(kinds=("fact", "tool")) == ["apples pie", "apples tool"]
    assert await hits(since=START + DAY) == ["apples and pears", "apples pie"]
    assert await hits(until=START + DAY) == ["apples", "apples pie"]
    assert await hits(since=START + DAY, until=START + DAY) == ["apples pie"]
    assert await hits(metadata={"shop": "corner"}) == ["apples and pears"]
    assert await hits(metadata={"shop": "corner", "n": 2}) == []
    assert await hits(namespace="other") == ["apples elsewhere"]
    assert await hits(kinds=()) == []


@pytest.mark.parametrize(
    "value", ["x", "", 1, 2.5, True, False, None, [1, "a"], {"b": [1], "a": None}, '"; DROP TABLE memory', 2**63 - 1]
)
async def test_metadata_is_compared_by_value_and_type(memory, value):
    key = 'a "quoted".key'
    await remember(memory, {"text": "apples", "metadata": {key: value}}, {"text": "apples", "metadata": {key: "other"}})
    hits = (await memory.ask(Recall(query="apples", metadata={key: value}))).memories
    assert [hit.metadata for hit in hits] == [{key: value}]


async def test_a_number_is_not_a_truth_value(memory):
    await remember(memory, {"text": "apples", "metadata": {"n": 1}}, {"text": "apples", "metadata": {"n": True}})
    hits = (await memory.ask(Recall(query="apples", metadata={"n": True}))).memories
    assert [hit.metadata["n"] for hit in hits] == [True]
    hits = (await memory.ask(Recall(query="apples", metadata={"n": 1.0}))).memories
    assert [hit.metadata["n"] for hit in hits] == [1]


async def test_as_of_a_date_that_is_found_which_was_valid_then(memory):
    old, new = await remember(
        memory,
        {"text": "Ann lives in Rome", "kind": "fact", "time": START},
        {"text": "Ann lives in Bern", "kind": "fact", "time": START + 10 * DAY},
    )
    await memory.ask(Supersede(id=old, by=new, time=START + 10 * DAY, cause="update"))

    assert await found(memory, "Where does Ann live?") == ["Ann lives in Bern"]
    assert await found(memory, "Where does Ann live?", as_of=START + 5 * DAY) == ["Ann lives in Rome"]
    assert await found(memory, "Where does Ann live?", as_of=START - DAY) == []


async def test_the_terms_add_up_to_the_score(memory):
    await remember(
        memory,
        {"text": "Did you see the lighthouse?", "session": "s", "speaker": "Ann"},
        {"text": "Yes, it was closed", "session": "s", "speaker": "Bob"},
        {"text": "A lighthouse keeper", "session": "t", "speaker": "Cid", "importance": 1.0},
    )
    explained = (await memory.ask(Recall(query="What did Bob say of the lighthouse?", explain=True))).memories
    plain = (await memory.ask(Recall(query="What did Bob say of the lighthouse?"))).memories

    assert len(explained) == 3
    for hit in explained:
        assert hit.score == pytest.approx(sum(hit.explain.values()), abs=1e-12)
    assert [hit.score for hit in explained] == sorted((hit.score for hit in explained), reverse=True)
    assert [(hit.id, hit.score) for hit in plain] == [(hit.id, hit.score) for hit in explained]
    assert all(hit.explain is None for hit in plain)
    answer = next(hit for hit in explained if hit.speaker == "Bob")
    assert {"previous", "session", "speaker"} <= set(answer.explain)


async def test_an_answer_is_found_by_its_question(memory):
    await remember(
        memory,
        {"text": "What did you name the puppy?", "session": "s", "speaker": "Ann"},
        {"text": "Biscuit!", "session": "s", "speaker": "Bob"},
        {"text": "Good morning", "session": "t", "speaker": "Bob"},
    )
    assert await found(memory, "puppy") == ["Biscuit!", "What did you name the puppy?"]


async def test_weights_of_one_request(memory):
    await remember(memory, {"text": "tea", "importance": 0.0}, {"text": "tea tea coffee", "importance": 1.0})
    only = {"importance": 1.0, "bm25_alone": 0.0, "recency": 0.0}
    hits = (await memory.ask(Recall(query="tea", weights=only, explain=True))).memories
    assert [hit.score for hit in hits] == [1.0, 0.0]
    with pytest.raises(Invalid, match=r"weights\.charm"):
        await memory.ask(Recall(query="tea", weights={"charm": 1.0}))
    for beyond in (1.7e308, -1e7):
        with pytest.raises(Invalid, match=r"weights\.recency"):
            Recall.parse({"query": "tea", "weights": {"recency": beyond}})


async def test_equals_come_in_the_order_of_their_ids_and_always_the_same(memory):
    ids = await remember(memory, *({"text": "the same words"} for _ in range(30)))
    answers = [[hit.id for hit in (await memory.ask(Recall(query="same words", k=10))).memories] for _ in range(3)]
    assert answers == [ids[:10]] * 3


async def test_what_is_excluded_is_not_found_and_others_take_its_place(memory):
    ids = await remember(memory, *({"text": "the same words"} for _ in range(300)))
    hits = (await memory.ask(Recall(query="same words", k=5, exclude=tuple(ids[:250])))).memories
    assert [hit.id for hit in hits] == ids[250:255]


@pytest.mark.parametrize(
    "query",
    [
        '"',
        'tea"',
        "tea*",
        "NEAR(tea coffee)",
        "-tea",
        "tea AND",
        "tea OR NOT",
        "text:tea",
        "{scope}:tea",
        "^tea",
        "tea \0 coffee",
        "tea 👋",
        "('tea')",
        "tea; DROP TABLE memory",
        "\u202etea",
        "tea " * 4000,
        "tea+coffee",
        "tea_x",
    ],
)
async def test_operators_in_a_query_are_words_like_others(memory, query):
    await remember(memory, {"text": "a cup of tea"})
    assert await found(memory, query) == (["a cup of tea"] if "tea" in query else [])


@pytest.mark.parametrize("query", ["", " ", "👋", "?!", "\0", "n1", "ns1"])
async def test_a_query_without_words_finds_nothing(memory, query):
    await remember(memory, {"text": "a cup of tea"})
    assert await found(memory, query) == []


async def test_a_query_of_common_words_alone_is_looked_up_by_them(memory):
    await remember(memory, {"text": "to be or not to be"}, {"text": "something else"})
    assert await found(memory, "to be or not to be") == ["to be or not to be"]


async def test_recalls_are_remembered_but_not_those_of_background_work(memory):
    [tea] = await remember(memory, {"text": "a cup of tea"})
    for query in ("tea", "cup", "tea"):
        await memory.ask(Recall(query=query))
    await memory.ask(Recall(query="tea"), lane="bg")

    events = [event for event in (await memory.ask(GetHistory(id=tea))).events if event.change == "recalled"]
    assert len(events) == 3
    assert len({event.detail["context"] for event in events}) == 2


async def test_history_shows_the_latest_recalls_only(memory):
    [tea] = await remember(memory, {"text": "a cup of tea"})
    for _ in range(40):
        await memory.ask(Recall(query="tea"))
    events = (await memory.ask(GetHistory(id=tea))).events
    assert len(events) == 33


async def test_what_was_said_at_the_time_that_the_query_names_comes_first(memory):
    await remember(
        memory,
        {"text": "We hiked up the hill in the rain", "session": "a", "time": START},
        {"text": "We hiked along the coast", "session": "b", "time": START + 65 * DAY},
        {"text": "We hiked a hill, a long hike", "session": "c", "time": START + 200 * DAY},
    )
    assert (await found(memory, "Where did we hike in May 2025?"))[0] == "We hiked along the coast"
    assert (await found(memory, "Where did we hike on 5 May?"))[0] == "We hiked along the coast"
    assert (await found(memory, "Where did we hike before 3 April 2025?"))[0] == "We hiked up the hill in the rain"


async def test_a_time_long_after_what_is_remembered(memory):
    long_ago = START.replace(year=1906)
    await remember(memory, {"text": "A battle", "time": long_ago}, {"text": "Another battle", "time": START})
    assert await found(memory, "Which battle was on 25 February 2025?") == ["Another battle", "A battle"]
    assert await found(memory, "Which battle was on 1 March 1906?") == ["A battle", "Another battle"]


async def test_a_time_alone_finds_what_was_said_then(memory):
    await remember(memory, {"text": "Tea at Ann's", "time": START}, {"text": "Coffee", "time": START + 65 * DAY})
    assert await found(memory, "What happened in May 2025?") == ["Coffee"]
    assert await found(memory, "What happened in May 2025?", speaker="Ann") == []


async def test_asked_when_a_text_that_tells_a_time_comes_first(memory):
    await remember(
        memory,
        {"text": "The bakery has its opening, a real opening of a bakery", "session": "a"},
        {"text": "The bakery opening was last Friday", "session": "b"},
    )
    assert (await found(memory, "When was the opening of the bakery?"))[0] == "The bakery opening was last Friday"


async def test_of_two_who_are_named_the_first_did_it(memory):
    await remember(
        memory,
        {"text": "I planted roses", "speaker": "Ben", "session": "a"},
        {"text": "I planted roses", "speaker": "Ann", "session": "b"},
    )

    async def whose(query):
        return (await memory.ask(Recall(query=query))).memories[0].speaker

    assert await whose("Which roses did Ann say to Ben she planted?") == "Ann"
    assert await whose("Which roses did Ben say to Ann he planted?") == "Ben"


async def test_a_question_counts_less_than_what_is_told(memory):
    await remember(
        memory,
        {"text": "Is the lighthouse open?", "session": "a"},
        {"text": "The lighthouse is open", "session": "b"},
        {"text": "Good morning", "session": "c"},
    )
    assert await found(memory, "lighthouse open") == ["The lighthouse is open", "Is the lighthouse open?"]
    weights = {"question": 3.0}
    assert (await found(memory, "lighthouse open", weights=weights))[0] == "Is the lighthouse open?"


async def test_a_word_of_the_turn_before_counts_for_the_answer(memory):
    await remember(
        memory,
        {"text": "Tell me about the lighthouse", "session": "a", "speaker": "Ann"},
        {"text": "It was painted red and white", "session": "a", "speaker": "Ben"},
        {"text": "The barn was painted green", "session": "b", "speaker": "Ben"},
    )
    hits = (await memory.ask(Recall(query="Which colour was the lighthouse painted?", explain=True))).memories
    assert hits[0].text == "It was painted red and white"
    assert hits[0].explain["context"] > 0


async def test_a_speakers_name_is_looked_for_where_nothing_else_leads_anywhere(memory):
    await memory.ask(
        Remember(
            memories=(
                NewMemory(text="Good morning", speaker="ana"),
                NewMemory(text="Ana moved to Porto.", speaker="ben"),
                NewMemory(text="The lemons are ripe", speaker="ben"),
            )
        )
    )
    assert "Ana moved to Porto." in [hit.text for hit in (await memory.ask(Recall(query="Where does Ana live?"))).memories]
    assert [hit.text for hit in (await memory.ask(Recall(query="Does Ana like lemons?"))).memories] == ["The lemons are ripe"]


async def test_what_was_felt_alike_comes_first_where_it_is_given_a_weight_and_is_explained(memory):
    felt = {"glad": {"joy": 0.9, "love": 0.3}, "sad": {"sadness": 0.8}, "flat": {"neutral": 1.0}}
    told = tuple(
        NewMemory(text="We talked of the harbour again.", key=name, affect={"user": vector}) for name, vector in felt.items()
    )
    ids = {name: one.id for name, one in zip(felt, (await memory.ask(Remember(memories=told))).memories, strict=True)}
    names = {memory_id: name for name, memory_id in ids.items()}

    async def found(**more):
        hits = (await memory.ask(Recall(query="harbour", explain=True, **more))).memories
        for hit in hits:
            assert sum(hit.explain.values()) == pytest.approx(hit.score)
        return {names[hit.id]: hit.explain.get("affect", 0.0) for hit in hits}

    assert set((await found(felt={"sadness": 1.0})).values()) == {0.0}
    by_mood = await found(felt={"sadness": 1.0}, weights={"affect": 2.0})
    assert (next(iter(by_mood)), by_mood["sad"], by_mood["glad"]) == ("sad", pytest.approx(2.0), 0.0)
    by_strength = await found(weights={"affect": 1.0})
    assert list(by_strength) == ["glad", "sad", "flat"]
    assert by_strength["glad"] == pytest.approx(0.9, abs=0.01)


PURCHASES = [
    {"text": "I bought a red bike", "session": "s1", "speaker": "Ann", "time": START},
    {"text": "We flew to Rome, the trip of my life", "session": "s2", "speaker": "Ann", "time": START + 20 * DAY},
    {"text": "I bought a camera", "session": "s3", "speaker": "Ann", "time": START + 40 * DAY},
]


@pytest.mark.parametrize(("side", "bought"), [("before", "I bought a red bike"), ("after", "I bought a camera")])
async def test_a_time_is_told_by_an_event(memory, side, bought):
    await remember(memory, *PURCHASES)
    hits = (await memory.ask(Recall(query=f"What had Ann bought {side} the trip to Rome?", explain=True))).memories
    told = [hit for hit in hits if "event" in hit.explain]
    assert [hit.text for hit in told if "bought" in hit.text] == [bought]
    assert hits[0].score == pytest.approx(sum(hits[0].explain.values()), abs=1e-12)
    assert next(hit.text for hit in hits if "bought" in hit.text) == bought
    off = (await memory.ask(Recall(query=f"What had Ann bought {side} the trip to Rome?", weights={"event": 0.0}))).memories
    assert {hit.id for hit in off} == {hit.id for hit in hits}


async def test_an_event_was_when_the_record_that_tells_of_it_says(memory):
    await remember(
        memory,
        {"text": "I bought a tent", "session": "s1", "speaker": "Ann", "time": START},
        {"text": "I bought a camera", "session": "s2", "speaker": "Ann", "time": START + 20 * DAY},
        {"text": "Two weeks ago we took that trip to Rome", "session": "s3", "speaker": "Ann", "time": START + 30 * DAY},
    )
    bought = [text for text in await found(memory, "What had Ann bought after the trip to Rome?") if "bought" in text]
    assert bought == ["I bought a camera", "I bought a tent"]


async def test_an_event_that_nobody_told_of_tells_no_time(memory):
    await remember(memory, *PURCHASES)
    hits = (await memory.ask(Recall(query="What had Ann bought after the wedding?", explain=True))).memories
    assert hits
    assert not any("event" in hit.explain for hit in hits)
