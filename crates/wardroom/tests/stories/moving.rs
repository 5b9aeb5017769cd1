//! A laptop becomes a team: everything moves from a database file to a server, in the middle of work.

use crate::database::time_is_almost_over;
use crate::script::script;
use crate::{laptop, world};
use serde_json::json;
use wardroom_api::approval::{ApprovalFilter, Verdict};
use wardroom_domain::{TaskId, TaskStatus};
use wardroom_testkit::bucket::{KEY, TestBucket};
use wardroom_testkit::postgres::Database;
use wardroom_testkit::world::World;

/// Tasks in every state that a stop leaves behind, an artifact, and another person.
pub struct Lived {
    done: TaskId,
    under_way: TaskId,
    canceled: TaskId,
    failed: TaskId,
    timed_out: TaskId,
    waits: TaskId,
    asks: TaskId,
}

/// One that failed, and one whose time was over.
async fn ended_badly(world: &mut World) -> (TaskId, TaskId) {
    let owner = world.owner();
    let again = (0..8).fold(script(), |script, _| script.shell("true"));
    let failed = owner.asks(&again.to_string()).await;
    owner.awaits(failed, TaskStatus::Failed).await;
    let question = script().calls("ask_person", json!({"question": "Now?"}));
    let timed_out = owner.asks(&question.to_string()).await;
    owner.awaits(timed_out, TaskStatus::WaitingApproval).await;
    assert_eq!(world.stop(), Some(0));
    time_is_almost_over(world, timed_out);
    world.up();
    let owner = world.owner();
    owner.awaits(timed_out, TaskStatus::TimedOut).await;
    (failed, timed_out)
}

pub async fn lived_in(world: &mut World) -> Lived {
    let (failed, timed_out) = ended_badly(world).await;
    let owner = world.owner();
    world
        .verb(&["user", "add", "bob", "--role", "member"])
        .expect("the person is added");
    let makes = script()
        .writes("plan.txt", "Go west.\n")
        .calls("deliver", json!({"path": "plan.txt"}))
        .says("Made.");
    let done = owner.asks(&makes.to_string()).await;
    owner.awaits(done, TaskStatus::Succeeded).await;
    let sleeps = script().shell("sleep 60").says("Never.");
    let canceled = owner.asks(&sleeps.to_string()).await;
    owner.awaits(canceled, TaskStatus::Running).await;
    owner.client.cancel_task(canceled).await.expect("it ends");
    owner.awaits(canceled, TaskStatus::Canceled).await;
    let folder = world.project(&[("readme.md", "# Notes\n")]);
    let workspace = owner.opens(&folder).await;
    let changes = script().shell("echo more >> readme.md").says("More.");
    let request = script().delegates(&[("more", changes)]).says("Begun.");
    let reply = owner.says_in(&request.to_string(), workspace).await;
    let waits = reply.tasks[0];
    owner.awaits(waits, TaskStatus::WaitingApproval).await;
    let question = script()
        .calls("ask_person", json!({"question": "Which one?"}))
        .says("{last}");
    let asks = owner.asks(&question.to_string()).await;
    owner.awaits(asks, TaskStatus::WaitingApproval).await;
    let slow = script().shell("sleep 3").shell("sleep 3").says("Late.");
    let under_way = owner.asks(&slow.to_string()).await;
    owner.awaits(under_way, TaskStatus::Running).await;
    Lived {
        done,
        under_way,
        canceled,
        failed,
        timed_out,
        waits,
        asks,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_laptop_moves_to_a_server_and_a_waiting_approval_goes_on_there() {
    let (database, bucket) = (Database::fresh(), TestBucket::fresh());
    let keys = [
        ("AWS_ACCESS_KEY_ID", KEY.0),
        ("AWS_SECRET_ACCESS_KEY", KEY.1),
    ];
    let setup = keys
        .iter()
        .fold(laptop(), |setup, (name, value)| setup.env(name, value));
    let mut world = world(setup).await;
    let lived = lived_in(&mut world).await;
    let team = [
        ("--from", "sqlite:wardroom.db".to_owned()),
        ("--to", database.service_url()),
        ("--to-owner", database.url()),
        ("--objects-to", bucket.url()),
    ];
    let mut arguments = vec!["store", "copy", "--json"];
    arguments.extend(team.iter().flat_map(|(flag, url)| [*flag, url.as_str()]));
    let told = world
        .verb_knowing(&arguments, &keys)
        .expect_err("a server runs");
    assert!(told.contains("is in use by process"), "{told}");
    assert_eq!(world.stop(), Some(0));
    let carried = world
        .verb_knowing(&arguments, &keys)
        .expect("it is carried");
    let carried: serde_json::Value = serde_json::from_str(&carried).expect("JSON");
    let rows = |table: &str| {
        let tables = carried["tables"].as_array().expect("tables");
        let found = tables.iter().find(|found| found["table"] == table);
        found.expect("the table")["rows"]
            .as_u64()
            .expect("a number")
    };
    assert_eq!(
        (rows("person"), rows("task"), carried["objects"].clone()),
        (2, 7, json!(1))
    );
    assert!(rows("audit") > 10 && carried["audit_events"] == rows("audit"));

    std::fs::rename(
        world.data().join("wardroom.db"),
        world.folder().join("old.db"),
    )
    .expect("the file is ours");
    std::fs::remove_dir_all(world.data().join("objects")).expect("the folder is ours");
    world.append_configuration(&format!(
        "[store]\nurl = \"{}\"\nowner_url = \"{}\"\n\n[objects]\nurl = \"{}\"\n",
        database.service_url(),
        database.url(),
        bucket.url()
    ));
    world.up();
    is_as_it_was(&world, &lived).await;
}

/// Everything is there, and what waits or was under way goes on.
pub async fn is_as_it_was(world: &World, lived: &Lived) {
    let owner = world.owner();
    for (task, status) in [
        (lived.done, TaskStatus::Succeeded),
        (lived.canceled, TaskStatus::Canceled),
        (lived.failed, TaskStatus::Failed),
        (lived.timed_out, TaskStatus::TimedOut),
    ] {
        assert_eq!(owner.sees(task).await.status, status, "{task}");
    }
    let bytes = owner.client.artifact(lived.done, "plan.txt").await;
    assert_eq!(bytes.expect("the artifact"), "Go west.\n");
    let waiting = ApprovalFilter {
        waiting: Some(true),
        ..ApprovalFilter::default()
    };
    let open = owner.client.approvals(&waiting).await.expect("the list");
    let open = open.approvals;
    assert_eq!(open.len(), 2, "{open:?}");
    let change = open.iter().find(|asked| asked.task == lived.waits);
    owner
        .decides(change.expect("its question").id, Verdict::Approve)
        .await
        .expect("a decision");
    owner.awaits(lived.waits, TaskStatus::Succeeded).await;
    let readme = std::fs::read_to_string(world.folder().join("project/readme.md"));
    assert_eq!(readme.expect("the file"), "# Notes\nmore\n");
    let waiting = owner.sees(lived.asks).await.status;
    assert_eq!(waiting, TaskStatus::WaitingApproval);
    owner.awaits(lived.under_way, TaskStatus::Succeeded).await;
    assert!(world.audit_is_whole());
    assert_eq!(world.rows_that_do_not_fit(), None);
}
