"""The tables of daemon.db, as numbered migrations. One that has been released is never changed.

Times are microseconds since 1970, UTC. What is drawn from memories (aspects of people, what a model has answered) stands here
only together with the ids of its sources, and goes when they are forgotten.
"""

from __future__ import annotations

from actors.idempotency import KEYS

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

SECOND = """
ALTER TABLE cycle ADD COLUMN new INTEGER NOT NULL DEFAULT 0;
ALTER TABLE cycle ADD COLUMN quarantined INTEGER NOT NULL DEFAULT 0;
ALTER TABLE run ADD COLUMN cost TEXT NOT NULL DEFAULT '{}';

-- How often a piece of work has failed; after the third time it is set aside with its error.
CREATE TABLE failing (
    cycle TEXT NOT NULL,
    item TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    PRIMARY KEY (cycle, item)
) STRICT, WITHOUT ROWID;

CREATE TABLE set_aside (
    cycle TEXT NOT NULL,
    item TEXT NOT NULL,
    namespace TEXT NOT NULL,
    turns TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    error TEXT NOT NULL,
    time INTEGER NOT NULL,
    PRIMARY KEY (cycle, item)
) STRICT, WITHOUT ROWID;

-- What a model has answered and was paid for: whoever takes a run over finds it here.
CREATE TABLE model_answer (
    digest TEXT PRIMARY KEY,
    cycle TEXT NOT NULL,
    model TEXT NOT NULL,
    text TEXT NOT NULL,
    tokens INTEGER NOT NULL,
    time INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX model_answer_time ON model_answer (time);
CREATE TABLE model_source (
    namespace TEXT NOT NULL,
    memory TEXT NOT NULL,
    digest TEXT NOT NULL REFERENCES model_answer ON DELETE CASCADE,
    PRIMARY KEY (namespace, memory, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX model_source_digest ON model_source (digest);

-- What is known of the people who speak, and (speaker '') of the assistant itself.
CREATE TABLE aspect (
    number INTEGER PRIMARY KEY,
    namespace TEXT NOT NULL,
    speaker TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    value REAL NOT NULL,
    confidence REAL NOT NULL,
    changed INTEGER NOT NULL,
    UNIQUE (namespace, speaker, kind, name)
) STRICT;
CREATE TABLE evidence (
    aspect INTEGER NOT NULL REFERENCES aspect ON DELETE CASCADE,
    namespace TEXT NOT NULL,
    memory TEXT NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (aspect, memory)
) STRICT, WITHOUT ROWID;
CREATE INDEX evidence_memory ON evidence (namespace, memory);

-- What the assistant would like to bring up: the text is a record of memory's, of kind statement.
CREATE TABLE statement (
    namespace TEXT NOT NULL,
    memory TEXT NOT NULL,
    why TEXT NOT NULL,
    urgency REAL NOT NULL,
    created INTEGER NOT NULL,
    opens INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'open',
    thought TEXT,
    PRIMARY KEY (namespace, memory)
) STRICT, WITHOUT ROWID;
CREATE INDEX statement_open ON statement (namespace, urgency) WHERE state = 'open';

-- Fading is memory's own since it has a life cycle.
DROP TABLE fading;
DELETE FROM cursor WHERE name = 'decay';

-- What memory withholds until it is derived anew, because one of its sources is forgotten.
CREATE TABLE withheld (
    namespace TEXT NOT NULL,
    memory TEXT NOT NULL,
    PRIMARY KEY (namespace, memory)
) STRICT, WITHOUT ROWID;

-- Every cycle has a cursor of its own from now on.
INSERT INTO cursor SELECT 'feed:consolidate', value FROM cursor WHERE name = 'feed';
INSERT INTO cursor SELECT 'feed:reflect', value FROM cursor WHERE name = 'feed';
DELETE FROM cursor WHERE name = 'feed';
"""

MIGRATIONS = (FIRST, SECOND, KEYS)
