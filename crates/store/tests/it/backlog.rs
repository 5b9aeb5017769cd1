//! A long queue: one noisy person does not keep the others waiting, and what waits costs nothing.

use crate::place::Place;
use crate::world::*;
use std::collections::BTreeMap;
use wardroom_domain::*;
use wardroom_store::*;

const LIMITS: ClaimLimits = ClaimLimits {
    per_user: 5,
    per_workspace: 5,
};
/// What a worker claims at once.
const AT_A_TIME: usize = 16;
const NOISY: usize = 9_900;
const OTHERS: usize = 10;
const OF_EACH: usize = 10;

async fn claim(world: &World) -> Vec<TaskRow> {
    let request = ClaimRequest {
        worker: WorkerId::mint(at(0), 1),
        now: at(10),
        tasks_max: AT_A_TIME,
        limits: LIMITS,
    };
    world.store.claim(world.org, request).await.unwrap()
}

/// Ends what was claimed.
async fn finish(world: &World, rows: &[TaskRow]) {
    for row in rows {
        let mut row = row.clone();
        let begun = save(&row, TaskStatus::Running, None);
        world.commit(vec![begun.into()]).await.unwrap();
        row.ver += 1;
        let ended = save(&row, TaskStatus::Succeeded, None);
        world.commit(vec![ended.into()]).await.unwrap();
    }
}

/// Ten thousand queued tasks, nearly all of one person, and the noisy ones first.
async fn queue(world: &World) -> Vec<UserId> {
    let noisy = world.new_task();
    let template = format!("'{}'", noisy.task.id);
    world.commit(vec![noisy.into()]).await.unwrap();
    for (table, key) in [("task", "id"), ("ready", "task")] {
        multiply(&world.place, table, key, &template, NOISY as u32 - 1).await;
    }
    let mut tasks: Vec<Write> = Vec::new();
    let mut others = Vec::new();
    for number in 0..OTHERS {
        let name = format!("quiet{number}");
        let (user, workspace) = join(&world.store, world.org, &name).await;
        for _ in 0..OF_EACH {
            tasks.push(world.new_task_for(user, workspace).into());
        }
        others.push(user);
    }
    world.commit(tasks).await.unwrap();
    others
}

#[tokio::test(flavor = "multi_thread")]
async fn one_noisy_person_with_ten_thousand_tasks_keeps_nobody_waiting() {
    let world = World::new().await;
    let others = queue(&world).await;
    let ready = world.store.ready_count(world.org, at(10)).await.unwrap();
    assert_eq!(ready, (NOISY + OTHERS * OF_EACH) as i64);
    let mut progress: BTreeMap<UserId, Vec<usize>> = BTreeMap::new();
    // Eleven people share sixteen places: each gets at least one in every round.
    for round in 0..OF_EACH {
        let claimed = claim(&world).await;
        for row in &claimed {
            progress.entry(row.task.requester).or_default().push(round);
        }
        for user in &others {
            let rounds = progress.get(user).map_or(&[][..], Vec::as_slice);
            let is_done = rounds.len() == OF_EACH;
            assert!(
                is_done || rounds.last() == Some(&round),
                "{user} did not progress in round {round}: {rounds:?}"
            );
        }
        finish(&world, &claimed).await;
    }
    let served = |user: &UserId| progress.get(user).map_or(0, Vec::len);
    assert!(others.iter().all(|user| served(user) == OF_EACH));
    // And nobody is served by letting the noisy one starve.
    let noisy = progress.get(&world.alice).map_or(0, Vec::len);
    assert!(noisy >= OF_EACH, "{noisy}");
}

/// A task that waits for an answer, and so many copies of both.
pub async fn waiting(world: &World, count: u32) {
    let mut held = world.running().await;
    let begun = save(&held, TaskStatus::Running, None);
    world.commit(vec![begun.into()]).await.unwrap();
    held.ver += 1;
    let question = world.question(held.task.id);
    let waits = save(&held, TaskStatus::WaitingApproval, None);
    let writes = vec![question.into(), waits.into()];
    world.commit(writes).await.unwrap();
    let id = format!("'{}'", held.task.id);
    multiply(&world.place, "task", "id", &id, count).await;
    multiply(&world.place, "approval", "task", &id, count).await;
}

/// So many copies of a row, each of a task of its own.
async fn multiply(place: &Place, table: &str, key: &str, of: &str, count: u32) {
    let columns = place.columns(table).await;
    let made = columns.iter().map(|name| match name.as_str() {
        "id" if table == "task" => format!("'task_' || {}", Place::PADDED),
        "id" => format!("'apr_' || {}", Place::PADDED),
        "task" => format!("'task_' || {}", Place::PADDED),
        other => format!("t.{other}"),
    });
    let made: Vec<_> = made.collect();
    let sql = format!(
        "INSERT INTO {table} ({}) SELECT {} FROM {table} t CROSS JOIN {} WHERE t.{key} = {of}",
        columns.join(", "),
        made.join(", "),
        Place::numbers(count)
    );
    place.execute(&sql).await;
}

/// What a worker does again and again, and what a start does once.
pub async fn look_around(world: &World, store: &Store) {
    let request = ClaimRequest {
        worker: WorkerId::mint(at(0), 1),
        now: at(10),
        tasks_max: AT_A_TIME,
        limits: LIMITS,
    };
    store.claim(world.org, request).await.unwrap();
    store.approvals_due(world.org, at(20), 100).await.unwrap();
    store.due_deadlines(world.org, at(20), 100).await.unwrap();
    store.inbox_pending(world.org).await.unwrap();
    store.next_ready(world.org).await.unwrap();
}
