"""What was derived from several records, one of which is forgotten: memory withholds it, and it is derived anew, or let go.

Its old text may quote what is forgotten; the new one is chosen from the sources that are left.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import apsw

from actors.daemon import extract
from actors.daemon.extract import Said
from actors.daemon.work import Work
from actors.memory.messages import SOURCES, Forget, Found, Get, Memory, Provenance, Rederive
from transport.errors import Conflict, NotFound

__all__ = ["note", "rederive"]

SENTENCES = 4
ANEW = ("summary", "fact", "reflection")
"""What can be told anew from other sources. What somebody was to be asked, and what was dreamt, is let go."""


def note(connection: apsw.Connection, namespace: str, memory: str) -> None:
    """Note that memory withholds a record."""
    connection.execute("INSERT OR IGNORE INTO withheld VALUES (?, ?)", (namespace, memory))


async def rederive(work: Work) -> None:
    """Derive anew, or let go of, all that is withheld."""
    for namespace, memory in await work.read(noted):
        told = await one(work, namespace, memory)
        await work.commit(partial(drop, namespace=namespace, memory=memory), **{told: 1})
        await work.pass_on()


async def one(work: Work, namespace: str, memory: str) -> str:
    """What became of a withheld record: "rederived", "let_go", or "gone" when others have seen to it."""
    try:
        found: Found = await work.ask(Get(namespace=namespace, id=memory))
        record = found.memory
        if not record.withheld:
            return "gone"
        said = await left(work, record)
        chosen = extract.salient(said, SENTENCES) if record.kind in ANEW else []
        if not chosen:
            await work.write(Forget(namespace=namespace, ids=(memory,)), text=f"forget {memory}")
            return "let_go"
        text = "\n".join(f"{turn.speaker}: {sentence}" if turn.speaker else sentence for turn, sentence in chosen)
        provenance = Provenance(by=work.run.cycle, rule="extractive")
        await work.write(Rederive(namespace=namespace, id=memory, text=text[:4000], provenance=provenance), text=text)
    except (NotFound, Conflict):
        return "gone"
    return "rederived"


async def left(work: Work, record: Memory) -> list[Said]:
    """What the sources say that a record still has."""
    said = []
    for link in record.links:
        if link.relation in SOURCES:
            try:
                found: Found = await work.ask(Get(namespace=record.namespace, id=link.target))
            except NotFound:
                continue
            source = found.memory
            said.append(Said(source.id, source.text, source.speaker or source.role or ""))
    return said


def noted(connection: apsw.Connection) -> list[tuple[str, str]]:
    rows: Any = connection.execute("SELECT namespace, memory FROM withheld ORDER BY namespace, memory").fetchall()
    return list(rows)


def drop(connection: apsw.Connection, *, namespace: str, memory: str) -> None:
    connection.execute("DELETE FROM withheld WHERE namespace = ? AND memory = ?", (namespace, memory))
