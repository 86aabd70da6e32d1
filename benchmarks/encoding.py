"""How fast passages are read by the model: turns a second of one core, and of several at once.

python -m benchmarks.encoding [--turns 400] [--threads 1 2]

Turns of a made-up talk are read as the background lane has them read: with the speaker's name, each after the end of the two
before it, and one after the other in each thread. CPU is that of all threads together: other processes lengthen it less than
they do the wall's time.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

from actors.memory.embedding.passages import before, said
from benchmarks.conversations import Talk
from benchmarks.figures import table
from benchmarks.recall import load, whole_words


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--turns", type=int, default=400)
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2])
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="lattice-") as folder:
        model = load(Path(folder))
    texts = [said(turn.speaker, turn.text) for turn in Talk(words=whole_words(model)).turns(arguments.turns + 2)]
    passages = [(text, before(list(pair))) for text, pair in zip(texts[2:], pairwise(texts), strict=False)]
    tokens = sum(len(model._tokens(text)) + len(model._tokens(context)) for text, context in passages)  # noqa: SLF001

    rows, kept = [], 0
    for threads in arguments.threads:
        with ThreadPoolExecutor(threads) as pool:
            wall, processor = time.perf_counter(), time.process_time()
            kept = sum(len(words.tokens) for words in pool.map(lambda passage: model.passage(*passage), passages))
            wall, processor = time.perf_counter() - wall, time.process_time() - processor
        rows.append([threads, len(passages) / wall, len(passages) / processor, processor * 1000 / len(passages)])
    print(table(["threads", "turns/s", "turns a CPU second", "CPU ms a turn"], rows))
    print(f"a turn: {tokens / len(passages):.0f} tokens read, {kept / len(passages):.1f} vectors of 130 bytes kept")


if __name__ == "__main__":
    main()
