//! What people do in a run: ask for work, answer questions truthfully, and stop some of it.

use crate::Chance;
use crate::chat::Network;
use crate::outside::World;
use crate::process::Process;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use wardroom_coordinator::control::{self, Direct};
use wardroom_coordinator::decide::{self, Word};
use wardroom_domain::{
    ApprovalDecision, Principal, Priority, Question, TaskId, TaskStatus, TaskType,
};
use wardroom_store::{ApprovalFilter, Page, Store, TaskFilter};

/// The people of a run, as one.
pub(crate) struct People {
    pub(crate) by: Principal,
    chance: Chance,
    orders: Vec<Order>,
    talk: Vec<Said>,
    /// What they were told was done.
    pub(crate) acknowledged: Arc<Mutex<Vec<String>>>,
}

/// A task that somebody wants.
struct Order {
    number: usize,
    at_slice: u32,
    attempts: u32,
    task: Arc<Mutex<Option<TaskId>>>,
    is_under_way: Arc<Mutex<bool>>,
    is_stopped: bool,
    stops: bool,
}

/// Something that somebody says in the chat, and what he is to hear.
struct Said {
    at_slice: u32,
    text: String,
    hears: Vec<String>,
    is_said: bool,
}

impl Said {
    fn new(at_slice: u32, text: String, hears: &[&str]) -> Self {
        Self {
            at_slice,
            text,
            hears: hears.iter().map(|words| (*words).to_owned()).collect(),
            is_said: false,
        }
    }

    /// Small talk, work that is handed on, and small talk again, once later.
    fn in_the_chat() -> Vec<Self> {
        let work = json!([["outside__look", {"what": "chat"}], ["outside__pay", {"what": "chat"}]]);
        vec![
            Self::new(1, "hello".to_owned(), &["heard hello"]),
            Self::new(
                5,
                format!("work chat {work}"),
                &["begun chat", "ended chat"],
            ),
            Self::new(7, "thanks".to_owned(), &["heard thanks"]),
            // When whoever slept is awake again, and may not know yet that he is too late.
            Self::new(90, "still there".to_owned(), &["heard still there"]),
        ]
    }
}

impl People {
    pub(crate) fn new(by: Principal, seed: u64) -> Self {
        let mut chance = Chance::of(seed);
        let count = 2 + chance.below(2);
        let order = |number: u64| Order {
            number: usize::try_from(number).unwrap_or_default(),
            at_slice: u32::try_from(number * 4).unwrap_or_default(),
            attempts: 0,
            task: Arc::default(),
            is_under_way: Arc::default(),
            is_stopped: false,
            stops: number + 1 == count,
        };
        Self {
            by,
            orders: (0..count).map(order).collect(),
            talk: Said::in_the_chat(),
            chance,
            acknowledged: Arc::default(),
        }
    }

    /// What a task does: it pays, looks, adds a line to a file, in some order. Every call is its
    /// own, so that the world can tell them apart.
    fn script(&mut self, number: usize, attempt: u32) -> Value {
        let mut turns = Vec::new();
        let count = 2 + self.chance.below(2);
        for turn in 0..count {
            let mark = format!("{number}.{attempt}.{turn}");
            let pays = turn == 0 || self.chance.percent(40);
            turns.push(if pays {
                json!(["outside__pay", {"what": mark}])
            } else if self.chance.percent(50) {
                json!(["shell", {"command": format!("echo {mark} >> file-{number}.txt")}])
            } else {
                json!(["outside__look", {"what": mark}])
            });
        }
        Value::Array(turns)
    }

    /// Asks for what is due and not yet acknowledged.
    pub(crate) fn ask(&mut self, slice: u32, process: &Process) {
        for place in 0..self.orders.len() {
            let order = &self.orders[place];
            let is_idle = !*lock(&order.is_under_way);
            if slice < order.at_slice || lock(&order.task).is_some() || !is_idle {
                continue;
            }
            let (number, attempt) = (order.number, order.attempts);
            let text = self.script(number, attempt).to_string();
            let order = &mut self.orders[place];
            order.attempts += 1;
            // Whoever got no answer asks again; what became of the first is seen by the invariants.
            order.at_slice = slice + 40;
            let (crew, by) = (process.crew.clone(), self.by.clone());
            let (task, acknowledged) = (order.task.clone(), self.acknowledged.clone());
            process.begins(async move {
                let direct = Direct {
                    title: format!("order {number}"),
                    text,
                    kind: TaskType::General,
                    agent: None,
                    priority: Priority::NORMAL,
                    workspace: None,
                    time_max: None,
                    files: Vec::new(),
                };
                if let Ok(begun) = control::create(&crew, &by, direct, |_| Vec::new()).await {
                    lock(&acknowledged).push(begun.id.to_string());
                    *lock(&task) = Some(begun.id);
                }
            });
        }
    }

    /// Says in the chat what is due.
    pub(crate) fn talk(&mut self, slice: u32, network: &Network) {
        for (id, said) in (0..).zip(&mut self.talk) {
            if slice >= said.at_slice && !said.is_said {
                said.is_said = true;
                network.says(id, &said.text);
            }
        }
    }

    /// Whether everything that was said was answered there, and nothing more is to be said.
    pub(crate) fn are_answered(&self, store: &Store, network: &Network) -> bool {
        let mut hears = self.talk.iter().flat_map(|said| &said.hears);
        let (waiting, _) = now(store.outbox_waiting(self.by.org)).expect("the outbox");
        waiting == 0 && hears.all(|words| network.has_shown(words))
    }

    /// Answers what is asked, by one of the processes.
    pub(crate) fn answer(&mut self, store: &Store, process: &Process, world: &World) {
        for question in now(open_questions(store, process)) {
            let by = self.by.clone();
            let (crew, acknowledged) = (process.crew.clone(), self.acknowledged.clone());
            if question.question == Question::InDoubt {
                let happened = world.knows(&now(call_of(store, process, &question)));
                let answer = if happened { "happened" } else { "did_not" };
                process.begins(async move {
                    let said = decide::resolve(&crew, &by, question.task, question.effect, answer);
                    if said.await.is_ok() {
                        lock(&acknowledged).push(question.id.to_string());
                    }
                });
                continue;
            }
            let yes = self.chance.percent(85);
            let decision = if yes {
                ApprovalDecision::Approve
            } else {
                ApprovalDecision::Deny
            };
            process.begins(async move {
                let word = Word {
                    decision,
                    digest: Some(question.digest),
                    answer: None,
                    lasts: false,
                };
                if decide::decide(&crew, &by, question.id, word).await.is_ok() {
                    lock(&acknowledged).push(question.id.to_string());
                }
            });
        }
    }

    /// Stops the last order, once it runs.
    pub(crate) fn stop_some(&mut self, process: &Process) {
        for order in self
            .orders
            .iter_mut()
            .filter(|order| order.stops && !order.is_stopped)
        {
            let Some(task) = *lock(&order.task) else {
                continue;
            };
            order.is_stopped = true;
            let (crew, by) = (process.crew.clone(), self.by.clone());
            process.begins(async move {
                let _ = control::cancel(&crew, &by, task).await;
            });
        }
    }

    /// Whether everything that was asked for has ended.
    pub(crate) fn are_served(&self, store: &Store) -> bool {
        let is_begun = self.orders.iter().all(|order| lock(&order.task).is_some());
        is_begun && now(unended(store, self.by.org)).is_empty()
    }
}

/// The tasks that have not ended, for whoever reads a failure.
pub(crate) async fn unended(
    store: &Store,
    org: wardroom_domain::OrgId,
) -> Vec<(TaskId, TaskStatus, Value)> {
    let all = store
        .tasks(org, &TaskFilter::default(), &Page::default())
        .await
        .expect("the tasks");
    let open = all
        .items
        .into_iter()
        .filter(|row| !row.task.status.is_terminal());
    open.map(|row| (row.task.id, row.task.status, row.snapshot))
        .collect()
}

async fn open_questions(store: &Store, process: &Process) -> Vec<wardroom_domain::Approval> {
    let filter = ApprovalFilter {
        open_only: true,
        ..ApprovalFilter::default()
    };
    let open = store
        .approvals(process.crew.org, &filter, &Page::default())
        .await;
    let open = open.expect("the questions").items.into_iter();
    open.map(|row| row.approval).collect()
}

async fn call_of(
    store: &Store,
    process: &Process,
    question: &wardroom_domain::Approval,
) -> wardroom_domain::Digest {
    let effect = store
        .effect(process.crew.org, question.effect)
        .await
        .expect("the effects");
    effect
        .map(|row| row.effect.call.digest())
        .unwrap_or_default()
}

/// What a store answers at once.
pub(crate) fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(answer) => answer,
        std::task::Poll::Pending => panic!("a store on this thread answers at once"),
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
