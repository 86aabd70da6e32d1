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

SECOND = """
ALTER TABLE memory ADD COLUMN provenance TEXT;
ALTER TABLE memory ADD COLUMN affect_user BLOB;
ALTER TABLE memory ADD COLUMN affect_assistant BLOB;
-- Importance as it was last set, and when: from there it fades. NULL: as it was remembered.
ALTER TABLE memory ADD COLUMN base REAL;
ALTER TABLE memory ADD COLUMN since INTEGER;
ALTER TABLE memory ADD COLUMN withheld INTEGER NOT NULL DEFAULT 0;

UPDATE memory SET provenance = json_object('by', coalesce(json_extract(metadata, '$.cycle'), 'client'))
    WHERE number IN (SELECT source FROM link WHERE relation IN ('derives_from', 'summarises'));

-- Each index costs every write. Turns are nearly all that there is: only other kinds are worth finding by their kind.
DROP INDEX memory_namespace;
CREATE INDEX memory_kind ON memory (namespace, kind) WHERE kind <> 'turn';
DROP INDEX memory_place;

-- In which contexts a record was recalled: the latest of them.
CREATE TABLE echo (
    memory INTEGER NOT NULL REFERENCES memory ON DELETE CASCADE,
    context BLOB NOT NULL,
    count INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (memory, context)
) STRICT, WITHOUT ROWID;
INSERT INTO echo SELECT memory, unhex(json_extract(detail, '$.context')), count(*), min(time), max(time)
    FROM event WHERE change = 'recalled' AND json_extract(detail, '$.context') IS NOT NULL
        AND memory IN (SELECT number FROM memory)
    GROUP BY 1, 2;

-- How far the full-text index has come: records up to `number` are in it, those above are its tail. `epoch` counts changes
-- inside the tail, for those who hold a copy of it.
CREATE TABLE indexed (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    number INTEGER NOT NULL,
    epoch INTEGER NOT NULL
) STRICT;
INSERT INTO indexed SELECT 1, coalesce(max(number), 0), 0 FROM memory;
CREATE VIRTUAL TABLE vocabulary USING fts5vocab ('search', 'row');

DROP TRIGGER memory_in;
DROP TRIGGER memory_out;
DROP TRIGGER memory_reworded;
CREATE TRIGGER memory_counted AFTER INSERT ON memory BEGIN
    INSERT INTO tally VALUES (new.namespace, new.kind, new.stage, 1, octet_length(new.text))
        ON CONFLICT DO UPDATE SET count = count + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER memory_uncounted AFTER DELETE ON memory BEGIN
    UPDATE tally SET count = count - 1, bytes = bytes - octet_length(old.text)
        WHERE namespace = old.namespace AND kind = old.kind AND stage = old.stage;
END;
CREATE TRIGGER memory_out AFTER DELETE ON memory WHEN old.number <= (SELECT number FROM indexed) BEGIN
    INSERT INTO search (search, rowid, scope, text)
        VALUES ('delete', old.number, 'n' || old.namespace,
            iif(old.speaker IS NULL, old.text, old.speaker || ': ' || old.text));
END;
CREATE TRIGGER tail_out AFTER DELETE ON memory WHEN old.number > (SELECT number FROM indexed) BEGIN
    UPDATE indexed SET epoch = epoch + 1;
END;
CREATE TRIGGER memory_reworded AFTER UPDATE OF text, speaker ON memory WHEN old.number <= (SELECT number FROM indexed) BEGIN
    INSERT INTO search (search, rowid, scope, text)
        VALUES ('delete', old.number, 'n' || old.namespace,
            iif(old.speaker IS NULL, old.text, old.speaker || ': ' || old.text));
    INSERT INTO search (rowid, scope, text)
        VALUES (new.number, 'n' || new.namespace, iif(new.speaker IS NULL, new.text, new.speaker || ': ' || new.text));
END;
CREATE TRIGGER tail_reworded AFTER UPDATE OF text, speaker ON memory WHEN old.number > (SELECT number FROM indexed) BEGIN
    UPDATE indexed SET epoch = epoch + 1;
END;
"""

THIRD = """
-- Sets of vectors, one for each model that made some. Every record up to `reached` has its vectors, but for those that stand in
-- `unembedded`: they changed since.
CREATE TABLE embedder (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    reached INTEGER NOT NULL DEFAULT 0,
    complete INTEGER NOT NULL DEFAULT 0,
    replaced INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE unembedded (
    memory INTEGER PRIMARY KEY
) STRICT;

-- One passage of a record: from character `start` to `stop`. place = memory's number * 2048 + passage * 2 + the set's last bit.
CREATE TABLE vectors (
    place INTEGER PRIMARY KEY,
    start INTEGER NOT NULL,
    stop INTEGER NOT NULL,
    tokens BLOB NOT NULL,
    vectors BLOB NOT NULL
) STRICT;

-- A turn is read with the two before it: when one goes or changes, those behind it are read anew.
CREATE TRIGGER vectors_outdated AFTER INSERT ON unembedded BEGIN
    DELETE FROM vectors WHERE place BETWEEN new.memory * 2048 AND new.memory * 2048 + 2047;
END;
CREATE TRIGGER memory_out_of_vectors AFTER DELETE ON memory BEGIN
    DELETE FROM vectors WHERE place BETWEEN old.number * 2048 AND old.number * 2048 + 2047;
    DELETE FROM unembedded WHERE memory = old.number;
    INSERT OR IGNORE INTO unembedded SELECT number FROM memory
        WHERE old.chain IS NOT NULL AND session = old.session AND number > old.number AND chain IS NOT NULL
        ORDER BY number LIMIT 2;
END;
CREATE TRIGGER memory_reworded_for_vectors AFTER UPDATE OF text, speaker ON memory BEGIN
    INSERT OR IGNORE INTO unembedded VALUES (old.number);
    INSERT OR IGNORE INTO unembedded SELECT number FROM memory
        WHERE old.chain IS NOT NULL AND session = old.session AND number > old.number AND chain IS NOT NULL
        ORDER BY number LIMIT 2;
END;
"""

FOURTH = """
-- Where a turn is found by the digest of what it says, or of all that was said up to it: their first half. Digests come in no
-- order, and an index of them touches a page for each: it follows with the full-text index, many at once (see `indexed`).
CREATE TABLE mark (
    mark BLOB NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (mark, number)
) STRICT, WITHOUT ROWID;
INSERT INTO mark SELECT mark, number FROM (
    SELECT substr(chain, 1, 8) AS mark, number FROM memory WHERE chain IS NOT NULL
    UNION SELECT substr(fingerprint, 1, 8), number FROM memory WHERE fingerprint IS NOT NULL
) WHERE number <= (SELECT number FROM indexed) ORDER BY 1, 2;
DROP INDEX memory_chain;
DROP INDEX memory_fingerprint;
CREATE TRIGGER marks_out AFTER DELETE ON memory WHEN old.chain IS NOT NULL BEGIN
    DELETE FROM mark WHERE mark IN (substr(old.chain, 1, 8), substr(old.fingerprint, 1, 8)) AND number = old.number;
END;
CREATE TRIGGER marks_taken AFTER UPDATE OF chain, fingerprint ON memory WHEN old.chain IS NOT NULL BEGIN
    DELETE FROM mark WHERE mark IN (substr(old.chain, 1, 8), substr(old.fingerprint, 1, 8)) AND number = old.number;
END;
"""

FIFTH = """
-- Records that were imported under another id than they had: the id that they had, so that none comes in twice. The row stays
-- when the record is forgotten.
CREATE TABLE origin (
    namespace INTEGER NOT NULL REFERENCES namespace,
    id TEXT NOT NULL,
    memory INTEGER NOT NULL,
    PRIMARY KEY (namespace, id)
) STRICT, WITHOUT ROWID;

-- Links of imported records whose target has not come in yet.
CREATE TABLE awaited (
    namespace INTEGER NOT NULL REFERENCES namespace,
    target TEXT NOT NULL,
    source INTEGER NOT NULL REFERENCES memory ON DELETE CASCADE,
    relation TEXT NOT NULL,
    PRIMARY KEY (namespace, target, source, relation)
) STRICT, WITHOUT ROWID;
CREATE INDEX awaited_source ON awaited (source);
"""

SIXTH = """
-- The mean of a record's vectors: small enough to hold those of a large namespace in memory. place = memory's number * 2 + the
-- set's last bit.
CREATE TABLE gist (
    place INTEGER PRIMARY KEY,
    vector BLOB NOT NULL
) STRICT;
CREATE TRIGGER gist_outdated AFTER INSERT ON unembedded BEGIN
    DELETE FROM gist WHERE place BETWEEN new.memory * 2 AND new.memory * 2 + 1;
END;
CREATE TRIGGER memory_out_of_gist AFTER DELETE ON memory BEGIN
    DELETE FROM gist WHERE place BETWEEN old.number * 2 AND old.number * 2 + 1;
END;
-- Vectors that were made without one are made anew.
DELETE FROM vectors;
UPDATE embedder SET reached = 0, complete = 0;
"""

SEVENTH = """
-- What the text of a record is like, see search/traits.py: searching a large namespace needs to know it of every record. NULL:
-- is looked for in the text. Whoever changes the rules there sets all of it to NULL.
ALTER TABLE gist ADD COLUMN traits INTEGER;
"""

EIGHTH = """
-- What comes in is counted once for all records of a transaction (see writer_cache.py), before or after what goes or changes.
DROP TRIGGER memory_counted;
DROP TRIGGER memory_uncounted;
DROP TRIGGER memory_recounted;
CREATE TRIGGER memory_uncounted AFTER DELETE ON memory BEGIN
    INSERT INTO tally VALUES (old.namespace, old.kind, old.stage, -1, -octet_length(old.text))
        ON CONFLICT DO UPDATE SET count = count - 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER memory_recounted AFTER UPDATE OF text, kind, stage ON memory BEGIN
    INSERT INTO tally VALUES (old.namespace, old.kind, old.stage, -1, -octet_length(old.text))
        ON CONFLICT DO UPDATE SET count = count - 1, bytes = bytes + excluded.bytes;
    INSERT INTO tally VALUES (new.namespace, new.kind, new.stage, 1, octet_length(new.text))
        ON CONFLICT DO UPDATE SET count = count + 1, bytes = bytes + excluded.bytes;
END;
"""

NINTH = """
-- A digest of the message that a key came with: the same key with another one is refused. NULL: nobody knows any more.
ALTER TABLE call ADD COLUMN request BLOB;
"""

TENTH = """
-- Namespaces that were forgotten: by the digest of the name, under the number that it had and that is never used again. What
-- is in them is told nobody from the start, and is erased in the background (erased = 0). `told` is how much there was, `call`
-- a digest of the key of the call that forgot it.
CREATE TABLE forgotten_namespace (
    namespace INTEGER PRIMARY KEY,
    digest BLOB NOT NULL,
    time INTEGER NOT NULL,
    told TEXT NOT NULL,
    call BLOB,
    erased INTEGER NOT NULL
) STRICT;
CREATE INDEX forgotten_namespace_digest ON forgotten_namespace (digest);
"""

ELEVENTH = """
-- Stretches of the event table, by the first event of each: every opening that writes begins one, with a name of its own (see
-- timeline.py). What was written until now is one, with the name that all copies of it give it. Not a table of numbered rows:
-- out of single pages its rows could not be told from those of `namespace`.
CREATE TABLE timeline (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE
) STRICT, WITHOUT ROWID;
INSERT INTO timeline
    SELECT 0, coalesce((SELECT printf('%016x', time) FROM event ORDER BY seq LIMIT 1), lower(hex(randomblob(8))));
"""

MIGRATIONS = (FIRST, SECOND, THIRD, FOURTH, FIFTH, SIXTH, SEVENTH, EIGHTH, NINTH, TENTH, ELEVENTH)

MEND = """
UPDATE memory SET metadata = '{}' WHERE NOT json_valid(metadata);
UPDATE memory SET provenance = NULL WHERE NOT json_valid(provenance);
UPDATE event SET detail = '{}' WHERE NOT json_valid(detail);
INSERT OR IGNORE INTO indexed VALUES (1, 0, 0);
UPDATE indexed SET number = (SELECT coalesce(max(number), 0) FROM memory), epoch = epoch + 1;
DELETE FROM tally;
INSERT INTO tally SELECT namespace, kind, stage, count(*), sum(octet_length(text)) FROM memory GROUP BY 1, 2, 3;
DELETE FROM mark;
INSERT INTO mark SELECT substr(chain, 1, 8), number FROM memory WHERE chain IS NOT NULL
    UNION SELECT substr(fingerprint, 1, 8), number FROM memory WHERE fingerprint IS NOT NULL;
DELETE FROM vectors WHERE place / 2048 NOT IN (SELECT number FROM memory);
DELETE FROM gist WHERE place / 2 NOT IN (SELECT number FROM memory);
INSERT OR IGNORE INTO unembedded SELECT number FROM memory
    WHERE (number NOT IN (SELECT place / 2048 FROM vectors) OR number NOT IN (SELECT place / 2 FROM gist))
    AND EXISTS (SELECT 1 FROM embedder);
UPDATE forgotten_namespace SET erased = 0;
DELETE FROM timeline WHERE length(id) != 16 OR id GLOB '*[^0-9a-f]*';
INSERT INTO timeline SELECT 0, lower(hex(randomblob(8))) WHERE NOT EXISTS (SELECT 1 FROM timeline);
"""
"""What follows from the records, made anew after some were recovered from a damaged file. The full-text index is by then."""
