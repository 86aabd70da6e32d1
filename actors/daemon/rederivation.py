"""What was derived from several records, one of which is forgotten: memory withholds it, and it is derived anew, or let go.

Its old text may quote what is forgotten; the new one is chosen from the sources that are left.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import apsw

from actors.daemon import extract
from actors.daemon.salient import salient
from actors.daemon.work import Work
from actors.memory.messages import SOURCES, Forget, Found, Get, Memory, Provenance, Rederive
from transport.errors import Conflict, NotFound

__all__ = ["note", "rederive"]

SENTENCES = 4
WAITS: Final = "waits"
ANEW = ("summary", "fact", "reflection")
"""Kinds of records that can be derived anew from other sources. What somebody was to be asked, or was dreamt, is let go."""


def note(connection: apsw.Connection, namespace: str, memory: str) -> None:
    """Note that memory withholds a record."""
    connection.execute("INSERT OR IGNORE INTO withheld VALUES (?, ?)", (namespace, memory))


async def rederive(work: Work) -> None:
    """Derive anew, or let go of, all that is withheld: what waits for another once that is done."""
    withheld, before = await work.read(noted), 0
    while len(withheld) != before:
        before, waiting = len(withheld), []
        for namespace, memory in withheld:
            heard = await work.read(last_heard)
            told = await one(work, namespace, memory)
            if told == WAITS:
                waiting.append((namespace, memory))
            else:
                await work.commit(partial(drop, namespace=namespace, memory=memory, heard=heard), **{told: 1})
            await work.pass_on()
        withheld = waiting


async def one(work: Work, namespace: str, memory: str) -> str:
    """What became of a withheld record: "rederived", "let_go", or "gone" when others have seen to it.

    It waits where a source is withheld itself, or was forgotten after it was read.
    """
    try:
        found: Found = await work.ask(Get(namespace=namespace, id=memory))
        record = found.memory
        if not record.withheld:
            return "gone"
        sources = await sources_left(work, record)
        if any(source.withheld for source in sources):
            return WAITS
        chosen = await salient(work, extract.said_in(sources), SENTENCES) if record.kind in ANEW else []
        if not chosen:
            await work.write(Forget(namespace=namespace, ids=(memory,)), text=f"forget {memory}")
            return "let_go"
        text = "\n".join(f"{turn.speaker}: {sentence}" if turn.speaker else sentence for turn, sentence in chosen)
        provenance = Provenance(by=work.run.cycle, rule="extractive")
        read = tuple(source.id for source in sources)
        anew = Rederive(namespace=namespace, id=memory, text=text[:4000], sources=read, provenance=provenance)
        await work.write(anew, text=text)
    except NotFound:
        return "gone"
    except Conflict:
        return WAITS
    return "rederived"


async def sources_left(work: Work, record: Memory) -> list[Memory]:
    """The sources that a record still has."""
    sources = []
    for link in record.links:
        if link.relation in SOURCES:
            try:
                found: Found = await work.ask(Get(namespace=record.namespace, id=link.target))
            except NotFound:
                continue
            sources.append(found.memory)
    return sources


def noted(connection: apsw.Connection) -> list[tuple[str, str]]:
    rows: Any = connection.execute("SELECT namespace, memory FROM withheld ORDER BY namespace, memory").fetchall()
    return list(rows)


def last_heard(connection: apsw.Connection) -> int:
    """How far the feed was followed."""
    row: Any = connection.execute("SELECT max(CAST(value AS INTEGER)) FROM cursor WHERE name LIKE 'feed:%'").fetchone()
    return row[0] or 0


def drop(connection: apsw.Connection, *, namespace: str, memory: str, heard: int) -> None:
    """A record is seen to, unless the feed has told something since: it may have been withheld once more."""
    if last_heard(connection) == heard:
        connection.execute("DELETE FROM withheld WHERE namespace = ? AND memory = ?", (namespace, memory))
