"""What the rules make of pairs: one idea a test, in sentences of our own."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from actors.paradox.judge import Judge, asserts
from actors.paradox.messages import Statement

MARCH = datetime(2026, 3, 1, 9, tzinfo=UTC)


def verdict(old: str, new: str, *, days: float = 30, speakers: tuple[str, str] = ("user", "user")) -> str:
    earlier = Statement(text=old, speaker=speakers[0], time=MARCH)
    later = Statement(text=new, speaker=speakers[1], time=MARCH + timedelta(days=days))
    return Judge().check([earlier], later).verdict


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("I live in Lisbon.", "I live in Oslo."),
        ("My dog is called Bruno.", "My dog's name is Hector."),
        ("I was born in Graz.", "I was born in Linz."),
        ("My favourite colour is green.", "My favourite colour is orange."),
        ("The workshop has twelve seats.", "The workshop has thirty seats."),
        ("The parcel weighs 3 kilos.", "The parcel weighs 9 kilos."),
        ("The museum is open on Mondays.", "The museum is closed on Mondays."),
        ("I have no brothers or sisters.", "My younger sister called me."),
        ("I don't own a bicycle.", "My bicycle was stolen in front of the library."),
        ("I'm a vegetarian.", "I grilled a steak for myself yesterday."),
        ("I've never eaten oysters.", "When I was in Brest I ate oysters."),
        ("Everyone in the office likes the new coffee machine.", "Nobody in the office likes the new coffee machine."),
    ],
)
def test_what_cannot_both_be_true_is_a_contradiction(old: str, new: str) -> None:
    assert verdict(old, new) == "contradiction"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("I live in Lisbon.", "We moved to Oslo last month, I live in Oslo these days."),
        ("I work at the harbour office.", "I quit the harbour office, it was time."),
        ("The picnic is on the 4th.", "The picnic has been moved to the 11th."),
        ("I play the violin every evening.", "I gave up the violin."),
        ("Our office uses Slack.", "Our office no longer uses Slack."),
        ("Mia and I are engaged.", "Mia and I broke up."),
    ],
)
def test_a_sign_of_change_makes_an_update(old: str, new: str) -> None:
    assert verdict(old, new) == "update"


def test_what_is_taken_back_at_once_is_an_update_without_being_named() -> None:
    assert verdict("A table for two, please.", "Scratch that, make it three.", days=0.001) == "update"


def test_a_correction_long_after_takes_back_nothing_that_it_does_not_name() -> None:
    assert verdict("A table for two, please.", "Actually, the lake froze over.", days=90) != "update"


@pytest.mark.parametrize(
    "new",
    [
        "Do I live in Oslo or in Bergen?",
        "If I lived in Oslo, I would ski more.",
        "I wish I lived in Oslo.",
        "My horoscope claims I live in Oslo.",
        "I live in Oslo, just kidding.",
    ],
)
def test_questions_hypotheses_wishes_hearsay_and_jokes_are_never_at_odds(new: str) -> None:
    assert verdict("I live in Lisbon.", new) not in ("contradiction", "update")


def test_an_i_belongs_to_its_speaker() -> None:
    assert verdict("I live in Lisbon.", "I live in Oslo.", speakers=("ana", "ben")) not in ("contradiction", "update")


def test_who_is_named_and_who_says_i_may_be_one() -> None:
    assert verdict("Ben never drinks alcohol.", "I had three beers last night.", speakers=("ana", "ben")) == "contradiction"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("The back door is green.", "The cellar door is white."),
        ("My uncle lives in Rome.", "My cousin lives in Paris."),
        ("My left shoe is wet.", "My right shoe is dry."),
        ("I live in Portugal.", "I live in Lisbon."),
        ("As a child I hated olives.", "I love olives."),
        ("My soup isn't hot.", "My soup isn't cold either."),
        ("I own at least fifty records.", "I counted, I own 61 records."),
    ],
)
def test_another_subject_another_time_or_a_closer_figure_is_compatible(old: str, new: str) -> None:
    assert verdict(old, new) == "compatible"


def test_another_topic_is_unrelated() -> None:
    assert verdict("I live in Lisbon.", "Saturn has a great many rings.") == "unrelated"


def test_the_conflict_names_the_statement_and_the_rule() -> None:
    statements = [
        Statement(text=text, speaker="user", time=MARCH)
        for text in ("The weather was lovely.", "I live in Lisbon.", "My sister studies law.")
    ]
    checked = Judge().check(statements, Statement(text="I live in Oslo.", speaker="user", time=MARCH + timedelta(days=9)))
    assert [(conflict.index, conflict.why) for conflict in checked.conflicts] == [(1, "slot: residence")]
    assert checked.score == checked.conflicts[0].score > 0.5


def test_nothing_to_compare_with_is_unrelated() -> None:
    assert Judge().check([], Statement(text="I live in Oslo.")).verdict == "unrelated"


@pytest.mark.parametrize(
    "text", ["a " * 2000, "not " * 1000, "," * 4000, "1 2 " * 1000, "my my " * 700, "'" * 4000, "my x " * 900]
)
def test_no_text_makes_the_rules_slow(text: str) -> None:
    began = time.thread_time()
    Judge().check([Statement(text=text)], Statement(text=text[1:] or text))
    assert time.thread_time() - began < 0.5


def test_what_asserts_nothing_is_not_looked_up() -> None:
    assert not any(map(asserts, ("Yes.", "Two.", "Where do I live?", "I wish I lived in Oslo.")))
    assert all(map(asserts, ("I live in Oslo.", "I am 40 now.", "No, three.", "Not two, three.", "Book it, please.")))


def test_a_short_denial_means_what_was_said_last() -> None:
    statements = [Statement(text=text, speaker="user", time=MARCH) for text in ("The tea is cold.", "The stairs are clean.")]
    statements[1] = Statement(text=statements[1].text, speaker="user", time=MARCH + timedelta(minutes=40))
    checked = Judge().check(statements, Statement(text="No they aren't.", speaker="user", time=MARCH + timedelta(minutes=41)))
    assert (checked.verdict, checked.conflicts[0].index) == ("contradiction", 1)
    assert verdict("The tea is cold.", "That's not true.", days=3) not in ("contradiction", "update")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("The test was child's play.", "The test was difficult."),
        ("The hall was packed.", "The hall was deserted."),
        ("The lecture bored us to death.", "The lecture was gripping."),
    ],
)
def test_idioms_are_plain_words(old: str, new: str) -> None:
    assert verdict(old, new, days=1) == "contradiction"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("I don't own a horse.", "My boss works like a horse."),
        ("In 1995 the town had one cinema.", "The town has four cinemas."),
        ("My coach is patient.", "My coach is not the captain."),
        ("With a bigger car we would take the dog along.", "We never take the dog along."),
    ],
)
def test_comparisons_years_gone_by_and_conditions_are_no_conflict(old: str, new: str) -> None:
    assert verdict(old, new) not in ("contradiction", "update")


def test_a_reason_shows_the_word_as_it_was_said() -> None:
    statements = [Statement(text="I live in Quuxville.", speaker="user", time=MARCH)]
    checked = Judge().check(statements, Statement(text="I do not live in Quuxville.", speaker="user", time=MARCH))
    assert [conflict.why for conflict in checked.conflicts] == ["negation: live"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("Not everyone came to the party.", "Some of them came to the party.", "compatible"),
        ("Everyone came to the party.", "Not everyone came to the party.", "contradiction"),
        ("I hardly ever cook dinner.", "I rarely cook dinner.", "compatible"),
        ("My flight leaves at 7 am.", "My flight leaves at 7 pm.", "contradiction"),
        ("My flight leaves at 7 am.", "My flight leaves at 7:00.", "compatible"),
        ("My flight lands at noon.", "My flight lands at midnight.", "contradiction"),
        ("My son is seven.", "My son sleeps until 8.", "compatible"),
    ],
)
def test_how_many_how_often_and_which_half_of_the_day_are_told_apart(old: str, new: str, expected: str) -> None:
    assert verdict(old, new, days=1) == expected


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("I play tennis.", "I play tennis, squash and badminton."),
        ("I play tennis, squash and badminton.", "I play tennis."),
        ("I live in Oslo.", "I still live in Oslo."),
    ],
)
def test_more_of_the_same_is_not_put_before_the_network(old: str, new: str) -> None:
    class Unasked:
        def near(self, texts: list[str], _other: str) -> list[float]:
            return [1.0 for _ in texts]

        def read(self, pairs: list[tuple[str, str]]) -> list[object]:
            assert not pairs
            return []

    earlier = Statement(text=old, speaker="user", time=MARCH)
    assert Judge(Unasked()).check([earlier], Statement(text=new, speaker="user", time=MARCH)).verdict == "compatible"  # type: ignore[arg-type]


def test_what_is_added_may_take_back_what_stands_before() -> None:
    assert verdict("I live in Oslo.", "I live in Oslo, but not any more.") != "compatible"
