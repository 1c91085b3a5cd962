-- What a job has to say beyond its exit code: one JSON value of an attempt.
CREATE TABLE results (
    job INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    fence INTEGER NOT NULL,
    result TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (job, fence)
) STRICT, WITHOUT ROWID;

-- Runs that somebody else did and reported.
CREATE TABLE reports (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    node TEXT,
    state TEXT NOT NULL CHECK (state IN ('success', 'failed', 'cancelled')),
    exit_code INTEGER,
    started INTEGER NOT NULL,
    finished INTEGER NOT NULL,
    reported_by TEXT NOT NULL
) STRICT;
CREATE INDEX reports_by_end ON reports (finished, id);

CREATE TABLE charts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    formula TEXT NOT NULL,
    created INTEGER NOT NULL
) STRICT;
