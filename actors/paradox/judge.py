"""The verdict on a new statement against earlier ones: rules, then the classifier, weighed together. Stateless and blocking.

Long texts are judged sentence by sentence. However much is brought, so many pairs are judged at most: those with the most words
in common. Shared by `paradox.check`, the follower and contemplation; each runs it in a thread.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from actors.paradox.classifier.model import Opinion
from actors.paradox.classifier.rendering import render
from actors.paradox.judging import change
from actors.paradox.judging.claims import claims
from actors.paradox.judging.pair import Judgement, pair_of
from actors.paradox.judging.reading import Reading, read
from actors.paradox.judging.restated import restated
from actors.paradox.judging.rules import Rule, complains, judge, repeats
from actors.paradox.messages import Checked, Conflict, Statement
from actors.paradox.weighing import AT_ODDS_FROM, CONFLICT_FROM, Weights, chances, weigh
from actors.text.languages import is_foreign
from actors.text.sentences import sentences

__all__ = ["PARTS", "WHOLE", "Judge", "asserts", "is_read", "parts"]

WHOLE = 300
"""Characters up to which a sentence stays with those that it leans on; a longer text is judged sentence by sentence."""

PARTS = 8
"""Of a long text, so many sentences are compared."""

MOST_PAIRS = 1024
"""Pairs of sentences that one check judges by rules: about half a second; the rest has fewer words in common."""

MOST_CLASSIFIED = 48
LEAST_CLASSIFIED = 2
"""Of several statements a quarter goes to the classifier, a few milliseconds each, at least and at most so many.

Those come first that a rule finds at odds, all of them: what a rule says alone is no probability. Then those whose words are
nearest to the new one's. Of the conflicts of our scenarios (4.6 to 5.4 statements each) 99 in a hundred are among the first
two, no more among the first three; a third one that is read is more often pointed at wrongly than rightly.
"""

EACH_CLASSIFIED = 2
"""Of a long statement's sentences, so many pairs go to the classifier."""

NEAR_BEST = 0.1
"""Conflicts that score this close to the best one are told as well; further ones are more often wrong than right."""


UNREAD = Judgement("unrelated", 0.5, "in a language that is not read")
"""Rules and network read English: of other languages they take half of all pairs for contradictions."""

Side = tuple[int, Reading, Reading]
"""Which of the earlier statements; a sentence of it; a sentence of the new one."""


class Reads(Protocol):
    """What has an opinion of rendered pairs."""

    def read(self, pairs: Sequence[tuple[str, str]]) -> list[Opinion]:
        """An opinion for each pair, in their order."""
        ...

    def near(self, texts: Sequence[str], other: str) -> list[float]:
        """How near each text is to the other one by its words."""
        ...


def is_read(*texts: str) -> bool:
    """Whether rules and network read all of them: they are not in another language than English."""
    return not any(map(is_foreign, texts))


class Judge:
    """Judges pairs.

    Args:
        classifier: None where there is none: the rules judge alone.
        rules: other rules than all; for measuring what each adds.
        weights: other ones than those that ship; for measuring as well.
    """

    def __init__(
        self, classifier: Reads | None = None, rules: Sequence[Rule] | None = None, weights: Weights | None = None
    ) -> None:
        self.classifier = classifier
        self.rules = rules
        self.weights = weights

    def check(self, statements: Sequence[Statement], new: Statement) -> Checked:
        """The verdict on `new` against all `statements`, conflicts best first; among equals the later statement comes first."""
        judged = [
            judgement if is_read(old.text, new.text) else UNREAD
            for old, judgement in zip(statements, self.against(statements, new), strict=True)
        ]
        chance = chances(judged)
        found = [
            (chance[index], index, judgement)
            for index, judgement in enumerate(judged)
            if judgement.verdict in ("contradiction", "update") and max(judgement.score, chance[index]) >= CONFLICT_FROM
        ]
        found.sort(key=lambda entry: (-entry[0], -entry[1]))
        # What the rules say when they judge alone are scores, not probabilities.
        if found and sum(chance) >= (CONFLICT_FROM if self.classifier is None else AT_ODDS_FROM):
            conflicts = tuple(
                Conflict(index=index, verdict=judgement.verdict, score=round(share, 4), why=judgement.why)
                for share, index, judgement in found
                if share >= found[0][0] - NEAR_BEST
            )
            return Checked(verdict=conflicts[0].verdict, score=round(sum(chance), 4), conflicts=conflicts)

        related = [judgement.score for judgement in judged if judgement.verdict == "compatible"]
        related += [1 - sum(chance)] if found else []  # What is nearly at odds is about the same.
        if related:
            return Checked(verdict="compatible", score=max(related), conflicts=())
        return Checked(verdict="unrelated", score=min((judgement.score for judgement in judged), default=1.0), conflicts=())

    def pairs(self, pairs: Sequence[tuple[Statement, Statement]]) -> list[Judgement]:
        """A judgement for each (earlier, later), each as if it were alone: the classifier is asked about all of them."""
        return [self.several([pair])[0] for pair in pairs]

    def against(self, statements: Sequence[Statement], new: Statement) -> list[Judgement]:
        """A judgement for each of the earlier statements: its surest conflict, else what it is closest to."""
        return self.several([(old, new) for old in statements])

    def several(self, pairs: Sequence[tuple[Statement, Statement]]) -> list[Judgement]:
        """A judgement for each (earlier, later) of which one side is the same in all; the classifier reads a quarter."""
        sides = [
            (
                index,
                read(part, old.speaker, old.time),
                read(restated(part, one, (old.time, new.time)), new.speaker, new.time),
            )
            for index, (old, new) in enumerate(pairs)
            for part in parts(old.text)
            for one in parts(new.text)
        ]
        if len(sides) > MOST_PAIRS:
            sides = sorted(sides, key=lambda side: (-len(side[1].stems & side[2].stems), side[0]))[:MOST_PAIRS]
        ruled = [judge(old, one, self.rules) for _, old, one in sides]
        judged = self.weighed(sides, ruled)

        best: dict[int, Judgement] = {}
        for (index, _, _), judgement in zip(sides, judged, strict=True):
            if index not in best or rank(judgement) > rank(best[index]):
                best[index] = judgement
        nothing = Judgement("unrelated", 1.0, "not looked at")
        return [best.get(index, nothing) for index in range(len(pairs))]

    def weighed(self, sides: Sequence[Side], ruled: Sequence[Judgement]) -> list[Judgement]:
        """The rules' judgements, with the classifier's opinion where it is asked."""
        if self.classifier is None:
            return list(ruled)
        asked = self.asked(self.classifier, sides, ruled)
        texts = [
            render(old.written, new.written, (old.speaker, new.speaker), (old.time, new.time))
            for _, old, new in (sides[number] for number in asked)
        ]
        judged = list(ruled)
        for number, opinion in zip(asked, self.classifier.read(texts), strict=True):
            _, old, new = sides[number]
            judged[number] = weigh(pair_of(old, new), ruled[number], opinion, self.weights)
        return judged

    def asked(self, classifier: Reads, sides: Sequence[Side], ruled: Sequence[Judgement]) -> list[int]:
        """Which pairs are worth the classifier's time, most promising first. What is said again, or a complaint, needs none."""
        promises = promised(classifier, sides, ruled)
        chosen: list[int] = []
        taken: Counter[int] = Counter()
        found = sum(one.verdict in ("contradiction", "update") for one in ruled)
        quarter = len({index for index, _, _ in sides}) // 4
        limit = min(MOST_CLASSIFIED, max(LEAST_CLASSIFIED, quarter, found))
        for number in sorted(range(len(sides)), key=lambda number: (-promises[number], number)):
            index = sides[number][0]
            _, old, new = sides[number]
            plain = repeats(old, new) or complains(old, new)
            if taken[index] < EACH_CLASSIFIED and (taken[index] or len(taken) < limit) and not plain:
                taken[index] += 1
                chosen.append(number)
        return chosen


def promised(classifier: Reads, sides: Sequence[Side], ruled: Sequence[Judgement]) -> list[float]:
    """How much each pair is worth the classifier's time."""
    near: dict[tuple[str, str], float] = {}
    for written in {new.written for _, _, new in sides}:
        olds = [old.written for _, old, new in sides if new.written == written]
        near |= {(old, written): value for old, value in zip(olds, classifier.near(olds, written), strict=True)}
    return [
        near[old.written, new.written]
        + 0.5 * one.overlap
        + (2.0 + one.score if one.verdict in ("contradiction", "update") else 0.0)
        for (_, old, new), one in zip(sides, ruled, strict=True)
    ]


def rank(judgement: Judgement) -> tuple[int, float]:
    order = {"contradiction": 2, "update": 2, "compatible": 1, "unrelated": 0}
    return order[judgement.verdict], judgement.score


def asserts(text: str) -> bool:
    """Whether a new statement can be at odds with anything: a question, a wish, a joke, a bare "Yes." or "Two." cannot."""
    new = read(text)
    figured = new.quantities and len(new.words) > 1
    return new.modality is None and bool(new.stems or figured or change.correction(new.text) or change.retort(new.text))


def parts(text: str) -> list[str]:
    """What a short text claims, one thing each; a long one's first sentences."""
    if len(text) <= WHOLE:
        return claims(text)[:PARTS]
    return [sentence[:WHOLE] for sentence in sentences(text[: 64 * WHOLE])][:PARTS] or [text[:WHOLE]]
