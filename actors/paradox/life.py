"""The life of a paradox as rows: found, touched, contemplated, settled, asleep, gone. Each step is an event with its cause.

Functions over the writer's connection, called inside a transaction of the store. Knows no rule and no actor.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import apsw

from actors.memory.messages import namespace_digest
from actors.paradox import doubts
from actors.paradox.effects import (
    Doubt,
    Effect,
    End,
    Finding,
    Forgetting,
    NamespaceForgetting,
    Reinstatement,
    Revision,
    says_one_thing,
)
from actors.paradox.messages import Resolve

__all__ = ["REINSTATED", "Conclusion", "apply", "contemplate", "doze", "judged", "resolve"]

REINSTATED = "reinstated"
"""The cause of telling memory that a record holds after all."""


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What came of thinking a paradox over: a note, perhaps another probability, perhaps its end."""

    author: str
    text: str
    score: float | None = None
    state: str = "processing"
    keep: str = ""
    verdict: str = ""
    """Contradiction or update, where it is thought to be another than what was found."""


def apply(connection: apsw.Connection, effect: Effect, now: int) -> bool:
    """Bring an effect about; whether texts were removed."""
    if isinstance(effect, Forgetting):
        return forget(connection, effect)
    if isinstance(effect, NamespaceForgetting):
        return forget_namespace(connection, effect)
    if isinstance(effect, Finding):
        keep(connection, effect, now)
    elif isinstance(effect, Doubt):
        doubts.add(connection, effect, now)
    elif isinstance(effect, Revision):
        revise(connection, effect, now)
    elif isinstance(effect, Reinstatement):
        reopen(connection, effect, now)
    else:
        end(connection, effect, now)
    return False


def keep(connection: apsw.Connection, finding: Finding, now: int) -> None:
    """A new paradox, or a known one that is spoken of again."""
    known: Any = connection.execute("SELECT state FROM paradox WHERE id = ?", (finding.id,)).fetchall()
    if known:
        touch(connection, finding.id, str(known[0][0]), now)
        return
    state = "integrated" if finding.settled else "fresh"
    connection.execute(
        "INSERT INTO paradox (id, namespace, verdict, type, score, tension, state, found, why, earlier, earlier_text,"
        " earlier_speaker, earlier_time, later, later_text, later_speaker, later_time, importance, touched)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            finding.id,
            finding.namespace,
            finding.verdict,
            finding.type,
            finding.score,
            finding.tension,
            state,
            now,
            finding.why,
            *doubts.columns(finding.earlier),
            *doubts.columns(finding.later),
            finding.importance,
            now,
        ),
    )
    add_step(connection, finding.id, now, "fresh", cause="found", note=finding.why)
    if finding.settled:
        add_step(connection, finding.id, now, state, cause="update", note="the later statement tells of the change")
        tell_update(connection, finding)
    stir(connection, finding, now)


def stir(connection: apsw.Connection, finding: Finding, now: int) -> None:
    """What else is at odds with either side is spoken of again."""
    sides = (finding.earlier.memory, finding.later.memory)
    near: Any = connection.execute(
        "SELECT id, state FROM paradox WHERE namespace = ?1 AND (earlier IN (?2, ?3) OR later IN (?2, ?3)) AND id <> ?4"
        " AND state IN ('fresh', 'processing', 'dormant')",
        (finding.namespace, *sides, finding.id),
    ).fetchall()
    for identifier, state in near:
        touch(connection, identifier, state, now)


def touch(connection: apsw.Connection, identifier: str, state: str, now: int) -> None:
    """It was spoken of: it fades from now on, and wakes if it slept."""
    connection.execute("UPDATE paradox SET touched = ?, tension = round(score * importance, 4) WHERE id = ?", (now, identifier))
    if state == "dormant":
        connection.execute("UPDATE paradox SET state = 'fresh' WHERE id = ?", (identifier,))
        add_step(connection, identifier, now, "fresh", cause="stirred", note="spoken of again")


def revise(connection: apsw.Connection, revision: Revision, now: int) -> None:
    """Settle what a corrected text is no longer at odds with; take its new words over where it still is."""
    doubts.dropped(connection, revision.namespace, revision.memory)
    found = {finding.id: finding for finding in revision.found if isinstance(finding, Finding)}
    known: Any = connection.execute(
        "SELECT id, state FROM paradox WHERE namespace = ? AND (earlier = ? OR later = ?)"
        " AND state IN ('fresh', 'processing', 'dormant')",
        (revision.namespace, revision.memory, revision.memory),
    ).fetchall()
    for identifier, _ in known:
        if identifier in found:
            again = found.pop(identifier)
            connection.execute(
                "UPDATE paradox SET verdict = ?, type = ?, score = ?, importance = ?, tension = ?, why = ?, earlier_text = ?,"
                " later_text = ?, touched = ?, state = ?, contemplated = 0, consulted = 0 WHERE id = ?",
                (
                    again.verdict,
                    again.type,
                    again.score,
                    again.importance,
                    again.tension,
                    again.why,
                    again.earlier.text,
                    again.later.text,
                    now,
                    "integrated" if again.settled else "fresh",
                    identifier,
                ),
            )
            state = "integrated" if again.settled else "fresh"
            add_step(connection, identifier, now, state, cause="revised", note="a text was corrected; still at odds")
            if again.settled:
                tell_update(connection, again)
        else:
            settle(connection, identifier, now, "integrated", cause="revised", note="its text was corrected, and agrees now")
    for finding in found.values():
        keep(connection, finding, now)
    for doubt in revision.found:
        if isinstance(doubt, Doubt):
            doubts.add(connection, doubt, now)


def forget(connection: apsw.Connection, gone: Forgetting) -> bool:
    """Remove whatever quotes a memory."""
    both = (gone.namespace, gone.memory)
    removed = connection.execute(
        "DELETE FROM paradox WHERE namespace = ? AND (earlier = ? OR later = ?) RETURNING id", (*both, gone.memory)
    ).fetchall()
    # An error's message may quote the text that caused it.
    removed += connection.execute("DELETE FROM poison WHERE namespace = ? AND memory = ? RETURNING seq", both).fetchall()
    connection.execute("DELETE FROM owed WHERE namespace = ? AND ended = ?", both)
    connection.execute("DELETE FROM owed WHERE namespace = ? AND by = ? AND cause = 'link'", both)
    connection.execute("UPDATE OR REPLACE owed SET by = '' WHERE namespace = ? AND by = ?", both)
    return doubts.dropped(connection, gone.namespace, gone.memory) or bool(removed)


def forget_namespace(connection: apsw.Connection, gone: NamespaceForgetting) -> bool:
    """Remove whatever belongs to a namespace."""
    tables = ("paradox", "doubt", "poison", "owed", "call")
    named = " UNION ".join(f"SELECT namespace FROM {table}" for table in tables)  # noqa: S608 (our own names)
    names = [name for (name,) in connection.execute(named).fetchall() if namespace_digest(str(name)) == gone.digest]
    for name in names:
        for table in tables:
            connection.execute(f"DELETE FROM {table} WHERE namespace = ?", (name,))  # noqa: S608 (our own names)
    return bool(names)


def end(connection: apsw.Connection, ended: End, now: int) -> None:
    """One of the two holds no longer."""
    doubts.dropped(connection, ended.namespace, ended.memory)
    rows: Any = connection.execute(
        "SELECT id FROM paradox WHERE namespace = ? AND (earlier = ? OR later = ?)"
        " AND state IN ('fresh', 'processing', 'dormant')",
        (ended.namespace, ended.memory, ended.memory),
    ).fetchall()
    for (identifier,) in rows:
        settle(connection, identifier, now, "integrated", cause="superseded", note="one of the two holds no longer")


def reopen(connection: apsw.Connection, back: Reinstatement, now: int) -> None:
    """What was moot since this memory had ended is so no longer, where the other side has not ended as well."""
    rows: Any = connection.execute(
        "SELECT id FROM paradox AS p WHERE namespace = ?1 AND (earlier = ?2 OR later = ?2) AND state = 'integrated'"
        " AND (SELECT cause FROM step WHERE paradox = p.id ORDER BY number DESC LIMIT 1) = 'superseded'"
        " AND NOT EXISTS (SELECT 1 FROM paradox AS o WHERE o.namespace = ?1"
        " AND CASE o.ended WHEN 'earlier' THEN o.earlier WHEN 'later' THEN o.later END IN (p.earlier, p.later))",
        (back.namespace, back.memory),
    ).fetchall()
    for (identifier,) in rows:
        touch(connection, identifier, "integrated", now)
        settle(connection, identifier, now, "fresh", cause=REINSTATED, note="both hold again")


def resolve(
    connection: apsw.Connection, message: Resolve, state: str, last_note: str, *, sides: tuple[str, str], now: int
) -> None:
    """End a paradox as its user says. Resolving it again in the same way changes nothing.

    A side that was ended and is to be kept holds again: what was settled by itself can be taken back.
    """
    note = f"keep {message.keep}: {message.reason}"
    if state == message.state and last_note == note:
        return
    earlier, later = sides
    settle(connection, message.id, now, message.state, cause="resolved", note=note)
    ended = told_ended(connection, message.id)
    if ended and message.keep in (ended, "both"):
        back, by = (earlier, later) if ended == "earlier" else (later, earlier)
        owe(connection, message.namespace, back, by, cause=REINSTATED)
        note_end(connection, message.id, "")
    if message.state == "integrated" and message.keep in ("earlier", "later"):
        side, loser, holds = ("earlier", earlier, later) if message.keep == "later" else ("later", later, earlier)
        owe(connection, message.namespace, loser, holds, cause="resolved")
        note_end(connection, message.id, side)


def told_ended(connection: apsw.Connection, identifier: str) -> str:
    """Which side memory was told to end, or to link as replaced in part; empty where it was told neither."""
    rows: Any = connection.execute(
        "SELECT ended, EXISTS (SELECT 1 FROM step WHERE paradox = ?1 AND cause = 'update') FROM paradox WHERE id = ?1",
        (identifier,),
    ).fetchall()
    ended, linked = rows[0]
    return str(ended) or ("earlier" if linked else "")


def contemplate(connection: apsw.Connection, identifier: str, conclusion: Conclusion, now: int) -> bool:
    """Write a conclusion down, and what follows from it; False where it was settled meanwhile."""
    connection.execute("UPDATE paradox SET contemplated = ? WHERE id = ?", (now, identifier))
    return think(connection, identifier, conclusion, now)


def judged(connection: apsw.Connection, identifier: str, conclusion: Conclusion | None, now: int, keep_from: float) -> None:
    """Keep a model's answer about a paradox or a doubt; None where it gave none: it is not asked again."""
    doubt = doubts.taken(connection, identifier)
    if doubt is not None:
        if conclusion is None or conclusion.score is None or conclusion.score < keep_from or conclusion.state == "dismissed":
            return
        keep(connection, doubt.finding, now)
    connection.execute("UPDATE paradox SET consulted = ? WHERE id = ?", (now, identifier))
    if conclusion is not None:
        think(connection, identifier, conclusion, now)


def think(connection: apsw.Connection, identifier: str, conclusion: Conclusion, now: int) -> bool:
    rows: Any = connection.execute(
        "SELECT state, namespace, earlier, later, earlier_text, later_text FROM paradox"
        " WHERE id = ? AND state IN ('fresh', 'processing')",
        (identifier,),
    ).fetchall()
    if not rows:
        return False
    state, namespace, earlier, later, earlier_text, later_text = rows[0]
    connection.execute(
        "INSERT INTO note (paradox, time, author, text) VALUES (?, ?, ?, ?)",
        (identifier, now, conclusion.author, conclusion.text),
    )
    if conclusion.score is not None:
        connection.execute(
            "UPDATE paradox SET tension = round(tension * ? / max(score, 0.0001), 4), score = ? WHERE id = ?",
            (conclusion.score, conclusion.score, identifier),
        )
    if conclusion.verdict:
        connection.execute("UPDATE paradox SET verdict = ? WHERE id = ?", (conclusion.verdict, identifier))
    if conclusion.state != state:
        cause = "contemplated" if conclusion.state == "processing" else "contemplation"
        settle(connection, identifier, now, conclusion.state, cause=cause, note=conclusion.text)
    if conclusion.state == "integrated" and conclusion.keep in ("earlier", "later"):
        keeps_later = conclusion.keep == "later"
        side, loser, holds, text = (
            ("earlier", earlier, later, earlier_text) if keeps_later else ("later", later, earlier, later_text)
        )
        # A record that tells other things too is linked to, and does not end.
        ends = says_one_thing(text)
        owe(connection, namespace, loser, holds, cause="contemplation" if ends else "link")
        if ends:
            note_end(connection, identifier, side)
    return True


def doze(connection: apsw.Connection, now: int, half_life: timedelta, below: float, namespace: str | None) -> int:
    """Let what nobody touches lose tension; how many fell asleep."""
    # What a clock that was ahead has touched fades from now on, not from that time.
    connection.execute("UPDATE paradox SET touched = ?1 WHERE touched > ?1", (now,))
    rows: Any = connection.execute(
        "SELECT id, score * importance, touched FROM paradox WHERE state IN ('fresh', 'processing')"
        " AND (? IS NULL OR namespace = ?)",
        (namespace, namespace),
    ).fetchall()
    asleep = 0
    for identifier, full, touched in rows:
        tension = round(full * 0.5 ** ((now - touched) / (half_life / timedelta(microseconds=1))), 4)
        connection.execute("UPDATE paradox SET tension = ? WHERE id = ?", (tension, identifier))
        if tension < below:
            settle(connection, identifier, now, "dormant", cause="faded", note="nobody has spoken of it")
            asleep += 1
    return asleep


def settle(connection: apsw.Connection, identifier: str, now: int, state: str, *, cause: str, note: str) -> None:
    """Another state, as an event."""
    connection.execute("UPDATE paradox SET state = ? WHERE id = ?", (state, identifier))
    add_step(connection, identifier, now, state, cause=cause, note=note)


def add_step(connection: apsw.Connection, identifier: str, now: int, state: str, *, cause: str, note: str) -> None:
    connection.execute(
        "INSERT INTO step (paradox, time, state, cause, note) VALUES (?, ?, ?, ?, ?)", (identifier, now, state, cause, note)
    )


def tell_update(connection: apsw.Connection, finding: Finding) -> None:
    owe(connection, finding.namespace, finding.earlier.memory, finding.later.memory, cause="update" if finding.ends else "link")
    if finding.ends:
        note_end(connection, finding.id, "earlier")


def note_end(connection: apsw.Connection, identifier: str, side: str) -> None:
    """Which side holds no longer."""
    connection.execute("UPDATE paradox SET ended = ? WHERE id = ?", (side, identifier))


def owe(connection: apsw.Connection, namespace: str, ended: str, by: str, *, cause: str) -> None:
    """Memory is to be told, once this is on disk."""
    connection.execute(
        # The latest is told last: what was taken back and is meant after all comes behind its taking back.
        "INSERT OR REPLACE INTO owed (namespace, ended, by, cause) VALUES (?, ?, ?, ?)",
        (namespace, ended, by, cause),
    )
