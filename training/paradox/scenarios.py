"""Builds our own scenarios, in the form of the development set: `python -m training.paradox.scenarios OUT`. Nothing is trained on them.

The rules and the classifier are weighed on them. A line: verdict (C, U, K, N), kind, perhaps s=speaker,speaker, the statement that
matters (empty for N), the new one, statements near it (`;` between), perhaps gap=. Small talk and times are drawn with a seed.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

HERE = Path(__file__).with_suffix("")
VERDICTS = {"C": "contradiction", "U": "update", "K": "compatible", "N": "unrelated"}
UNITS = {"d": "days", "h": "hours", "m": "minutes"}
SEED = 7
SMALL_TALK = (
    "The stapler is empty again.", "I found a button under the sofa.", "The cafe on the corner has new chairs.",
    "My plants need more light.", "The radio played my song twice.", "Somebody drew a moustache on the poster.",
    "I like the sound of rain on the roof.", "The elevator music is dreadful.", "We had pancakes on Sunday.",
    "The postman wears shorts all year.", "My favourite mug has a chip.", "The museum shop sells nice cards.",
    "I can never fold a fitted sheet.", "The moon was huge last night.", "The corridor smells of paint.",
    "Our printer only prints in cyan.", "I finished a crossword in pen.", "The pigeons have taken over the balcony.",
    "There's a poem on the tram.", "My scarf is longer than I am.", "The tea towels are in the top drawer.",
    "I saw a fox near the bins.", "The pavement is icy.", "A stranger held the door for me.", "The choir needs tenors.",
    "That brand of pens leaks.", "I'm reading about lighthouses.", "The museum is free on Tuesdays.",
    "The puzzle has a thousand pieces.", "My umbrella turned inside out.",
)  # fmt: skip


def built(path: Path) -> list[dict[str, object]]:
    """The scenarios of a file."""
    chance = random.Random(SEED)
    rows = [row for row in path.read_text(encoding="utf-8").splitlines() if row.strip() and not row.startswith("#")]
    return [scenario(row, f"{path.stem}-{number:03d}", chance) for number, row in enumerate(rows)]


def scenario(row: str, name: str, chance: random.Random) -> dict[str, object]:
    letter, kind, *rest = (part.strip() for part in row.split(" |"))
    speakers, gap = ("user", "user"), timedelta(days=30)
    if rest[0].startswith("s="):
        one, other = rest.pop(0)[2:].split(",")
        speakers = (one, other)
    if rest[-1].startswith("gap="):
        gap = length(rest.pop()[4:])
    old, new, *more = rest
    near = [text.strip() for text in (more[0] if more else "").split(" ; ") if text.strip()]

    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=chance.randrange(60 * 24 * 250))
    then = now - gap
    memory = [(then, speakers[0], old, True)] if old else []
    for text in near:
        wide = not old or gap > timedelta(days=3)
        moved = timedelta(minutes=chance.randint(-3000, 3000)) if wide else -timedelta(minutes=chance.randint(5, 4000))
        memory.append((then + moved, speakers[0] if chance.random() < 0.7 else speakers[1], text, False))
    memory += [
        (now - timedelta(minutes=chance.randint(10, 60 * 24 * 60)), chance.choice(speakers), text, False)
        for text in chance.sample(SMALL_TALK, chance.randint(1, 4))
    ]
    memory = sorted((one for one in memory if one[0] < now), key=lambda one: one[0])
    at_odds = letter in "CU"
    return {
        "id": name,
        "memory": [{"text": text, "speaker": speaker, "time": time.isoformat()} for time, speaker, text, _ in memory],
        "new": {"text": new, "speaker": speakers[1], "time": now.isoformat()},
        "label": VERDICTS[letter],
        "conflicts_with": [number for number, one in enumerate(memory) if one[3]] if at_odds else [],
        "kind": kind,
        "source": "written",
    }


def length(text: str) -> timedelta:
    found = re.fullmatch(r"(\d+)([dhm])", text)
    if found is None:
        raise ValueError(f"not a time: {text!r}")
    return timedelta(**{UNITS[found[2]]: int(found[1])})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    for path in sorted(HERE.glob("*.txt")):
        rows = built(path)
        (chosen.out / f"{path.stem}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        print(path.stem, len(rows))


if __name__ == "__main__":
    main()
