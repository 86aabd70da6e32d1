"""Reads the pairs that were written by hand, written.txt and families/, and tells each in several ways. Seeded.

A family is one statement and what may be said after it: C contradicts it, U supersedes it, K is compatible, N is unrelated; `~` is
about the same and at odds with none of them. Before a text may stand who says it (@name) and how much later (5m, 3h, 20d). What is
said after one statement is also set beside others, so that a word of change or a denial alone decides nothing.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from training.paradox.moods import MOODS, QUESTIONS
from training.paradox.pair import COMPATIBLE, CONTRADICTION, NOT_AT_ODDS, UNRELATED, UPDATE, Pair, Told, capital

__all__ = ["Family", "families", "written"]

HERE = Path(__file__).parent
LETTERS = "CUKN"
UNITS = {"m": "minutes", "h": "hours", "d": "days"}
MARKED = re.compile(r"(?:@(?P<speaker>\w+) )?(?:(?P<count>\d+)(?P<unit>[mhd]) )?(?P<text>.+)")
OWN = re.compile(r"(?:I|I'm|I've|I'd|I'll|My)\b")
WORD = re.compile(r"[a-z]{4,}")
SHORT = timedelta(hours=12)

HER = (
    "Petra", "Marta", "Nina", "Fatou", "Priya", "Ingrid", "Katrin", "Lotte",
    "Rosa", "Paulina", "Lena", "Eva", "Amira", "Jule", "Leyla",
)  # fmt: skip
HIS = (
    "Henning", "Ahmed", "Milan", "Jonah", "Emil", "Kofi", "Hugo", "Carlos",
    "Miguel", "Olek", "Kurt", "Karim", "Lukas", "Marek", "Sven",
)  # fmt: skip
WEEK = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
SWAPPED = (HER, HIS, WEEK)
"""Names and days that may stand for each other: which of them it is decides nothing."""


@dataclass(frozen=True, slots=True)
class WrittenStatement:
    """One statement as it is written down."""

    text: str
    label: int
    speaker: str | None = None
    gap: timedelta | None = None

    @property
    def at_once(self) -> bool:
        """Whether it leans on what was just said."""
        return self.gap is not None and self.gap < SHORT


@dataclass(slots=True)
class Family:
    """A statement and what may come after it."""

    old: WrittenStatement
    after: list[WrittenStatement] = field(default_factory=list)
    near: list[str] = field(default_factory=list)
    file: str = "written"


def families() -> list[Family]:
    """All that is in families/, and each line of written.txt as a small family."""
    found: list[Family] = []
    for path in sorted((HERE / "families").glob("*.txt")):
        for row in path.read_text(encoding="utf-8").splitlines():
            if row.startswith(">"):
                found.append(Family(line(row[2:], UNRELATED), file=path.stem))
            elif row.startswith("~"):
                found[-1].near.append(row[2:])
            elif row:
                found[-1].after.append(line(row[2:], LETTERS.index(row[0])))

    for row in (HERE / "written.txt").read_text(encoding="utf-8").splitlines():
        if row and not row.startswith("#"):
            letter, old, new, gap = (part.strip() for part in row.split(" | "))
            found.append(Family(WrittenStatement(old, UNRELATED), [line(f"{gap} {new}", LETTERS.index(letter))]))
    return found


def line(row: str, label: int) -> WrittenStatement:
    marked = MARKED.fullmatch(row)
    if marked is None:
        raise ValueError(f"not a statement: {row!r}")
    gap = timedelta(**{UNITS[marked["unit"]]: int(marked["count"])}) if marked["count"] else None
    return WrittenStatement(marked["text"], label, marked["speaker"], gap)


def written(seed: int, times: int, files: frozenset[str] = frozenset()) -> list[Pair]:
    """Every line so often, each time told otherwise, with pairs that follow from it; only those of some files, if any are named."""
    teller = Teller(seed)
    return [pair for _ in range(times) for pair in teller.round(files)]


class Teller(Told):
    """Tells families."""

    def __init__(self, seed: int) -> None:
        super().__init__(random.Random(seed))
        self.families = families()
        self.by_word: dict[str, list[Family]] = {}
        for family in self.families:
            for word in words(family.old.text):
                self.by_word.setdefault(word, []).append(family)

    def round(self, files: frozenset[str] = frozenset()) -> list[Pair]:
        """Each line of each family once, and what follows."""
        found: list[Pair] = []
        for family in self.families:
            if files and family.file not in files:
                continue
            for after in family.after:
                pairs = [self.told(family.old, after), *self.following(family, after), *self.strangers(family, after)]
                found += [self.noised(self.renamed(pair)) for pair in pairs]
        return found

    def told(self, old: WrittenStatement, new: WrittenStatement) -> Pair:
        """The pair as it is written."""
        speakers = (old.speaker or "user", new.speaker or old.speaker or "user")
        gap = new.gap or (self.long() if new.label == UPDATE else self.any_gap())
        return Pair(old.text, new.text, new.label, speakers, gap)

    def following(self, family: Family, new: WrittenStatement) -> list[Pair]:
        """What else follows from a line: the other way round, asked instead of told, told by somebody else."""
        pair, found = self.told(family.old, new), []
        turned = replace(pair, old=pair.new, new=pair.old, speakers=pair.speakers[::-1])
        if new.label == CONTRADICTION and not new.at_once and self.random.random() < 0.3:
            found.append(turned)
        if new.label == COMPATIBLE and new.gap is None and self.random.random() < 0.25:
            found.append(replace(turned, label=NOT_AT_ODDS))
        if new.label < COMPATIBLE and not new.at_once:
            if self.random.random() < 0.15:
                said = new.text if OWN.match(new.text) else new.text[0].lower() + new.text[1:]
                found.append(replace(pair, new=wrapped(self.random.choice(QUESTIONS + MOODS), said), label=COMPATIBLE))
            mine = family.old.speaker is None and OWN.match(family.old.text) and OWN.match(new.text)
            if mine and self.random.random() < 0.2:
                one, other = self.random.sample(("ana", "ben", "carla", "dmitri", "eve", "farid"), 2)
                found.append(replace(pair, label=COMPATIBLE, speakers=(one, other)))
        return found

    def strangers(self, family: Family, new: WrittenStatement) -> list[Pair]:
        """The line beside statements that it is not about."""
        found = []
        gap = new.gap or self.any_gap()
        if family.near and self.random.random() < 0.5:
            found.append(Pair(self.random.choice(family.near), new.text, NOT_AT_ODDS, gap=gap))
        if self.random.random() < 0.3:
            other = self.random.choice(self.families)
            if other is not family:
                found.append(Pair(other.old.text, new.text, UNRELATED, gap=gap))
        if self.random.random() < 0.4:
            shared = [one for word in sorted(words(new.text)) for one in self.by_word.get(word, ()) if one is not family]
            if shared:
                found.append(Pair(self.random.choice(shared).old.text, new.text, NOT_AT_ODDS, gap=gap))
        return found

    def renamed(self, pair: Pair) -> Pair:
        """Names and days changed for others in both statements alike."""
        if self.random.random() < 0.5:
            return pair
        for group in SWAPPED:
            others = dict(zip(group, self.random.sample(group, len(group)), strict=True))
            pattern = re.compile(rf"\b({'|'.join(group)})(?=s?\b)")
            pair.old, pair.new = (pattern.sub(lambda match: others[match[1]], text) for text in (pair.old, pair.new))  # noqa: B023
        return pair


def words(text: str) -> set[str]:
    return set(WORD.findall(text.lower()))


def wrapped(frame: str, said: str) -> str:
    said = said.rstrip(".?!")
    return capital(frame.replace("{A}", said).replace("{B}", capital(said)))
