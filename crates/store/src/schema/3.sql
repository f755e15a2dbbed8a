-- Version 3: what environments follow, and the runs that came of it.

-- As a person's deployment said it: nothing that a branch holds changes it.
CREATE TABLE followers (
    app         TEXT NOT NULL,
    environment TEXT NOT NULL,
    follower    TEXT NOT NULL,
    since       TEXT NOT NULL,
    PRIMARY KEY (app, environment)
) STRICT;

CREATE TABLE runs (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    app       TEXT NOT NULL,
    source    TEXT NOT NULL,
    commit_id TEXT NOT NULL,
    state     TEXT NOT NULL,
    run       TEXT NOT NULL,
    queued_at TEXT NOT NULL
) STRICT;

CREATE INDEX runs_by_app ON runs (app, id);
