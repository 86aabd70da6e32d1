"""Talk made up by chance, as much as is wanted, the same each time: words by Zipf's law, topics, speakers, sessions."""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from actors.text.stopwords import STOPWORDS

VOCABULARY = 30_000
BEGINNINGS = (*"bcdfghjklmnprstvwz", "st", "tr", "pl", "gr")
SYLLABLES = [first + vowel for first in BEGINNINGS for vowel in "aeiou"]
SPEAKERS = ("Mara", "Jonas", "Priya", "Tomas", "Leila", "Oskar", "Noor", "Felix")
TURNS = 24
"""Of a session, on average."""


@dataclass(frozen=True, slots=True)
class Turn:
    session: str
    speaker: str
    text: str


class Talk:
    """Words and their frequencies.

    Common English words are the most frequent ones, as in a real talk; then come `words`, and what follows is made of
    syllables. A session has some words of its own that it comes back to.
    """

    def __init__(self, seed: int = 7, words: Sequence[str] = ()) -> None:
        self.random = random.Random(seed)
        known = sorted(words)
        self.random.shuffle(known)
        made: dict[str, None] = dict.fromkeys([*sorted(STOPWORDS), *known])
        while len(made) < VOCABULARY:
            made["".join(self.random.choices(SYLLABLES, k=self.random.randint(2, 4)))] = None
        self.words = list(made)[:VOCABULARY]
        self.cumulated = list(accumulate(1 / (rank + 2.7) for rank in range(VOCABULARY)))

    def word(self) -> str:
        return self.words[bisect(self.cumulated, self.random.random() * self.cumulated[-1])]

    def turns(self, count: int) -> Iterator[Turn]:
        made = session = 0
        while made < count:
            session += 1
            pair = self.random.sample(SPEAKERS, 2)
            topic = [self.words[self.random.randint(500, VOCABULARY - 1)] for _ in range(8)]
            for turn in range(min(count - made, max(2, round(self.random.gauss(TURNS, 8))))):
                words = [
                    self.random.choice(topic) if self.random.random() < 0.08 else self.word()
                    for _ in range(max(3, round(self.random.lognormvariate(3.0, 0.5))))
                ]
                yield Turn(f"session {session}", pair[turn % 2], " ".join(words).capitalize() + ".")
                made += 1

    def question(self, turn: Turn) -> str:
        """A question whose answer is in the turn: some of its words, about half of them with a topic."""
        words = turn.text.lower().rstrip(".").split()
        topical = [word for word in words if word not in STOPWORDS] or words
        asked = self.random.sample(topical, min(len(topical), self.random.randint(2, 6)))
        common = self.random.sample(["what", "did", "the", "about", "when", "with", "her", "was"], 4)
        mixed = [*asked, *common]
        self.random.shuffle(mixed)
        return f"What did {turn.speaker} say: {' '.join(mixed)}?" if self.random.random() < 0.5 else f"{' '.join(mixed)}?"
