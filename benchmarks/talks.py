"""Talks of two friends over months, with questions and the turns that answer them: recall is measured on them by `ablation`.

python -m benchmarks.talks FILE.jsonl.gz [--talks 12] [--seed 11]

`threads/` has what lives are made of, a file a thread: `--` begins what is said of it in one session, `A[p1]: …` is a turn of
the one whose thread it is and `p1` its name for questions, `B: …` one of the other, `? kind | question | turns that answer it`.
`{A}` and `{B}` stand for who they are; `@clay stoneware|porcelain` gives `{clay}` another value in each talk. A talk has six
threads of each of its two people, dealt over some twenty sessions, and small talk (`between.txt`) around and between them.
The same seed gives the same talks.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

THREADS = Path(__file__).parent / "threads"
NAMES = [
    "pottery", "dogs", "marathon", "allotment", "novel", "newjob", "choir", "house", "adoption", "guitar", "allergy",
    "grandma", "climbing", "language", "divorce", "science", "startup", "birds", "teaching", "roadtrip", "sobriety",
    "theatre", "bakery", "eyesight", "chess", "cycling",
]  # fmt: skip
"""Threads, in the order in which they are dealt."""

PEOPLE = [
    "Mira", "Anton", "Carla", "Felix", "Greta", "Hugo", "Ida", "Jasper", "Kaya", "Leon", "Nadia", "Otto", "Petra", "Ravi",
    "Selma", "Till", "Uma", "Viktor", "Wanda", "Yannick", "Bettina", "Cosmo", "Delia", "Emil",
]  # fmt: skip
EACH = 6
"""Threads of one person."""

TURN = re.compile(r"(?P<who>[AB])(?:\[(?P<name>\w+)\])?: (?P<text>.+)")
SLOT = re.compile(r"\{(\w+)\}")
GREETINGS, REPLIES = 10, 8
"""Lines of small talk that open a session, and those that answer them; the rest may stand anywhere."""


@dataclass(frozen=True, slots=True)
class PlannedTurn:
    """A turn before anybody says it."""

    owners: bool
    """Whether the one whose thread it is says it."""

    name: str | None
    text: str


@dataclass(slots=True)
class Thread:
    """Something that goes on in one life."""

    slots: dict[str, list[str]] = field(default_factory=dict)
    beats: list[list[PlannedTurn]] = field(default_factory=list)
    questions: list[tuple[str, str, list[str]]] = field(default_factory=list)
    """Kind, question, and the names of the turns that answer it."""


@dataclass(frozen=True, slots=True)
class Told:
    """A thread in one talk."""

    thread: str
    owner: int
    words: dict[str, str]


Spoken = tuple[int, str, tuple[str, str] | None]
"""Who says it, what, and the turn's thread and name where a question asks for it."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--talks", type=int, default=12, choices=range(1, len(PEOPLE) // 2 + 1))
    parser.add_argument("--seed", type=int, default=11)
    arguments = parser.parse_args()

    rows = list(talks(arguments.talks, random.Random(arguments.seed)))
    with gzip.open(arguments.file, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    print(dict(Counter(row["type"] for row in rows)))


def talks(count: int, chance: random.Random) -> Iterator[dict[str, Any]]:
    """The rows that `ablation` reads."""
    threads = {name: read(THREADS / f"{name}.txt") for name in NAMES}
    small = (THREADS / "between.txt").read_text(encoding="utf-8").splitlines()
    people, dealt = [*PEOPLE], Counter[str]()
    chance.shuffle(people)
    for number in range(count):
        chosen = sorted(threads, key=lambda name: (dealt[name], chance.random()))[: 2 * EACH]
        chance.shuffle(chosen)
        dealt.update(chosen)
        yield from talk(people[2 * number : 2 * number + 2], {name: threads[name] for name in chosen}, small, chance)


def read(path: Path) -> Thread:
    """A thread from its file."""
    thread = Thread()
    for line in path.read_text(encoding="utf-8").splitlines():
        if line == "--":
            thread.beats.append([])
        elif line.startswith("@"):
            slot, values = line[1:].split(" ", 1)
            thread.slots[slot] = values.split("|")
        elif line.startswith("? "):
            kind, question, names = line[2:].split(" | ")
            thread.questions.append((kind, question, names.split()))
        elif turn := TURN.fullmatch(line):
            thread.beats[-1].append(PlannedTurn(turn["who"] == "A", turn["name"], turn["text"]))
        else:
            raise SystemExit(f"{path.name}: {line}")
    return thread


def talk(pair: list[str], threads: dict[str, Thread], small: list[str], chance: random.Random) -> Iterator[dict[str, Any]]:
    """Turns and questions of one talk."""
    conversation = "-".join(pair).lower()
    begins = datetime(2023, 1, 1) + timedelta(days=chance.randint(0, 200))  # noqa: DTZ001 (rows have their Z)
    count = chance.randint(19, 27)
    days = sorted(chance.sample(range(count * 11), count))
    sessions: list[list[tuple[Told, list[PlannedTurn]]]] = [[] for _ in days]
    told: list[Told] = []
    for place, (name, thread) in enumerate(threads.items()):
        owner = place % 2
        words = {slot: chance.choice(values) for slot, values in thread.slots.items()}
        told.append(Told(name, owner, words | {"A": pair[owner], "B": pair[1 - owner]}))
        where = sorted(chance.sample(range(count), len(thread.beats)))
        for at, beat in zip(where, thread.beats, strict=True):
            sessions[at].append((told[-1], beat))

    places: dict[tuple[str, str], str] = {}
    for number, (day, beats) in enumerate(zip(days, sessions, strict=True), 1):
        chance.shuffle(beats)
        when = begins + timedelta(days=day, minutes=chance.randint(480, 1300))
        for turn, (who, text, name) in enumerate(session(beats, small, chance), 1):
            place = f"D{number}:{turn}"
            if name is not None:
                places[name] = place
            turn_of = {"type": "turn", "conversation": conversation, "dia_id": place, "session": str(number)}
            yield turn_of | {"speaker": pair[who], "text": text.replace("{Y}", pair[1 - who]), "time": f"{when.isoformat()}Z"}
    for one in told:
        for kind, question, names in threads[one.thread].questions:
            asked = filled(question, one.words)
            row = {"type": "question", "conversation": conversation, "thread": one.thread, "category": kind}
            yield row | {"question": asked[0].upper() + asked[1:], "evidence": [places[one.thread, name] for name in names]}


def session(beats: list[tuple[Told, list[PlannedTurn]]], small: list[str], chance: random.Random) -> list[Spoken]:
    """What is said in one session."""
    greetings, replies, anything = small[:GREETINGS], small[GREETINGS : GREETINGS + REPLIES], small[GREETINGS + REPLIES :]
    first = chance.randint(0, 1)
    said: list[Spoken] = [(first, chance.choice(greetings), None)]
    if chance.random() < 0.8:
        said.append((1 - first, chance.choice(replies), None))
    for told, beat in beats:
        for line in beat:
            who = told.owner if line.owners else 1 - told.owner
            said.append((who, filled(line.text, told.words), (told.thread, line.name) if line.name else None))
        for _ in range(chance.choice([0, 0, 1, 1, 2])):
            said.append((1 - said[-1][0], chance.choice(anything), None))
    for _ in range(0 if beats else 4):
        said.append((1 - said[-1][0], chance.choice(anything), None))
    return said


def filled(text: str, words: dict[str, str]) -> str:
    """With a talk's own words in place of slots; `{Y}`, who is spoken to, comes later."""
    return SLOT.sub(lambda slot: words.get(slot[1], slot[0]), text)


if __name__ == "__main__":
    main()
