"""Private reasoning never reaches the public text, wherever the answer is split on its way."""

import codecs
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.private_reasoning import Sieve, asks_for_tags, public_of
from actors.thinking.openings import begins_like_reasoning

SECRET = "SECRET"
ANSWERS = [
    ("<think>SECRET</think>Hello", "Hello"),
    (" \n<think>\nSECRET\n</think>\n\nHello", "Hello"),
    ("<thinking>SECRET</thinking>Hello", "Hello"),
    ("<reasoning>SECRET</reasoning>Hello", "Hello"),
    ("<THINK>SECRET</Think>Hello", "Hello"),
    ("< think >SECRET</ think >Hello", "Hello"),
    ('<think kind="deep">SECRET</think>Hello', "Hello"),
    ("[THINK]SECRET[/THINK]Hello", "Hello"),
    ("◁think▷SECRET◁/think▷Hello", "Hello"),
    ("<|channel|>analysis<|message|>SECRET<|end|>Hello", "Hello"),
    ("<seed:think>SECRET</seed:think>Hello", "Hello"),
    ("<analysis>SECRET</analysis>Hello", "Hello"),
    ("<thought>SECRET</thought>Hello", "Hello"),
    ("<thoughts>SECRET</thoughts>Hello", "Hello"),
    ("<thinking_process>SECRET</thinking_process>Hello", "Hello"),
    ("<inner_thoughts>SECRET</inner_thoughts>Hello", "Hello"),
    ("<antThinking>SECRET</antThinking>Hello", "Hello"),
    ("<unused94>thought\nSECRET<unused95>Hello", "Hello"),
    # Special tokens, by several spellings; one of a block's own name closes it.
    ("<|thinking|>SECRET<|/thinking|>Hello", "Hello"),
    ("<|thinking|>SECRET<|end_thinking|>Hello", "Hello"),
    ("<|think|>SECRET</think>SECRET<|/think|>Hello", "Hello"),
    ("<|begin_of_thought|>SECRET<|end_of_thought|>Hello", "Hello"),
    ("<|START_THINKING|>SECRET<|END_THINKING|>Hello", "Hello"),
    ("<|reasoning_start|>SECRET<|reasoning_end|>Hello", "Hello"),
    ("<\uff5cbegin\u2581of\u2581think\uff5c>SECRET<\uff5cend\u2581of\u2581think\uff5c>Hello", "Hello"),
    ("Hello<|thinking|>SECRET", "Hello"),
    # gpt-oss's channels, as its template writes them, and with what servers leave out of it.
    ("<|channel|>analysis<|message|>SECRET<|end|><|start|>assistant<|channel|>final<|message|>Hello<|return|>", "Hello"),
    ("<|start|>assistant<|channel|>analysis <|message|>SECRET<|end|><|channel|>final<|message|>Hello<|end|>", "Hello"),
    ("<|channel|>analysis<|message|>SECRET<|start|>assistant<|channel|>final<|message|>Hello", "Hello"),
    ("<|channel|>analysis to=python code<|message|>SECRET<|call|><|channel|>final<|message|>Hello", "Hello"),
    ("<|channel|>commentary to=functions.f <|constrain|>json<|message|>SECRET<|call|>Hello", "Hello"),
    ("<|channel|>analysis<|message|>SECRET", ""),
    ("Hello<think>SECRET</think>, you", "Hello, you"),
    ("<think>SECRET</think>Hello<think>SECRET</think>, you", "Hello, you"),
    # Nested: the inner closing tag does not end the outer block.
    ("<think>a<think>b</think>SECRET</think>Hello", "Hello"),
    ("<think>a<reasoning>b</reasoning>SECRET</think>Hello", "Hello"),
    # The wrong closing tag ends nothing.
    ("<think>a</thinking>SECRET</think>Hello", "Hello"),
    # Never closed.
    ("Hello <think>SECRET", "Hello "),
    ("<think>SECRET <b>bold</b> SECRET", ""),
    ("<think>SECRET</thin", ""),
    ("Hello <think " + "SECRET" * 60, "Hello "),
    # In a fence, where nobody asked for the tag.
    ("```\n<think>SECRET</think>\n```\nHello", "```\n\n```\nHello"),
    ("`<think>SECRET</think>` Hello", "`` Hello"),
    ("<think>```\nSECRET\n</think>Hello", "Hello"),
    # In other scripts: a character of several bytes stands at each seam.
    ("<think>SECRET 思考</think>こんにちは", "こんにちは"),
]
PLAIN = [
    "",
    "Hello",
    "  Hello  ",
    "\n\nHello",
    "x <b>bold</b> < 3 and a<b, List<thinker> and <thinks>",
    "I <3 you [thinking] about [Think](http://example.org) it",
    "if (a < think) { return b; }",
    "an end <",
    "◁ and <|x|> and <|end|>",
    "<|im_start|> and <|return|> and <|thinker|>",
    "<analyst> wrote <|channel and <\uff5cx\uff5c>",
    "&lt;think&gt;",
]


def through(pieces, **how):
    sieve = Sieve(**how)
    told = [sieve.feed(piece) for piece in pieces]
    told.append(sieve.close())
    return "".join(part.public for part in told), "".join(part.private for part in told), sieve


@pytest.mark.parametrize(("text", "public"), ANSWERS)
def test_what_is_thought_stays_private_split_at_every_byte(text, public) -> None:
    whole = public_of(text)
    assert whole.public == public
    assert SECRET not in whole.public
    assert SECRET in whole.private

    data = text.encode()
    for at in range(len(data) + 1):
        decoder = codecs.getincrementaldecoder("utf-8")()
        pieces = [decoder.decode(data[:at]), decoder.decode(data[at:], final=True)]
        assert through(pieces)[:2] == whole, f"split at byte {at}"

    assert through(list(text))[:2] == whole


@pytest.mark.parametrize("text", PLAIN)
def test_a_text_without_reasoning_is_left_as_it_is(text) -> None:
    assert public_of(text) == (text, "")
    assert through(list(text))[:2] == (text, "")
    for at in range(len(text) + 1):
        assert through([text[:at], text[at:]])[:2] == (text, "")


def test_nothing_is_held_back_that_could_not_become_a_tag() -> None:
    sieve = Sieve()

    assert sieve.feed("Hello").public == "Hello"
    assert sieve.feed(" a<b").public == " a<b"
    assert sieve.feed(" <thi").public == " "
    assert sieve.holds
    assert sieve.feed("rd>").public == "<third>"
    assert not sieve.holds


@pytest.mark.parametrize(
    ("text", "public"),
    [
        ("Write `<think>` and `</think>`.", "Write `<think>` and `</think>`."),
        ("```xml\n<think>so</think>\n```\nDone", "```xml\n<think>so</think>\n```\nDone"),
        ("~~~\n<think>so</think>\n~~~\n<think>SECRET</think>Done", "~~~\n<think>so</think>\n~~~\nDone"),
        ("<think>SECRET</think>Write `<think>`", "Write `<think>`"),
        # Outside of code it is reasoning, whoever asked; code that was never closed ends with its line.
        ("<think>SECRET `</think>` SECRET</think>Done", "Done"),
        ("A stray ` here\n<think>SECRET</think>Done", "A stray ` here\nDone"),
    ],
)
def test_who_asks_for_the_tag_gets_it_in_code_alone(text, public) -> None:
    assert asks_for_tags("What does <think> do?")
    assert not asks_for_tags("What do you think?")
    assert through([text], literal=True)[0] == public
    for at in range(len(text) + 1):
        assert through([text[:at], text[at:]], literal=True)[:2] == through([text], literal=True)[:2]


@pytest.mark.parametrize(
    "text",
    [
        "SECRET, so I greet.\n</think>\n\nHello",
        "SECRET, so I greet.<|end|><|start|>assistant<|channel|>final<|message|>Hello<|return|>",
    ],
    ids=["closing tag", "header of the answer"],
)
def test_reasoning_that_began_in_the_prompt_ends_at_its(text: str) -> None:
    assert public_of(text).public == "Hello"
    for at in range(len(text) + 1):
        public, private, sieve = through([text[:at], text[at:]], begun=True)
        assert (public, sieve.stray, sieve.leaked) == ("Hello", True, False)
        assert SECRET in private


def test_a_stream_that_let_such_reasoning_out_says_so() -> None:
    public, _, sieve = through(["Let me ", "see.</think>", "Hello"])

    assert sieve.leaked
    assert public == "Let me Hello"


@pytest.mark.parametrize(
    ("whole", "public"), [(True, "Hello there"), (False, "")], ids=["it ended by itself", "it was cut off"]
)
def test_a_text_that_was_to_begin_in_reasoning_and_has_none_is_public_if_it_is_whole(whole, public) -> None:
    sieve = Sieve(begun=True)

    assert sieve.feed("Hello there").public == ""
    assert sieve.close(whole=whole).public == public


TOKENS = st.sampled_from(
    [
        "<think>",
        "</think>",
        "<reasoning>",
        "</reasoning>",
        "<",
        ">",
        "</",
        "think",
        "`",
        "```\n",
        "\n",
        " ",
        "a",
        "é",
        "[THINK]",
        "[/THINK]",
        "<|thinking|>",
        "<|end_thinking|>",
        "<|channel|>",
        "<|message|>",
        "<|end|>",
        "final",
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(TOKENS, max_size=14), st.data(), st.booleans())
def test_how_it_is_split_makes_no_difference(tokens, data, literal) -> None:
    text = "".join(tokens)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    public, private, sieve = through(pieces, literal=literal)

    # A closing tag without its opening takes back what is not out yet: there alone the split shows, and is told.
    if not sieve.stray:
        assert (public, private) == through([text], literal=literal)[:2]


@pytest.mark.parametrize(
    ("text", "alike"),
    [
        ("Okay, so the user greets me.", True),
        ("\n\nHmm", True),
        ("We need to  answer", True),
        ("Let me see", True),
        ("Let", None),
        ("okay", None),
        ("", None),
        ("Okay!", False),
        ("Letters", False),
        ("Hello", False),
        ("<think>", False),
        ("Here is the list", False),
    ],
)
def test_how_reasoning_begins(text, alike) -> None:
    assert begins_like_reasoning(text) is alike


def test_what_only_begins_like_a_tag_is_passed_over_quickly() -> None:
    began = time.process_time()
    assert not asks_for_tags("<" + " " * 100_000 + "?")
    assert not asks_for_tags("<think" + " " * 100_000 + "?")
    assert time.process_time() - began < 1
