"""Confidences: who told what stands in a record not to be passed on. Functions of a connection, for the reader's thread.

Nothing of it is stored: it is read off the record and everything that it was derived from, as they stand. So it holds for what
was derived anew or was written before anybody asked, goes with a source that is forgotten, and no client can lose it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import apsw

from actors.memory.messages import CONFIDED_BY, UNNAMED, Confidences, GetConfidences
from actors.text.confidences import announces_one, asks_for_nothing_else, tells_in_confidence

__all__ = ["told_by"]

NOT_PEOPLE: Final = ("assistant", "tool", "system", "developer")

BEFORE: Final = 6
"""Turns before one that are looked at: whose words an answer may say again."""

AROUND: Final = 2
"""Turns before and after one that "don't tell her" may be said of: an assistant's may stand between."""

GAP: Final = 32
"""Records between two turns of a talk from which on they are looked at apart."""

Tellers = frozenset[str]
"""Names of those who told something in confidence."""

NOBODY: Final[Tellers] = frozenset()

SOURCES: Final = """SELECT source, target FROM link
WHERE source IN (SELECT value FROM json_each(?)) AND relation IN ('derives_from', 'summarises')"""
ROWS: Final = """SELECT number, session, kind, role, speaker, text, metadata FROM memory
WHERE number IN (SELECT value FROM json_each(?))"""
STRETCH: Final = f"""SELECT number, role, speaker, text FROM memory
WHERE session = ?1 AND kind = 'turn'
AND number >= coalesce((SELECT min(number) FROM (SELECT number FROM memory WHERE session = ?1 AND kind = 'turn' AND number < ?2
    ORDER BY number DESC LIMIT {BEFORE})), ?2)
AND number <= coalesce((SELECT max(number) FROM (SELECT number FROM memory WHERE session = ?1 AND kind = 'turn' AND number > ?3
    ORDER BY number LIMIT {AROUND})), ?3)
ORDER BY number"""  # noqa: S608 (numbers of our own)
CORRECTED_SINCE: Final = """SELECT e.memory, e.detail ->> '$.before.text' FROM event AS e
WHERE e.memory IN (SELECT value FROM json_each(?1)) AND e.change = 'revised' AND e.seq > (
    SELECT max(seq) FROM event WHERE memory = ?2 AND change IN ('remembered', 'rederived')
)"""
"""What sources said when a record was drawn from them, where they say something else since."""


@dataclass(slots=True)
class Turn:
    """A turn in its talk. `tellers`: who told in confidence what stands in it."""

    number: int
    role: str | None
    speaker: str
    text: str
    tellers: Tellers = NOBODY

    @property
    def of_a_person(self) -> bool:
        return self.role not in NOT_PEOPLE


def told_by(connection: apsw.Connection, message: GetConfidences) -> Confidences:
    """Of each record that holds what was told in confidence: who told it; and which there are not."""
    rows: Any = connection.execute(
        "SELECT m.number, m.id FROM memory AS m JOIN namespace AS n ON n.number = m.namespace"
        " WHERE n.name = ? AND m.id IN (SELECT value FROM json_each(?))",
        (message.namespace, json.dumps(message.ids)),
    )
    asked: dict[int, str] = dict(rows.fetchall())
    behind = Behind(connection, asked)
    told = {name: sorted(behind.tellers_of(number)) for number, name in asked.items()}
    return Confidences(
        told={name: tuple(tellers) for name, tellers in told.items() if tellers},
        gone=tuple(name for name in message.ids if name not in told),
    )


class Behind:
    """Records and everything that they were derived from, at any remove."""

    def __init__(self, connection: apsw.Connection, asked: Iterable[int]) -> None:
        self._connection = connection
        self._sources: dict[int, list[int]] = defaultdict(list)
        self._own: dict[int, Tellers] = {}
        """Of each record alone, without its sources."""

        self._people: dict[int, str] = {}
        """Who said a record, where people did."""

        self._turns: dict[int, list[int]] = defaultdict(list)
        """By session."""

        new = set(asked)
        while new:
            new = self._read_rows(json.dumps(sorted(new))) - self._own.keys()
        for session, numbers in self._turns.items():
            self._read_talk(session, sorted(numbers))
        for number, sources in self._sources.items():
            self._own[number] = self._own.get(number, NOBODY) | self._before_corrections(number, sources)

    def tellers_of(self, number: int) -> Tellers:
        """Who told in confidence what stands in a record, by itself and all that is behind it."""
        tellers, seen, left = NOBODY, {number}, [number]
        while left:
            one = left.pop()
            tellers |= self._own.get(one, NOBODY)
            new = set(self._sources.get(one, ())) - seen
            seen |= new
            left += new
        return tellers

    def _read_rows(self, listed: str) -> set[int]:
        """Read records, each by its own words; what they were derived from."""
        links: Any = self._connection.execute(SOURCES, (listed,)).fetchall()
        for source, target in links:
            self._sources[source].append(target)
        rows: Any = self._connection.execute(ROWS, (listed,)).fetchall()
        for number, session, kind, role, speaker, text, metadata in rows:
            tellers = named_in(metadata)
            if kind == "turn" and session is not None:
                self._turns[session].append(number)
            # A summary has no speaker: whose words stand in it, its sources say.
            if role not in NOT_PEOPLE and (speaker is not None or number not in self._sources):
                self._people[number] = speaker or UNNAMED
                # A turn's words are read with its talk.
                if (kind != "turn" or session is None) and tells_in_confidence(text):
                    tellers |= {speaker or UNNAMED}
            self._own[number] = tellers
        return {target for _, target in links}

    def _read_talk(self, session: int, numbers: Sequence[int]) -> None:
        """Add what turns are by those around them: what "don't tell her" was said of, and what an assistant says to that."""
        for begins, ends in stretches(numbers):
            rows: Any = self._connection.execute(STRETCH, (session, begins, ends)).fetchall()
            turns = [Turn(number, role, speaker or UNNAMED, text) for number, role, speaker, text in rows]
            read_together(turns)
            for turn in turns:
                if turn.number in self._own:
                    self._own[turn.number] |= turn.tellers

    def _before_corrections(self, number: int, sources: Sequence[int]) -> Tellers:
        """Who told in confidence what a record was drawn from, before that was corrected."""
        rows: Any = self._connection.execute(CORRECTED_SINCE, (json.dumps(sources), number)).fetchall()
        said = [(source, text) for source, text in rows if text and source in self._people]
        return frozenset(self._people[source] for source, text in said if tells_in_confidence(text))


def named_in(metadata: str) -> Tellers:
    """Whom a record's metadata names."""
    if CONFIDED_BY not in metadata:
        return NOBODY
    try:
        named = json.loads(metadata).get(CONFIDED_BY)
    except ValueError:
        # Damaged on the disk: no listing shows such a record.
        return NOBODY
    given = named if isinstance(named, list) else [named]
    return frozenset(name for name in given if isinstance(name, str))


def stretches(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """The first and the last of those that lie together."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and number - found[-1][1] <= GAP:
            found[-1] = found[-1][0], number
        else:
            found.append((number, number))
    return found


def read_together(turns: Sequence[Turn]) -> None:
    """Find out of each turn of a stretch of talk who told it in confidence."""
    read_requests(turns)
    read_answers(turns)


def read_requests(turns: Sequence[Turn]) -> None:
    """What people ask not to be passed on: the turn that says so, and those beside one that says nothing else."""
    for place, turn in enumerate(turns):
        if not turn.of_a_person or not tells_in_confidence(turn.text):
            continue
        turn.tellers |= {turn.speaker}
        if asks_for_nothing_else(turn.text):
            before, after = turns[max(0, place - AROUND) : place][::-1], turns[place + 1 : place + 1 + AROUND]
            for side in (after,) if announces_one(turn.text) else (before, after):
                meant = next((one for one in side if one.of_a_person and one.speaker == turn.speaker), None)
                if meant is not None:
                    meant.tellers |= {turn.speaker}


def read_answers(turns: Sequence[Turn]) -> None:
    """An assistant's turn says again what it answers."""
    answered: list[Turn] = []
    goes_on = False
    for turn in turns:
        if turn.of_a_person:
            answered = [*answered, turn] if goes_on else [turn]
        elif turn.role == "assistant" and answered:
            turn.tellers = turn.tellers.union(*(one.tellers for one in answered))
            if tells_in_confidence(turn.text):
                turn.tellers |= {one.speaker for one in answered}
        goes_on = turn.of_a_person
