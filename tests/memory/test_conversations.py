"""What a client's history means, which is sent whole each time."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.memory import forgetting, store
from actors.memory.messages import Answer, Converse, Forget, Get, GetHistory, GetSession, ListSessions, Recall
from actors.memory.talk import Overlap, overlap
from tests.memory.conftest import NOW, Store, turns
from transport.errors import NotFound


@pytest.mark.parametrize(
    ("stored", "incoming", "expected"),
    [
        ("", "a", Overlap(0, 0)),
        ("ab", "abc", Overlap(0, 2)),
        ("abcd", "abx", Overlap(0, 2)),
        ("abcd", "ab", Overlap(0, 2)),
        ("abcd", "a", Overlap(0, 1)),
        ("abcd", "cdx", Overlap(2, 2)),
        ("abcd", "dx", Overlap(3, 1)),
        ("abcde", "cx", Overlap(5, 0)),
        ("abcde", "bcx", Overlap(1, 2)),
        ("abcd", "x", Overlap(4, 0)),
        ("hAhB", "hBx", Overlap(2, 2)),
        ("hAh", "h", Overlap(2, 1)),
        ("hAhB", "h", Overlap(0, 1)),
        ("abxab", "abc", Overlap(3, 2)),
        ("aaaa", "aaaaa", Overlap(0, 4)),
    ],
)
def test_where_a_history_lies_in_what_is_stored(stored, incoming, expected):
    found = overlap([letter.encode() for letter in stored], [letter.encode() for letter in incoming])
    assert (found.length, found.length and found.start) == (expected.length, expected.length and expected.start)


@pytest.mark.parametrize(
    ("stored", "incoming", "created", "superseded", "talk"),
    [
        pytest.param([], ["u:hi"], 1, [], ["u:hi"], id="a talk begins"),
        pytest.param(["u:hi", "a:yes"], ["u:hi", "a:yes", "u:go on"], 1, [], ["u:hi", "a:yes", "u:go on"], id="goes on"),
        pytest.param(["u:hi", "a:yes"], ["u:hi ", "a:\nyes", "u:x"], 1, [], ["u:hi", "a:yes", "u:x"], id="white space"),
        pytest.param(["u:hi"], ["u:hi"], 0, [], ["u:hi"], id="sent again"),
        pytest.param(["u:hi", "a:yes"], ["u:hi"], 0, [], ["u:hi", "a:yes"], id="to be answered anew"),
        pytest.param(
            ["u:1", "a:2", "u:3", "a:4"], ["u:1", "a:2", "u:3"], 0, [], ["u:1", "a:2", "u:3", "a:4"], id="the last anew"
        ),
        pytest.param(["u:1", "a:2", "u:3", "a:4"], ["u:1", "a:2", "u:x"], 1, ["3", "4"], ["u:1", "a:2", "u:x"], id="an edit"),
        pytest.param(
            ["u:1", "a:2", "u:3", "a:4"], ["u:1", "a:2x", "u:3"], 2, ["2", "3", "4"], ["u:1", "a:2x", "u:3"], id="cut"
        ),
        pytest.param(
            ["u:1", "a:2", "u:3", "a:4"],
            ["u:3", "a:4", "u:5"],
            1,
            [],
            ["u:1", "a:2", "u:3", "a:4", "u:5"],
            id="the window slid",
        ),
        pytest.param(["u:1", "a:2", "u:3", "a:4"], ["a:4", "u:5"], 1, [], ["u:1", "a:2", "u:3", "a:4", "u:5"], id="slid far"),
        pytest.param(
            ["u:1", "a:2", "u:3", "a:4", "u:5", "a:6"],
            ["u:3", "a:4", "u:x"],
            1,
            ["5", "6"],
            ["u:1", "a:2", "u:3", "a:4", "u:x"],
            id="slid and edited",
        ),
        pytest.param(["u:1", "a:2"], ["u:what"], 1, [], ["u:1", "a:2", "u:what"], id="only what is new"),
        pytest.param(["u:1", "a:2"], ["u:x", "a:y", "u:z"], 3, [], ["u:1", "a:2", "u:x", "a:y", "u:z"], id="nothing known"),
        pytest.param(
            ["u:yes", "a:1", "u:no", "a:2"], ["u:yes"], 1, [], ["u:yes", "a:1", "u:no", "a:2", "u:yes"], id="said once more"
        ),
        pytest.param(["u:1"], ["u:1", "t:42", "a:so", "u:x"], 3, [], ["u:1", "t:42", "a:so", "u:x"], id="a tool"),
        pytest.param(["u:1", "a:x"], ["u:1", "u:x"], 1, ["x"], ["u:1", "u:x"], id="another role is another turn"),
    ],
)
def test_only_what_is_new_is_remembered(book, *, stored, incoming, created, superseded, talk):
    if stored:
        book.converse(*stored)
    texts = dict(book.connection.execute("SELECT id, text FROM memory"))

    conversed = book.converse(*incoming)

    assert len(conversed.created) == created
    assert [texts[memory_id] for memory_id in conversed.superseded] == superseded
    assert book.talk() == talk
    last = store.find(book.connection, "default", conversed.last).memory
    assert last.text == incoming[-1][2:].strip()
    assert len(texts) + created == book.connection.execute("SELECT count(*) FROM memory").get


def test_an_edit_keeps_the_old_turn_with_its_end_and_a_link_to_it(book):
    book.converse("u:1", "a:2", "u:3", "a:4")
    conversed = book.converse("u:1", "a:2", "u:new")

    old = [store.find(book.connection, "default", gone).memory for gone in conversed.superseded]
    new = store.find(book.connection, "default", conversed.created[0]).memory
    assert len(old) == 2
    assert all(memory.valid_to is not None for memory in old)
    assert {(link.relation, link.target) for link in new.links} == {("supersedes", gone) for gone in conversed.superseded}


def test_an_answer_comes_after_its_turn(book):
    asked = book.converse("u:1")
    answered = book.answer(asked.last, "2", key="k")

    assert answered.created
    assert book.talk() == ["u:1", "a:2"]
    assert book.converse("u:1", "a:2", "u:3").superseded == ()


def test_another_answer_supersedes_the_first_and_all_after_it(book):
    asked = book.converse("u:1")
    first = book.answer(asked.last, "first", key="1")
    rest = book.converse("u:1", "a:first", "u:go on")
    again = book.converse("u:1", "a:first", "u:go on")
    assert again.last == rest.last
    regenerated = book.answer(asked.last, "second", key="2")

    assert regenerated.superseded == (first.id, rest.last)
    assert book.talk() == ["u:1", "a:second"]


def test_an_answer_takes_no_place_from_what_the_user_said_without_waiting_for_it(book):
    first = book.converse("u:1")
    second = book.converse("u:2")
    book.answer(second.last, "to 2", key="2")
    late = book.answer(first.last, "to 1", key="1")

    assert (late.created, late.superseded) == (True, ())
    assert book.talk() == ["u:1", "u:2", "a:to 2", "a:to 1"]
    assert book.answer(first.last, "to 1", key="1").created is False
    assert book.converse("u:1", "a:to 1", "u:2", "a:to 2", "u:3").session == first.session
    assert book.talk() == ["u:1", "a:to 1", "u:2", "a:to 2", "u:3"]


def test_answers_that_come_late_one_after_the_other_do_not_take_each_others_place(book):
    first = book.converse("u:1", begin_as="one")
    second = book.converse("u:2", begin_as="two")
    book.answer(first.last, "to 1", key="1")
    late = book.answer(second.last, "to 2", key="2")

    assert (late.created, late.superseded) == (True, ())
    assert book.talk() == ["u:1", "u:2", "a:to 1", "a:to 2"]


def test_a_turn_told_again_after_the_talk_has_gone_on_is_not_said_twice(book):
    """By a client that sends only what is new, and a caller that did not hear that it was taken."""
    first = book.converse("u:1", begin_as="one")
    second = book.converse("u:2", begin_as="two")
    third = book.converse("u:3", begin_as="three")
    book.answer(first.last, "to 1", key="1")

    for begin_as, text, asked in (("one", "u:1", first), ("two", "u:2", second), ("three", "u:3", third)):
        again = book.converse(text, begin_as=begin_as)
        assert (again.last, again.created) == (asked.last, ())
    assert book.talk() == ["u:1", "u:2", "u:3", "a:to 1"]


def test_a_turn_that_was_answered_and_is_said_again_is_new(book):
    book.answer(book.converse("u:1", begin_as="one").last, "yes", key="1")
    book.answer(book.converse("u:2", begin_as="two").last, "no", key="2")
    book.converse("u:1", begin_as="one")

    assert book.talk() == ["u:1", "a:yes", "u:2", "a:no", "u:1"]


def test_what_is_told_late_is_not_said_once_more_by_what_came_since(book):
    book.converse("u:1", "a:2", "u:3")
    late = book.converse("u:1", said=NOW - timedelta(seconds=1))
    answered = book.answer(late.last, "2", key="owed")

    assert (late.created, answered.created) == ((), False)
    assert book.talk() == ["u:1", "a:2", "u:3"]


def test_what_is_told_late_and_was_said_once_more_is_there_twice(book):
    book.converse("u:1", "a:2", "u:3")
    assert len(book.converse("u:1", said=NOW).created) == 1


def test_an_answer_sent_twice_is_one(book):
    asked = book.converse("u:1")
    first = book.answer(asked.last, "2", key="k")
    before = book.everything()
    second = book.answer(asked.last, "2", key="k")

    assert (second.id, second.created, second.superseded) == (first.id, False, ())
    assert book.everything() == before


def test_a_late_answer_to_an_edited_question_is_superseded_from_the_start_and_says_so(book):
    asked = book.converse("u:1")
    book.converse("u:other")
    book.converse("u:1", "a:x", "u:2")
    edited = book.converse("u:1", "a:y", "u:3")
    late = book.answer(edited.superseded[-1], "to what was edited", key="late")
    assert asked.last
    assert late.created
    assert late.superseded == (late.id,)
    assert store.find(book.connection, "default", late.id).memory.valid_to is not None
    assert book.talk() == ["u:1", "a:y", "u:3"]
    assert book.answer(edited.superseded[-1], "to what was edited", key="late").created is False


def test_an_answer_that_the_client_brought_first_is_not_remembered_twice(book):
    asked = book.converse("u:1")
    book.converse("u:1", "a:2", "u:3")
    late = book.answer(asked.last, "2", key="k")

    assert late.created is False
    assert late.superseded == ()
    assert book.talk() == ["u:1", "a:2", "u:3"]


@pytest.mark.parametrize(("session", "after"), [("nowhere", None), ("talk", "mem_unknown"), ("other", None)])
def test_an_answer_to_nothing_is_not_found(book, session, after):
    asked = book.converse("u:1")
    book.converse("u:1", session="other")
    before = book.everything()
    with pytest.raises(NotFound):
        book.answer(after or asked.last, "2", session=session, key="k")
    assert book.everything() == before


def test_a_tools_output_is_kept_apart(book):
    conversed = book.converse("u:1", "t:42", "a:so")
    kinds = [store.find(book.connection, "default", created).memory.kind for created in conversed.created]
    assert kinds == ["turn", "tool", "turn"]


def test_a_talk_without_a_name_begins_under_the_name_that_the_caller_chose(book):
    assert book.converse("u:hi", session=None, begin_as="one").session == "one"
    assert book.converse("u:hi", session=None, begin_as="one").created == ()
    assert book.converse("u:hi", session=None, begin_as="two").session == "two"


def test_a_talk_that_was_begun_and_not_answered_goes_on_when_its_first_turn_is_told_again(book):
    begun = book.converse("u:hi", session=None, begin_as="one")
    again = book.converse("u:hi", session=None, begin_as="two", again=True)
    assert (again.session, again.last, again.created) == ("one", begun.last, ())

    book.answer(again.last, "hello", session="one", key="k")
    assert book.converse("u:hi", session=None, begin_as="three", again=True).session == "three"
    book.converse("u:hi", session=None, begin_as="four")
    assert book.converse("u:hi", session=None, begin_as="three", again=True).session == "three"


def test_a_talk_is_found_by_what_was_said_in_it(book):
    for name, text in (("one", "cats"), ("two", "dogs")):
        asked = book.converse("u:hi", session=None, begin_as=name)
        book.answer(asked.last, text, session=name, key=name)

    assert book.converse("u:hi", "a:cats", "u:more", session=None, begin_as="new").session == "one"
    assert book.converse("u:hi", "a:dogs", "u:more", session=None, begin_as="new").session == "two"
    assert book.converse("u:hi", "a:birds", "u:more", session=None, begin_as="new").session == "new"
    assert book.talk("one") == ["u:hi", "a:cats", "u:more"]


def test_of_two_talks_that_began_alike_the_one_that_ends_there_goes_on(book):
    for name in ("one", "two"):
        asked = book.converse("u:hi", session=None, begin_as=name)
        book.answer(asked.last, "hello", session=name, key=name)
    first = book.converse("u:hi", "a:hello", "u:cats", session=None, begin_as="x")
    second = book.converse("u:hi", "a:hello", "u:dogs", session=None, begin_as="y")

    assert {first.session, second.session} == {"one", "two"}
    assert first.superseded == second.superseded == ()


def test_an_edit_far_back_finds_its_talk(book):
    book.converse("u:1", "a:2", "u:3", "a:4", "u:5", "a:6", session="talk")
    edited = book.converse("u:1", "a:2", "u:3", "a:4x", "u:x", session=None)
    assert edited.session == "talk"
    assert book.talk() == ["u:1", "a:2", "u:3", "a:4x", "u:x"]


def test_the_same_greeting_does_not_make_two_talks_one(book):
    book.converse("a:How can I help?", "u:cats", session=None, begin_as="one")
    book.converse("a:How can I help?", "u:dogs", session=None, begin_as="two")
    assert book.talk("one") == ["a:How can I help?", "u:cats"]
    assert book.talk("two") == ["a:How can I help?", "u:dogs"]


def test_a_window_that_slid_finds_its_talk_without_a_name(book):
    book.converse("u:1", "a:2", "u:3", "a:4", "u:5", "a:6", session="talk")
    slid = book.converse("u:3", "a:4", "u:5", "a:6", "u:7", session=None)
    assert slid.session == "talk"
    assert book.converse("u:3", "a:4", "u:5", "a:6", "u:7", session=None).created == ()
    book.answer(slid.last, "8", key="8")
    assert book.converse("u:5", "a:6", "u:7", "a:8", "u:9", session=None).session == "talk"
    assert book.talk() == ["u:1", "a:2", "u:3", "a:4", "u:5", "a:6", "u:7", "a:8", "u:9"]


def test_another_namespaces_talk_is_not_found(book):
    book.converse("u:hi", "a:secret", session="theirs", namespace="theirs")
    ours = book.converse("u:hi", "a:secret", "u:more", session=None, namespace="ours", begin_as="ours")
    assert ours.session == "ours"
    assert len(ours.created) == 3


def test_a_forgotten_turn_does_not_come_back_with_the_clients_history(book):
    conversed = book.converse("u:1", "a:2", "u:3", "a:4")
    book.write(forgetting.forget, Forget(ids=(conversed.created[1],)))
    go_on = book.converse("u:1", "a:2", "u:3", "a:4", "u:5")

    assert (len(go_on.created), go_on.superseded) == (1, ())
    assert book.talk() == ["u:1", "u:3", "a:4", "u:5"]
    assert book.converse("u:1", "a:2", "u:3", "a:4", "u:5", "a:6", "u:7", session=None).session == "talk"


def test_a_forgotten_last_turn_may_be_answered_anew(book):
    asked = book.converse("u:1", "a:2", "u:3")
    book.write(forgetting.forget, Forget(ids=(asked.last,)))
    assert book.converse("u:1", "a:2", "u:3").created == ()
    assert book.answer(asked.last, "4", key="k").created
    assert book.talk() == ["u:1", "a:2", "a:4"]


texts = st.lists(st.sampled_from(["u:x", "a:x", "u:y", "a:y", "t:z", "u: x "]), min_size=1, max_size=7)


@settings(deadline=None, max_examples=150)
@given(histories=st.lists(st.tuples(texts, st.sampled_from(["talk", "other", None])), min_size=1, max_size=6))
def test_sending_a_history_twice_changes_nothing(histories):
    book = Store(indexes=len(histories) % 2 == 0)
    for step, (history, session) in enumerate(histories):
        first = book.converse(*history, session=session, begin_as=f"begun {step}")
        before = book.everything()
        second = book.converse(*history, session=session, begin_as=f"begun {step}")

        assert (second.session, second.last, second.created, second.superseded) == (first.session, first.last, (), ())
        assert book.everything() == before


@settings(deadline=None, max_examples=100)
@given(histories=st.lists(texts, min_size=1, max_size=6))
def test_a_talk_ends_with_what_its_client_sent_and_nothing_said_is_lost(histories):
    book = Store(indexes=len(histories) % 2 == 0)
    for history in histories:
        known = book.connection.execute("SELECT count(*) FROM memory").get
        conversed = book.converse(*history)
        assert book.connection.execute("SELECT count(*) FROM memory").get == known + len(conversed.created)
        if conversed.created:
            assert [text.replace(" ", "") for text in book.talk()][-len(history) :] == [
                text.replace(" ", "") for text in history
            ]
            assert conversed.last == conversed.created[-1]


async def test_a_talk_over_the_wire(memory, clock):
    asked = await memory.ask(Converse(session="talk", turns=turns("u:My cat is called Miau"), begin_as="x"))
    clock.advance(60)
    answered = await memory.ask(
        Answer(session="talk", after=asked.last, text="A fine name", key="k", metadata={"thought": "t"})
    )

    talk = await memory.ask(GetSession(name="talk"))
    assert [turn.id for turn in talk.turns] == [asked.last, answered.id]
    assert (talk.session.title, talk.session.turns) == ("My cat is called Miau", 2)
    assert (talk.session.last - talk.session.started).total_seconds() == 60
    assert (await memory.ask(Get(id=answered.id))).memory.metadata == {"thought": "t"}
    listed = await memory.ask(ListSessions())
    assert [session.name for session in listed.sessions] == ["talk"]
    assert (await memory.ask(Recall(query="cat"))).memories[0].id == asked.last
    assert [event.change for event in (await memory.ask(GetHistory(id=asked.last))).events] == ["remembered", "recalled"]
