"""The judge: holds what clients say that they were told against what the store holds. Knows nothing else.

It is handed operations (history.py) and records (evidence.py), and finds what should not be. It never asks the house, never
sees the faults, and cannot be told to overlook something: what a row allows is the row's affair.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from chaos.evidence import Change, Record
from chaos.history import Operation

__all__ = ["Verdict", "Violation", "check", "check_feed", "check_same"]

Where = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that should not be."""

    rule: str
    """lost, doubled, refused, stranger, another id, back in time, cut, wrong answer, gap, repeat, disagree."""

    what: str

    def __str__(self) -> str:
        """As a person reads it."""
        return f"{self.rule}: {self.what}"


@dataclass(slots=True)
class Verdict:
    """What was found, and what was counted on the way."""

    violations: list[Violation] = field(default_factory=list)
    requests: int = 0
    writes: int = 0
    """Facts and turns that were acknowledged."""

    failed: int = 0
    """Operations that ended in an error that the client saw, streams that broke openly left out."""

    broken: int = 0
    """Streams that failed openly after their first words."""

    degraded: int = 0
    """Answers that said of themselves that they were given from memory, since no model could be used."""

    stall_s: float = 0.0
    """The longest that a client waited for the end of one operation; those that wait for news are left out."""

    def count(self, rule: str) -> int:
        """How many violations of a rule."""
        return sum(violation.rule == rule for violation in self.violations)


def check(operations: Sequence[Operation], records: Sequence[Record]) -> Verdict:
    """Everything that can be said from the histories and the records of the namespaces that they wrote to."""
    verdict = Verdict()
    for operation in operations:
        if operation.do == "feed":
            continue
        verdict.requests += 1
        verdict.stall_s = max(verdict.stall_s, operation.took)
        verdict.degraded += operation.told.get("degraded", False)
        if operation.outcome == "failed":
            broken = operation.told.get("broken", False)
            verdict.broken += broken
            verdict.failed += not broken

    written = facts_of(operations)
    said = turns_of(operations)
    verdict.writes = sum(expected.acknowledged for expected in (*written.values(), *said.values()))
    verdict.violations += [
        *once_in_effect({**written, **said}, records),
        *same_answer(operations, records),
        *never_back(operations),
        *whole_streams(operations),
        *check_feed(operations),
    ]
    return verdict


@dataclass(slots=True)
class Expected:
    """What may be in the store, from what all operations on it were answered."""

    acknowledged: bool = False
    refused: bool = True
    """Every answer said that it was not done."""


Thing = tuple[str, str, str, str]
"""Namespace, session, role ("" of a fact), text."""


def facts_of(operations: Iterable[Operation]) -> dict[Thing, Expected]:
    """Facts that were to be remembered."""
    expected: dict[Thing, Expected] = defaultdict(Expected)
    for operation in operations:
        if operation.do == "write":
            for fact in operation.told["facts"]:
                note(expected[operation.told["namespace"], operation.told["session"], "", fact], operation)
    return expected


def turns_of(operations: Iterable[Operation]) -> dict[Thing, Expected]:
    """Turns of talks: who is answered was heard, and what was answered was said."""
    expected: dict[Thing, Expected] = defaultdict(Expected)
    for operation in operations:
        if operation.do == "chat" and operation.told.get("remembered", True):
            place = operation.told["namespace"], operation.told["session"]
            note(expected[(*place, "user", operation.told["question"])], operation)
            # A degraded answer is nobody's words: it is not remembered. The whole one may be all the same, of another try.
            answer = expected[(*place, "assistant", operation.told["expected"])]
            if operation.told.get("degraded", False):
                answer.refused = False
            else:
                note(answer, operation)
    return expected


def note(expected: Expected, operation: Operation) -> None:
    """Take one operation's answer into account."""
    expected.acknowledged |= operation.outcome == "ok"
    expected.refused &= operation.outcome == "refused"


def once_in_effect(expected: dict[Thing, Expected], records: Iterable[Record]) -> Iterator[Violation]:
    """Acknowledged: exactly once. Not acknowledged: at most once. Refused: not at all. And nothing that nobody wrote."""
    held = Counter((record.namespace, record.session, record.role, record.text) for record in records if record.said)
    for thing, wanted in expected.items():
        count = held.pop(thing, 0)
        name = " / ".join(part for part in thing if part)
        if wanted.acknowledged and not count:
            yield Violation("lost", f"acknowledged, and not there: {name}")
        if count > 1:
            yield Violation("doubled", f"there {count} times: {name}")
        if wanted.refused and count:
            yield Violation("refused", f"refused, and there: {name}")
    for thing, count in held.items():
        yield Violation("stranger", f"there {count} times, and nobody wrote it: {' / '.join(part for part in thing if part)}")


def same_answer(operations: Iterable[Operation], records: Iterable[Record]) -> Iterator[Violation]:
    """The same key has the same answer, and the ids that were told are those that the store has."""
    ids = {(record.namespace, record.session, record.text): record.id for record in records if not record.role}
    told: dict[Where, list[str]] = {}
    for operation in operations:
        if operation.do != "write" or operation.outcome != "ok":
            continue
        namespace, session = operation.told["namespace"], operation.told["session"]
        key = (namespace, operation.told["key"])
        first = told.setdefault(key, operation.told["ids"])
        if operation.told["ids"] != first:
            yield Violation("another id", f"{key[1]} was answered {first}, then {operation.told['ids']}")
        for fact, id_ in zip(operation.told["facts"], operation.told["ids"], strict=True):
            if ids.get((namespace, session, fact), id_) != id_:
                yield Violation("another id", f"{fact} was acknowledged as {id_}, and is {ids[namespace, session, fact]}")


def never_back(operations: Iterable[Operation]) -> Iterator[Violation]:
    """Within a session a read has all that was acknowledged to, or read by, its client before it began."""
    known: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for operation in operations:
        if operation.outcome != "ok" or operation.do not in {"write", "read"}:
            continue
        seen = known[operation.client, operation.told["namespace"], operation.told["session"]]
        if operation.do == "write":
            seen.update(operation.told["facts"])
            continue
        for fact in sorted(seen.difference(operation.told["facts"])):
            yield Violation("back in time", f"{operation.client} knew of it and then read without it: {fact}")
        for fact, count in Counter(operation.told["facts"]).items():
            if count > 1:
                yield Violation("doubled", f"{operation.client} read it {count} times in one answer: {fact}")
        seen.update(operation.told["facts"])


def whole_streams(operations: Iterable[Operation]) -> Iterator[Violation]:
    """An answer that was not said to have failed is whole, and is the answer to its question."""
    for operation in operations:
        if operation.do != "chat" or operation.outcome != "ok":
            continue
        said, expected = operation.told["said"], operation.told["expected"]
        if operation.told.get("degraded", False) and operation.told["finish"] is not None:
            continue
        if operation.told["finish"] is None or (said != expected and expected.startswith(said)):
            yield Violation("cut", f"{operation.client} was told {said!r} of {expected!r}, and no error")
        elif said != expected:
            yield Violation("wrong answer", f"{operation.client} was told {said!r}, not {expected!r}")


def check_feed(operations: Iterable[Operation], changes: Sequence[Change] | None = None) -> Iterator[Violation]:
    """A follower is told each change once, in order. With the store's own list of changes: and leaves none out."""
    by_client: dict[str, list[Operation]] = defaultdict(list)
    for operation in operations:
        if operation.do == "feed" and operation.outcome == "ok":
            by_client[operation.client].append(operation)

    for client, answers in by_client.items():
        last = answers[0].told["after"]
        for answer in answers:
            if answer.told["after"] != last:
                yield Violation("gap", f"{client} went on after {answer.told['after']}, and had come to {last}")
            if answer.told["cursor"] < last:
                yield Violation("back in time", f"{client}'s cursor went from {last} to {answer.told['cursor']}")
            last = answer.told["cursor"]
        seqs = [seq for answer in answers for seq in answer.told["seqs"]]
        for before, after in itertools.pairwise(seqs):
            if after <= before:
                yield Violation("repeat", f"{client} was told of change {after} after {before}")
        if changes is not None:
            first = answers[0].told["after"]
            yield from left_out(client, set(seqs), {change.seq for change in changes if first < change.seq <= last})


def left_out(client: str, told: set[int], wanted: set[int]) -> Iterator[Violation]:
    """What a follower should have been told of and was not, and the other way round."""
    for seq in sorted(wanted - told):
        yield Violation("gap", f"{client} was never told of change {seq}")
    for seq in sorted(told - wanted):
        yield Violation("stranger", f"{client} was told of change {seq}, which the store does not have")


def check_same(told: Sequence[Record], on_disk: Sequence[Record]) -> Iterator[Violation]:
    """What the API tells is what the file holds."""
    theirs, ours = set(told), set(on_disk)
    for record in sorted(theirs - ours, key=lambda record: record.id):
        yield Violation("disagree", f"the API tells it, and it is not in the file: {record.id} {record.text}")
    for record in sorted(ours - theirs, key=lambda record: record.id):
        yield Violation("disagree", f"it is in the file, and the API does not tell it: {record.id} {record.text}")
    if len(told) != len(theirs):
        yield Violation("disagree", f"the API tells {len(told) - len(theirs)} records more than once")
