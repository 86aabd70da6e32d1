"""Which sentences tell something that lasts, and of whom."""

import time

import pytest

from actors.daemon import facts


def test_facts_are_lasting_first_person_sentences_as_they_were_said() -> None:
    text = "I live in Lisbon. Do you like it? I'm not sure about the weather. My sister works at the port! Nice day."
    assert facts.facts(text) == ["I live in Lisbon.", "My sister works at the port!"]


def test_a_fact_is_whole_and_outlasts_the_day() -> None:
    text = "I work as a nurse at St. Mary's hospital. I'm so exhausted and sad tonight."
    assert facts.facts(text) == ["I work as a nurse at St. Mary's hospital."]


def test_facts_are_found_whatever_apostrophe_a_phone_writes_and_in_small_letters() -> None:
    assert facts.facts("I\u2019m a nurse in Leeds. I\u2019ve two kids. i work nights") == [
        "I\u2019m a nurse in Leeds.",
        "I\u2019ve two kids.",
        "i work nights",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "I'm so stressed.",
        "I'm nervous as hell lol",
        "I was thinking scales.",
        "I have to go.",
        "I love it, though it is far.",
        'She said: "I live for this band!"',
        "Wir fahren im August nach Valencia.",
        "Nicht alles ist schlecht, die Wohnung im Altbau ist schön.",
    ],
)
def test_moods_quotations_and_other_languages_are_no_facts(text) -> None:
    assert facts.facts(text) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Hi! I'm Mara.", ["I'm Mara."]),
        ("My dog Pepe needs a park. He's a beagle.", ["My dog Pepe needs a park. He's a beagle."]),
        ("Aylin is a midwife.", ["Aylin is a midwife."]),
        ("Aylin! Is she here?", []),
        ("I quit smoking.", ["I quit smoking."]),
        ("I don't eat meat.", ["I don't eat meat."]),
    ],
)
def test_who_somebody_is_and_whom_they_have(text, found) -> None:
    assert facts.facts(text, names=frozenset({"Aylin"})) == found


@pytest.mark.parametrize(
    "text",
    [
        "I'm in the car outside the bakery.",
        "We're at the airport, the gate has changed twice.",
        "I'm waiting for the plumber.",
        "I'm chopping onions for the soup.",
        "I'm mildly annoyed by the noise.",
        "I've got a terrible headache.",
        "I have no strength left.",
        "My phone is nearly dead.",
        "My feet are killing me.",
        "They think I worry too much.",
        "I hate when she does that.",
        "I was up until three.",
        "I dreamt that I was the king of Spain.",
        "Strange dream: I lived on the moon and I owned a goat.",
        "I own the day today!",
        "I stopped by and I started laughing.",
        "I'm not his biggest fan.",
    ],
)
def test_what_passes_is_no_fact(text) -> None:
    assert facts.facts(text) == []


@pytest.mark.parametrize(
    "text",
    [
        'Could you translate this? "I am the owner of two shops. I live above the one in Turin."',
        "Please proofread this letter:\nI am a qualified plumber. I have three vans.",
        "Here is the text of my aunt's advert: I have a flat to let. I live in Graz.",
        "What is wrong here?\n```sql\n-- I am the admin and I live in Rome\nselect 1\n```",
        "> I have two dogs.\n> I live in Oslo.\nWhat should I reply?",
        "Tom wrote: I work for the circus now.",
    ],
)
def test_what_is_quoted_pasted_or_code_is_no_fact_about_its_sender(text) -> None:
    assert facts.facts(text) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("My aunt lives in Split, so we could stay there.", ["My aunt lives in Split, so we could stay there."]),
        ("I bought a piano today!", ["I bought a piano today!"]),
        ("We both got married this weekend.", ["We both got married this weekend."]),
        ("I'm terrified of spiders.", ["I'm terrified of spiders."]),
        ("I'm learning Finnish at the moment.", []),
        ("I'm learning Finnish.", ["I'm learning Finnish."]),
        ("I take insulin.", ["I take insulin."]),
        ("I never learned to ride a bike.", ["I never learned to ride a bike."]),
        ("My shoulder has been aching for months.", ["My shoulder has been aching for months."]),
        (
            "My cousin Vera rang. She and her son are moving to Bern.",
            ["My cousin Vera rang. She and her son are moving to Bern."],
        ),
        ("If I had a boat, I'd live on it. My uncle has one.", ["My uncle has one."]),
        ("Dad has a new knee.", ["Dad has a new knee."]),
        ('I play "The Swan" on Sundays.', ['I play "The Swan" on Sundays.']),
        ('I have a 27" monitor and a 32" TV.', ['I have a 27" monitor and a 32" TV.']),
        ("Quick check: I'm allergic to nuts.", ["Quick check: I'm allergic to nuts."]),
        ("I have to fix my diet: I have gout.", ["I have to fix my diet: I have gout."]),
        (
            "I want to read the news and make the most of it: I own a shop.",
            ["I want to read the news and make the most of it: I own a shop."],
        ),
    ],
)
def test_what_lasts_is_a_fact_also_where_a_clause_beside_it_supposes_something(text, found) -> None:
    assert facts.facts(text) == found


def test_nothing_said_tells_nothing() -> None:
    assert facts.facts("") == []


def test_a_pile_of_adverbs_takes_no_longer_than_other_words() -> None:
    began = time.process_time()
    assert facts.facts(f"I'm {'really ' * 36}zealous.")
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    "text",
    [
        "Please make a note: I'm allergic to nuts.",
        "This is my story: I was born in Cork.",
        "Make it short: I'm allergic to nuts.",
        "Here's a note about me: I'm a nurse.",
        "I'm vegetarian.",
        "My name's Bo.",
    ],
)
def test_plain_facts_are_drawn_however_they_are_led_up_to(text) -> None:
    assert facts.facts(text) == [text]
