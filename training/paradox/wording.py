"""Frames of frames.txt and how they are said: subjects, values, verbs that agree. Seeded; knows no label.

A frame says one sort of fact in many ways; frames.txt explains its lines.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from pathlib import Path

from training.paradox.moods import FIRM, PLAIN
from training.paradox.pair import Told, capital

__all__ = ["Frame", "Subject", "Wording"]

HERE = Path(__file__).parent

PEOPLE = (
    ("my sister", "she"), ("my brother", "he"), ("Tom", "he"), ("Nadia", "she"), ("my flatmate", "he"), ("aunt Rosa", "she"),
    ("Yusuf", "he"), ("our neighbour", "she"), ("my boss", "she"), ("Elin", "she"), ("my cousin", "he"), ("Pavel", "he"),
    ("my daughter", "she"), ("my mother", "she"), ("my best friend", "he"), ("Mei", "she"), ("my father", "he"), ("Jonas", "he"),
)  # fmt: skip


@dataclass(slots=True)
class Frame:
    """How one sort of fact is said."""

    name: str
    of: list[str]
    values: list[str]
    forms: dict[str, list[str]] = field(default_factory=dict)


@dataclass(slots=True)
class Subject:
    """Who or what: the words for it."""

    name: str
    he: str

    @property
    def first(self) -> bool:
        return self.name == "I"


def frames() -> list[Frame]:
    """The frames of frames.txt."""
    found: list[Frame] = []
    for line in (HERE / "frames.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("="):
            found.append(Frame(line[1:].strip(), [], []))
        elif line and not line.startswith("#"):
            key, _, rest = line.partition(": ")
            parts = [part.strip() for part in rest.split(" | ")]
            if key == "of":
                found[-1].of = [part.strip() for part in rest.split(",")]
            elif key == "v":
                found[-1].values = [part.strip() for part in rest.split(",")]
            elif key in ("unit", "verbs"):
                found[-1].forms[key] = [part.strip() for part in rest.split(",")]
            else:
                found[-1].forms[key] = parts
    return found


class Wording(Told):
    """Puts frames into words.

    Args:
        seed: of all choices.
    """

    def __init__(self, seed: int) -> None:
        super().__init__(random.Random(seed))
        self.frames = frames()

    def subject(self, frame: Frame) -> Subject:
        """Somebody, or one of the things that the frame is about."""
        of = self.random.choice(frame.of)
        name, he = self.random.choice(PEOPLE)
        if of == "person":
            return Subject("I", "I") if self.random.random() < 0.55 else Subject(name, he)
        if of.startswith("person's "):
            return Subject(("my" if self.random.random() < 0.6 else f"{name}'s") + of.removeprefix("person's"), "it")
        return Subject(of, "it")

    def value(self, frame: Frame) -> str:
        """One value; of opposites one side."""
        value = self.random.choice(frame.values)
        return self.random.choice(value.split("/")) if "opposites" in frame.forms else value

    def two(self, frame: Frame) -> tuple[str, str]:
        """Two values that exclude each other where the frame is exclusive."""
        if "opposites" in frame.forms:
            one, other = self.random.choice(frame.values).split("/")
            return (one, other) if self.random.random() < 0.5 else (other, one)
        one, other = self.random.sample(frame.values, 2)
        return one, other

    def say(self, frame: Frame, who: Subject, value: str) -> str:
        """Asserted."""
        return self.form(frame, "say", who, value, self.random.choice(frame.forms.get("verbs", [""])))

    def form(self, frame: Frame, key: str, who: Subject, value: str, verb: str) -> str:
        """Said in one of the ways of `key`."""
        unit = frame.forms.get("unit")
        text = self.random.choice(frame.forms[key])
        if unit:
            number = sum(map(ord, who.name)) % len(unit)
            text = text.replace("{n}", unit[number])
        return self.fill(text.replace("{x}", verb), who, value, "the old one")

    def fill(self, text: str, who: Subject, value: str, before: str) -> str:
        """The template with its words, without capital and full stop."""
        first = who.first
        his = {"I": "my", "he": "his", "she": "her", "it": "its"}[who.he]
        him = {"I": "me", "he": "him", "she": "her", "it": "it"}[who.he]
        if not first and "{S}" not in text:
            owner = who.name + ("'" if who.name.endswith("s") else "'s")
            text = re.sub(r"^\{his\}", owner, text) if self.random.random() < 0.8 else text
            text = re.sub(r"^\{he\}", who.name, text) if self.random.random() < 0.7 else text
        plural = bool(re.match(r"(the|our) (guests|students|windows|staff|trees|players|shops|curtains)$", who.name))
        base = first or plural
        if "{n}" in text:
            text = text.replace("{n}", "people")
        words = {
            "{v}": value.replace("{his}", his), "{u}": before or "the old one", "{S}": who.name, "{he}": who.he, "{his}": his, "{him}": him,
            "{s}": "" if base else "s", "{es}": "" if base else "es",
            "{am}": "am" if first else "are" if plural else "is", "{have}": "have" if base else "has",
            "{do}n't": "don't" if base else "doesn't", "{do}": "do" if base else "does", "{was}": "was",
            "{have}n't": "haven't" if base else "hasn't",
        }  # fmt: skip
        for key in ("{do}n't", "{have}n't", *words):
            text = text.replace(key, words[key])
        text = re.sub(r"\b(\w+[^aeiou\s])ys\b", r"\1ies", text) if "studys" in text else text
        return text.replace(" I am ", " I'm ") if self.random.random() < 0.4 else text

    def wrap(self, frame: str, said: str) -> str:
        """The words of a mood around a statement."""
        said = said.rstrip(".?!")
        return capital(frame.replace("{A}", said).replace("{B}", capital(said)))

    def plain(self, said: str) -> str:
        """Said as people do."""
        if said[-1:] in ".?!":
            return capital(said)
        return self.wrap(self.random.choice(PLAIN), said)

    def firm(self, said: str) -> str:
        """Said without any sign of change."""
        return self.wrap(self.random.choice(FIRM), said)
