-- Secrets, sealed. Each version has a data key of its own; `sealed_key` is that key under the
-- master key, which is not in the database, and `sealed_value` is the value under the data key. Each
-- begins with its nonce of 24 bytes. A version that was replaced or removed keeps its row without
-- both, so that a version number is never given twice.
CREATE TABLE secret (
    org TEXT NOT NULL REFERENCES org (id),
    name TEXT NOT NULL,
    version BIGINT NOT NULL,
    sealed_key BYTEA,
    sealed_value BYTEA,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    removed_at BIGINT,
    PRIMARY KEY (org, name, version)
);
CREATE UNIQUE INDEX secret_in_force ON secret (org, name) WHERE removed_at IS NULL;
