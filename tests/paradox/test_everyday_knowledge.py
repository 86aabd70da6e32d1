"""What everybody knows and no pair of statements spells out: what a way of life rules out, which state follows, and years."""

from datetime import UTC, datetime, timedelta

import pytest

from actors.paradox.judging.pair import Judgement
from actors.paradox.judging.reading import read
from actors.paradox.judging.rules import judge
from actors.paradox.judging.stages import COURSES
from actors.paradox.judging.ways import EXCLUSIONS, expression
from actors.paradox.judging.years import began

MARCH = datetime(2026, 3, 2, 13, tzinfo=UTC)
AT_ODDS = ("contradiction", "update")


def judged(old: str, new: str, days: float = 20, speakers: tuple[str, str] = ("ana", "ana")) -> Judgement:
    return judge(read(old, speakers[0], MARCH), read(new, speakers[1], MARCH + timedelta(days=days)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("I'm vegetarian.", "I had the lamb curry, it was superb."),
        ("My uncle is a vegan.", "My uncle ate two eggs and a slice of cheese."),
        ("I'm coeliac.", "I had a whole baguette for breakfast."),
        ("I don't drink alcohol.", "I had three pints with the neighbours."),
        ("I have two sons.", "My daughter starts school on Monday."),
        ("I live alone.", "My flatmate plays the drums."),
        ("We own our house.", "Our landlord wants to put the rent up."),
        ("I work from home.", "My commute takes an hour."),
        ("I can't swim.", "I swam across the lake this morning."),
        ("My aunt is blind.", "My aunt reads the paper every morning."),
        ("I've never been abroad.", "I spent a summer in Spain."),
        ("I have never been to Africa.", "I worked in Kenya for two years."),
        ("I've never broken a bone.", "When I broke my arm I was nine."),
        ("I never went to university.", "I wrote my thesis on bees."),
        ("The bakery is closed on Mondays.", "On my way home I got a loaf at the bakery, they open every Monday."),
        ("I'm bald.", "I washed my hair."),
    ],
)
def test_what_a_way_of_life_rules_out_is_at_odds_with_it_in_either_order(old: str, new: str) -> None:
    for one, other in ((old, new), (new, old)):
        found = judged(one, other)
        assert found.verdict in AT_ODDS
        assert found.why.startswith("rules out")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("I'm vegetarian.", "I fried the sausages for the children."),
        ("I'm vegetarian.", "I had the mushroom burger."),
        ("I'm not a vegetarian.", "I had a steak."),
        ("I used to be a vegetarian.", "I had a steak."),
        ("I'm vegetarian.", "My husband had a steak."),
        ("My brother is a vegetarian.", "I had a steak."),
        ("I can't drive.", "My wife drove us to the coast."),
        ("I have no children.", "My nephew starts school on Monday."),
        ("I've never been to Africa.", "I worked in Chile for two years."),
        ("I live alone.", "My neighbour plays the drums."),
        ("I'm an early riser.", "I slept until eleven today, just this once."),
        ("We own our house.", "My sister's landlord put her rent up."),
    ],
)
def test_what_another_one_does_or_is_no_such_thing_is_not_ruled_out(old: str, new: str) -> None:
    assert not judged(old, new).why.startswith("rules out")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("I'm a vegetarian restaurant critic.", "I had a steak last night."),
        ("I'm dating a vegetarian.", "I had a steak last night."),
        ("I never said that I'm a vegetarian.", "I had a steak."),
        ("I'm a vegetarian.", "We have three chickens and a duck."),
        ("I'm a vegetarian.", "We loved Turkey."),
        ("I don't drink alcohol.", "I brought a bottle of wine to the party."),
        ("I'm allergic to cats.", "I walked my dog."),
        ("I'm an only child.", "My sister-in-law is visiting."),
        ("Both my parents are dead.", "My dad has been dead for ten years."),
        ("I never knew my grandfather.", "My grandmother taught me to knit."),
        ("I'm single.", "I'm divorced."),
        ("I live alone.", "I shared photos with my sister."),
        ("I live on the ground floor.", "The meeting is on the third floor."),
        ("I can't live without a car.", "My car is red."),
        ("I'm retired.", "I work in the garden every morning."),
        ("I can't drive.", "We drove to Italy last summer."),
        ("I use a wheelchair.", "I run a bakery."),
        ("I'm colour blind.", "I watched the film."),
        ("I can't sleep.", "I have insomnia."),
        ("I've never been abroad.", "I went to London."),
        ("I've never been to Asia.", "I ordered a phone from China."),
        ("I've never been to America.", "I spent a month in Peru."),
        ("I've never seen snow.", "My skin is dry."),
        ("I'm an atheist.", "Thank God it's Friday."),
        ("Our car is electric.", "Petrol got so expensive."),
        ("I'm free on Friday.", "I got a letter on Friday."),
        ("My late husband was a sailor.", "My husband loved the sea."),
        ("I'm married.", "My partner is a baker."),
        ("My parents are divorced.", "I'm happily married."),
        ("I was born in Leeds.", "I'm pregnant."),
        ("I'm fine.", "I have a cold."),
        ("I'm sixty.", "I wake up at six every morning."),
        ("My dad plays the cello.", "My dad was at the funeral."),
        ("When my father left I was eight.", "I'm thirty-four."),
        ("I'm thirty.", "I work at the nursery."),
        ("I've known Ana for ten years.", "I met Tom two years ago."),
        ("We've been married for twenty years.", "We were at a wedding last summer."),
        ("I'm from a small village.", "I'm from Leeds."),
        ("My blood type is a mystery.", "My blood type is O positive."),
    ],
)
def test_ordinary_talk_is_not_at_odds(old: str, new: str) -> None:
    assert judged(old, new).verdict not in AT_ODDS
    assert not judged(new, old).why.startswith(("rules out", "reckoned", "slot"))


def test_one_person_s_way_of_life_rules_out_nothing_for_another_who_says_i() -> None:
    assert judged("I'm vegetarian.", "I had a steak.").verdict in AT_ODDS
    assert judged("I'm vegetarian.", "I had a steak.", speakers=("ana", "ben")).verdict not in AT_ODDS


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("I'm engaged.", "My husband made the cake."),
        ("I'm pregnant.", "The baby is three weeks old."),
        ("I'm looking for a flat.", "We signed the lease on Friday."),
        ("I'm in bed with the flu.", "I'm back on my feet."),
        ("The boiler is broken.", "The boiler is running again."),
        ("Our cat is missing.", "The cat turned up in the shed."),
        ("I'm on parental leave.", "My first day back in the office was chaos."),
        ("My cousin is studying law.", "My cousin graduated in June."),
        ("I smoke a pack a day.", "I gave up smoking."),
    ],
)
def test_a_later_state_of_the_same_course_updates_the_earlier_one(old: str, new: str) -> None:
    found = judged(old, new, days=100)
    assert (found.verdict, found.why[:6]) == ("update", "state:")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("I'm single.", "My sister is engaged."),
        ("The boiler is broken.", "The lift is running again."),
        ("I'm divorced.", "I'm single."),
        ("I was ill last year.", "I'm fit again."),
    ],
)
def test_states_of_others_or_of_other_things_are_not_at_odds(old: str, new: str) -> None:
    assert not judged(old, new).why.startswith("state")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("I'm out of work.", "I'm unemployed."),
        ("I'm ill.", "I'm not feeling well."),
        ("We've been married for seven years.", "We got married in 2019."),
        ("I'm thirty-four.", "I was born in 1991."),
    ],
)
def test_the_same_in_other_words_is_explained(old: str, new: str) -> None:
    assert judged(old, new).why.startswith("explained: the same")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("I'm thirty-four.", "I was born in 1971."),
        ("My grandmother is ninety.", "My grandmother was born in 1960."),
        ("I was born in 1985.", "I turn thirty on Sunday."),
        ("We've been married for twenty years.", "We got married in 2019."),
        ("We got married in 2013.", "It's our silver wedding this summer."),
        ("I've lived here for ten years.", "I moved here two years ago."),
        ("My son is four.", "My son is doing his A-levels."),
        ("I'm in my forties.", "I turned twenty-six in June."),
    ],
)
def test_years_that_cannot_be_the_same_are_at_odds(old: str, new: str) -> None:
    for one, other in ((old, new), (new, old)):
        found = judged(one, other)
        assert found.verdict in AT_ODDS
        assert found.why.startswith(("reckoned", "figure"))


def test_an_age_leaves_open_whether_the_birthday_has_been_and_grows_with_time() -> None:
    (age,) = began("i am thirty-four.", 2026)

    assert (age.first, age.last) == (1991, 1993)
    assert not judged("I'm thirty-four.", "I'm thirty-six.", days=730).why.startswith("reckoned")


@pytest.mark.parametrize(
    ("old", "new", "slot"),
    [
        ("I'm a dentist.", "I work as a bus driver.", "profession"),
        ("I drive an old Volvo.", "My car is a Fiat.", "car"),
        ("We heat with gas.", "Our house is heated with wood.", "heating"),
        ("I'm from Ireland.", "I'm Italian, born and bred.", "origin"),
        ("My mother was born in Cork.", "My mother was born in Glasgow.", "birthplace"),
        ("Our wedding was in spring.", "We got married in November.", "time of year"),
        ("My blood group is A positive.", "My blood group is O positive.", "blood group"),
    ],
)
def test_one_thing_s_one_answer_is_found_in_other_words(old: str, new: str, slot: str) -> None:
    assert judged(old, new).why.startswith(f"slot: {slot}")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("We heat with gas.", "My parents heat with wood."),
        ("Our wedding was in spring.", "We got married in May."),
        ("Our wedding was in May.", "My sister's wedding was in August."),
        ("I'm from Ireland.", "I'm Irish."),
    ],
)
def test_another_one_s_answer_or_the_same_one_is_not_at_odds(old: str, new: str) -> None:
    assert not judged(old, new).why.startswith("slot")


def test_the_tables_are_read_whole() -> None:
    # What ends with a blank would be followed by a word, and finds nothing.
    assert not [phrase for _, *both in EXCLUSIONS for phrases in both for phrase in phrases if phrase != phrase.strip()]
    assert not [phrase for course in COURSES for stage in course.stages for phrase in stage if phrase != phrase.strip()]
    assert {name for name, _, _ in EXCLUSIONS} >= {"diet", "family", "home", "work", "ability", "never", "days"}
    assert all(expression(phrases) for _, *both in EXCLUSIONS for phrases in both)
    assert all(expression(stage) for course in COURSES for stage in course.stages)
    assert all(len(course.stages) >= 2 for course in COURSES)
    assert all(one < other < len(course.stages) for course in COURSES for one, other in course.excluding)
