"""The tables of daemon.db, as numbered migrations. One that has been released is never changed.

Times are microseconds since 1970, UTC. No text of a memory is ever kept here: ids, numbers and names only.
"""

from __future__ import annotations

__all__ = ["MIGRATIONS"]

FIRST = """
CREATE TABLE cycle (
    name TEXT PRIMARY KEY,
    paused INTEGER NOT NULL DEFAULT 0,
    due INTEGER NOT NULL,
    last_run TEXT,
    failures INTEGER NOT NULL DEFAULT 0
) STRICT;

-- A leased row: only who has its epoch may write to it, or anything else on its behalf.
CREATE TABLE run (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    cycle TEXT NOT NULL REFERENCES cycle,
    key TEXT,
    cause TEXT NOT NULL,
    state TEXT NOT NULL,
    owner TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    expiry INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    started INTEGER NOT NULL,
    ended INTEGER,
    effects TEXT NOT NULL DEFAULT '{}',
    error TEXT,
    UNIQUE (cycle, key)
) STRICT;
CREATE INDEX run_cycle ON run (cycle, number);
CREATE UNIQUE INDEX run_running ON run (cycle) WHERE state = 'running';

-- How far something has been followed or gone through; written with the effects.
CREATE TABLE cursor (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE namespace (
    name TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- Turns that a cycle has yet to work on. Those with a batch belong to a piece of work that is laid down: a repeat of it, after
-- a kill, is about the same turns.
CREATE TABLE pending (
    cycle TEXT NOT NULL,
    seq INTEGER NOT NULL,
    namespace TEXT NOT NULL,
    session TEXT NOT NULL,
    memory TEXT NOT NULL,
    ingested INTEGER NOT NULL,
    batch TEXT,
    PRIMARY KEY (cycle, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX pending_group ON pending (cycle, namespace, session, seq) WHERE batch IS NULL;
CREATE INDEX pending_batch ON pending (cycle, batch, seq) WHERE batch IS NOT NULL;
CREATE INDEX pending_memory ON pending (namespace, memory);

-- From what, and since when, a memory's importance fades; and to what it was last set.
CREATE TABLE fading (
    namespace TEXT NOT NULL,
    memory TEXT NOT NULL,
    base REAL NOT NULL,
    since INTEGER NOT NULL,
    last REAL NOT NULL,
    planned INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (namespace, memory)
) STRICT, WITHOUT ROWID;
CREATE INDEX fading_planned ON fading (planned) WHERE planned = 1;
"""

MIGRATIONS = (FIRST,)
