-- Version 4: commands that run by the clock.

CREATE TABLE jobs (
    app         TEXT NOT NULL,
    environment TEXT NOT NULL,
    job         TEXT NOT NULL,
    -- As it was when it was first seen: another one has its due times from then on.
    schedule    TEXT NOT NULL,
    -- Due times up to this one have been dealt with (RFC 3339).
    until       TEXT NOT NULL,
    skipped     INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (app, environment, job)
) STRICT;

CREATE TABLE job_runs (
    id          INTEGER PRIMARY KEY,
    app         TEXT NOT NULL,
    environment TEXT NOT NULL,
    job         TEXT NOT NULL,
    revision    INTEGER NOT NULL,
    -- When it was due; NULL: somebody asked for it.
    due_at      TEXT,
    actor       TEXT,
    -- When it was written down, which comes first.
    started_at  TEXT NOT NULL,
    -- When its program was there; NULL: it may not be there yet.
    begun_at    TEXT,
    ended_at    TEXT,
    -- NULL while it is under way.
    outcome     TEXT,
    reason      TEXT
) STRICT;

CREATE UNIQUE INDEX job_runs_under_way ON job_runs (app, environment, job) WHERE outcome IS NULL;
CREATE INDEX job_runs_by_job ON job_runs (app, environment, job, id);
