"""The tables of paradox.db, as numbered migrations. One that has been released is never changed.

Times are microseconds since 1970, UTC. `follow` has one row: how far memory's feed has been followed, written with the effects.
"""

from __future__ import annotations

from actors.idempotency import KEYS

__all__ = ["MIGRATIONS"]

FIRST = """
CREATE TABLE follow (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    cursor INTEGER NOT NULL,
    judged INTEGER NOT NULL
) STRICT;
INSERT INTO follow VALUES (1, 0, 0);

CREATE TABLE paradox (
    id TEXT PRIMARY KEY,
    namespace TEXT NOT NULL,
    verdict TEXT NOT NULL,
    type TEXT NOT NULL,
    score REAL NOT NULL,
    tension REAL NOT NULL,
    state TEXT NOT NULL,
    found INTEGER NOT NULL,
    why TEXT NOT NULL,
    earlier TEXT NOT NULL,
    earlier_text TEXT NOT NULL,
    earlier_speaker TEXT,
    earlier_time INTEGER NOT NULL,
    later TEXT NOT NULL,
    later_text TEXT NOT NULL,
    later_speaker TEXT,
    later_time INTEGER NOT NULL
) STRICT;
CREATE INDEX paradox_tension ON paradox (namespace, tension DESC, id);
CREATE INDEX paradox_earlier ON paradox (namespace, earlier);
CREATE INDEX paradox_later ON paradox (namespace, later);
CREATE INDEX paradox_open ON paradox (namespace, tension DESC, id) WHERE state IN ('fresh', 'processing');

CREATE TABLE step (
    number INTEGER PRIMARY KEY,
    paradox TEXT NOT NULL REFERENCES paradox ON DELETE CASCADE,
    time INTEGER NOT NULL,
    state TEXT NOT NULL,
    cause TEXT NOT NULL,
    note TEXT NOT NULL
) STRICT;
CREATE INDEX step_paradox ON step (paradox, number);

CREATE TABLE poison (
    seq INTEGER PRIMARY KEY,
    namespace TEXT NOT NULL,
    memory TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    error TEXT NOT NULL,
    time INTEGER NOT NULL
) STRICT;
"""

LIFE = """
ALTER TABLE paradox ADD COLUMN importance REAL NOT NULL DEFAULT 0.5;
ALTER TABLE paradox ADD COLUMN touched INTEGER NOT NULL DEFAULT 0;
ALTER TABLE paradox ADD COLUMN contemplated INTEGER NOT NULL DEFAULT 0;
UPDATE paradox SET touched = found, importance = CASE WHEN score > 0 THEN min(1.0, tension / score) ELSE 0.5 END;
CREATE INDEX paradox_touched ON paradox (touched) WHERE state IN ('fresh', 'processing');

CREATE TABLE note (
    number INTEGER PRIMARY KEY,
    paradox TEXT NOT NULL REFERENCES paradox ON DELETE CASCADE,
    time INTEGER NOT NULL,
    author TEXT NOT NULL,
    text TEXT NOT NULL
) STRICT;
CREATE INDEX note_paradox ON note (paradox, number);

-- What memory is still to be told: that `ended` holds no longer since `by`; `by` empty where nothing took its place.
-- With the cause `link` the old record is only linked to, since it says other things too.
CREATE TABLE owed (
    number INTEGER PRIMARY KEY,
    namespace TEXT NOT NULL,
    ended TEXT NOT NULL,
    by TEXT NOT NULL,
    cause TEXT NOT NULL,
    UNIQUE (namespace, ended, cause)
) STRICT;
"""

PLACES = """
-- How far others that follow the feed have come, by name.
CREATE TABLE place (
    name TEXT PRIMARY KEY,
    cursor INTEGER NOT NULL
) STRICT;
"""

OPINIONS = """
-- When a model was asked about it, 0: never; and which side was ended, if any.
ALTER TABLE paradox ADD COLUMN consulted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE paradox ADD COLUMN ended TEXT NOT NULL DEFAULT '';

-- Pairs that are too improbable to be kept, and wait for a model's opinion. They go when either record does.
CREATE TABLE doubt (
    id TEXT PRIMARY KEY,
    namespace TEXT NOT NULL,
    found INTEGER NOT NULL,
    verdict TEXT NOT NULL,
    type TEXT NOT NULL,
    earlier TEXT NOT NULL,
    earlier_text TEXT NOT NULL,
    earlier_speaker TEXT,
    earlier_time INTEGER NOT NULL,
    later TEXT NOT NULL,
    later_text TEXT NOT NULL,
    later_speaker TEXT,
    later_time INTEGER NOT NULL,
    score REAL NOT NULL,
    importance REAL NOT NULL,
    why TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX doubt_earlier ON doubt (namespace, earlier);
CREATE INDEX doubt_later ON doubt (namespace, later);

-- Calls of a model within the last day.
CREATE TABLE asked (
    number INTEGER PRIMARY KEY,
    time INTEGER NOT NULL
) STRICT;

-- Several later statements may each want a link to one that they replace a part of.
CREATE TABLE owing (
    number INTEGER PRIMARY KEY,
    namespace TEXT NOT NULL,
    ended TEXT NOT NULL,
    by TEXT NOT NULL,
    cause TEXT NOT NULL,
    UNIQUE (namespace, ended, by, cause)
) STRICT;
INSERT INTO owing SELECT number, namespace, ended, by, cause FROM owed;
DROP TABLE owed;
ALTER TABLE owing RENAME TO owed;
"""

RETRIES = """
-- How much came of judging what had been set aside, under the key of the call: who asks again with it gets the same answer.
CREATE TABLE retried (
    type TEXT NOT NULL,
    namespace TEXT NOT NULL,
    key TEXT NOT NULL,
    found INTEGER NOT NULL,
    PRIMARY KEY (type, namespace, key),
    FOREIGN KEY (type, namespace, key) REFERENCES call ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
"""

TIMELINES = """
-- In which memory the cursor lies. Empty: nobody knows.
ALTER TABLE follow ADD COLUMN timeline TEXT NOT NULL DEFAULT '';
ALTER TABLE place ADD COLUMN timeline TEXT NOT NULL DEFAULT '';
"""

MIGRATIONS = (FIRST, LIFE, PLACES, KEYS, OPINIONS, RETRIES, TIMELINES)
