//! The steps from an empty database to ours, the same for every engine.

/// Every step, in order. A released step never changes; its number is its place here, from 1.
pub(crate) const STEPS: &[(&str, &str)] = &[
    ("the road", include_str!("../migrations/0001_the_road.sql")),
    ("secrets", include_str!("../migrations/0002_secrets.sql")),
    ("people", include_str!("../migrations/0003_people.sql")),
    ("gateway", include_str!("../migrations/0004_gateway.sql")),
    ("leases", include_str!("../migrations/0005_leases.sql")),
    (
        "file_labels",
        include_str!("../migrations/0006_file_labels.sql"),
    ),
    ("duties", include_str!("../migrations/0007_duties.sql")),
    ("search", include_str!("../migrations/0008_search.sql")),
];

/// Which steps a database has taken.
pub(crate) const LEDGER: &str = "CREATE TABLE IF NOT EXISTS migration (\
    number BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, at BIGINT NOT NULL)";
