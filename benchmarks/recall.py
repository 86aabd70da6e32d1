"""Recall against a bare FTS5 query over the same rows: latencies, and what filling the memory takes.

python -m benchmarks.recall [--memories 10000 100000] [--questions 300] [--no-model]

The yardstick is one connection's `SELECT rowid, bm25(...) ... MATCH 'a OR b' ORDER BY bm25 LIMIT 10` with Porter stems and
without stopwords. Both answer each question in turn, so that they meet the same machine. Recall is timed whole, from the text
of a question that was never asked before to the finished reply: its vectors by the real model in this process, the search,
the records. CPU is the time of the one thread that does it all, which other processes lengthen less than they do the wall's.

Memories are written by the code that the memory actor runs, in commits of 500, each indexed and given vectors before the next.
Their vectors are made up (each word has one, with some noise): the model would read for hours, and speed does not depend on
them. Resident memory is this process's, the model and the writer's cache in it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import apsw
import numpy as np

from actors.encoder.minilm import MiniLM, as_bytes, model_name, prepare
from actors.memory import store
from actors.memory.embedding.embedders import Question
from actors.memory.embedding.vectors import PLACES, adopt, gist_of
from actors.memory.messages import NewMemory, Recall, Remember
from actors.memory.reading_ahead import a_piece
from actors.memory.schema import MIGRATIONS
from actors.memory.search.lexical import words_of
from actors.memory.search.recall import View, recall
from actors.memory.search.shelves import Shelves
from actors.memory.search.traits import traits_of
from actors.memory.settings import MemorySettings
from actors.memory.tail import Tail, index_more
from actors.memory.transaction import Transaction
from actors.memory.writer_cache import WriterCache
from actors.moments import micros
from actors.sqlite.database import Database
from actors.sqlite.opening import open_to_read
from benchmarks.conversations import Talk, Turn
from benchmarks.figures import percentile, table

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WARM_UP = 20
"""Questions that are not counted: the first reads what is held in memory."""


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
    about: list[Turn] = []

    def turns() -> Iterator[Turn]:
        every = max(1, count // 2000)
        for number, turn in enumerate(talk.turns(count)):
            if number % every == 0:
                about.append(turn)
            yield turn

    print(f"\n{count:,} memories, {questions} questions" + (", without a model" if model is None else ""))
    print(table(["filled", "memories/s", "resident MB"], asyncio.run(fill(folder / "memory.db", turns(), count, model))))
    all_bytes = (folder / "memory.db").stat().st_size
    connection = open_to_read(folder / "memory.db", None)
    plain = fill_plain(folder / "plain.db", connection)
    text_bytes = (folder / "plain.db").stat().st_size

    settings = MemorySettings()
    view = View(settings, Shelves(settings.shelf_records, settings.shelf_bytes), Tail())
    took: dict[str, list[tuple[float, float]]] = {"bare FTS5": [], "recall": [], "of it the question's vectors": []}
    for number in range(-WARM_UP, questions):
        text = talk.question(talk.random.choice(about))
        began = now()
        bare(plain, text)
        between = now()
        question = None if model is None else vectors_of(model, text)
        read = now()
        connection.execute("BEGIN")
        recall(connection, Recall(query=text), micros(NOW), view, question)
        connection.execute("ROLLBACK")
        ended = now()
        if number == -WARM_UP:
            print(f"first recall with nothing read ahead: {ended[0] - between[0]:,.0f} ms; resident MB {resident_mb():,.0f}")
            longest = read_ahead(connection, view)
            print(f"the rest is read beside it, in pieces of {longest:,.1f} ms at most; resident MB {resident_mb():,.0f}")
        if number >= 0:
            for name, since, until in (("bare FTS5", began, between), ("recall", between, ended)):
                took[name].append((until[0] - since[0], until[1] - since[1]))
            took["of it the question's vectors"].append((read[0] - between[0], read[1] - between[1]))

    rows = []
    for clock, kind in enumerate(("wall", "CPU")):
        yard = [percentile([one[clock] for one in took["bare FTS5"]], percent) for percent in (50, 99)]
        for name, times in took.items():
            figures = [percentile([one[clock] for one in times], percent) for percent in (50, 99)]
            rows.append([kind, name, *figures, *(one / of for one, of in zip(figures, yard, strict=True))])
    print(table(["", "", "p50 ms", "p99 ms", "p50 ratio", "p99 ratio"], rows))
    print(f"bytes a memory: {all_bytes / count:,.0f}; of a bare FTS5 table {text_bytes / count:,.0f}")


def read_ahead(connection: apsw.Connection, view: View) -> float:
    """Read what memory reads beside the first recalls; milliseconds that the longest piece took."""
    took, more = 0.0, True
    while more:
        began = now()
        connection.execute("BEGIN")
        more = a_piece(view.shelves, 1, connection)
        connection.execute("ROLLBACK")
        took = max(took, now()[0] - began[0])
    return took


def now() -> tuple[float, float]:
    """Wall and this thread's CPU, in milliseconds."""
    return time.perf_counter() * 1000, time.thread_time() * 1000


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def whole_words(model: MiniLM) -> list[str]:
    """Words that the model's tokenizer knows whole, as it does nine of ten words that people say: reading goes by tokens."""
    vocabulary = model._tokenizer.get_vocab()  # noqa: SLF001
    return [word for word in vocabulary if len(word) > 2 and word.isascii() and word.isalpha()]


def fill_plain(path: Path, memories: apsw.Connection) -> apsw.Connection:
    connection = apsw.Connection(str(path))
    connection.pragma("cache_size", -65_536)
    connection.execute("CREATE VIRTUAL TABLE turn USING fts5 (text, tokenize = 'porter unicode61')")
    with connection:
        connection.executemany("INSERT INTO turn VALUES (?)", memories.execute("SELECT text FROM passage ORDER BY number"))
    return connection


def bare(connection: apsw.Connection, text: str) -> list[object]:
    match = " OR ".join(f'"{word}"' for word in words_of(text))
    return list(
        connection.execute(
            "SELECT rowid, bm25(turn) FROM turn WHERE turn MATCH ? ORDER BY bm25(turn), rowid LIMIT 10", (match,)
        )
    )


async def fill(path: Path, turns: Iterator[Turn], count: int, model: MiniLM | None) -> list[list[object]]:
    """Remember all turns as the actor would, index them, and give them vectors; how fast, and the memory it took, by tenths."""
    cache = WriterCache()
    database = Database(path, MIGRATIONS, held=cache)
    await database.open()
    made = None if model is None else MadeUp(model)
    done, rows, began = 0, [], time.perf_counter()
    while some := [*islice(turns, 500)]:
        records = tuple(NewMemory(text=turn.text, speaker=turn.speaker, session=turn.session) for turn in some)
        message = Remember(memories=records)
        await database.write(
            lambda connection, message=message: store.remember(
                Transaction(connection, "default", NOW, cache), message, importance=0.5
            )
        )
        while await database.write_rebuildable(index_more, 512):
            pass
        if made is not None:
            await database.write_rebuildable(put, some, done, made)
        done += len(some)
        if done * 10 // count > (done - len(some)) * 10 // count and done * 10 // count in (1, 4, 7, 10):
            rows.append([f"{done:,}", done / (time.perf_counter() - began), resident_mb()])
    await database.close()
    return rows


def put(connection: apsw.Connection, turns: list[Turn], done: int, made: MadeUp) -> None:
    """As the embedding lane keeps vectors."""
    embedder = adopt(connection, model_name())
    assert embedder is not None
    for number, turn in enumerate(turns, done + 1):
        words = made.words(turn)
        connection.execute(
            "INSERT INTO vectors VALUES (?, ?, ?, ?, ?)", (number * PLACES + embedder.side, 0, len(turn.text), *words)
        )
        gist = number * 2 + embedder.side, gist_of([words]), traits_of(turn.text)
        connection.execute("INSERT INTO gist VALUES (?, ?, ?)", gist)
    connection.execute("UPDATE embedder SET reached = ?, complete = 1", (done + len(turns),))


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
