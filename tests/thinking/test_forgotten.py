"""What memory forgets, thoughts forget too: their drafts and their reasoning, also in the files."""

from actors.memory.messages import Forget, ForgetSession, GetSession, NewMemory, Remember
from actors.thinking.messages import GetThought, Think
from tests.older_copy import put_back, put_by
from tests.thinking.house import TEXT, house
from tests.thinking.test_think import assistant, text_of, user

SECRET = "zanzibar"


def in_files(home) -> list[str]:
    return [path.name for path in (home / "data").glob("thinking.db*") if SECRET.encode() in path.read_bytes()]


async def thought_about(host, *messages, session="s", **how):
    answer = await host.ref("thinking").ask(Think(session=session, messages=messages, **how))
    return answer.thought_id


async def record_of(host, thought_id):
    return await host.ref("thinking").ask(GetThought(thought_id=thought_id))


async def test_a_thought_that_was_given_a_record_loses_its_texts_with_it(short_dir, model) -> None:
    model.always(text=f"<think>The password is {SECRET}.</think>{TEXT}")
    async with house(short_dir, url=model.base_url) as host:
        remembered = await host.ref("memory").ask(Remember(memories=(NewMemory(text=f"My password is {SECRET}."),)))
        thought_id = await thought_about(host, user("What is my password?"), memory="read")
        other = await thought_about(host, user("Unrelated"), memory="off")
        assert SECRET in (await record_of(host, thought_id)).reasoning

        await host.ref("memory").ask(Forget(ids=(remembered.memories[0].id,)))

        # At once, and not only when the feed has come round.
        record = await record_of(host, thought_id)
        assert record.scrubbed
        assert SECRET not in record.model_dump_json()
        assert SECRET in (await record_of(host, other)).reasoning

    async with house(short_dir, url=model.base_url, parts=("memory", "thinking")) as host:
        assert (await record_of(host, thought_id)).scrubbed


async def test_later_thoughts_of_a_talk_forget_what_was_said_in_it_before(short_dir, model) -> None:
    model.always(text=f"<think>{SECRET}, I see.</think>{TEXT}")
    said = user(f"My password is {SECRET}.")
    async with house(short_dir, url=model.base_url) as host:
        first = await thought_about(host, said)
        later = await thought_about(host, said, assistant(TEXT), user("And now?"))
        turns = await host.ref("memory").ask(GetSession(name="s"))
        await host.ref("memory").ask(Forget(ids=(turns.turns[0].id,)))

        for thought_id in (first, later):
            assert SECRET not in (await record_of(host, thought_id)).model_dump_json()

    assert in_files(short_dir) == []


async def test_a_talk_that_is_forgotten_leaves_nothing_in_the_files(short_dir, model) -> None:
    model.always(text=f"<think>{SECRET}, I see.</think>{TEXT}")
    async with house(short_dir, url=model.base_url) as host:
        thought_id = await thought_about(host, user(f"My password is {SECRET}."), effort="medium")
        assert SECRET in (await record_of(host, thought_id)).drafts[0].reasoning
        await host.ref("memory").ask(ForgetSession(name="s"))
        assert (await record_of(host, thought_id)).scrubbed

    assert in_files(short_dir) == []


async def test_not_even_the_name_is_left_of_a_talk_that_is_forgotten(short_dir, model) -> None:
    model.always(text=TEXT)
    async with house(short_dir, url=model.base_url) as host:
        memory = host.ref("memory")
        first = await thought_about(host, user("Hello"), session=SECRET)
        aside = await thought_about(host, user("Off the record"), session=SECRET, memory="off")
        elsewhere = await thought_about(host, user("Hello"), session="other")
        first_turn, *others = (await memory.ask(GetSession(name=SECRET))).turns

        await memory.ask(Forget(ids=(first_turn.id,)))
        assert (await record_of(host, first)).session == SECRET

        await memory.ask(Forget(ids=tuple(turn.id for turn in others)))
        for thought_id in (first, aside):
            record = await record_of(host, thought_id)
            assert (record.session, record.scrubbed) == (None, True)
        assert (await record_of(host, elsewhere)).session == "other"

        again = await thought_about(host, user("Hello again"), session=SECRET)
        assert (await record_of(host, again)).session == SECRET
        await memory.ask(ForgetSession(name=SECRET))
        assert (await record_of(host, again)).session is None

    assert in_files(short_dir) == []


async def test_a_thought_that_was_kept_out_of_memory_goes_with_a_talk_that_was_not(short_dir, model) -> None:
    model.always(text=f"<think>{SECRET}, I see.</think>{TEXT}")
    async with house(short_dir, url=model.base_url) as host:
        memory = host.ref("memory")
        await memory.ask(Remember(memories=(NewMemory(text="Hello", session=SECRET),)))
        inside = await thought_about(host, user("Off the record"), session=SECRET, memory="off")
        elsewhere = await thought_about(host, user("Off the record"), session="never remembered", memory="off")
        await memory.ask(ForgetSession(name=SECRET))

        record = await record_of(host, inside)
        assert (record.session, record.scrubbed) == (None, True)
        assert not (await record_of(host, elsewhere)).scrubbed


async def test_texts_are_withheld_while_memory_cannot_say_what_it_has_forgotten(short_dir, model) -> None:
    model.always(text=f"<think>{SECRET}, I see.</think>{TEXT}")
    async with house(short_dir, url=model.base_url) as host:
        thought_id = await thought_about(host, user("Hello"))

    async with house(short_dir, parts=("thinking",)) as host:
        record = await record_of(host, thought_id)
        assert SECRET not in record.model_dump_json()
        assert not record.scrubbed
        assert any("withheld" in note for note in record.notes)


async def test_an_answer_is_not_given_again_once_what_it_may_quote_is_forgotten(short_dir, model) -> None:
    model.always(text=f"It is {SECRET}.")
    async with house(short_dir, url=model.base_url) as host:
        remembered = await host.ref("memory").ask(Remember(memories=(NewMemory(text=f"My password is {SECRET}."),)))
        asked = user("What is my password?")
        await thought_about(host, asked, effort="low", memory="read")
        await host.ref("memory").ask(Forget(ids=(remembered.memories[0].id,)))
        model.always(text="I do not know.")
        again = await host.ref("thinking").ask(Think(effort="low", memory="read", messages=(asked,)))

    assert text_of(again) == "I do not know."


async def test_a_memory_that_ends_before_what_was_followed_is_followed_from_its_beginning(short_dir, model) -> None:
    """Restored from an older copy, or recovered: what is forgotten there is scrubbed, also before anybody hears of it."""
    model.always(text=f"<think>The password is {SECRET}.</think>{TEXT}")
    async with house(short_dir, url=model.base_url) as host:
        pages = await host.ref("memory").ask(Remember(memories=tuple(NewMemory(text=f"page {number}") for number in range(9))))
        thought_id = await thought_about(host, user("What is on the pages?"), memory="read")
        await host.ref("memory").ask(Forget(ids=(pages.memories[0].id,)))
        assert (await record_of(host, thought_id)).scrubbed
    for path in (short_dir / "data").glob("memory.db*"):
        path.unlink()
    async with house(short_dir, url=model.base_url) as host:
        await thought_about(host, user("Anything?"), memory="read")
        remembered = await host.ref("memory").ask(Remember(memories=(NewMemory(text=f"My password is {SECRET}."),)))
        thought_id = await thought_about(host, user("What is my password?"), memory="read")
        await host.ref("memory").ask(Forget(ids=(remembered.memories[0].id,)))
        assert (await record_of(host, thought_id)).scrubbed


async def test_what_an_older_memory_forgets_that_has_grown_past_what_was_followed_is_scrubbed(short_dir, model) -> None:
    model.always(text=f"<think>The password is {SECRET}.</think>{TEXT}")
    async with house(short_dir, url=model.base_url) as host:
        remembered = await host.ref("memory").ask(Remember(memories=(NewMemory(text=f"My password is {SECRET}."),)))
        thought_id = await thought_about(host, user("What is my password?"), memory="read")
    put_by(short_dir / "data" / "memory.db")
    async with house(short_dir, url=model.base_url) as host:
        pages = await host.ref("memory").ask(Remember(memories=tuple(NewMemory(text=f"page {number}") for number in range(9))))
        await host.ref("memory").ask(Forget(ids=(pages.memories[0].id,)))
        assert not (await record_of(host, thought_id)).scrubbed
    put_back(short_dir / "data" / "memory.db")
    async with house(short_dir, url=model.base_url, parts=("memory",)) as host:
        await host.ref("memory").ask(Forget(ids=(remembered.memories[0].id,)))
        await host.ref("memory").ask(Remember(memories=tuple(NewMemory(text=f"line {number}") for number in range(30))))
    async with house(short_dir, url=model.base_url, parts=("memory", "thinking")) as host:
        assert (await record_of(host, thought_id)).scrubbed
    assert in_files(short_dir) == []


async def test_what_was_forgotten_before_memory_was_followed_is_scrubbed_too(short_dir, model) -> None:
    model.always(text=f"<think>The password is {SECRET}.</think>{TEXT}")
    async with house(short_dir, url=model.base_url, parts=("llm", "thinking")) as host:
        thought_id = await thought_about(host, user("What is my password?"), memory="off")
    async with house(short_dir, parts=("memory",)) as host:
        await host.ref("memory").ask(Remember(memories=(NewMemory(text="Hello", session="s"),)))
        await host.ref("memory").ask(ForgetSession(name="s"))

    async with house(short_dir, parts=("memory", "thinking")) as host:
        assert (await record_of(host, thought_id)).scrubbed
