"""What of what was recalled bears on a question."""

from datetime import UTC, datetime

from actors.memory.messages import Link, Recollection
from actors.thinking.context import to_the_point
from actors.thinking.messages import Think

MARCH = datetime(2026, 3, 1, tzinfo=UTC)


def recalled(identifier: str, text: str, kind: str = "turn", *sources: str) -> Recollection:
    links = tuple(Link(relation="derives_from", target=source) for source in sources)
    return Recollection.model_construct(id=identifier, text=text, kind=kind, links=links, session="monday", time=MARCH)


def test_a_fact_that_says_its_turn_again_takes_no_place_beside_it() -> None:
    turn = recalled("mem_1", "My favourite opening is the Caro-Kann. Chess calms me.")
    same = recalled("mem_2", "my favourite opening is the Caro-Kann.", "fact", "mem_1")
    alone = recalled("mem_3", "I play on Tuesdays.", "fact", "mem_9")
    other = recalled("mem_4", "Chess is what they like best.", "fact", "mem_1")
    summary = recalled("mem_5", "Chess calms me.", "summary", "mem_1")
    asked = Think.model_construct(messages=({"role": "user", "content": "What do I play?"},))
    kept = to_the_point((same, turn, alone, other, summary), asked, None)
    assert [memory.id for memory in kept] == ["mem_1", "mem_3", "mem_4", "mem_5"]
