"""A whole conversation of shared/recall/ through the house: every turn in once, and its questions find their evidence."""

from __future__ import annotations

import collections
import gzip
import json
from pathlib import Path

import pytest

from tests.system.house import ROOT, House

pytestmark = pytest.mark.system

DATA = ROOT.parent / "shared" / "recall" / "locomo-dev.jsonl.gz"
FLOOR = 0.55
"""Recall at 10 that plain full-text search reaches with room to spare; far below it something is broken."""


@pytest.mark.skipif(not DATA.exists(), reason="shared/recall/locomo-dev.jsonl.gz is not beside this clone")
def test_a_whole_conversation_goes_in_and_its_questions_find_what_was_said(house: House) -> None:
    turns, questions = conversation(DATA)
    ids: dict[str, str] = {}

    for start in range(0, len(turns), 64):
        batch = turns[start : start + 64]
        body = {
            "memories": [
                {
                    "text": turn["text"],
                    "speaker": turn["speaker"],
                    "session": f"session-{turn['session']}",
                    "time": turn["time"],
                    "metadata": {"dia_id": turn["dia_id"]},
                }
                for turn in batch
            ]
        }
        for _ in range(2):
            stored = house.post("/v1/memories", body, x_lattice_namespace="whole", idempotency_key=f"batch-{start}")["memories"]
            ids.update((memory["id"], turn["dia_id"]) for memory, turn in zip(stored, batch, strict=True))

    assert house.get("/v1/memories/stats", x_lattice_namespace="whole")["count"] == len(turns)

    shares = []
    for question in questions:
        found = house.post("/v1/memories/search", {"query": question["question"], "k": 10}, x_lattice_namespace="whole")
        evidence = set(question["evidence"])
        shares.append(len(evidence & {ids[memory["id"]] for memory in found["memories"]}) / len(evidence))

    assert sum(shares) / len(shares) > FLOOR


def conversation(path: Path) -> tuple[list[dict], list[dict]]:
    """The turns and questions of the file's shortest conversation."""
    rows: dict[str, dict[str, list[dict]]] = collections.defaultdict(lambda: {"turn": [], "question": []})
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            rows[row["conversation"]][row["type"]].append(row)
    shortest = min(rows.values(), key=lambda row: len(row["turn"]))
    return shortest["turn"], shortest["question"]
