"""Talks: what is new in a client's history, and where an answer belongs. What lists them is listing.py.

A talk is the turns of a session that have a place in it (a chain). An edit takes the place from what it replaces; the record
stays, with the end of its validity and a `supersedes` link from what took its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import apsw

from actors.memory.messages import (
    Answer,
    Answered,
    Converse,
    Conversed,
    NewMemory,
    Turn,
)
from actors.memory.namespaces import forgotten_since
from actors.memory.talk import Overlap, chain_of, fingerprint_of, overlap
from actors.memory.transaction import Transaction
from actors.moments import micros
from transport.errors import NotFound

__all__ = ["answer", "converse", "digest_of", "session_number", "was_forgotten"]

LOOK_BACK = 64
"""How many turns before its last a history may be edited and still find its talk."""

CANDIDATES = 8
"""How many talks, latest first, are looked at that hold the same turn."""


@dataclass(slots=True)
class Placed:
    """A turn that has a place in its talk. A forgotten one keeps it, so that a client's history does not bring it back."""

    number: int
    id: str
    fingerprint: bytes
    chain: bytes
    role: str | None
    forgotten: bool


def converse(transaction: Transaction, message: Converse, *, importance: float) -> Conversed:
    """Take over what is new in a client's history; see `Converse`.

    Raises:
        NotFound: it is told late, and the namespace was forgotten meanwhile.
    """
    if message.said is not None and forgotten_since(transaction.connection, transaction.namespace, micros(message.said)):
        raise NotFound("namespace: was forgotten since this was said", detail={"field": "namespace", "forgotten": True})
    incoming = [fingerprint_of(transaction.namespace, turn.role, turn.text) for turn in message.turns]
    name = (
        message.session or session_of(transaction, incoming) or unanswered(transaction, message, incoming) or message.begin_as
    )
    time = transaction.now if message.time is None else micros(message.time)
    session = transaction.session_number(name, time)
    stored = placed(transaction.connection, session)

    told = told_before(transaction, message, stored, incoming)
    if told is not None:
        return Conversed(session=name, last=told, created=(), superseded=())

    known = overlap([turn.fingerprint for turn in stored], incoming)
    if message.session is not None and said_again(transaction, session, message, stored, known):
        known = Overlap(len(stored), 0)

    if known.length == 0:
        before, replaced = stored, []
    elif known.length < len(incoming):
        before, replaced = stored[: known.end], stored[known.end :]
    else:
        return Conversed(session=name, last=stored[known.end - 1].id, created=(), superseded=())

    new: list[tuple[int, str]] = []
    chain = before[-1].chain if before else b""
    for turn, fingerprint in zip(message.turns[known.length :], incoming[known.length :], strict=True):
        chain = chain_of(chain, fingerprint)
        last = len(new) == len(message.turns) - known.length - 1
        number = transaction.insert(
            record_of(turn, message),
            session=session,
            importance=importance,
            key=free_key(transaction, message) if last else None,
            place=(fingerprint, chain),
            cause="converse",
        )
        new.append(number)
    superseded = replace(transaction, replaced, new, time, "edited")
    return Conversed(session=name, last=new[-1][1], created=tuple(new_id for _, new_id in new), superseded=superseded)


def told_before(transaction: Transaction, message: Converse, stored: Sequence[Placed], incoming: Sequence[bytes]) -> str | None:
    """The turn that this very question came in as, while it is without an answer; None where it did not come in yet.

    Who gets no word of a turn tells it again, perhaps after the talk has gone on: a client that sends only what is new would
    seem to say it once more.
    """
    known = transaction.by_key(key_of(message))
    at = next((at for at, turn in enumerate(stored) if turn.id == known), None)
    if known is None or at is None or stored[at].fingerprint != incoming[-1]:
        return None
    behind = stored[at + 1 :]
    return None if behind and is_answer_to(transaction, behind[0], known) else known


def key_of(message: Converse) -> str:
    """The key of the turn that is to be answered."""
    return f"t:{message.begin_as}"


def free_key(transaction: Transaction, message: Converse) -> str | None:
    """As `key_of`, where no record has it yet."""
    key = key_of(message)
    return key if transaction.by_key(key) is None else None


def is_answer_to(transaction: Transaction, turn: Placed, asked: str) -> bool:
    """Whether the turn behind another answers it: what the user said next does not, nor a late answer to a turn before."""
    if turn.role != "assistant":
        return turn.role != "user"
    row = transaction.connection.execute(
        "SELECT json_extract(metadata, '$.answers') FROM memory WHERE number = ?", (turn.number,)
    ).fetchone()
    return row is None or row[0] in (None, asked)


def record_of(turn: Turn, message: Converse) -> NewMemory:
    """The record of a turn. A tool's output is kept apart from what people said."""
    kind = "tool" if turn.role == "tool" else "turn"
    return NewMemory(text=turn.text, speaker=turn.speaker, role=turn.role, time=message.time, kind=kind)


def said_again(transaction: Transaction, session: int, message: Converse, stored: Sequence[Placed], known: Overlap) -> bool:
    """Whether a lone turn is said once more, by a client that sends only what is new.

    It may also be the first turn of a whole history, to be answered anew. Where the talk has gone on beyond its first answer,
    taking it for that would let the answer supersede everything; taking it as new loses nothing. What is told late was said
    before the talk went on, unless it had gone on by then.
    """
    if len(message.turns) > 1 or known.end == len(stored) or known.length == 0:
        return False
    said = transaction.now if message.said is None else micros(message.said)
    rows = transaction.connection.execute(
        "SELECT 1 FROM memory WHERE session = ? AND chain IS NOT NULL AND role = 'user' AND number > ? AND ingested <= ? "
        "LIMIT 1",
        (session, stored[known.end - 1].number, said),
    )
    return rows.fetchone() is not None


def session_of(transaction: Transaction, incoming: Sequence[bytes]) -> str | None:
    """The talk that a client's history goes on with, found by what was said in it. None: a new one begins.

    A talk that ends with the whole history was asked the same before. Else the longest beginning that ends before the last
    turn is looked for: first all of it, then ever less (an edit). A single turn finds only a talk that ends with it, since many
    talks begin with the same words. A history whose start is cut off (a window that slid) is found by its last known turns.
    """
    if len(incoming) == 1:
        return None
    chains = []
    chain = b""
    for fingerprint in incoming:
        chain = chain_of(chain, fingerprint)
        chains.append(chain)

    name = talk_with(transaction, chain, at_its_end=True)
    for length in range(len(incoming) - 1, max(0, len(incoming) - 1 - LOOK_BACK), -1):
        name = name or talk_with(transaction, chains[length - 1], at_its_end=length == 1)
    return name or slid_session_of(transaction, incoming)


def unanswered(transaction: Transaction, message: Converse, incoming: Sequence[bytes]) -> str | None:
    """The talk that a caller began with the same single turn and did not live to see answered; None where it says of none."""
    if not message.again or len(incoming) > 1:
        return None
    begun = transaction.connection.execute(
        "SELECT 1 FROM session WHERE namespace = ? AND name = ?", (transaction.namespace_number, message.begin_as)
    ).fetchone()
    return None if begun else talk_with(transaction, chain_of(b"", incoming[0]), at_its_end=True)


def talk_with(transaction: Transaction, chain: bytes, *, at_its_end: bool) -> str | None:
    """The talk that has the chain: one that ends with it before others, then the latest. The tail is looked through."""
    row = transaction.connection.execute(
        "SELECT s.name, EXISTS (SELECT 1 FROM memory l WHERE l.session = p.session AND l.chain IS NOT NULL "
        "AND l.number > p.number) AS goes_on FROM (SELECT number, session FROM memory "
        "WHERE number IN (SELECT number FROM mark WHERE mark = substr(?1, 1, 8)) AND chain = ?1 "
        "UNION ALL SELECT number, session FROM memory WHERE number > (SELECT number FROM indexed) AND chain = ?1 "
        "UNION ALL SELECT number, session FROM forgotten WHERE chain = ?1) p JOIN session s ON s.number = p.session "
        "WHERE s.namespace = ?2 ORDER BY goes_on, p.number DESC LIMIT 1",
        (chain, transaction.namespace_number),
    ).fetchone()
    return row[0] if row and not (at_its_end and row[1]) else None


def slid_session_of(transaction: Transaction, incoming: Sequence[bytes]) -> str | None:
    """The talk whose end a history without its beginning goes on with, by two turns at least, or that has all of it."""
    if len(incoming) < 3:
        return None
    rows = transaction.connection.execute(
        "SELECT s.number, s.name FROM (SELECT number, session FROM memory "
        "WHERE number IN (SELECT number FROM mark WHERE mark = substr(?1, 1, 8)) AND fingerprint = ?1 "
        "UNION ALL SELECT number, session FROM memory WHERE number > (SELECT number FROM indexed) AND fingerprint = ?1) m "
        "JOIN session s ON s.number = m.session WHERE s.namespace = ?2 ORDER BY m.number DESC LIMIT ?3",
        (incoming[-2], transaction.namespace_number, CANDIDATES),
    )
    for number, name in list(rows):
        stored = [turn.fingerprint for turn in placed(transaction.connection, number)]
        known = overlap(stored, incoming)
        all_but_last = known.end == len(stored) and known.length == len(incoming) - 1
        if known.length >= 2 and (all_but_last or known.length == len(incoming)):
            found: str = name
            return found
    return None


def replace(
    transaction: Transaction, replaced: Sequence[Placed], new: Sequence[tuple[int, str]], time: int, cause: str
) -> tuple[str, ...]:
    """Take their places from turns that `new` ones stand for, each linked from the one at its height or from the last."""
    superseded = []
    for height, turn in enumerate(replaced):
        if turn.forgotten:
            transaction.connection.execute(
                "UPDATE forgotten SET session = NULL, fingerprint = NULL, chain = NULL WHERE number = ?", (turn.number,)
            )
            continue
        by, by_id = new[min(height, len(new) - 1)]
        transaction.connection.execute("UPDATE memory SET fingerprint = NULL, chain = NULL WHERE number = ?", (turn.number,))
        transaction.link(by, "supersedes", turn.number)
        transaction.end(turn.number, time, cause, by=by_id)
        superseded.append(turn.id)
    return tuple(superseded)


def answer(transaction: Transaction, message: Answer, *, importance: float) -> Answered:
    """Put the assistant's turn behind the one that it answers; see `Answer`.

    When that turn was meanwhile edited away, the answer is late: it is kept, superseded from the start. When the user has gone
    on meanwhile without waiting for it, it takes nothing's place: it comes last, as it was said.
    """
    key = f"a:{message.key}"
    known = transaction.by_key(key)
    if known is not None:
        return Answered(id=known, created=False, superseded=())

    session = session_number(transaction.connection, transaction.namespace, message.session)
    stored = placed(transaction.connection, session)
    at = next((at for at, turn in enumerate(stored) if turn.id == message.after), None)
    time = transaction.now if message.time is None else micros(message.time)
    if at is None:
        return late_answer(transaction, message, record_of_answer(message), session, importance)

    fingerprint = fingerprint_of(transaction.namespace, "assistant", message.text)
    behind = stored[at + 1 :]
    if behind and behind[0].fingerprint == fingerprint:
        # The client's next history brought this very answer before it was told here.
        transaction.connection.execute("UPDATE memory SET key = ? WHERE number = ? AND key IS NULL", (key, behind[0].number))
        return Answered(id=behind[0].id, created=False, superseded=())

    metadata: dict[str, str] = {}
    if behind and not is_answer_to(transaction, behind[0], message.after):
        at, behind, metadata = len(stored) - 1, [], {"answers": message.after}

    transaction.session_number(message.session, time)
    new = transaction.insert(
        record_of_answer(message, **metadata),
        session=session,
        importance=importance,
        key=key,
        place=(fingerprint, chain_of(stored[at].chain, fingerprint)),
        cause="answer",
    )
    return Answered(id=new[1], created=True, superseded=replace(transaction, behind, [new], time, "regenerated"))


def record_of_answer(message: Answer, **more: str) -> NewMemory:
    """The record of an answer."""
    metadata = {**message.metadata, **more}
    return NewMemory(text=message.text, speaker=message.speaker, role="assistant", time=message.time, metadata=metadata)


def late_answer(transaction: Transaction, message: Answer, record: NewMemory, session: int, importance: float) -> Answered:
    """Keep an answer to a turn that has lost its place."""
    after = transaction.number_of(message.after, "after")
    row = transaction.connection.execute("SELECT session FROM memory WHERE number = ?", (after,)).fetchone()
    if row != (session,):
        raise NotFound(f"after: no turn {message.after!r} in this session", detail={"field": "after"})
    number, new = transaction.insert(record, session=session, importance=importance, key=f"a:{message.key}", cause="answer")
    transaction.end(number, transaction.now if message.time is None else micros(message.time), "late", after=message.after)
    return Answered(id=new, created=True, superseded=(new,))


def placed(connection: apsw.Connection, session: int) -> list[Placed]:
    """A talk's turns, in order."""
    rows = connection.execute(
        "SELECT number, id, fingerprint, chain, role, 0 FROM memory WHERE session = ?1 AND chain IS NOT NULL "
        "UNION ALL SELECT number, id, fingerprint, chain, NULL, 1 FROM forgotten WHERE session = ?1 ORDER BY number",
        (session,),
    )
    return [Placed(number, name, mark, chain, role, bool(gone)) for number, name, mark, chain, role, gone in rows]


def session_number(connection: apsw.Connection, namespace: str, name: str) -> int:
    """A session's row.

    Raises:
        NotFound: there is none of that name in the namespace.
    """
    row = connection.execute(
        "SELECT s.number FROM session s JOIN namespace n ON n.number = s.namespace WHERE n.name = ? AND s.name = ?",
        (namespace, name),
    ).fetchone()
    if row is None:
        forgotten = was_forgotten(connection, namespace, name)
        raise NotFound(f"session: no session {name!r} in this namespace", detail={"field": "session", "forgotten": forgotten})
    number: int = row[0]
    return number


def was_forgotten(connection: apsw.Connection, namespace: str, name: str) -> bool:
    """Whether there was a talk of that name whose last record was forgotten. What it was called is known by a digest alone."""
    digest = digest_of(namespace, name)
    return connection.execute("SELECT 1 FROM forgotten_name WHERE digest = ?", (digest,)).fetchone() is not None


def digest_of(namespace: str, name: str) -> bytes:
    """What remains of the name of a forgotten talk."""
    return blake2b(f"{namespace}\0{name}".encode(), digest_size=16).digest()
