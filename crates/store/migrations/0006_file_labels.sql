-- What the files of a workspace carry, as tasks wrote them. A file that is not the one written then,
-- by size or time, carries nothing of this: it counts as coming from outside.
CREATE TABLE file_label (
    org TEXT NOT NULL,
    workspace TEXT NOT NULL,
    path TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    written_ns BIGINT NOT NULL,
    labels TEXT NOT NULL,
    PRIMARY KEY (org, workspace, path),
    FOREIGN KEY (org, workspace) REFERENCES workspace (org, id)
);
