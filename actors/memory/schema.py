"""The tables of memory.db, as numbered migrations. One that has been released is never changed.

Times are microseconds since 1970, UTC. `number` is the order in which records came in; it is never used again. A turn has a
place in its talk as long as it has a `chain`: the digest of everything said up to it, by which a talk is found again from a
client's history. A turn that was edited away has none; its record stays.
"""

from __future__ import annotations

FIRST = """
CREATE TABLE namespace (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE session (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    namespace INTEGER NOT NULL REFERENCES namespace,
    name TEXT NOT NULL,
    started INTEGER NOT NULL,
    last INTEGER NOT NULL,
    UNIQUE (namespace, name)
) STRICT;
CREATE INDEX session_latest ON session (namespace, last, number);

CREATE TABLE memory (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    namespace INTEGER NOT NULL REFERENCES namespace,
    session INTEGER REFERENCES session,
    kind TEXT NOT NULL,
    stage TEXT NOT NULL DEFAULT 'raw',
    speaker TEXT,
    role TEXT,
    text TEXT NOT NULL,
    time INTEGER NOT NULL,
    ingested INTEGER NOT NULL,
    valid_from INTEGER NOT NULL,
    valid_to INTEGER,
    importance REAL NOT NULL,
    metadata TEXT NOT NULL DEFAULT '{}',
    key TEXT,
    fingerprint BLOB,
    chain BLOB,
    recalls INTEGER NOT NULL DEFAULT 0,
    recalled INTEGER
) STRICT;
CREATE INDEX memory_namespace ON memory (namespace, kind);
CREATE INDEX memory_ingest ON memory (namespace);
CREATE INDEX memory_session ON memory (session) WHERE session IS NOT NULL;
CREATE INDEX memory_place ON memory (session) WHERE chain IS NOT NULL;
CREATE UNIQUE INDEX memory_key ON memory (namespace, key) WHERE key IS NOT NULL;
CREATE INDEX memory_chain ON memory (chain) WHERE chain IS NOT NULL;
CREATE INDEX memory_fingerprint ON memory (fingerprint) WHERE fingerprint IS NOT NULL;

CREATE TABLE link (
    source INTEGER NOT NULL REFERENCES memory,
    relation TEXT NOT NULL,
    target INTEGER NOT NULL REFERENCES memory,
    PRIMARY KEY (source, relation, target)
) STRICT, WITHOUT ROWID;
CREATE INDEX link_target ON link (target, relation);

-- What remains of a forgotten record: that it was, and its place in a talk that goes on (so that the client's history, which
-- still has the turn, does not bring it back). The digests go with the last record of the talk.
CREATE TABLE forgotten (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    namespace INTEGER NOT NULL REFERENCES namespace,
    session INTEGER,
    fingerprint BLOB,
    chain BLOB
) STRICT;
CREATE INDEX forgotten_session ON forgotten (session) WHERE session IS NOT NULL;
CREATE INDEX forgotten_chain ON forgotten (chain) WHERE chain IS NOT NULL;

-- Digests of the names of forgotten sessions: forgetting one again is no error.
CREATE TABLE forgotten_name (
    digest BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE event (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    change TEXT NOT NULL,
    memory INTEGER NOT NULL,
    time INTEGER NOT NULL,
    cause TEXT NOT NULL,
    detail TEXT NOT NULL DEFAULT '{}'
) STRICT;
CREATE INDEX event_memory ON event (memory);
CREATE INDEX event_feed ON event (seq) WHERE change <> 'recalled';

CREATE TABLE call (
    namespace INTEGER NOT NULL REFERENCES namespace,
    type TEXT NOT NULL,
    key TEXT NOT NULL,
    result TEXT NOT NULL,
    time INTEGER NOT NULL,
    PRIMARY KEY (namespace, type, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX call_time ON call (time);

CREATE TABLE tally (
    namespace INTEGER NOT NULL REFERENCES namespace,
    kind TEXT NOT NULL,
    stage TEXT NOT NULL,
    count INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (namespace, kind, stage)
) STRICT, WITHOUT ROWID;

CREATE VIEW passage (number, scope, text) AS
    SELECT number, 'n' || namespace, iif(speaker IS NULL, text, speaker || ': ' || text) FROM memory;
CREATE VIRTUAL TABLE search USING fts5 (
    scope, text, content = 'passage', content_rowid = 'number', tokenize = 'porter unicode61'
);
INSERT INTO search (search, rank) VALUES ('secure-delete', 1);

CREATE TRIGGER memory_in AFTER INSERT ON memory BEGIN
    INSERT INTO search (rowid, scope, text)
        VALUES (new.number, 'n' || new.namespace, iif(new.speaker IS NULL, new.text, new.speaker || ': ' || new.text));
    INSERT INTO tally VALUES (new.namespace, new.kind, new.stage, 1, octet_length(new.text))
        ON CONFLICT DO UPDATE SET count = count + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER memory_out AFTER DELETE ON memory BEGIN
    INSERT INTO search (search, rowid, scope, text)
        VALUES ('delete', old.number, 'n' || old.namespace,
            iif(old.speaker IS NULL, old.text, old.speaker || ': ' || old.text));
    UPDATE tally SET count = count - 1, bytes = bytes - octet_length(old.text)
        WHERE namespace = old.namespace AND kind = old.kind AND stage = old.stage;
END;
CREATE TRIGGER memory_reworded AFTER UPDATE OF text, speaker ON memory BEGIN
    INSERT INTO search (search, rowid, scope, text)
        VALUES ('delete', old.number, 'n' || old.namespace,
            iif(old.speaker IS NULL, old.text, old.speaker || ': ' || old.text));
    INSERT INTO search (rowid, scope, text)
        VALUES (new.number, 'n' || new.namespace, iif(new.speaker IS NULL, new.text, new.speaker || ': ' || new.text));
END;
CREATE TRIGGER memory_recounted AFTER UPDATE OF text, kind, stage ON memory BEGIN
    UPDATE tally SET count = count - 1, bytes = bytes - octet_length(old.text)
        WHERE namespace = old.namespace AND kind = old.kind AND stage = old.stage;
    INSERT INTO tally VALUES (new.namespace, new.kind, new.stage, 1, octet_length(new.text))
        ON CONFLICT DO UPDATE SET count = count + 1, bytes = bytes + excluded.bytes;
END;
"""

MIGRATIONS = (FIRST,)
