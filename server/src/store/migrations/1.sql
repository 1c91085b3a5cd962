CREATE TABLE nodes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- Made by the agent, and kept in its directory: who uses a name that another one has is refused.
    instance TEXT NOT NULL,
    name TEXT NOT NULL UNIQUE,
    tags TEXT NOT NULL,
    slots INTEGER NOT NULL,
    registered INTEGER NOT NULL,
    drained INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    spec TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'running', 'success', 'failed', 'cancelled')),
    -- The last attempt; an older one is of no effect.
    fence INTEGER NOT NULL DEFAULT 0,
    node INTEGER,
    retries_left INTEGER NOT NULL,
    cancel_wanted INTEGER NOT NULL DEFAULT 0,
    created INTEGER NOT NULL,
    started INTEGER,
    finished INTEGER,
    exit_code INTEGER,
    reason TEXT,
    submitted_by TEXT NOT NULL,
    idempotency_key TEXT UNIQUE
) STRICT;
CREATE INDEX jobs_by_state ON jobs (state, id);
CREATE INDEX jobs_by_name ON jobs (name, id);

CREATE TABLE attempts (
    job INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    fence INTEGER NOT NULL,
    node INTEGER NOT NULL,
    assigned INTEGER NOT NULL,
    started INTEGER,
    finished INTEGER,
    -- NULL as long as it has no end; else success, failed, cancelled, or lost.
    outcome TEXT,
    exit_code INTEGER,
    reason TEXT,
    log_bytes INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (job, fence)
) STRICT, WITHOUT ROWID;

CREATE TABLE tokens (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    hash BLOB NOT NULL,
    scopes TEXT NOT NULL,
    created INTEGER NOT NULL,
    last_used INTEGER,
    revoked INTEGER
) STRICT;

CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    remote TEXT NOT NULL
) STRICT;
