-- memory.db as version 1 of its schema wrote it, with rows in every table. Frozen: what was released is never changed.

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

-- A talk of two turns, the first of which was recalled in two contexts; an answer that was edited away; a fact drawn from a turn by a
-- cycle, one given, one superseded, one revised; a summary; another namespace; what is left of a forgotten turn and talk.
INSERT INTO namespace VALUES (1, 'default'), (2, 'other');
INSERT INTO session VALUES (1, 1, 'monday', 1704103200000000, 1704103260000000), (2, 2, 'theirs', 1704103200000000, 1704103200000000);
INSERT INTO memory (number, id, namespace, session, kind, speaker, role, text, time, ingested, valid_from, valid_to, importance, metadata,
    key, fingerprint, chain, recalls, recalled) VALUES
    (1, 'mem_018cc4a1e2000000000000000000000001', 1, 1, 'turn', NULL, 'user', 'My sister Ana moved to Porto.', 1704103200000000,
        1704103200000000, 1704103200000000, NULL, 0.5, '{}', NULL, x'45aa7da25fd3c8bcbce69bc4ab1fbcb2', x'5bcd6a9e8f7b27f2e3e7f9b1f7d2c3a1', 3, 1704189600000000),
    (2, 'mem_018cc4a1e2000000010000000000000002', 1, 1, 'turn', 'assistant', 'assistant', 'Lovely!', 1704103260000000,
        1704103260000000, 1704103260000000, 1704103300000000, 0.5, '{}', 'a:th_1', NULL, NULL, 0, NULL),
    (3, 'mem_018cc4a1e2000000020000000000000003', 1, 1, 'turn', 'assistant', 'assistant', 'Porto is lovely.', 1704103260000000,
        1704103300000000, 1704103260000000, NULL, 0.5, '{}', 'a:th_2', x'aa', x'bb', 0, NULL),
    (4, 'mem_018cc4a1e2000000030000000000000004', 1, NULL, 'fact', NULL, NULL, 'Ana lives in Porto.', 1704103200000000,
        1704106800000000, 1704103200000000, NULL, 0.6, '{"cycle":"consolidate"}', 'r:consolidate:fact:1', NULL, NULL, 0, NULL),
    (5, 'mem_018cc4a1e2000000040000000000000005', 1, NULL, 'fact', 'zoë', NULL, 'Lemons are 🍋 yellow.', 1704103200000000,
        1704106800000000, 1704103200000000, 1704110000000000, 0.9, '{"n":1}', NULL, NULL, NULL, 0, NULL),
    (6, 'mem_018cc4a1e2000000050000000000000006', 1, NULL, 'summary', NULL, NULL, 'About Ana and Porto.', 1704103200000000,
        1704106800000000, 1704103200000000, NULL, 0.31, '{}', NULL, NULL, NULL, 0, NULL),
    (8, 'mem_018cc4a1e2000000070000000000000008', 2, 2, 'turn', NULL, 'user', 'Porto is theirs.', 1704103200000000, 1704106800000000,
        1704103200000000, NULL, 0.5, '{}', NULL, x'cc', x'dd', 0, NULL);
UPDATE sqlite_sequence SET seq = 9 WHERE name = 'memory';
INSERT INTO link VALUES (3, 'supersedes', 2), (4, 'derives_from', 1), (6, 'summarises', 1), (6, 'summarises', 3);
INSERT INTO forgotten VALUES (7, 'mem_018cc4a1e2000000060000000000000007', 1, 1, x'ee', x'ff'),
    (9, 'mem_018cc4a1e2000000080000000000000009', 1, NULL, NULL, NULL);
INSERT INTO forgotten_name VALUES (x'00112233445566778899aabbccddeeff');
INSERT INTO event (change, memory, time, cause, detail) VALUES
    ('remembered', 1, 1704103200000000, 'converse', '{}'),
    ('remembered', 2, 1704103260000000, 'answer', '{}'),
    ('remembered', 3, 1704103300000000, 'answer', '{}'),
    ('superseded', 2, 1704103300000000, 'regenerated', '{"by":"mem_018cc4a1e2000000020000000000000003"}'),
    ('remembered', 4, 1704106800000000, 'remember', '{}'),
    ('remembered', 5, 1704106800000000, 'remember', '{}'),
    ('superseded', 5, 1704106900000000, 'update', '{}'),
    ('remembered', 6, 1704106800000000, 'remember', '{}'),
    ('revised', 6, 1704106900000000, 'revise', '{"before":{"importance":0.5}}'),
    ('remembered', 7, 1704106800000000, 'converse', '{}'),
    ('forgotten', 7, 1704106900000000, 'forget', '{}'),
    ('remembered', 8, 1704106800000000, 'converse', '{}'),
    ('remembered', 9, 1704106800000000, 'remember', '{}'),
    ('forgotten', 9, 1704106900000000, 'forget', '{}'),
    ('recalled', 1, 1704189600000000, 'recall', '{"context":"0011223344556677"}'),
    ('recalled', 1, 1704189600000001, 'recall', '{"context":"0011223344556677"}'),
    ('recalled', 1, 1704189600000002, 'recall', '{"context":"8899aabbccddeeff"}');
INSERT INTO call VALUES (1, 'memory.remember', 'once', '{"memories":[{"id":"mem_018cc4a1e2000000040000000000000005","created":true}]}',
    1704106800000000);
PRAGMA user_version = 1;
