-- What passes between foreign doors and the coordinator: what arrived and is not seen to yet, where
-- conversations are held, which chat the admins watch, what a button stands for.

-- One row per delivery of a platform, kept before the platform is told that it arrived.
CREATE TABLE arrival (
    org TEXT NOT NULL,
    connector TEXT NOT NULL,
    external_id TEXT NOT NULL,
    place TEXT NOT NULL,
    body TEXT NOT NULL,
    at BIGINT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (org, connector, external_id)
) /* WITHOUT ROWID */;
CREATE INDEX arrival_pending ON arrival (org, at, external_id) WHERE state = 'PENDING';

-- The conversations that are held at foreign doors; `told` is how far their feed was carried there.
CREATE TABLE binding (
    org TEXT NOT NULL,
    conversation TEXT NOT NULL,
    person TEXT NOT NULL,
    place TEXT NOT NULL,
    is_private BOOLEAN NOT NULL,
    told BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (org, conversation),
    FOREIGN KEY (org, conversation) REFERENCES conversation (org, id)
);
CREATE INDEX binding_of_person ON binding (org, person, at);

-- The one chat of each connector that the admins watch.
CREATE TABLE hub (
    org TEXT NOT NULL,
    connector TEXT NOT NULL,
    place TEXT NOT NULL,
    set_by TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (org, connector)
);

-- What a button stands for. Only the hash of what it carries is kept.
CREATE TABLE button (
    org TEXT NOT NULL,
    hash BYTEA NOT NULL,
    place TEXT NOT NULL,
    deed TEXT NOT NULL,
    subject TEXT NOT NULL,
    person TEXT,
    expires_at BIGINT NOT NULL,
    pressed_at BIGINT,
    pressed_by TEXT,
    PRIMARY KEY (org, hash)
);
CREATE INDEX button_waiting ON button (org, subject) WHERE pressed_at IS NULL;

-- Rows leave in the order in which they were written, place by place; what the platform calls the
-- message is kept so that it can be edited.
ALTER TABLE outbox ADD COLUMN seq BIGINT NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN receipt TEXT;
ALTER TABLE outbox ADD COLUMN dropped_at BIGINT;
CREATE INDEX outbox_in_turn ON outbox (org, destination, seq)
    WHERE sent_at IS NULL AND dropped_at IS NULL;
CREATE INDEX outbox_newest ON outbox (org, seq);
