//! A task that waits in the queue, of ordinary size.

use std::time::Duration;
use wardroom_domain::{
    ContextId, Labels, Origin, Priority, Progress, RiskTier, Task, TaskId, TaskStatus, TaskType,
    Timestamp, UserId, WorkspaceId,
};
use wardroom_store::CreateTask;

/// Of somebody, in a context, on a folder; made at `at`.
pub fn queued(id: TaskId, whose: (UserId, ContextId, WorkspaceId), at: Timestamp) -> CreateTask {
    let (owner, context, workspace) = whose;
    let task = Task {
        id,
        status: TaskStatus::Queued,
        kind: TaskType::General,
        title: "mend the build".to_owned(),
        text: "find out why the build fails and mend it".to_owned(),
        requester: owner,
        origin: Origin::Api,
        context,
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
        labels: Labels::owner(owner),
        deadline: at.after(Duration::from_secs(3600)),
        created_at: at,
        updated_at: at,
    };
    CreateTask {
        task,
        depth: 0,
        snapshot: serde_json::json!({"version": 1}),
        ready_at: None,
        batch: None,
    }
}
