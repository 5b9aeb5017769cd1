-- The tables of the first road, in the subset of SQL that SQLite and PostgreSQL read alike:
-- ids, words and JSON are TEXT, moments are BIGINT microseconds, digests are BYTEA.
-- The org stands in every key. Where a table says so in a comment, SQLite keeps its rows in the
-- order of the key, without a second tree.

CREATE TABLE org (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL
);

CREATE TABLE person (
    org TEXT NOT NULL REFERENCES org (id),
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    status TEXT NOT NULL,
    password TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (org, id)
);
CREATE UNIQUE INDEX person_name ON person (org, name) WHERE status <> 'removed';

CREATE TABLE token (
    org TEXT NOT NULL,
    id TEXT NOT NULL,
    person TEXT NOT NULL,
    name TEXT NOT NULL,
    hash BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT,
    PRIMARY KEY (org, id),
    UNIQUE (org, hash),
    FOREIGN KEY (org, person) REFERENCES person (org, id)
);

CREATE TABLE link (
    org TEXT NOT NULL,
    hash BYTEA NOT NULL,
    person TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    PRIMARY KEY (org, hash),
    FOREIGN KEY (org, person) REFERENCES person (org, id)
);

CREATE TABLE session (
    org TEXT NOT NULL,
    id TEXT NOT NULL,
    person TEXT NOT NULL,
    hash BYTEA NOT NULL,
    label TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT,
    PRIMARY KEY (org, id),
    UNIQUE (org, hash),
    FOREIGN KEY (org, person) REFERENCES person (org, id)
);

CREATE TABLE workspace (
    org TEXT NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    owner TEXT NOT NULL,
    path TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (org, id),
    FOREIGN KEY (org, owner) REFERENCES person (org, id)
);
CREATE UNIQUE INDEX workspace_path ON workspace (org, owner, path);
CREATE UNIQUE INDEX workspace_private ON workspace (org, owner) WHERE kind = 'private';

CREATE TABLE context (
    org TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    settings TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (org, id),
    UNIQUE (org, name)
);

CREATE TABLE conversation (
    org TEXT NOT NULL,
    id TEXT NOT NULL,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    context TEXT NOT NULL,
    workspace TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (org, id),
    UNIQUE (org, owner, name),
    FOREIGN KEY (org, owner) REFERENCES person (org, id),
    FOREIGN KEY (org, workspace) REFERENCES workspace (org, id)
);

CREATE TABLE message (
    org TEXT NOT NULL,
    conversation TEXT NOT NULL,
    seq BIGINT NOT NULL,
    id TEXT NOT NULL,
    speaker TEXT NOT NULL,
    body TEXT NOT NULL,
    tasks TEXT NOT NULL,
    files TEXT NOT NULL,
    labels TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (org, conversation, seq),
    UNIQUE (org, id),
    FOREIGN KEY (org, conversation) REFERENCES conversation (org, id)
) /* WITHOUT ROWID */;

CREATE TABLE inbox (
    org TEXT NOT NULL,
    connector TEXT NOT NULL,
    external_id TEXT NOT NULL,
    conversation TEXT NOT NULL,
    person TEXT NOT NULL,
    body TEXT NOT NULL,
    files TEXT NOT NULL,
    at BIGINT NOT NULL,
    state TEXT NOT NULL,
    reply TEXT,
    PRIMARY KEY (org, connector, external_id),
    FOREIGN KEY (org, conversation) REFERENCES conversation (org, id)
) /* WITHOUT ROWID */;
CREATE INDEX inbox_pending ON inbox (org, at) WHERE state = 'PENDING';

CREATE TABLE feed (
    org TEXT NOT NULL,
    stream TEXT NOT NULL,
    seq BIGINT NOT NULL,
    event TEXT NOT NULL,
    at BIGINT NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (org, stream, seq)
) /* WITHOUT ROWID */;

CREATE TABLE task (
    org TEXT NOT NULL,
    id TEXT NOT NULL,
    status TEXT NOT NULL,
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    requester TEXT NOT NULL,
    origin TEXT NOT NULL,
    context TEXT NOT NULL,
    workspace TEXT NOT NULL,
    conversation TEXT,
    parent TEXT,
    agent TEXT NOT NULL,
    tier TEXT NOT NULL,
    priority SMALLINT NOT NULL,
    percent SMALLINT NOT NULL,
    note TEXT NOT NULL,
    result TEXT,
    error TEXT,
    applied BOOLEAN,
    labels TEXT NOT NULL,
    deadline BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    snapshot TEXT NOT NULL,
    fence BIGINT NOT NULL,
    ver BIGINT NOT NULL,
    depth SMALLINT NOT NULL,
    batch TEXT,
    worker TEXT,
    worker_epoch BIGINT,
    PRIMARY KEY (org, id),
    CHECK (status IN ('QUEUED', 'RUNNING', 'WAITING_APPROVAL', 'SUCCEEDED', 'FAILED', 'CANCELED', 'TIMED_OUT')),
    FOREIGN KEY (org, requester) REFERENCES person (org, id),
    FOREIGN KEY (org, workspace) REFERENCES workspace (org, id)
);
CREATE INDEX task_newest ON task (org, created_at, id);
CREATE INDEX task_by_status ON task (org, status, created_at, id);
CREATE INDEX task_of_person ON task (org, requester, created_at, id);
CREATE INDEX task_of_conversation ON task (org, conversation, created_at, id) WHERE conversation IS NOT NULL;
CREATE INDEX task_of_batch ON task (org, batch) WHERE batch IS NOT NULL;
CREATE INDEX task_of_parent ON task (org, parent) WHERE parent IS NOT NULL;
CREATE INDEX task_due ON task (org, deadline) WHERE status IN ('QUEUED', 'RUNNING', 'WAITING_APPROVAL');
CREATE INDEX task_held_by_person ON task (org, requester) WHERE worker IS NOT NULL;
CREATE INDEX task_held_in_workspace ON task (org, workspace) WHERE worker IS NOT NULL;

CREATE TABLE ready (
    org TEXT NOT NULL,
    task TEXT NOT NULL,
    shard SMALLINT NOT NULL DEFAULT 0,
    requester TEXT NOT NULL,
    workspace TEXT NOT NULL,
    priority SMALLINT NOT NULL,
    run_at BIGINT NOT NULL,
    PRIMARY KEY (org, task)
) /* WITHOUT ROWID */;
CREATE INDEX ready_in_turn ON ready (org, requester, priority DESC, run_at, task);
CREATE INDEX ready_next ON ready (org, run_at);

CREATE TABLE worker_epoch (
    epoch BIGINT NOT NULL PRIMARY KEY,
    started_at BIGINT NOT NULL
);

CREATE TABLE journal (
    org TEXT NOT NULL,
    task TEXT NOT NULL,
    seq BIGINT NOT NULL,
    fence BIGINT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    prev_hash BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    PRIMARY KEY (org, task, seq)
) /* WITHOUT ROWID */;

CREATE TABLE effect (
    org TEXT NOT NULL,
    id TEXT NOT NULL,
    task TEXT NOT NULL,
    step BIGINT NOT NULL,
    call TEXT NOT NULL,
    tier TEXT NOT NULL,
    class TEXT NOT NULL,
    digest BYTEA NOT NULL,
    state TEXT NOT NULL,
    outcome TEXT,
    fence BIGINT NOT NULL,
    intended_at BIGINT NOT NULL,
    settled_at BIGINT,
    PRIMARY KEY (org, id)
);
CREATE INDEX effect_of_task ON effect (org, task, step);

CREATE TABLE signal (
    org TEXT NOT NULL,
    task TEXT NOT NULL,
    seq BIGINT NOT NULL,
    dedup_key TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    at BIGINT NOT NULL,
    consumed BOOLEAN NOT NULL,
    PRIMARY KEY (org, task, seq),
    UNIQUE (org, task, dedup_key)
) /* WITHOUT ROWID */;

CREATE TABLE approval (
    org TEXT NOT NULL,
    id TEXT NOT NULL,
    question TEXT NOT NULL,
    task TEXT NOT NULL,
    effect TEXT NOT NULL,
    requester TEXT NOT NULL,
    tool TEXT NOT NULL,
    arguments TEXT NOT NULL,
    digest BYTEA NOT NULL,
    tier TEXT NOT NULL,
    rationale TEXT NOT NULL,
    rule TEXT NOT NULL,
    source TEXT NOT NULL,
    labels TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    decision TEXT,
    decided_by TEXT,
    decided_at BIGINT,
    answer TEXT,
    spent_at BIGINT,
    PRIMARY KEY (org, id),
    FOREIGN KEY (org, task) REFERENCES task (org, id)
);
CREATE INDEX approval_newest ON approval (org, created_at, id);
CREATE INDEX approval_open ON approval (org, created_at, id) WHERE decision IS NULL;
CREATE INDEX approval_due ON approval (org, expires_at) WHERE decision IS NULL;
CREATE INDEX approval_of_task ON approval (org, task);

CREATE TABLE applied (
    org TEXT NOT NULL,
    effect TEXT NOT NULL,
    task TEXT NOT NULL,
    workspace TEXT NOT NULL,
    snapshot TEXT NOT NULL,
    changes TEXT NOT NULL,
    summary TEXT NOT NULL,
    at BIGINT NOT NULL,
    undone_at BIGINT,
    undone_by TEXT,
    PRIMARY KEY (org, effect),
    FOREIGN KEY (org, task) REFERENCES task (org, id)
);
CREATE INDEX applied_of_task ON applied (org, task, at);

CREATE TABLE artifact (
    org TEXT NOT NULL,
    task TEXT NOT NULL,
    name TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    media_type TEXT NOT NULL,
    sha256 BYTEA NOT NULL,
    object TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (org, task, name),
    FOREIGN KEY (org, task) REFERENCES task (org, id)
);

CREATE TABLE file (
    org TEXT NOT NULL,
    id TEXT NOT NULL,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    media_type TEXT NOT NULL,
    sha256 BYTEA NOT NULL,
    object TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (org, id),
    FOREIGN KEY (org, owner) REFERENCES person (org, id)
);

CREATE TABLE usage (
    org TEXT NOT NULL,
    at BIGINT NOT NULL,
    person TEXT NOT NULL,
    task TEXT,
    conversation TEXT,
    model TEXT NOT NULL,
    role TEXT NOT NULL,
    task_type TEXT,
    input_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    cached_tokens BIGINT NOT NULL,
    cost_micros BIGINT NOT NULL
);
CREATE INDEX usage_when ON usage (org, at);
CREATE INDEX usage_of_task ON usage (org, task) WHERE task IS NOT NULL;

CREATE TABLE outbox (
    org TEXT NOT NULL,
    id TEXT NOT NULL,
    dedup_key TEXT NOT NULL,
    destination TEXT NOT NULL,
    body TEXT NOT NULL,
    at BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    last_error TEXT,
    sent_at BIGINT,
    PRIMARY KEY (org, id),
    UNIQUE (org, dedup_key)
);
CREATE INDEX outbox_due ON outbox (org, next_at, at) WHERE sent_at IS NULL;

CREATE TABLE remembered (
    org TEXT NOT NULL,
    person TEXT NOT NULL,
    name TEXT NOT NULL,
    request BYTEA NOT NULL,
    status SMALLINT NOT NULL,
    body TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (org, person, name)
);

CREATE TABLE document (
    org TEXT NOT NULL,
    kind TEXT NOT NULL,
    version BIGINT NOT NULL,
    author TEXT NOT NULL,
    body TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (org, kind, version)
);

CREATE TABLE audit (
    org TEXT NOT NULL,
    chain TEXT NOT NULL,
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    actor TEXT NOT NULL,
    tier TEXT,
    body TEXT NOT NULL,
    body_digest BYTEA NOT NULL,
    prev_hash BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    PRIMARY KEY (org, chain, seq)
) /* WITHOUT ROWID */;
CREATE INDEX audit_when ON audit (org, at, chain, seq);

-- The chains that grew since the last anchor.
CREATE TABLE audit_unanchored (
    org TEXT NOT NULL,
    chain TEXT NOT NULL,
    PRIMARY KEY (org, chain)
) /* WITHOUT ROWID */;

CREATE TABLE anchor (
    org TEXT NOT NULL,
    number BIGINT NOT NULL,
    body TEXT NOT NULL,
    hash BYTEA NOT NULL,
    signature BYTEA NOT NULL,
    PRIMARY KEY (org, number)
);
