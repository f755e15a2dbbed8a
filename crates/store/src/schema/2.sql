-- Version 2: what the registry was given, and what releases bring with them is found beside it without being listed.

CREATE TABLE manifests (
    repository    TEXT NOT NULL,
    digest        TEXT NOT NULL,
    media_type    TEXT NOT NULL,
    artifact_type TEXT,
    subject       TEXT,
    put_at        TEXT NOT NULL,
    PRIMARY KEY (repository, digest)
) STRICT;

CREATE INDEX manifests_by_subject ON manifests (repository, subject) WHERE subject IS NOT NULL;

CREATE TABLE tags (
    repository TEXT NOT NULL,
    name       TEXT NOT NULL,
    digest     TEXT NOT NULL,
    set_at     TEXT NOT NULL,
    PRIMARY KEY (repository, name)
) STRICT;

CREATE INDEX tags_by_digest ON tags (repository, digest);
