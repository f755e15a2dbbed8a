-- Version 1. Times are RFC 3339 in UTC; documents are JSON whose shape the model's types give.

CREATE TABLE apps (
    name     TEXT PRIMARY KEY,
    source   TEXT NOT NULL,
    bound_at TEXT NOT NULL
) STRICT;

CREATE TABLE releases (
    digest    TEXT PRIMARY KEY,
    app       TEXT NOT NULL,
    bundle    TEXT NOT NULL,
    stored_at TEXT NOT NULL
) STRICT;

-- A commit may have been built more than once: what was built last counts.
CREATE TABLE commits (
    app       TEXT NOT NULL,
    commit_id TEXT NOT NULL,
    digest    TEXT NOT NULL REFERENCES releases (digest) ON DELETE CASCADE,
    PRIMARY KEY (app, commit_id)
) STRICT;

CREATE TABLE revisions (
    app         TEXT NOT NULL,
    environment TEXT NOT NULL,
    number      INTEGER NOT NULL,
    digest      TEXT NOT NULL,
    revision    TEXT NOT NULL,
    made_at     TEXT NOT NULL,
    PRIMARY KEY (app, environment, number)
) STRICT;

CREATE TABLE environments (
    app         TEXT NOT NULL,
    environment TEXT NOT NULL,
    running     INTEGER,
    last_good   INTEGER,
    traffic     TEXT,
    PRIMARY KEY (app, environment)
) STRICT;

CREATE TABLE route_owners (
    host        TEXT NOT NULL,
    path        TEXT NOT NULL,
    app         TEXT NOT NULL,
    environment TEXT NOT NULL,
    PRIMARY KEY (host, path)
) STRICT;

CREATE TABLE deployments (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    app           TEXT NOT NULL,
    environment   TEXT NOT NULL,
    verb          TEXT NOT NULL,
    actor         TEXT NOT NULL,
    from_revision INTEGER,
    to_revision   INTEGER,
    plan          TEXT NOT NULL,
    outcome       TEXT NOT NULL,
    failure       TEXT,
    started_at    TEXT NOT NULL,
    ended_at      TEXT
) STRICT;

CREATE INDEX deployments_by_environment ON deployments (app, environment, id);

-- Two deployments of one environment can never be under way.
CREATE UNIQUE INDEX deployment_under_way ON deployments (app, environment) WHERE ended_at IS NULL;

CREATE TABLE journal (
    deployment INTEGER NOT NULL REFERENCES deployments (id) ON DELETE CASCADE,
    sequence   INTEGER NOT NULL,
    entry      TEXT NOT NULL,
    PRIMARY KEY (deployment, sequence)
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    deployment INTEGER NOT NULL REFERENCES deployments (id) ON DELETE CASCADE,
    sequence   INTEGER NOT NULL,
    at         TEXT NOT NULL,
    event      TEXT NOT NULL,
    PRIMARY KEY (deployment, sequence)
) STRICT, WITHOUT ROWID;

-- What building has made before, by the digest of all that went into it.
CREATE TABLE builds (
    input   TEXT PRIMARY KEY,
    output  TEXT NOT NULL,
    used_at TEXT NOT NULL
) STRICT;

CREATE INDEX builds_by_use ON builds (used_at);
