-- How people come in and are known outside, what they oversee, and the yeses that last.

-- Keyed by the network's immutable id; what somebody calls himself is only kept to be read.
CREATE TABLE identity (
    org TEXT NOT NULL,
    connector TEXT NOT NULL,
    external_id TEXT NOT NULL,
    person TEXT NOT NULL,
    display TEXT NOT NULL,
    linked_at BIGINT NOT NULL,
    linked_by TEXT NOT NULL,
    PRIMARY KEY (org, connector, external_id),
    FOREIGN KEY (org, person) REFERENCES person (org, id)
);
CREATE INDEX identity_of_person ON identity (org, person);

CREATE TABLE invite (
    org TEXT NOT NULL,
    id TEXT NOT NULL,
    hash BYTEA NOT NULL,
    role TEXT NOT NULL,
    made_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    used_by TEXT,
    revoked_at BIGINT,
    PRIMARY KEY (org, id),
    UNIQUE (org, hash),
    FOREIGN KEY (org, made_by) REFERENCES person (org, id)
);

CREATE TABLE pairing (
    org TEXT NOT NULL,
    id TEXT NOT NULL,
    hash BYTEA NOT NULL,
    connector TEXT NOT NULL,
    external_id TEXT NOT NULL,
    display TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT,
    confirmed_by TEXT,
    person TEXT,
    PRIMARY KEY (org, id),
    UNIQUE (org, hash)
);
CREATE UNIQUE INDEX pairing_open ON pairing (org, connector, external_id) WHERE ended_at IS NULL;

-- Failed attempts on codes and passwords, counted per subject and window.
CREATE TABLE attempt (
    org TEXT NOT NULL,
    subject TEXT NOT NULL,
    began_at BIGINT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (org, subject)
);

-- Where a person's role holds. A kind without a row is not narrowed.
CREATE TABLE scope (
    org TEXT NOT NULL,
    person TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (org, person, kind, name),
    FOREIGN KEY (org, person) REFERENCES person (org, id)
);

-- Remembered yeses: for one kind of action in one workspace, until they end or are taken back.
CREATE TABLE lasting_grant (
    org TEXT NOT NULL,
    id TEXT NOT NULL,
    workspace TEXT NOT NULL,
    requester TEXT,
    kind BYTEA NOT NULL,
    text TEXT NOT NULL,
    tier TEXT NOT NULL,
    granted_by TEXT NOT NULL,
    granted_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    revoked_by TEXT,
    approval TEXT NOT NULL,
    PRIMARY KEY (org, id),
    FOREIGN KEY (org, workspace) REFERENCES workspace (org, id)
);
CREATE INDEX lasting_grant_in_force ON lasting_grant (org, workspace) WHERE revoked_at IS NULL;

ALTER TABLE approval ADD COLUMN agent TEXT NOT NULL DEFAULT 'executor';
ALTER TABLE approval ADD COLUMN covers TEXT;
ALTER TABLE approval ADD COLUMN four_eyes BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE approval ADD COLUMN first_by TEXT;

CREATE INDEX usage_of_person ON usage (org, person, at);
