"""What sort of paradox two statements make: it decides which advice whoever answers is given."""

from datetime import UTC, datetime

import pytest

from actors.memory.messages import Memory
from actors.paradox.kinds import kind_of

MARCH = datetime(2026, 3, 1, tzinfo=UTC)


def memory(text: str, role: str = "user") -> Memory:
    return Memory.model_construct(id="mem_1", text=text, role=role, time=MARCH)


@pytest.mark.parametrize(
    ("earlier", "later", "why", "kind"),
    [
        ("I live in Lisbon.", "I live in Oslo.", "slot: residence", "factual"),
        ("We fly on 3 May.", "We fly on 5 May.", "figure: day", "temporal"),
        ("I love jazz.", "I hate jazz.", "opposites: love/hate", "preference"),
        ("I'm a shy person.", "I am outgoing, always was.", "opposites: shy/outgoing", "self_image"),
        # Who is told "leave room for both" about an allergy may be harmed.
        ("I am allergic to peanuts.", "I am not allergic to peanuts.", "negation: allergic", "factual"),
        ("I'm 42.", "I'm 44.", "slot: age", "factual"),
    ],
)
def test_the_sort_of_a_paradox(earlier: str, later: str, why: str, kind: str) -> None:
    assert kind_of(memory(earlier), memory(later), why) == kind


def test_what_the_assistant_said_twice_is_about_the_assistant() -> None:
    said = [memory(text, "assistant") for text in ("I cannot play chess.", "I can play chess.")]
    assert kind_of(*said, "negation: play") == "assistant"
