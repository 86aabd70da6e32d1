"""What the writer's thread knows of the database from one record to the next, so that it need not look it up for each.

Nobody else writes, so what is known stays true until the thread itself changes it; a transaction that is taken back clears it.
Knows a few columns of two tables, and nobody who writes records.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import apsw

from actors.memory.rows import Rows

__all__ = ["Talk", "WriterCache"]

MOST = 4096
"""Talks that are known at once; beyond, all are looked up anew."""


@dataclass(slots=True)
class Talk:
    """A session's row, and the chain of its last turn."""

    number: int
    started: int
    last: int
    tip: bytes | None
    """Empty where it has no turn yet; None where it was not looked up."""

    changed: bool = False
    """Whether its times are still to be written."""


class WriterCache:
    """Namespaces and talks by name, and the last id that was given."""

    def __init__(self) -> None:
        self.rows = Rows()
        self.namespaces: dict[str, int] = {}
        self.last_id: tuple[int, int] | None = None
        self.changes = 0
        """How often something was noted that is to be written: tells a job that failed before it did anything from others."""

        self._talks: dict[tuple[int, str], Talk] = {}
        self._by_number: dict[int, Talk] = {}
        self._changed: list[Talk] = []
        self._counted: dict[tuple[int, str], list[int]] = {}
        """By namespace and kind: how many records have come in, and the bytes of their texts."""

        self._chance = b""

    def talk(self, connection: apsw.Connection, namespace: int, name: str, time: int) -> Talk:
        """A talk, begun when it is missing; its times are stretched to `time`."""
        talk = self._talks.get((namespace, name)) or self._look_up(connection, namespace, name, time)
        if not talk.started <= time <= talk.last:
            talk.started = min(talk.started, time)
            talk.last = max(talk.last, time)
            if not talk.changed:
                talk.changed = True
                self._changed.append(talk)
            self.changes += 1
        return talk

    def placed(self, session: int, chain: bytes) -> None:
        """A turn has come in at the end of a talk."""
        talk = self._by_number.get(session)
        if talk is not None:
            talk.tip = chain

    def count(self, namespace: int, kind: str, text: str) -> None:
        """A record has come in."""
        counted = self._counted.get((namespace, kind))
        if counted is None:
            counted = self._counted[namespace, kind] = [0, 0]
        counted[0] += 1
        counted[1] += len(text) if text.isascii() else len(text.encode())
        self.changes += 1

    def chance(self) -> str:
        """56 bits that nobody can guess, in hexadecimal: asked of the system for many at once."""
        if not self._chance:
            self._chance = os.urandom(7 * 256)
        taken, self._chance = self._chance[:7], self._chance[7:]
        return taken.hex()

    def flush(self, connection: apsw.Connection) -> None:
        """Write what was noted; called before each commit."""
        self.rows.write(connection)
        for (namespace, kind), (count, size) in self._counted.items():
            connection.execute(
                "INSERT INTO tally VALUES (?, ?, 'raw', ?, ?) "
                "ON CONFLICT DO UPDATE SET count = count + excluded.count, bytes = bytes + excluded.bytes",
                (namespace, kind, count, size),
            )
        self._counted.clear()
        for talk in self._changed:
            connection.execute(
                "UPDATE session SET started = ?, last = ? WHERE number = ?", (talk.started, talk.last, talk.number)
            )
            talk.changed = False
        self._changed.clear()
        if len(self._talks) > MOST:
            self._forget_talks()

    def settle(self, connection: apsw.Connection) -> None:
        """Write what was noted and forget it: somebody is about to change it in the database itself."""
        self.flush(connection)
        self._forget_talks()

    def clear(self) -> None:
        """Forget everything: what was written is taken back."""
        self.rows.clear()
        self.namespaces.clear()
        self.last_id = None
        self._changed.clear()
        self._counted.clear()
        self._forget_talks()

    def _forget_talks(self) -> None:
        self._talks.clear()
        self._by_number.clear()

    def _look_up(self, connection: apsw.Connection, namespace: int, name: str, time: int) -> Talk:
        row: Any = connection.execute(
            "SELECT number, started, last FROM session WHERE namespace = ? AND name = ?", (namespace, name)
        ).fetchone()
        if row is not None:
            number, started, last = row
            talk = Talk(number, started, last, tip=None)
        else:
            connection.execute(
                "INSERT INTO session (namespace, name, started, last) VALUES (?1, ?2, ?3, ?3)", (namespace, name, time)
            )
            talk = Talk(connection.last_insert_rowid(), time, time, tip=b"")
        self._talks[namespace, name] = self._by_number[talk.number] = talk
        return talk
