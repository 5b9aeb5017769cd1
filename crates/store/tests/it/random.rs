//! Random operations: whatever comes, the store refuses or obeys, and its counts stay without gaps.

use crate::place::Place;
use crate::world::*;
use proptest::prelude::*;
use serde_json::json;
use wardroom_domain::*;
use wardroom_store::*;

#[derive(Clone, Debug)]
enum Operation {
    Create,
    Claim(usize),
    Save(usize, usize, bool, i64),
    Release(usize, i64),
    Mail(usize, u8),
    Read(usize, i64),
    Ask(usize),
    Decide(usize, usize, i64),
    Spend(usize, i64),
    Feed(u8),
    Audit(usize),
    Reopen,
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    prop_oneof![
        2 => Just(Create),
        3 => (0..3_usize).prop_map(Claim),
        6 => (any::<usize>(), 0..7_usize, any::<bool>(), -1..2_i64)
            .prop_map(|(task, status, ready, stale)| Save(task, status, ready, stale)),
        1 => (any::<usize>(), -1..1_i64).prop_map(|(task, stale)| Release(task, stale)),
        2 => (any::<usize>(), 0..3_u8).prop_map(|(task, key)| Mail(task, key)),
        1 => (any::<usize>(), 0..4_i64).prop_map(|(task, seq)| Read(task, seq)),
        1 => any::<usize>().prop_map(Ask),
        2 => (any::<usize>(), 0..3_usize, 0..150_i64)
            .prop_map(|(question, decision, when)| Decide(question, decision, when)),
        2 => (any::<usize>(), 0..150_i64).prop_map(|(question, when)| Spend(question, when)),
        1 => (0..3_u8).prop_map(Feed),
        1 => any::<usize>().prop_map(Audit),
        1 => Just(Reopen),
    ]
}

/// What the test remembers of what it made.
struct Player {
    world: World,
    tasks: Vec<TaskId>,
    questions: Vec<Approval>,
}

impl Player {
    fn task(&self, choice: usize) -> TaskId {
        match self.tasks.len() {
            0 => TaskId::mint(at(0), 1 << 70),
            count => self.tasks[choice % count],
        }
    }

    async fn row(&self, choice: usize) -> Option<TaskRow> {
        self.world
            .store
            .task(self.world.org, self.task(choice))
            .await
            .unwrap()
    }

    /// Refusals are fine, failures are not.
    async fn attempt(&self, writes: Vec<Write>) {
        match self.world.commit(writes).await {
            Ok(_) | Err(CommitError::Refused(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }

    async fn play(&mut self, operation: Operation) {
        match operation {
            Operation::Create => {
                let new = self.world.new_task();
                self.tasks.push(new.task.id);
                self.attempt(vec![new.into()]).await;
            }
            Operation::Claim(tasks_max) => drop(self.world.claim(tasks_max).await),
            Operation::Save(choice, status, is_ready, stale) => {
                let Some(mut row) = self.row(choice).await else {
                    return;
                };
                row.fence = row.fence.saturating_add_signed(stale.min(0));
                row.ver = row.ver.saturating_add_signed(stale.max(0));
                let saved = save(&row, TaskStatus::ALL[status], is_ready.then(|| at(3)));
                let (task, fence, kind) = (row.task.id, row.fence, "fact".to_owned());
                let journal = Journal {
                    task,
                    fence,
                    kind,
                    body: json!(status),
                };
                self.attempt(vec![journal.into(), saved.into()]).await;
            }
            Operation::Release(choice, stale) => {
                let Some(row) = self.row(choice).await else {
                    return;
                };
                let fence = row.fence.saturating_add_signed(stale);
                let release = ReleaseTask {
                    task: row.task.id,
                    fence,
                    ready_at: at(2),
                };
                self.attempt(vec![release.into()]).await;
            }
            Operation::Mail(choice, key) => {
                let (task, dedup_key) = (self.task(choice), key.to_string());
                let (kind, body, at) = ("told".to_owned(), json!(key), at(4));
                self.attempt(vec![
                    Signal {
                        task,
                        dedup_key,
                        kind,
                        body,
                        at,
                    }
                    .into(),
                ])
                .await;
            }
            Operation::Read(choice, up_to_seq) => {
                let task = self.task(choice);
                self.attempt(vec![ConsumeSignals { task, up_to_seq }.into()])
                    .await;
            }
            Operation::Ask(choice) => {
                let question = self.world.question(self.task(choice));
                self.questions.push(question.clone());
                self.attempt(vec![question.into()]).await;
            }
            Operation::Decide(choice, decision, when) => {
                let Some(question) = pick(&self.questions, choice) else {
                    return;
                };
                let (by, at) = (Some(self.world.alice), at(when));
                let decision = ApprovalDecision::ALL[decision];
                let (id, digest, answer) = (question.id, None, None);
                self.attempt(vec![
                    Decide {
                        id,
                        decision,
                        by,
                        at,
                        digest,
                        answer,
                    }
                    .into(),
                ])
                .await;
            }
            Operation::Spend(choice, when) => {
                let Some(question) = pick(&self.questions, choice) else {
                    return;
                };
                self.attempt(vec![
                    Spend {
                        id: question.id,
                        at: at(when),
                    }
                    .into(),
                ])
                .await;
            }
            Operation::Feed(stream) => {
                let (stream, event) = (stream.to_string(), "output".into());
                self.attempt(vec![
                    Feed {
                        stream,
                        event,
                        at: at(1),
                        data: json!({}),
                    }
                    .into(),
                ])
                .await;
            }
            Operation::Audit(choice) => {
                let chain = Chain::Task(self.task(choice));
                self.attempt(vec![event(chain, AuditKind::TaskMoved).into()])
                    .await;
            }
            Operation::Reopen => {
                self.world.store.close();
                let options = OpenOptions::write(at(5));
                self.world.store = self.world.place.open(options).unwrap();
            }
        }
    }

    async fn check(&self) {
        let (store, org) = (&self.world.store, self.world.org);
        for &task in &self.tasks {
            let row = store.task(org, task).await.unwrap().unwrap();
            assert!(
                !(row.is_claimed && row.task.status.is_terminal()),
                "{row:?}"
            );
            let journal = store.journal(org, task, 0).await.unwrap();
            assert_eq!(journal.len() as u64, row.ver, "one fact per save");
            assert!(
                journal
                    .windows(2)
                    .all(|pair| pair[0].fence <= pair[1].fence)
            );
            assert!(
                journal
                    .windows(2)
                    .all(|pair| pair[0].hash == pair[1].prev_hash)
            );
            let mail = store.signals(org, task).await.unwrap();
            let is_asleep = !row.is_claimed && !row.task.status.is_terminal();
            if is_asleep && !mail.is_empty() {
                assert!(
                    store.ready_count(org, at(10)).await.unwrap() > 0,
                    "unread mail wakes"
                );
            }
        }
        for stream in ["0", "1", "2"] {
            let rows = store.feed_after(org, stream, 0, 1000).await.unwrap();
            assert!(rows.iter().zip(1..).all(|(row, seq)| row.seq == seq));
        }
        let key = self.world.folder.path().join("audit.key");
        let signer = AuditSigner::load_or_create(&key).unwrap();
        store.anchor(org, &signer, at(9)).await.unwrap();
        let report = store.audit_verify(&signer.verifier()).unwrap();
        assert_eq!(report.first_bad, None);
    }
}

fn pick<T>(from: &[T], choice: usize) -> Option<&T> {
    from.get(choice.checked_rem(from.len())?)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: Place::PLAYS, ..ProptestConfig::default() })]

    #[test]
    fn any_operations(operations in prop::collection::vec(operation(), 1..80)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let world = World::new().await;
            let mut player = Player { world, tasks: vec![], questions: vec![] };
            for operation in operations {
                player.play(operation).await;
            }
            player.check().await;
        });
    }
}
