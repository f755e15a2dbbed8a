-- What the engine must remember to find, after its own death, everything that it has started.

-- Pools that are to run, or (wanted = 0) whose end is under way.
CREATE TABLE pools (
    id          TEXT PRIMARY KEY,
    app         TEXT NOT NULL,
    environment TEXT NOT NULL,
    service     TEXT NOT NULL,
    spec        TEXT NOT NULL,
    wanted      INTEGER NOT NULL
) STRICT;

-- Instances, from before they are started until nothing of them is left.
CREATE TABLE instances (
    id      TEXT PRIMARY KEY,
    pool    TEXT NOT NULL REFERENCES pools (id),
    slot    INTEGER NOT NULL,
    port    INTEGER,
    token   TEXT NOT NULL,
    ipv6    INTEGER NOT NULL DEFAULT 0,
    retired INTEGER NOT NULL DEFAULT 0
) STRICT;

-- `before` commands of deployments and one-off commands.
CREATE TABLE commands (
    id          TEXT PRIMARY KEY,
    app         TEXT NOT NULL,
    environment TEXT NOT NULL,
    service     TEXT NOT NULL,
    pool        TEXT NOT NULL,
    deployment  INTEGER,
    token       TEXT NOT NULL,
    exit        TEXT
) STRICT;

-- User ids, given once and kept.
CREATE TABLE users (
    app         TEXT NOT NULL,
    environment TEXT NOT NULL,
    service     TEXT NOT NULL,
    uid         INTEGER NOT NULL UNIQUE,
    PRIMARY KEY (app, environment, service)
) STRICT;

-- The slot of the machine's user ids that this home has.
CREATE TABLE user_slot (slot INTEGER NOT NULL) STRICT;
