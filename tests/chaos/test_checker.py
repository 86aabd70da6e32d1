"""The checker says so: each thing that must not be is put into histories or records, and is found, and nothing else is."""

from __future__ import annotations

import pytest

from chaos.checker import check, check_feed, check_same
from chaos.evidence import Change, Record
from chaos.history import Operation

SAID = "Entry 1: the heron waits by the old mill at dawn."


def write(op, *facts, outcome="ok", ids=None, key=None, client="w", session="s"):
    told = {"namespace": "n", "session": session, "facts": list(facts), "key": key or f"{client}:{op}"}
    if outcome == "ok":
        told["ids"] = ids or [f"id-{fact}" for fact in facts]
    return Operation(client, op, "write", op, op + 0.5, outcome, told)


def read(op, *facts, client="w", session="s"):
    return Operation(client, op, "read", op, op + 0.5, "ok", {"namespace": "n", "session": session, "facts": list(facts)})


def chat(op, *, said=SAID, finish="stop", outcome="ok", **told):
    told |= {"namespace": "n", "session": "t", "question": SAID, "expected": SAID, "key": f"c:{op}"}
    if outcome == "ok":
        told |= {"said": said, "finish": finish}
    return Operation("c", op, "chat", op, op + 0.5, outcome, told)


def feed(op, after, seqs, cursor, client="f"):
    return Operation(client, op, "feed", op, op + 0.5, "ok", {"after": after, "seqs": seqs, "cursor": cursor})


def fact(text, session="s", id_=None):
    return Record(id_ or f"id-{text}", "n", session, "fact", "", text, derived=False)


def turn(role, text=SAID):
    return Record(f"id-{role}", "n", "t", "turn", role, text, derived=False)


def rules(found):
    return [violation.rule for violation in found]


def judged(operations, *records):
    return rules(check(operations, records).violations)


def test_a_history_in_which_all_is_well_has_no_finding():
    operations = [
        write(1, "a", "b"),
        write(2, "a", "b", ids=["id-a", "id-b"], key="w:1"),
        read(3, "a", "b"),
        write(4, "c", outcome="failed"),
        write(5, "d", outcome="refused"),
        write(6, "e", outcome="pending"),
        chat(1, outcome="failed", broken=True),
        chat(2),
        feed(1, 0, [1, 2], 2),
        feed(2, 2, [], 4),
        feed(3, 4, [5], 5),
    ]
    verdict = check(operations, [fact("a"), fact("b"), fact("c"), turn("user"), turn("assistant")])
    assert verdict.violations == []
    assert (verdict.requests, verdict.writes, verdict.failed, verdict.broken) == (8, 4, 1, 1)
    assert verdict.stall_s == 0.5


def test_an_acknowledged_write_that_is_gone_is_lost():
    assert judged([write(1, "a")]) == ["lost"]
    assert judged([write(1, "a")], fact("a", session="another")) == ["lost", "stranger"]
    assert judged([chat(1)], turn("user")) == ["lost"]


@pytest.mark.parametrize("outcome", ["ok", "failed", "pending"])
def test_a_write_that_is_there_twice_is_doubled_whether_or_not_it_was_acknowledged(outcome):
    assert judged([write(1, "a", outcome=outcome)], fact("a"), fact("a", id_="other")).count("doubled") == 1


def test_a_turn_that_is_there_twice_is_doubled():
    assert judged([chat(1)], turn("user"), turn("user"), turn("assistant")) == ["doubled"]


def test_what_was_refused_and_is_there_is_found():
    assert judged([write(1, "a", outcome="refused")], fact("a")) == ["refused"]
    assert judged([write(1, "a", outcome="refused"), write(2, "a", outcome="failed", key="w:1")], fact("a")) == []


def test_what_nobody_wrote_is_a_stranger_unless_it_was_derived():
    assert judged([], fact("x")) == ["stranger"]
    assert judged([], Record("i", "n", "s", "fact", "", "x", derived=True)) == []


def test_another_id_for_the_same_key_is_found():
    assert judged([write(1, "a"), write(2, "a", ids=["other"], key="w:1")], fact("a")) == ["another id", "another id"]


def test_an_id_that_is_not_the_records_is_found():
    assert judged([write(1, "a", ids=["told"])], fact("a")) == ["another id"]


def test_a_read_without_what_its_client_wrote_or_read_goes_back_in_time():
    assert judged([write(1, "a"), read(2)], fact("a")) == ["back in time"]
    assert judged([read(1, "a"), read(2)]) == ["back in time"]
    assert judged([read(1, "a"), read(2, session="another"), read(3, client="other")]) == []
    assert judged([write(1, "a", outcome="failed"), read(2)]) == []


def test_a_read_that_tells_the_same_twice_is_found():
    assert judged([read(1, "a", "a")]) == ["doubled"]


def test_a_stream_that_is_cut_without_a_word_is_found():
    turns = turn("user"), turn("assistant")
    assert judged([chat(1, said=SAID[:10])], *turns) == ["cut"]
    assert judged([chat(1, finish=None)], *turns) == ["cut"]
    assert judged([chat(1, said="something else")], *turns) == ["wrong answer"]
    assert judged([chat(1, outcome="failed", broken=True)]) == []


def test_a_degraded_answer_is_counted_and_neither_cut_nor_remembered():
    verdict = check([chat(1, said="No language model can be reached.", degraded=True)], [turn("user")])
    assert (verdict.violations, verdict.degraded) == ([], 1)
    assert judged([chat(1, said="No language model", degraded=True, finish=None)], turn("user")) == ["cut"]
    assert judged([chat(1, said="No language model can be reached.", degraded=True)]) == ["lost"]


def test_a_follower_with_a_gap_or_a_repeat_is_found():
    assert rules(check_feed([feed(1, 0, [1, 1], 1)])) == ["repeat"]
    assert rules(check_feed([feed(1, 0, [1, 2], 2), feed(2, 1, [2], 2)])) == ["gap", "repeat"]
    assert rules(check_feed([feed(1, 0, [2, 1], 2)])) == ["repeat"]
    assert rules(check_feed([feed(1, 5, [6], 6), feed(2, 6, [], 4)])) == ["back in time"]
    assert rules(check_feed([feed(1, 3, [4, 6], 6), feed(2, 0, [1], 1, client="g")])) == []


def test_a_follower_is_held_against_the_stores_own_changes():
    changes = [Change(seq, "remembered") for seq in (1, 2, 3, 4)]
    assert rules(check_feed([feed(1, 1, [2, 4], 4)], changes)) == ["gap"]
    assert rules(check_feed([feed(1, 1, [2, 3, 4, 5], 5)], changes)) == ["stranger"]
    assert rules(check_feed([feed(1, 1, [2, 3], 3)], changes)) == []


def test_an_api_and_a_file_that_differ_are_found():
    assert rules(check_same([fact("a")], [fact("a")])) == []
    assert rules(check_same([fact("a")], [])) == ["disagree"]
    assert rules(check_same([], [fact("a")])) == ["disagree"]
    assert rules(check_same([fact("a"), fact("a")], [fact("a")])) == ["disagree"]
