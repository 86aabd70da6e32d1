"""The talks that recall is measured on."""

import random

from benchmarks.talks import talks


def test_the_same_seed_gives_the_same_talks_and_another_others():
    rows = list(talks(2, random.Random(1)))
    assert list(talks(2, random.Random(1))) == rows
    assert list(talks(2, random.Random(2))) != rows


def test_what_answers_a_question_is_a_turn_of_its_talk_and_no_slot_is_left_open():
    rows = list(talks(12, random.Random(11)))
    turns = [(row["conversation"], row["dia_id"]) for row in rows if row["type"] == "turn"]
    questions = [row for row in rows if row["type"] == "question"]
    assert len({talk for talk, _ in turns}) == 12
    assert len(turns) == len(set(turns))
    assert {(row["conversation"], one) for row in questions for one in row["evidence"]} <= set(turns)
    assert all(row["evidence"] for row in questions)
    assert not any("{" in row.get("text", row.get("question")) for row in rows)
