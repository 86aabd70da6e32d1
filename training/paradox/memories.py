"""Tells families as whole memories: a new statement beside the one that it is about and others that may be taken for it. Seeded.

The others are the family's own neighbours, and those statements of other families whose words are nearest to it, which is how the
judge chooses what it reads. How long the new statement is says nothing: those at odds and those that are not are drawn so that they are alike
in it. Needs no torch.
"""

from __future__ import annotations

import random
from bisect import bisect
from dataclasses import replace

import numpy as np
from tokenizers import Tokenizer

from actors.neural_network import tokenizer_file
from actors.paradox.classifier.nearness import Nearness
from training.paradox.made import made
from training.paradox.pair import CONTRADICTION, NOT_AT_ODDS, UNRELATED, UPDATE, Pair
from training.paradox.written import Family, Teller, WrittenStatement, families

__all__ = ["AT_ODDS", "Memories", "Memory", "balanced", "gathered"]

AT_ODDS = (CONTRADICTION, UPDATE)
NEAREST = 24
"""Of all statements, so many of the nearest by their words may stand beside a new one."""

JOINED = 0.15
"""So often another statement of the family stands before or after the new one, whatever that is."""

LENGTHS = (5, 7, 9, 11, 13, 16, 20)
"""Bounds of the classes of length, in words."""

Memory = list[Pair]


def gathered(
    seed: int, files: frozenset[str], share: float, others: float, amount: int, *, more: frozenset[str] = frozenset()
) -> list[Memory]:
    """Memories of some files and of the others, a share of either, and made pairs; some files are told twice more."""
    teller, chance = Memories(seed), random.Random(seed)
    rest = frozenset(family.file for family in families()) - files
    memories = [*teller.told_of(files, share), *teller.told_of(rest, others)]
    memories += [memory for _ in range(2) for memory in teller.told_of(more, 1.0)]
    return balanced(memories, chance) + balanced([[pair] for pair in chance.sample(made(2 * amount, seed), amount)], chance)


def balanced(memories: list[Memory], chance: random.Random) -> list[Memory]:
    """Without so many that of every length as large a share is at odds: a network takes length for a sign otherwise."""
    classes: dict[int, tuple[list[Memory], list[Memory]]] = {}
    for memory in memories:
        length = bisect(LENGTHS, len(memory[0].new.split()))
        classes.setdefault(length, ([], []))[any(pair.label in AT_ODDS for pair in memory)].append(memory)
    odds = sum(len(at_odds) for _, at_odds in classes.values()) / max(1, sum(len(calm) for calm, _ in classes.values()))
    found: list[Memory] = []
    for calm, at_odds in classes.values():
        found += chance.sample(calm, min(len(calm), round(len(at_odds) / odds))) if odds else calm
        found += chance.sample(at_odds, min(len(at_odds), round(len(calm) * odds)))
    chance.shuffle(found)
    return found


class Memories(Teller):
    """Tells families as memories: lists of pairs with the same new statement, of which at most one is at odds."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        cut = Tokenizer.from_file(str(tokenizer_file()))

        def pieces(text: str) -> list[tuple[str, int]]:
            read = cut.encode(text, add_special_tokens=False)
            return list(zip(read.tokens, read.ids, strict=True))

        self.nearness = Nearness(pieces)
        self.olds = [family.old for family in self.families]
        self.directions = np.stack([self.nearness.direction_of(old.text) for old in self.olds])

    def told_of(self, files: frozenset[str], share: float) -> list[Memory]:
        """A share of the lines of some files' families, once each, among others; and what follows from them, alone."""
        found: list[Memory] = []
        for number, family in enumerate(self.families):
            if family.file not in files:
                continue
            for after in family.after:
                if self.random.random() >= share:
                    continue
                found.append(self.memory(number, family, after))
                found += [[self.noised(self.renamed(pair))] for pair in self.following(family, after)]
        return found

    def memory(self, number: int, family: Family, after: WrittenStatement) -> Memory:
        """One line beside its statement and one to three others."""
        first = self.told(family.old, self.joined(family, after))
        pairs = [first]
        if family.near and self.random.random() < 0.5:
            pairs.append(self.beside(first, self.random.choice(family.near), NOT_AT_ODDS))
        for _ in range(self.random.choice((0, 1, 1, 2))):
            other = self.random.choice(self.near(number, after.text))
            if other.speaker is None:
                pairs.append(self.beside(first, other.text, NOT_AT_ODDS))
        if self.random.random() < 0.25:
            pairs.append(self.beside(first, self.random.choice(self.olds).text, UNRELATED))
        return self.alike(pairs)

    def joined(self, family: Family, after: WrittenStatement) -> WrittenStatement:
        """Now and then with another statement of the family, which is at odds with nothing, before or after it."""
        if not family.near or after.at_once or self.random.random() >= JOINED:
            return after
        two = [self.random.choice(family.near), after.text]
        self.random.shuffle(two)
        return replace(after, text=" ".join(two))

    def beside(self, first: Pair, old: str, label: int) -> Pair:
        """Another statement of the memory, of either speaker, from any time before that of the new one."""
        speakers = (self.random.choice(first.speakers), first.speakers[1])
        return Pair(old, first.new, label, speakers, first.gap if self.random.random() < 0.4 else self.any_gap())

    def near(self, number: int, text: str) -> list[WrittenStatement]:
        """Statements of other families whose words are near."""
        said = self.directions @ self.nearness.direction_of(text)
        order = np.argpartition(-said, NEAREST)[:NEAREST]
        return [self.olds[one] for one in order.tolist() if one != number]

    def alike(self, pairs: Memory) -> Memory:
        """With the noise of a chat; the new statement is the same in all of them."""
        first, *others = [self.noised(replace(pair)) for pair in pairs]
        named = first.speakers if pairs[0].speakers == ("user", "user") else None
        return [first, *(replace(other, new=first.new, speakers=named or other.speakers) for other in others)]
