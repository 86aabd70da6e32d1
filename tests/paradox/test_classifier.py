"""The shipped classifier of pairs, alone and weighed with the rules."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from actors.memory.messages import Memory
from actors.paradox.classifier.model import SHIPPED, Classifier
from actors.paradox.classifier.rendering import render
from actors.paradox.compare import finding
from actors.paradox.judge import Judge
from actors.paradox.messages import Statement
from actors.paradox.settings import ParadoxSettings

MARCH = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier()


def verdict(classifier: Classifier, old: str, new: str) -> str:
    earlier = Statement(text=old, speaker="user", time=MARCH)
    return Judge(classifier).check([earlier], Statement(text=new, speaker="user", time=MARCH + timedelta(days=30))).verdict


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("I have a dog.", "I have no dog.", "contradiction"),
        ("I live in Lisbon.", "I moved to Oslo last month.", "update"),
        ("I smoke a pack a day.", "I quit smoking.", "update"),
        ("I live in Lisbon.", "The frogs are loud at night.", "unrelated"),
    ],
)
def test_plain_pairs(classifier, old: str, new: str, expected: str) -> None:
    assert verdict(classifier, old, new) == expected


@pytest.mark.parametrize("speakers", [("ana", "ben"), ("person88", "person90"), ("u-1", "u-2")])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("I counted 88 birds at the lake.", "I counted 90 birds at the lake."),
        ("I live in Lisbon.", "I live in Oslo."),
        ("I never drink coffee.", "I drink coffee every morning."),
    ],
)
def test_what_two_people_say_of_themselves_is_no_contradiction_whatever_they_are_called(classifier, speakers, old, new) -> None:
    first, second = (Statement(text=text, speaker=name, time=MARCH) for text, name in zip((old, new), speakers, strict=True))
    assert Judge(classifier).check([first], second).verdict == "compatible"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("I live in Lisbon.", "I live in Oslo."),
        ("I was born in Graz.", "I was born in Linz."),
        ("My name is Ana.", "My name is Berta."),
        ("I'm 34 years old.", "I'm 29 years old."),
        ("I work as a nurse.", "I work as a plumber."),
        ("My favourite colour is blue.", "My favourite colour is green."),
        ("The meeting is on Monday.", "The meeting is on Thursday."),
        ("I have a cat.", "I don't have any pets."),
        ("I love jazz.", "I hate jazz."),
    ],
)
def test_the_plainest_contradictions_are_found_and_kept(classifier, old: str, new: str) -> None:
    """A network that had learnt subtle ones had forgotten them."""
    pair = (Statement(text=old, speaker="ana", time=MARCH), Statement(text=new, speaker="ana", time=MARCH + timedelta(days=1)))
    (judged,) = Judge(classifier).pairs([pair])

    assert judged.verdict == "contradiction"
    assert judged.score >= ParadoxSettings().keep_from


@pytest.mark.parametrize(
    "text", ["My garden has two lemon trees. The lemon trees need water every day", "I moved to Oslo.", "No, Thursday!"]
)
def test_what_is_said_again_is_at_odds_with_nothing(classifier, text: str) -> None:
    assert verdict(classifier, text, text) in ("compatible", "unrelated")
    assert verdict(classifier, text, text.upper()) in ("compatible", "unrelated")


def test_opinions_add_up_and_do_not_depend_on_their_neighbours(classifier) -> None:
    pairs = [render(old, "I live in Oslo.", ("a", "b"), (None, None)) for old in ("I live in Oslo.", "Frogs are green. " * 30)]
    both = classifier.read(pairs)
    assert both == [classifier.read([pair])[0] for pair in pairs]
    for one in both:
        assert one.contradiction + one.update + one.compatible + one.unrelated == pytest.approx(1, abs=1e-5)


def test_speakers_and_time_are_written_into_the_pair() -> None:
    times = (MARCH, MARCH + timedelta(minutes=5))
    assert render("I am a nurse.", "I am a cook.", ("ana", "ben"), times) == ("ana: I am a nurse.", "now: ben: I am a cook.")
    assert render("Hi.", "Ho.", ("ana", "Ana"), (None, None)) == ("Hi.", "later: Ho.")
    assert render("Hi.", "Ho.", ("u-1", "ben"), (None, None)) == ("Ana: Hi.", "later: ben: Ho.")
    assert render("Hi.", "Ho.", ("ana", "7"), (None, None)) == ("ana: Hi.", "later: Carla: Ho.")


def test_it_is_smaller_than_thirty_megabytes() -> None:
    about = json.loads(SHIPPED.with_suffix(".json").read_text(encoding="utf-8"))
    assert about["bytes"] == SHIPPED.stat().st_size < 30_000_000


def test_an_update_that_itself_tells_of_no_change_is_sure_and_ends_nothing_all_the_same(classifier) -> None:
    """The network takes a slip for a new habit; what was said before is not to be lost by that."""
    memories = [
        Memory.model_construct(
            id=f"mem_{number}", namespace="default", text=text, role="user", speaker="user", importance=0.5, time=time
        )
        for number, (text, time) in enumerate(
            [
                ("I never drink alcohol.", MARCH),
                ("I had three beers with friends after chess last night.", MARCH + timedelta(days=12)),
                ("I do not live without alcohol any more, I drink wine now.", MARCH + timedelta(days=30)),
            ]
        )
    ]
    said = [Statement(text=one.text, speaker=one.speaker, time=one.time) for one in memories]
    slip, change = Judge(classifier).pairs([(said[0], said[1]), (said[0], said[2])])
    settings = ParadoxSettings()
    assert slip.verdict == "update"
    assert slip.score > settings.supersede_from
    assert not finding(memories[0], memories[1], slip, settings).settled
    assert change.verdict == "update"
    assert finding(memories[0], memories[2], change, settings).ends


def test_a_complaint_about_how_a_request_is_met_is_not_at_odds_with_it(classifier) -> None:
    assert (
        verdict(classifier, "Please keep your answers short.", "You always give me answers that are far too long.")
        != "contradiction"
    )


def test_texts_in_other_languages_are_not_judged(classifier) -> None:
    """The network has read English alone: of others it takes half of all pairs for contradictions."""
    mother, meal = Statement(text="Meine Schwester ist Lehrerin."), Statement(text="Je ne mange pas de viande.")
    assert Judge(classifier).pairs([(mother, meal)])[0].verdict == "contradiction"
    assert Judge(classifier).check([mother], meal).verdict == "unrelated"
