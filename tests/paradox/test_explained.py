"""What explains a difference: a rough figure, a plan come true, an exception, another day, thing or time, more of the same."""

from datetime import UTC, datetime, timedelta

import pytest

from actors.paradox.classifier.model import Classifier
from actors.paradox.judge import Judge
from actors.paradox.judging.restated import restated
from actors.paradox.messages import Statement

NOON = datetime(2026, 3, 2, 13, tzinfo=UTC)


@pytest.fixture(scope="module")
def whole() -> Judge:
    return Judge(Classifier())


def at_odds(judge: Judge, old: str, new: str, days: float) -> bool:
    earlier = Statement(text=old, speaker="user", time=NOON)
    later = Statement(text=new, speaker="user", time=NOON + timedelta(days=days))
    return bool(judge.check([earlier], later).conflicts)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("The pond is about four metres across.", "I measured the pond: it's 4.15 metres across."),
        ("Around sixty people work at the plant.", "There are 63 of us at the plant."),
        ("The walk takes roughly two hours.", "I timed the walk, it takes an hour and fifty minutes."),
        ("I've got nearly a thousand followers.", "I have 968 followers."),
        ("More than thirty children signed up for the camp.", "34 children are on the camp's list."),
        ("The valley has some twelve thousand inhabitants.", "11,870 people live in the valley."),
        ("I own about ninety cookbooks.", "I've counted them: 94."),
        ("Dozens of swallows nest in the barn.", "I counted 41 swallows in the barn."),
        ("My commute is 38 minutes.", "My commute is about forty minutes."),
        ("Uncle Fred is in his eighties.", "Uncle Fred is eighty-three."),
    ],
)
def test_a_figure_within_what_a_rough_one_leaves_open_is_the_same(whole: Judge, old: str, new: str) -> None:
    assert restated(old, new) != new
    assert not at_odds(whole, old, new, 9)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("The pond is about four metres across.", "I measured the pond: it's nine metres across."),
        ("Around sixty people work at the plant.", "There are only 21 of us at the plant."),
        ("I own about ninety cookbooks.", "I own four cookbooks."),
        ("The choir has thirty members.", "The choir has thirty-three members."),
        ("Milk costs 1.10 at the shop.", "The shop has put milk up to 1.40."),
        ("Dad's blood pressure is 160 over 100.", "Dad's blood pressure is down to 130."),
    ],
)
def test_another_figure_is_not(old: str, new: str) -> None:
    assert restated(old, new) == new


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("The hall holds about 300 people.", "The hall does not hold about 300 people."),
        ("We had about 20 guests and a dog.", "We had about 20 guests and no dog."),
    ],
)
def test_a_rough_figure_explains_no_denial_beside_it(old: str, new: str) -> None:
    assert at_odds(Judge(None), old, new, 9)


@pytest.mark.parametrize(
    ("days", "old", "new"),
    [
        (30, "I'm going to paint the shed this weekend.", "I painted the shed, it's bright green."),
        (60, "I want to learn to juggle.", "I can juggle now, three balls and no more."),
        (20, "Karl will bring the tent back on Friday.", "Karl brought the tent back on Friday, as promised."),
        (20, "Dad's having his tooth out on Thursday.", "Dad's tooth is out, he's eating soup."),
        (60, "I intend to finish the quilt before Christmas.", "The quilt is finished, just in time for Christmas."),
        (9, "I need to call the plumber.", "I called the plumber, he has time in March."),
        (5, "I have to hand in the essay by Monday.", "I handed in the essay on Sunday night."),
        (9, "My left ear is deaf.", "My right ear is perfectly fine."),
        (9, "The upstairs bathroom has no window.", "The downstairs bathroom has a big window."),
        (9, "My work laptop has no games on it.", "My own laptop is full of games."),
        (30, "Choir practice is on Mondays.", "This week choir practice was on Wednesday, the hall was taken."),
        (30, "The newsletter goes out on the first of the month.", "The newsletter went out on the third this month."),
        (0.3, "The queue was endless this morning.", "There was no queue at all this evening."),
        (3, "It rained all day today.", "Not a drop of rain today."),
        (30, "The harbour has no crane.", "There was a crane in the harbour before the war."),
        (30, "I was a vegan for a while in my thirties.", "I had a steak for dinner."),
        (9, "I lived in Prague from 2001 to 2005.", "I live in Madrid."),
        (9, "The boys are supposed to be in bed by nine.", "The boys were still up at eleven."),
        (9, "I have a sibling.", "My sibling is a brother, he's a year older."),
        (9, "I work at a school.", "I'm the caretaker of the school, I have all the keys."),
        (9, "The lift doesn't work.", "The lift is broken."),
        (9, "The exam was easy.", "The exam wasn't hard at all."),
        (9, "We're not moving to the coast.", "Were we to move to the coast, I'd buy a canoe."),
        (9, "I don't drink.", "My brother-in-law had five beers at the wedding."),
        (9, "I can't swim.", "My son swam the whole lake."),
    ],
)
def test_what_explains_a_difference_leaves_both_true(whole: Judge, days: float, old: str, new: str) -> None:
    assert not at_odds(whole, old, new, days)


@pytest.mark.parametrize(
    ("days", "old", "new"),
    [
        (30, "I'm going to paint the shed green.", "I'm not going to paint the shed after all."),
        (20, "Karl will bring the tent back on Friday.", "Karl didn't bring the tent back on Friday."),
        (20, "Our wedding will be on the 5th of June.", "Our wedding was on the 12th of June."),
        (9, "I broke my left wrist at the rink.", "It was my right wrist that I broke at the rink."),
        (9, "The front door is locked.", "The front door is wide open."),
        (30, "Choir practice is on Mondays.", "Choir practice is on Wednesdays now."),
        (0.2, "It has rained all day today.", "There hasn't been a drop of rain today."),
        (30, "The harbour never had a crane.", "Before the war the harbour had a crane."),
        (9, "I'm a vegan.", "I had a steak for dinner."),
        (9, "You aren't allowed to eat in the reading room.", "Eating in the reading room is allowed."),
        (9, "I'm an only child.", "My elder brother taught me to shave."),
        (9, "The shop is open.", "The shop is closed."),
        (9, "I'm left-handed.", "I'm right-handed."),
        (9, "She is my sister.", "She is my cousin."),
        (9, "My brother is a pilot.", "My brother is a tailor."),
    ],
)
def test_what_looks_like_it_and_explains_nothing_stays_at_odds(whole: Judge, days: float, old: str, new: str) -> None:
    assert at_odds(whole, old, new, days)
