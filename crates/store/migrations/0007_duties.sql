-- What one process at a time does for all, where several work on one database: a turn in a
-- conversation, the foreign doors. A row of a process whose lease ran out is nobody's.
CREATE TABLE duty (
    org TEXT NOT NULL,
    name TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    PRIMARY KEY (org, name)
);

-- In which data directory the view of a task lies.
CREATE TABLE view (
    org TEXT NOT NULL,
    task TEXT NOT NULL,
    place TEXT NOT NULL,
    PRIMARY KEY (org, task),
    FOREIGN KEY (org, task) REFERENCES task (org, id)
);
