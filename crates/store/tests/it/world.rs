//! A store in a temporary place, with an org, a person and a workspace, and short ways to make rows.

use crate::place::Place;
use serde_json::json;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use wardroom_domain::*;
use wardroom_store::*;

pub struct World {
    pub folder: tempfile::TempDir,
    pub place: Place,
    pub store: Store,
    pub org: OrgId,
    pub alice: UserId,
    pub workspace: WorkspaceId,
    pub context: ContextId,
}

/// 2026-01-01 plus so many seconds.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_767_225_600_000_000 + seconds * 1_000_000)
}

/// A number that was never given before, for ids.
pub fn fresh() -> u128 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    u128::from(NEXT.fetch_add(1, Ordering::Relaxed))
}

impl World {
    pub async fn new() -> Self {
        Self::with(|options| options).await
    }

    pub async fn with(tune: impl FnOnce(OpenOptions) -> OpenOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = tune(OpenOptions::write(at(0)));
        let place = Place::fresh(folder.path());
        let store = place.open(options).unwrap();
        let org = store
            .ensure_org(OrgId::mint(at(0), fresh()), "home", at(0))
            .await
            .unwrap();
        let (alice, workspace) = join(&store, org, "alice").await;
        let context = Context {
            id: ContextId::mint(at(0), fresh()),
            name: "private".to_owned(),
            kind: "private".to_owned(),
            settings: json!({}),
            created_at: at(0),
        };
        let context = store.ensure_context(org, context).await.unwrap().id;
        Self {
            folder,
            place,
            store,
            org,
            alice,
            workspace,
            context,
        }
    }

    pub async fn commit(&self, writes: Vec<Write>) -> Result<Receipt, CommitError> {
        self.store.commit(self.org, writes).await
    }

    pub async fn conversation(&self, key: &str) -> ConversationId {
        let id = ConversationId::mint(at(0), fresh());
        let conversation = Conversation {
            id,
            owner: self.alice,
            key: key.to_owned(),
            context: self.context,
            workspace: self.workspace,
            created_at: at(0),
        };
        self.commit(vec![conversation.into()]).await.unwrap();
        id
    }

    pub fn message(&self, conversation: ConversationId, text: &str) -> Message {
        Message {
            id: MessageId::mint(at(0), fresh()),
            conversation,
            seq: 0,
            speaker: Speaker::User,
            text: text.to_owned(),
            tasks: vec![],
            files: vec![],
            labels: Labels::owner(self.alice),
            at: at(1),
        }
    }

    /// A queued task of Alice, ready at once.
    pub fn new_task(&self) -> CreateTask {
        self.new_task_for(self.alice, self.workspace)
    }

    pub fn new_task_for(&self, requester: UserId, workspace: WorkspaceId) -> CreateTask {
        let task = Task {
            id: TaskId::mint(at(0), fresh()),
            status: TaskStatus::Queued,
            kind: TaskType::General,
            title: "count".to_owned(),
            text: "count the files".to_owned(),
            requester,
            origin: Origin::Api,
            context: self.context,
            workspace,
            conversation: None,
            parent: None,
            agent: "executor".to_owned(),
            tier: RiskTier::L0Readonly,
            priority: Priority::NORMAL,
            progress: Progress::default(),
            result: None,
            error: None,
            applied: None,
            labels: Labels::owner(requester),
            deadline: at(3600),
            created_at: at(1),
            updated_at: at(1),
        };
        CreateTask {
            task,
            depth: 0,
            snapshot: json!({"turn": 0}),
            ready_at: Some(at(1)),
            batch: None,
        }
    }

    /// Creates a task and claims it.
    pub async fn running(&self) -> TaskRow {
        self.commit(vec![self.new_task().into()]).await.unwrap();
        self.claim(1).await.pop().unwrap()
    }

    pub async fn claim(&self, tasks_max: usize) -> Vec<TaskRow> {
        self.claim_within(
            tasks_max,
            ClaimLimits {
                per_user: 100,
                per_workspace: 100,
            },
        )
        .await
    }

    pub async fn claim_within(&self, tasks_max: usize, limits: ClaimLimits) -> Vec<TaskRow> {
        let worker = WorkerId::mint(at(0), 1);
        let request = ClaimRequest {
            worker,
            now: at(10),
            tasks_max,
            limits,
        };
        self.store.claim(self.org, request).await.unwrap()
    }

    pub fn question(&self, task: TaskId) -> Approval {
        let call = ToolCall {
            id: "1".to_owned(),
            tool: "apply".to_owned(),
            arguments: json!({}),
        };
        Approval {
            id: ApprovalId::mint(at(1), fresh()),
            question: Question::Permission,
            task,
            effect: Effect::id_of(task, 1, &call),
            requester: self.alice,
            tool: "apply".to_owned(),
            arguments: json!({"diff": "-a"}),
            digest: call.digest(),
            tier: RiskTier::L2Destructive,
            rationale: "removes 1 file".to_owned(),
            rule: "deletes-files".to_owned(),
            source: PolicySource::OrgDefault,
            labels: Labels::owner(self.alice),
            created_at: at(1),
            expires_at: at(100),
            decision: None,
            decided_by: None,
            decided_at: None,
            answer: None,
            agent: "executor".to_owned(),
            covers: None,
            four_eyes: false,
            first_by: None,
        }
    }
}

/// A person with a private workspace.
pub async fn join(store: &Store, org: OrgId, name: &str) -> (UserId, WorkspaceId) {
    let id = UserId::mint(at(0), fresh());
    let workspace = WorkspaceId::mint(at(0), fresh());
    let person = User {
        id,
        name: name.to_owned(),
        role: Role::Member,
        status: UserStatus::Active,
        created_at: at(0),
    };
    let folder = Workspace {
        id: workspace,
        kind: WorkspaceKind::Private,
        owner: id,
        path: PathBuf::from(format!("/srv/{name}")),
        created_at: at(0),
    };
    store
        .commit(org, vec![person.into(), folder.into()])
        .await
        .unwrap();
    (id, workspace)
}

/// The same task one step further.
pub fn save(row: &TaskRow, status: TaskStatus, ready_at: Option<Timestamp>) -> SaveTask {
    let mut task = row.task.clone();
    task.status = status;
    task.updated_at = at(20);
    SaveTask {
        task,
        snapshot: row.snapshot.clone(),
        fence: row.fence,
        ver: row.ver,
        ready_at,
    }
}

pub fn event(chain: Chain, kind: AuditKind) -> AuditDraft {
    AuditDraft {
        chain,
        at: at(5),
        kind,
        actor: "system".to_owned(),
        tier: None,
        body: json!({"b": 1, "a": "x"}),
    }
}
