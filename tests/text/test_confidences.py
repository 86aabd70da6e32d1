"""Whether a text asks that it is not passed on, told from other uses of the same words."""

from time import perf_counter

import pytest

from actors.text.confidences import announces_one, asks_for_nothing_else, tells_in_confidence


@pytest.mark.parametrize(
    "text",
    [
        "I've bought her a sailing course, but don\u2019t tell her.",
        "Psst: the cake has three tiers.",
        "This stays between us: I was sacked.",
        "I'm organising a surprise party for Bert.",
        "Nobody must know that I failed.",
        "Bert mustn't know about the loan.",
        "My father doesn't know yet that we sold the boat.",
        "I'd paint the shed without him noticing.",
        "Don't tell Anna, but I am leaving in June.",
        "dont tell anna but im leaving",
        "please do not tell my wife about the ring",
        "Just between us, I hate the garden.",
        "Between you and me: the shop is closing.",
        "Keep this to yourself, I got the job.",
        "Can you keep a secret?",
        "It's a secret.",
        "That's our secret, okay?",
        "I haven't told Ada yet that I lost my job.",
        "I'm planning a surprise for Ada.",
        "The surprise party for Bert is on Friday.",
        "It's a surprise, so act normal.",
        "I bought the boat as a surprise for Ada.",
        "I'd never tell Ada that I dislike her cooking.",
        "Anna and her mother must not find out.",
        "Nobody knows about this.",
        "Please keep it secret.",
        "I told you this in confidence.",
        "This is confidential: we're merging.",
        "I'm going to surprise Ada with a boat.",
        "Not a word to Ada!",
        "Never mention it to Ada.",
        "Don't say anything to Ada about the boat.",
        "Nobody else knows yet, but we're expecting.",
        "Ada isn't supposed to know about the trip.",
        "We're throwing Ada a surprise party on Friday.",
        "Don't let on that I know.",
        "You mustn't tell anyone, I'm pregnant.",
        "Please never ever tell Ada this.",
        "I want to keep it from Ada until Sunday.",
        "Mum's the word.",
        "She doesn't know that I'm selling the house.",
        "She has no idea, so keep quiet about it.",
        "Promise me you won't tell Ada?",
        "He hasn't told anyone but me.",
        "Ada's not supposed to find out!",
        "I want to be the one who tells Ada.",
        "Nobody at home knows, but I owe the bank nine thousand.",
        "Shh, it's for our anniversary.",
        "Let's keep the divorce between ourselves for now.",
        "you mustnt tell ada but i sold grandmas ring",
        "ada doesnt know about the party",
        "My lips are sealed.",
        "Don\u2019t let Ada know I bought the violin.",
        "I'd rather Ada didn't know about the tattoo.",
        "If Ada asks, I was at the library.",
        "Please keep Ada out of this: I'm suing our landlord.",
        "I'm hiding a puppy in the garage from Ada.",
        "I was sworn to secrecy.",
        "This must not leave this room.",
        "Do not share this with Ada.",
        "Tell nobody.",
        "We don't want Ada to find out that we booked Iceland.",
        "It's supposed to stay a secret that I knit.",
        "She would kill me if she found out.",
    ],
)
def test_what_is_told_in_confidence_says_so(text: str) -> None:
    assert tells_in_confidence(text)


@pytest.mark.parametrize(
    "text",
    [
        "Don't tell me how it ends.",
        "You should know that I sail.",
        "Bert can't know everything.",
        "It was a surprise that it rained.",
        "It came as a surprise to me.",
        "The secret of good bread is time.",
        "He said that he knows her.",
        "We went to a surprise party for nobody in particular.",
        "I love surprise parties.",
        "We threw a surprise party for Bert last year.",
        "She can't keep a secret.",
        "It's no secret that I like tea.",
        "The difference between you and me is age.",
        "I gained in confidence this year.",
        "Nobody can know the future.",
        "She doesn't know about wine.",
        "I don't tell people what to do.",
        "Never tell a lie.",
        "You can tell Ada about the boat now.",
        "It's not a secret any more.",
        "I can't tell the difference.",
        "I can't tell if it rains.",
        "Scientists can't find out why bees die.",
        "That's a secret recipe of my grandmother.",
        "I played Secret Santa with my colleagues.",
        "What a surprise!",
        "Surprise me with a recipe.",
        "I was surprised by the rain.",
        "The film was a surprise hit.",
        "I haven't told you about my dog yet.",
        "There is nothing to tell.",
        "My phone shows a private number.",
        "Keep quiet during the film is the rule.",
        "I know her from school.",
        "I have nothing to wear.",
        "The river lies between us and the town.",
        "I told Ada that I sail.",
        "Ada told me about the boat.",
        "I'm not surprised that it rained.",
        "He doesn't know how to cook.",
        "My boss doesn't know Excel.",
        "Don't tell stories.",
        "I keep my money in a private bank.",
        "She has no idea how to cook.",
        "Time will not tell.",
        "If she asks, tell her I said yes.",
        "If he finds out who did it, he will shout.",
        "You are the first to answer.",
        "I hide the cookies from mice.",
        "Do you want me to know?",
        "The will of my aunt is long.",
        "He won't tell us anything.",
        "Don't tell me you forgot the lesson!",
        "I can't tell you how happy I am.",
        "Nobody knows how the pyramids were built.",
        "Mine was in a zoo; I love surprise parties.",
    ],
)
def test_what_only_uses_the_same_words_is_told_to_anybody(text: str) -> None:
    assert not tells_in_confidence(text)


@pytest.mark.parametrize(
    ("text", "alone", "before"),
    [
        ("Don't tell Ada.", True, False),
        ("But please don't tell my wife about that, okay?", True, False),
        ("This stays between us, promise?", True, False),
        ("It's a surprise for her birthday.", True, False),
        ("Anna and her mother must not find out.", True, False),
        ("Can you keep a secret?", True, True),
        ("I'll tell you a secret.", True, True),
        ("I bought a boat, don't tell Ada.", False, False),
        ("Psst: the cake has three tiers.", False, False),
        ("This stays between us: I was sacked.", False, False),
        ("We sail on Sundays.", False, False),
    ],
)
def test_a_request_may_stand_alone_and_before_what_it_is_about(text: str, alone: bool, before: bool) -> None:
    assert asks_for_nothing_else(text) is alone
    assert announces_one(text) is before


@pytest.mark.parametrize(
    "text",
    ["keep " * 5000, "I " * 20_000, "how without " * 5000, "not tell " * 5000, "I to " * 20_000 + "know", "a surprise " * 9000],
)
def test_no_text_takes_long(text: str) -> None:
    """Tried: 0.2 s and less on a busy machine."""
    began = perf_counter()
    tells_in_confidence(text)
    assert perf_counter() - began < 5
