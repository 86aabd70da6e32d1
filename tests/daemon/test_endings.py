"""What is told of plans and goals that are behind somebody."""

import pytest

from actors.daemon.endings import endings


@pytest.mark.parametrize(
    ("plan", "text", "over"),
    [
        ("I'll order the curtains tomorrow.", "Ordered! They come in blue.", True),
        ("I have to phone her tomorrow.", "Phoned Irma. She was kind.", True),
        ("I want to swim 2 km by June.", "I swam 2 km on Sunday.", True),
        ("I want to swim 2 km by June.", "I swam 1 km on Sunday.", False),
        ("I'm going to paint the fence on Saturday.", "I've finally painted the fence.", True),
        ("I'm going to paint the fence on Saturday.", "I painted a portrait.", False),
        ("I'll write to the council next week.", "Did I tell you that I wrote to the council?", False),
        ("I'll sell the boat next month.", "If I sold the boat I would miss it.", False),
        ("I'm going to a wedding on Friday.", "Went shopping.", False),
        ("I want to get a licence this year.", "I got a parcel.", False),
        ("We're leaving on 3 May.", 'He wrote: "I left."', False),
        ("I'm training for the triathlon.", "What if I just quit the triathlon?", False),
        ("I'm training for the triathlon.", "I quit the triathlon.", True),
    ],
)
def test_a_plan_is_over_when_its_verb_is_told_in_the_past_of_the_same(plan, text, over) -> None:
    assert any(ending.is_of(plan) for ending in endings(text)) is over
