//! Tasks: asked for, saved at their boundaries by who holds them, found again.

mod change;
mod find;
mod ready;

pub(crate) use change::{Standing, held, standing};
pub(crate) use ready::{make_ready, unmake_ready, wake_over_unread_mail};

use crate::sql::{Columns, Json, Record};
use crate::{Overseer, StoreError};
use serde_json::Value;
use wardroom_domain::{
    ConversationId, Progress, Task, TaskId, TaskStatus, Timestamp, UserId, WorkspaceId,
};

/// Ready now, whatever a clock says. Tasks of this moment go on in the order in which they were asked
/// for. A moment of somebody's clock would make others wait whose clock is behind it.
pub const AT_ONCE: Timestamp = Timestamp::from_micros(0);

/// A task is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateTask {
    /// The task, usually `QUEUED`.
    pub task: Task,
    /// How many tasks stand between it and a person.
    pub depth: u32,
    /// What the engine needs to go on.
    pub snapshot: Value,
    /// When it may be claimed; none if it first waits for mail.
    pub ready_at: Option<Timestamp>,
    /// The tasks of one batch report together.
    pub batch: Option<String>,
}

/// A task is saved at a boundary by who read it. Its id, kind, title, text, requester, origin,
/// context, workspace, conversation, parent and creation never change and are not looked at.
///
/// A task that stays or becomes `RUNNING` without `ready_at` stays claimed; every other save ends
/// the claim. Unread mail wakes a task that would fall asleep.
#[derive(Clone, Debug, PartialEq)]
pub struct SaveTask {
    /// The task as it shall be.
    pub task: Task,
    /// What the engine needs to go on.
    pub snapshot: Value,
    /// The fence under which it was read.
    pub fence: u64,
    /// The version that was read. The saved one is this plus one.
    pub ver: u64,
    /// When it may be claimed next.
    pub ready_at: Option<Timestamp>,
}

/// A worker gives a task back as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseTask {
    /// Which.
    pub task: TaskId,
    /// The fence under which it was claimed.
    pub fence: u64,
    /// When it may be claimed next.
    pub ready_at: Timestamp,
}

/// A worker shows that it still holds a task; what is written beside it stands or falls with that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldTask {
    /// Which.
    pub task: TaskId,
    /// The fence under which it was claimed.
    pub fence: u64,
}

/// A task as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskRow {
    /// The task.
    pub task: Task,
    /// What the engine needs to go on.
    pub snapshot: Value,
    /// Grows with every claim; older ones can write no more.
    pub fence: u64,
    /// Grows with every save.
    pub ver: u64,
    /// How many tasks stand between it and a person.
    pub depth: u32,
    /// The tasks of one batch report together.
    pub batch: Option<String>,
    /// Whether a worker holds it now.
    pub is_claimed: bool,
}

/// Which states are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StatusFilter {
    /// Any.
    #[default]
    Any,
    /// Those that something may follow.
    Open,
    /// This one.
    Is(TaskStatus),
}

/// Which tasks are wanted; what is not given does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskFilter {
    /// Asked for by.
    pub requester: Option<UserId>,
    /// Working on.
    pub workspace: Option<WorkspaceId>,
    /// Standing in.
    pub status: StatusFilter,
    /// Awaited by.
    pub conversation: Option<ConversationId>,
    /// Spawned by.
    pub parent: Option<TaskId>,
    /// Reporting together.
    pub batch: Option<String>,
    /// As far as somebody sees them.
    pub overseen_by: Option<Overseer>,
}

/// The columns of a [`TaskRow`], in the order in which it is read.
macro_rules! task_columns {
    () => {
        "id, status, kind, title, body, requester, origin, context, workspace, conversation, \
         parent, agent, tier, priority, percent, note, result, error, applied, labels, deadline, \
         created_at, updated_at, snapshot, fence, ver, depth, batch, worker IS NOT NULL"
    };
}
pub(crate) use task_columns;

impl Record for Task {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: columns.take()?,
            status: columns.take()?,
            kind: columns.take()?,
            title: columns.take()?,
            text: columns.take()?,
            requester: columns.take()?,
            origin: columns.take()?,
            context: columns.take()?,
            workspace: columns.take()?,
            conversation: columns.take()?,
            parent: columns.take()?,
            agent: columns.take()?,
            tier: columns.take()?,
            priority: columns.take()?,
            progress: Progress {
                percent: columns.take()?,
                note: columns.take()?,
            },
            result: columns.take()?,
            error: columns.take()?,
            applied: columns.take()?,
            labels: columns.take::<Json<_>>()?.0,
            deadline: columns.take()?,
            created_at: columns.take()?,
            updated_at: columns.take()?,
        })
    }
}

impl Record for TaskRow {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            task: Task::read(columns)?,
            snapshot: columns.take::<Json<_>>()?.0,
            fence: columns.take()?,
            ver: columns.take()?,
            depth: columns.take()?,
            batch: columns.take()?,
            is_claimed: columns.take()?,
        })
    }
}
