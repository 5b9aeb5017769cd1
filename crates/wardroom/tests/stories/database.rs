//! What only time or another version would write, written by hand into the database of a server
//! that does not run.

use rusqlite::Connection;
use wardroom_domain::TaskId;
use wardroom_testkit::world::World;

fn write(world: &World, sql: &str, values: impl rusqlite::Params) {
    let database = Connection::open(world.data().join("wardroom.db")).expect("the database");
    let rows = database.execute(sql, values).expect("the statement fits");
    assert_eq!(rows, 1, "{sql}");
}

/// A row is changed behind our back.
pub fn tampers(world: &World, sql: &str) {
    write(world, sql, ());
}

/// A step of a schema that this version does not know.
pub fn comes_from_a_newer_version(world: &World) {
    let step = "INSERT INTO migration SELECT 9999, name, at FROM migration LIMIT 1";
    write(world, step, ());
}

/// The task has three seconds left.
pub fn time_is_almost_over(world: &World, task: TaskId) {
    let sooner = "UPDATE task SET \
         deadline = CAST(unixepoch('now', 'subsec') * 1000000 AS INTEGER) + 3000000, \
         snapshot = json_set(snapshot, '$.deadline', \
                             strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+3 seconds')) \
         WHERE id = $1";
    write(world, sooner, [task.to_string()]);
}
