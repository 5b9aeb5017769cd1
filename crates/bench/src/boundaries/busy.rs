//! Tasks that do nothing but pass boundaries: the model has replied, and one effect is intended.

use crate::failure::{Failure, Outcome};
use crate::queued::queued;
use crate::table::Times;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use wardroom_domain::{
    AuditDraft, AuditKind, Chain, ContextId, Effect, OrgId, RetryClass, RiskTier, Role, TaskId,
    TaskStatus, Timestamp, ToolCall, User, UserId, UserStatus, WorkerId, Workspace, WorkspaceId,
    WorkspaceKind,
};
use wardroom_store::{
    ClaimLimits, ClaimRequest, Context, CreateTask, Feed, Journal, OpenOptions, PutEffect,
    SaveTask, Store, TaskRow, Usage, Write,
};

/// A store with claimed tasks.
pub struct Office {
    pub store: Store,
    pub org: OrgId,
    pub rows: Vec<TaskRow>,
}

const WORDS: &str = "I read the build log first, and look for what fails; then I run the tests.";

fn now() -> Timestamp {
    Timestamp::from_micros(1_767_225_600_000_000)
}

impl Office {
    pub async fn open(path: &Path, tasks: usize) -> Outcome<Self> {
        let store = Store::open(path, OpenOptions::write(now()));
        Self::over(
            store.map_err(Failure::to("open the database"))?,
            tasks,
            tasks,
        )
        .await
    }

    /// The same over a store that is open, with so many tasks of which so many are claimed.
    pub async fn over(store: Store, tasks: usize, claimed: usize) -> Outcome<Self> {
        let filling = || Failure::to("fill the database");
        let org = OrgId::mint(now(), 1);
        let org = store.ensure_org(org, "bench", now()).await;
        let org = org.map_err(Failure::to("fill the database"))?;
        let (user, context, workspace) = (
            UserId::mint(now(), 2),
            ContextId::mint(now(), 3),
            WorkspaceId::mint(now(), 4),
        );
        let mut writes = world(user, context, workspace);
        for number in 0..tasks {
            let task = CreateTask {
                ready_at: Some(now()),
                ..queued(
                    TaskId::mint(now(), 1000 + number as u128),
                    (user, context, workspace),
                    now(),
                )
            };
            writes.push(task.into());
        }
        store.commit(org, writes).await.map_err(filling())?;
        let rows = store
            .claim(org, request(claimed))
            .await
            .map_err(filling())?;
        Ok(Self { store, org, rows })
    }

    /// Claims so many at a time until nothing is left. Answers how many it were, and how long it took.
    pub async fn drain(&self, at_once: usize) -> Outcome<(usize, Duration)> {
        let (began, mut taken) = (Instant::now(), 0);
        loop {
            let rows = self.store.claim(self.org, request(at_once)).await;
            let rows = rows.map_err(Failure::to("claim tasks"))?;
            if rows.is_empty() {
                return Ok((taken, began.elapsed()));
            }
            taken += rows.len();
        }
    }

    /// One task passes boundaries, one after the other; how long each took.
    pub async fn step(&mut self, count: usize, times: &mut Times) -> Outcome<()> {
        let Some(row) = self.rows.first_mut() else {
            return Ok(());
        };
        row.task.status = TaskStatus::Running;
        for _ in 0..count {
            let writes = boundary(row);
            let began = Instant::now();
            let committed = self.store.commit(self.org, writes).await;
            committed.map_err(Failure::to("commit a boundary"))?;
            times.push(began.elapsed());
            row.ver += 1;
        }
        Ok(())
    }

    /// Every task passes boundaries until time is up. Answers how many it were.
    pub async fn work(&mut self, time: Duration) -> Outcome<u64> {
        let until = Instant::now() + time;
        let working: Vec<_> = std::mem::take(&mut self.rows)
            .into_iter()
            .map(|row| tokio::spawn(busy(self.store.clone(), self.org, row, until)))
            .collect();
        let mut passed = 0;
        for task in working {
            let (row, count) = task.await.map_err(Failure::to("work"))??;
            self.rows.push(row);
            passed += count;
        }
        Ok(passed)
    }
}

fn request(tasks_max: usize) -> ClaimRequest {
    ClaimRequest {
        worker: WorkerId::mint(now(), 5),
        now: now(),
        tasks_max,
        limits: ClaimLimits {
            per_user: u32::MAX,
            per_workspace: u32::MAX,
        },
    }
}

async fn busy(
    store: Store,
    org: OrgId,
    mut row: TaskRow,
    until: Instant,
) -> Outcome<(TaskRow, u64)> {
    let mut passed = 0;
    while Instant::now() < until {
        row.task.status = TaskStatus::Running;
        let committed = store.commit(org, boundary(&row)).await;
        committed.map_err(Failure::to("commit a boundary"))?;
        row.ver += 1;
        passed += 1;
    }
    Ok((row, passed))
}

/// Eight writes, as the coordinator makes them when a model has asked for one command.
fn boundary(row: &TaskRow) -> Vec<Write> {
    let (task, fence, at) = (row.task.id, row.fence, now());
    let step = u32::try_from(row.ver).unwrap_or(u32::MAX);
    let call = ToolCall {
        id: format!("call_{step}"),
        tool: "shell".to_owned(),
        arguments: json!({"command": "cargo test"}),
    };
    let effect = Effect {
        id: Effect::id_of(task, step, &call),
        task,
        digest: call.digest(),
        tier: RiskTier::L0Readonly,
        class: RetryClass::View,
        call,
    };
    let audit = |kind, tier, body| AuditDraft {
        chain: Chain::Task(task),
        at,
        kind,
        actor: "model".to_owned(),
        tier,
        body,
    };
    let journal = |kind: &str, body: Value| Journal {
        task,
        fence,
        kind: kind.to_owned(),
        body,
    };
    let intended = json!({"fact": "intended", "effect": effect, "rule": "reads-only"});
    let shown = json!({"effect": effect.id, "tool": "shell", "arguments": effect.call.arguments,
        "digest": effect.digest, "rule": "reads-only", "fence": fence});
    let replied = json!({"fact": "replied", "text": WORDS, "calls": [effect.call], "model": "m"});
    let called = json!({"model": "m", "text": effect.digest, "calls": ["shell"]});
    vec![
        save(row, step).into(),
        journal("replied", replied).into(),
        audit(AuditKind::ModelCalled, None, called).into(),
        journal("intended", intended).into(),
        audit(AuditKind::EffectIntended, Some(effect.tier), shown).into(),
        PutEffect {
            effect,
            step,
            fence,
            at,
        }
        .into(),
        Feed {
            stream: task.to_string(),
            event: "progress".into(),
            at,
            data: json!({"percent": 0, "note": "cargo test"}),
        }
        .into(),
        usage(row).into(),
    ]
}

fn save(row: &TaskRow, step: u32) -> SaveTask {
    SaveTask {
        task: row.task.clone(),
        snapshot: json!({"version": 1, "status": "RUNNING", "steps": step, "calls": [], "open": []}),
        fence: row.fence,
        ver: row.ver,
        ready_at: None,
    }
}

fn usage(row: &TaskRow) -> Usage {
    Usage {
        user: row.task.requester,
        task: Some(row.task.id),
        conversation: None,
        model: "m".to_owned(),
        role: "executor".to_owned(),
        task_type: Some(row.task.kind),
        input_tokens: 1000,
        output_tokens: 50,
        cached_tokens: 0,
        cost_micros: 0,
        at: now(),
    }
}

fn world(user: UserId, context: ContextId, workspace: WorkspaceId) -> Vec<Write> {
    let person = User {
        id: user,
        name: "alice".to_owned(),
        role: Role::Member,
        status: UserStatus::Active,
        created_at: now(),
    };
    let folder = Workspace {
        id: workspace,
        kind: WorkspaceKind::Private,
        owner: user,
        path: PathBuf::from("/srv/alice"),
        created_at: now(),
    };
    let context = Context {
        id: context,
        name: "default".to_owned(),
        kind: "private".to_owned(),
        settings: json!({}),
        created_at: now(),
    };
    vec![person.into(), folder.into(), context.into()]
}
