//! Processes of one team, each on a data directory of its own: they share a database, a bucket and
//! the keys, and nothing else of what lies in a data directory.

use crate::remains::marker;
use crate::script::script;
use crate::several::{all_end_well, team};
use crate::{pause, world};
use wardroom_api::task::CreateTask;
use wardroom_domain::TaskStatus;
use wardroom_testkit::bucket::{KEY, TestBucket};
use wardroom_testkit::postgres::Database;
use wardroom_testkit::world::Setup;

fn apart(database: &Database, bucket: &TestBucket) -> Setup {
    team(database)
        .with(&format!("[objects]\nurl = \"{}\"\n\n", bucket.url()))
        .env("AWS_ACCESS_KEY_ID", KEY.0)
        .env("AWS_SECRET_ACCESS_KEY", KEY.1)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_in_the_view_of_a_lost_data_directory_is_done_again_elsewhere() {
    let (database, bucket) = (Database::fresh(), TestBucket::fresh());
    let world = world(apart(&database, &bucket)).await;
    let worker = world.joined_apart("first", &["--work"]);
    let (folder, marker) = (world.project(&[("readme.md", "# Logs\n")]), marker());
    let workspace = world.owner().opens(&folder).await;
    let mut tasks = Vec::new();
    for number in 0..2 {
        let request = script()
            .shell(&format!("echo once >> log-{number}.txt"))
            .shell(&format!(
                "sleep 12; cat log-{number}.txt; echo {marker} > /dev/null"
            ))
            .says("{last}");
        let create = CreateTask {
            text: request.to_string(),
            workspace: Some(workspace),
            ..CreateTask::default()
        };
        let task = world.owner().client.create_task(&create, None).await;
        tasks.push(task.expect("a task").id);
    }
    for task in &tasks {
        world.owner().awaits(*task, TaskStatus::Running).await;
    }
    // The first command has ended, and the second is under way.
    pause(5000).await;
    drop(worker);
    std::fs::remove_dir_all(world.folder().join("first")).expect("the data directory is gone");
    let _other = world.joined_apart("second", &["--work"]);
    all_end_well(&world, &folder, &tasks).await;
    for task in &tasks {
        let result = world.owner().sees(*task).await.result.unwrap_or_default();
        // The second command read what the first had written into the lost view.
        assert!(result.contains("\nonce\n"), "{result}");
    }
    assert!(world.audit_is_whole());
    assert_eq!(world.rows_that_do_not_fit(), None);
    assert!(!world.log().contains("panicked"), "{}", world.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_with_another_key_does_not_join() {
    let (database, bucket) = (Database::fresh(), TestBucket::fresh());
    let world = world(apart(&database, &bucket)).await;
    // Until the log has been signed for the first time.
    pause(5000).await;
    let told = world.refuses_to_join("stranger", &["--work"]);
    assert!(told.contains("is signed with another key"), "{told}");
}

/// The same key for the log, and another for the secrets that are stored.
#[tokio::test(flavor = "multi_thread")]
async fn who_holds_another_master_key_does_not_join() {
    let database = Database::fresh();
    let world = world(team(&database).secret("harbour", "pilot-7351")).await;
    let another = |keys: &std::path::Path| {
        let file = keys.join("master.key");
        let key = std::fs::read_to_string(&file).expect("the key");
        let (front, back) = key.split_at(key.len() / 2);
        let other: String = front.chars().rev().collect();
        std::fs::write(&file, other + back).expect("it is ours");
    };
    let told = world.refuses_to_join_with("stranger", another, &["--work"]);
    let why = "the secrets of this database are sealed with another master key; copy \
               keys/master.key from the data directory that set them";
    assert!(told.contains(why), "{told}");
    assert!(!told.contains("pilot-7351"), "{told}");
    // Who has both keys joins.
    drop(world.joined_apart("friend", &["--work"]));
}
