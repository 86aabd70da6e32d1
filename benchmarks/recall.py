"""Recall against a bare FTS5 query over the same rows: latencies, bytes a memory.

python -m benchmarks.recall [--memories 10000 100000] [--questions 300] [--no-model]

The yardstick is one connection's `SELECT rowid, bm25(...) ... MATCH 'a OR b' ORDER BY bm25 LIMIT 10` with Porter stems and
without stopwords. Both answer each question in turn, so that they meet the same machine. Recall is timed whole, from the text
of a question that was never asked before to the finished reply: its vectors by the real model in this process, the search,
the records. Vectors of the memories are made up (each word has one, with some noise): the model would read for ten minutes,
and speed does not depend on them.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import apsw
import numpy as np

from actors.database import Database
from actors.encoder.minilm import MiniLM, as_bytes, model_name, prepare
from actors.memory import store
from actors.memory.embedding.embedders import Question
from actors.memory.embedding.vectors import PLACES, adopt, gist_of
from actors.memory.ledger import Ledger
from actors.memory.messages import NewMemory, Recall, Remember
from actors.memory.schema import MIGRATIONS
from actors.memory.search.lexical import words_of
from actors.memory.search.recall import View, recall
from actors.memory.search.shelves import Shelves
from actors.memory.search.traits import traits_of
from actors.memory.settings import MemorySettings
from actors.memory.stored import micros
from actors.memory.tail import Tail, index_more
from actors.memory.transaction import Transaction
from actors.opening import open_to_read
from benchmarks.conversations import Talk, Turn
from benchmarks.figures import percentile, table

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--memories", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--no-model", action="store_true")
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="lattice-") as folder:
        model = None if arguments.no_model else load(Path(folder))
        for count in arguments.memories:
            measure(Path(folder) / f"{count}", count, arguments.questions, model)


def load(folder: Path) -> MiniLM:
    prepared = prepare(folder / "model")
    if prepared is None:
        raise SystemExit("the model is not installed; --no-model measures without it")
    return MiniLM(prepared)


def measure(folder: Path, count: int, questions: int, model: MiniLM | None) -> None:
    folder.mkdir()
    talk = Talk(words=() if model is None else whole_words(model))
    turns = list(talk.turns(count))
    plain = fill_plain(folder / "plain.db", turns)
    text_bytes = (folder / "plain.db").stat().st_size
    asyncio.run(fill(folder / "memory.db", turns, model))
    connection = open_to_read(folder / "memory.db", None)
    all_bytes = (folder / "memory.db").stat().st_size

    settings = MemorySettings()
    view = View(settings, Shelves(settings.shelf_records, settings.shelf_bytes), Tail())
    asked = [talk.question(talk.random.choice(turns)) for _ in range(questions + 20)]
    took: dict[str, list[float]] = {"bare FTS5": [], "recall": [], "of it the question's vectors": []}
    for number, text in enumerate(asked):
        began = time.perf_counter()
        bare(plain, text)
        between = time.perf_counter()
        question = None if model is None else vectors_of(model, text)
        read = time.perf_counter()
        connection.execute("BEGIN")
        recall(connection, Recall(query=text), micros(NOW), view, question)
        connection.execute("ROLLBACK")
        ended = time.perf_counter()
        if number >= 20:
            took["bare FTS5"].append((between - began) * 1000)
            took["recall"].append((ended - between) * 1000)
            took["of it the question's vectors"].append((read - between) * 1000)

    print(f"\n{count:,} memories, {questions} questions" + (", without a model" if model is None else ""))
    yard = took["bare FTS5"]
    rows = [
        [
            name,
            p50 := percentile(times, 50),
            p99 := percentile(times, 99),
            p50 / percentile(yard, 50),
            p99 / percentile(yard, 99),
        ]
        for name, times in took.items()
    ]
    print(table(["", "p50 ms", "p99 ms", "p50 ratio", "p99 ratio"], rows))
    print(f"bytes a memory: {all_bytes / count:,.0f}; of a bare FTS5 table {text_bytes / count:,.0f}")


def whole_words(model: MiniLM) -> list[str]:
    """Words that the model's tokenizer knows whole, as it does nine of ten words that people say: reading goes by tokens."""
    vocabulary = model._tokenizer.get_vocab()  # noqa: SLF001
    return [word for word in vocabulary if len(word) > 2 and word.isascii() and word.isalpha()]


def fill_plain(path: Path, turns: list[Turn]) -> apsw.Connection:
    connection = apsw.Connection(str(path))
    connection.pragma("cache_size", -65_536)
    connection.execute("CREATE VIRTUAL TABLE turn USING fts5 (text, tokenize = 'porter unicode61')")
    with connection:
        connection.executemany("INSERT INTO turn VALUES (?)", ((f"{turn.speaker}: {turn.text}",) for turn in turns))
    return connection


def bare(connection: apsw.Connection, text: str) -> list[object]:
    match = " OR ".join(f'"{word}"' for word in words_of(text))
    return list(
        connection.execute(
            "SELECT rowid, bm25(turn) FROM turn WHERE turn MATCH ? ORDER BY bm25(turn), rowid LIMIT 10", (match,)
        )
    )


async def fill(path: Path, turns: list[Turn], model: MiniLM | None) -> None:
    """Remember all turns as the actor would, index them, and give them vectors."""
    ledger = Ledger()
    database = Database(path, MIGRATIONS, held=ledger)
    await database.open()
    for start in range(0, len(turns), 500):
        records = tuple(
            NewMemory(text=turn.text, speaker=turn.speaker, session=turn.session) for turn in turns[start : start + 500]
        )
        message = Remember(memories=records)
        await database.write(
            lambda connection, message=message: store.remember(
                Transaction(connection, "default", NOW, ledger), message, importance=0.5
            )
        )
        while await database.write(index_more, 1000):
            pass
    if model is not None:
        made = MadeUp(model)
        embedder = await database.write(adopt, model_name())
        assert embedder is not None
        for start in range(0, len(turns), 500):
            rows = [
                (number * PLACES + embedder.side, 0, len(turn.text), *made.words(turn), traits_of(turn.text))
                for number, turn in enumerate(turns[start : start + 500], start + 1)
            ]
            await database.write(put, rows)
        await database.write(
            lambda connection: connection.execute("UPDATE embedder SET reached = ?, complete = 1", (len(turns),))
        )
    await database.close()


def put(connection: apsw.Connection, rows: list[tuple[int, int, int, bytes, bytes, int]]) -> None:
    connection.executemany("INSERT INTO vectors VALUES (?, ?, ?, ?, ?)", (row[:5] for row in rows))
    gists = ((row[0] // PLACES * 2 + (row[0] & 1), gist_of([(row[3], row[4])]), traits) for *row, traits in rows)
    connection.executemany("INSERT INTO gist VALUES (?, ?, ?)", gists)


class MadeUp:
    """Vectors in which a word is near itself, and nearer to itself in the same session."""

    def __init__(self, model: MiniLM) -> None:
        self.model = model
        self.random = np.random.default_rng(1)
        self.known = self.random.standard_normal((1 << 16, 128)).astype(np.float32)

    def words(self, turn: Turn) -> tuple[bytes, bytes]:
        tokens = np.array(self.model._tokens(f"{turn.speaker}: {turn.text}"), np.int64)  # noqa: SLF001
        kept = tokens[self.model._topical[tokens]]  # noqa: SLF001
        kept = (kept if len(kept) else tokens[:1])[:18]
        noise = self.random.standard_normal((len(kept), 128)).astype(np.float32)
        return kept.astype(np.uint16).tobytes(), as_bytes(self.known[kept] + 0.7 * noise).tobytes()


def vectors_of(model: MiniLM, text: str) -> Question:
    words = model.question(text)
    return Question(model_name(), words.tokens.tobytes(), words.vectors.tobytes())


if __name__ == "__main__":
    main()
