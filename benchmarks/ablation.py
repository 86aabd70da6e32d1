"""What each term of recall is worth: evidence found with all of them, and with each switched off, with the model and without.

python -m benchmarks.ablation FILE.jsonl.gz [--kept DIR] [--limit 0]

FILE has a JSON object a line: `{"type": "turn", "conversation", "dia_id", "session", "speaker", "text", "time"}` or
`{"type": "question", "conversation", "question", "evidence": [dia_id, ...]}`. Each conversation becomes a namespace. R@k is the
part of a question's evidence among the first k, MRR one over the rank of the first of it (0 beyond 20); means over questions.
With --kept, what was remembered and embedded stays in DIR for the next run.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import os
import tempfile
import time
from collections import defaultdict
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from actors.encoder.actor import Encoder
from actors.encoder.settings import EncoderSettings
from actors.host import Host
from actors.memory.actor import Memory
from actors.memory.messages import GetStats, NewMemory, Recall, Remember
from actors.memory.settings import MemorySettings, RecallWeights
from actors.refs import Ref
from benchmarks.figures import percentile, table

BATCH = 64
DEPTH = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--kept", type=Path)
    parser.add_argument("--shelf-records", type=int, default=4000, help="0: as in a namespace too large to be measured whole")
    parser.add_argument("--limit", type=int, default=0, help="questions of each conversation; 0 for all")
    arguments = parser.parse_args()

    conversations = read(arguments.file, arguments.limit)
    with nullcontext(arguments.kept) if arguments.kept else tempfile.TemporaryDirectory(prefix="lattice-") as folder:
        for embedder in ("minilm", "none"):
            home = Path(folder) / embedder
            home.mkdir(parents=True, exist_ok=True)
            settings = MemorySettings(embedder=embedder, shelf_records=arguments.shelf_records)
            asyncio.run(measure(home, settings, conversations))


def read(path: Path, limit: int) -> dict[str, dict[str, list[Any]]]:
    found: dict[str, dict[str, list[Any]]] = defaultdict(lambda: {"turn": [], "question": []})
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            found[row["conversation"]][row["type"]].append(row)
    for conversation in found.values():
        conversation["question"] = conversation["question"][: limit or None]
    return found


async def measure(home: Path, settings: MemorySettings, conversations: dict[str, dict[str, list[Any]]]) -> None:
    run_dir = Path(tempfile.mkdtemp(prefix="lattice-"))
    async with Host(run_dir=run_dir) as far, Host(run_dir=run_dir) as near:
        await far.start_actor(Encoder, EncoderSettings(threads=os.cpu_count() or 1), home)
        await near.start_actor(Memory, settings, home)
        memory = near.ref("memory")
        began = time.perf_counter()
        new = await fill(memory, conversations)
        took = time.perf_counter() - began
        rows = [["all terms", *await figures(memory, conversations, {})]]
        rows += [[f"without {term}", *await figures(memory, conversations, {term: 0.0})] for term in RecallWeights.model_fields]

    print(f"\nembedder {settings.embedder}; {new} turns remembered and embedded in {took:.0f} s")
    print(table(["", "R@1", "R@5", "R@10", "MRR", "p50 ms", "p99 ms"], rows))


async def fill(memory: Ref, conversations: dict[str, dict[str, list[Any]]]) -> int:
    new = 0
    for name, conversation in conversations.items():
        turns = conversation["turn"]
        for start in range(0, len(turns), BATCH):
            records = tuple(
                NewMemory(
                    text=turn["text"],
                    speaker=turn["speaker"],
                    session=str(turn["session"]),
                    time=turn["time"],
                    metadata={"dia_id": turn["dia_id"]},
                    key=turn["dia_id"],
                )
                for turn in turns[start : start + BATCH]
            )
            stored = await memory.ask(Remember(namespace=name, memories=records))
            new += sum(one.created for one in stored.memories)
    for name in conversations:
        while (await memory.ask(GetStats(namespace=name, wait_embedded_ms=25_000))).pending:
            pass
    return new


async def figures(
    memory: Ref, conversations: dict[str, dict[str, list[Any]]], weights: dict[str, float]
) -> tuple[str, str, str, str, float, float]:
    totals, count, took = [0.0] * 4, 0, []
    for name, conversation in conversations.items():
        for question in conversation["question"]:
            began = time.perf_counter()
            recalled = await memory.ask(Recall(namespace=name, query=question["question"], k=DEPTH, weights=weights), lane="bg")
            took.append((time.perf_counter() - began) * 1000)
            found = [hit.metadata["dia_id"] for hit in recalled.memories]
            evidence = set(question["evidence"])
            count += 1
            for place, depth in enumerate((1, 5, 10)):
                totals[place] += len(evidence.intersection(found[:depth])) / len(evidence)
            first = next((rank for rank, one in enumerate(found, 1) if one in evidence), None)
            totals[3] += 1 / first if first else 0.0
    shown = [f"{total / count:.3f}" for total in totals]
    return shown[0], shown[1], shown[2], shown[3], percentile(took, 50), percentile(took, 99)


if __name__ == "__main__":
    main()
