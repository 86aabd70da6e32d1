"""What turns say of people, without a model."""

import time
from datetime import UTC, datetime

import pytest

from actors.daemon import people
from actors.daemon.cycles.personality import signs_in
from actors.daemon.interests import interests_in

SUNDAY = datetime(2026, 3, 1, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("My sister Ana moved to Porto.", ["sister Ana"]),
        ("I called my older brother yesterday.", ["brother"]),
        ("My dog is called Rex, and my boss is away.", ["dog Rex", "boss"]),
        ("The sister of Ana is nice.", []),
        ("My sisters are here.", []),
        ("My wife's name is Jitka.", ["wife Jitka"]),
        ("My best friend Tess will run it with me.", ["best friend Tess"]),
        ("My boyfriend Tomás is in Hamburg, my friend José-Luis too.", ["boyfriend Tomás", "friend José-Luis"]),
        ("My boss, Dr. Weber, is strict; my teacher Ms. Okafor is not.", ["boss Dr. Weber", "teacher Ms. Okafor"]),
        ("My sister\u2019s name is Zoë. My mother-in-law Carmen called.", ["sister Zoë", "mother-in-law Carmen"]),
        ("I have a brother named Jon. My mom, I think, knows.", ["brother Jon", "mom"]),
        ("My sons Max and Tim are at sea.", ["son Max", "son Tim"]),
        ("We have twins, Ida and Emil.", ["twin Ida", "twin Emil"]),
        ("Three kids: Ruth is 9 and goes to school in Lyon, Paul is 4.", ["child Ruth", "child Paul"]),
        ('Shorten this: "My wife Olga and I regret to say no."', []),
    ],
)
def test_whom_somebody_calls_theirs(text, labels) -> None:
    assert [found.label for found in people.relationships(text)] == labels


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("I want to learn Italian this year.", True),
        ("I'm saving up for a new bike.", True),
        ("I'd like to run a marathon some day.", True),
        ("I like running.", False),
        ("I wanted to be a pilot when I was small.", False),
        ("If I could, I would like to live in Rome.", False),
        ("Do you think I want to learn Italian?", False),
        ("I gave up trying to learn Italian.", False),
        ("I\u2019d like to learn Polish.", True),
        ("I'd like you to be brief.", False),
        ("I was bored, so I thought I'd try this.", False),
        ('She said: "I want to become a pilot."', False),
    ],
)
def test_what_somebody_is_after(text, found) -> None:
    assert bool(people.goals(text)) is found


def test_a_goal_ends_with_words_of_an_end_about_the_same() -> None:
    goal = "I'm training for the marathon in May."
    assert people.read("I finished the marathon!").gives_up(goal)
    assert people.read("I changed my mind about the marathon.").gives_up(goal)
    assert people.read("I gave up the 10k.").gives_up("I'm training for the 10k.")
    assert not people.read("I finished the book.").gives_up(goal)
    assert not people.read("The marathon is near.").gives_up(goal)


@pytest.mark.parametrize(
    ("text", "over"),
    [
        ("I'm flying to Rome tomorrow.", "2026-03-03"),
        ("I'll see the doctor on Tuesday.", "2026-03-04"),
        ("I have an exam next Monday.", "2026-03-10"),
        ("I'm moving in two weeks.", "2026-03-16"),
        ("I am getting married in May.", "2026-06-01"),
        ("I will visit them in January.", "2027-02-01"),
        ("I'm going hiking this weekend.", "2026-03-02"),
        ("I'm going to run the half marathon on 18 October.", "2026-10-19"),
        ("We will fly to Lisbon on November 10th.", "2026-11-11"),
        ("We fly to Rome on the 12th of January.", "2027-01-13"),
    ],
)
def test_when_a_plan_will_be_over(text, over) -> None:
    (plan,) = people.plans(text, SUNDAY)
    assert plan.over.date().isoformat() == over


@pytest.mark.parametrize(
    "text",
    [
        "I went to Rome in May.",
        "Will I see him tomorrow?",
        "If it rains I'll stay in tomorrow.",
        "May I?",
        "I am 31 on 31 February.",
        "I'm not playing next month.",
    ],
)
def test_what_is_no_plan(text) -> None:
    assert people.plans(text, SUNDAY) == []


@pytest.mark.parametrize(
    "texts",
    [
        ("Ich habe noch einen Hund.", "Ich habe noch Zeit, nicht viel."),
        ("Tengo mucho trabajo.", "No tengo mucho tiempo por el trabajo."),
        ("I am scared of the dark.", "I was scared of dogs."),
    ],
)
def test_words_of_other_languages_and_feelings_are_no_interests(texts) -> None:
    assert people.recurring([people.read(text) for text in texts]) == {}


def test_how_somebody_talks_is_told_in_shares() -> None:
    style = people.style(["Could you help me, please?", "Thanks! That is great!", "ok"])
    assert style["asking"] == pytest.approx(1 / 3)
    assert style["polite"] == pytest.approx(2 / 3)
    assert style["long-winded"] < 0.1
    assert style["emoji"] == 0


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("My sister is called Ana and I live near the harbour.", ["harbour"]),
        ("I called her twice, she was living in a tent.", ["tent"]),
        ("I love climbing and I stopped smoking last week.", ["climbing", "smoking"]),
        ("Yesterday I went running with a friend; the weather was awful.", ["running", "weather"]),
        ("We worried about the visits, and thought that they mattered.", []),
        ("My birthday is in May; I am allergic to cats.", ["cats"]),
        ("Photography and old cameras keep me busy these days.", ["photography", "cameras"]),
    ],
)
def test_what_may_be_an_interest_is_no_word_that_everybody_uses(text, found) -> None:
    assert interests_in(text, names=frozenset({"ana"})) == found


def test_what_recurs_is_neither_a_verb_nor_somebodys_name() -> None:
    texts = ["I called Ana about the pottery course.", "My sister Ana called; I live for pottery.", "I live near Ana's studio."]
    assert set(people.recurring([people.read(text) for text in texts])) == {"pottery"}
    texts = ["I met someone. Her name is Runa.", "Runa says that pottery calms.", "Runa makes pottery. They said yes."]
    assert set(people.recurring([people.read(text) for text in texts])) == {"pottery"}


@pytest.mark.parametrize(
    ("text", "signs"),
    [
        ("Please keep it short.", {("brevity", True)}),
        ("make it shorter, people have to eat", {("brevity", True)}),
        ("Shorter, please!", {("brevity", True)}),
        ("Your answers are way too long.", {("brevity", True)}),
        ("Just be honest with me.", {("directness", True)}),
        ("That\u2019s not funny.", {("humour", False)}),
        ("Could you elaborate?", {("brevity", False)}),
        ("Be kind.", {("directness", False)}),
        ("haha that's funny", {("humour", True)}),
        ("To be honest, the film was too long and my boss is too harsh.", set()),
        ("A huge elaborate cake, but too sweet.", set()),
        ("People ask me whether life is too short.", set()),
        ("You can't be serious!", set()),
        ("In short, the days get shorter.", set()),
    ],
)
def test_what_is_asked_of_the_assistant_is_not_what_is_told_of_others(text, signs) -> None:
    assert signs_in(text) == signs


def test_a_sentence_without_an_end_takes_no_longer_than_others() -> None:
    began = time.process_time()
    assert people.plans("I'm " * 16_000, SUNDAY) == []
    assert time.process_time() - began < 3
