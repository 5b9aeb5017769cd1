-- How long a process that says nothing keeps its tasks, where several work on one database. A
-- database file has one process at a time, and needs no lease.
ALTER TABLE worker_epoch ADD COLUMN lease_until BIGINT;
