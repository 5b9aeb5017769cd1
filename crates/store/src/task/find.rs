//! Finding tasks.

use super::{StatusFilter, TaskFilter, TaskRow, task_columns};
use crate::page::{BY_CREATION, Place, Select};
use crate::sql::params;
use crate::{Page, Paged, Store, StoreError};
use wardroom_domain::{OrgId, TaskId, TaskStatus, Timestamp, UserId};

impl Store {
    /// A task by id.
    pub async fn task(&self, org: OrgId, id: TaskId) -> Result<Option<TaskRow>, StoreError> {
        let sql = concat!(
            "SELECT ",
            task_columns!(),
            " FROM task WHERE org = $1 AND id = $2"
        );
        self.one(sql, params![org, id]).await
    }

    /// Tasks, newest first.
    pub async fn tasks(
        &self,
        org: OrgId,
        filter: &TaskFilter,
        page: &Page,
    ) -> Result<Paged<TaskRow>, StoreError> {
        let select = Select::new(
            concat!("SELECT ", task_columns!(), " FROM task WHERE org = $1"),
            org,
        )
        .given("requester =", filter.requester)
        .given("workspace =", filter.workspace)
        .given("conversation =", filter.conversation)
        .given("parent =", filter.parent)
        .given("batch =", filter.batch.as_ref());
        let select = match filter.overseen_by {
            Some(overseer) => select.bound(overseer.of_tasks(), overseer.user),
            None => select,
        };
        let select = match filter.status {
            StatusFilter::Any => select,
            StatusFilter::Open => select.only(OPEN),
            StatusFilter::Is(status) => select.given("status =", Some(status)),
        };
        let select = select.newest(BY_CREATION, page)?;
        let rows = self.select(&select).await?;
        Ok(select.page(rows, |row: &TaskRow| Place {
            at: row.task.created_at,
            tie: row.task.id.to_string(),
            seq: 0,
        }))
    }

    /// How many tasks stand in each state; states without a task are left out.
    pub async fn task_counts(&self, org: OrgId) -> Result<Vec<(TaskStatus, i64)>, StoreError> {
        let sql = "SELECT status, COUNT(*) FROM task WHERE org = $1 GROUP BY status";
        self.all(sql, params![org]).await
    }

    /// Open tasks whose time has run out, the most overdue first.
    pub async fn due_deadlines(
        &self,
        org: OrgId,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<TaskRow>, StoreError> {
        let sql = concat!(
            "SELECT ",
            task_columns!(),
            " FROM task WHERE org = $1 AND deadline <= $2 \
             AND status IN ('QUEUED', 'RUNNING', 'WAITING_APPROVAL') ORDER BY deadline LIMIT $3"
        );
        self.all(sql, params![org, now, limit]).await
    }

    /// Tasks that are `RUNNING` but held by nobody: their worker died.
    pub async fn orphans(&self, org: OrgId) -> Result<Vec<TaskRow>, StoreError> {
        let sql = concat!(
            "SELECT ",
            task_columns!(),
            " FROM task WHERE org = $1 AND status = 'RUNNING' AND worker IS NULL \
             ORDER BY created_at, id"
        );
        self.all(sql, params![org]).await
    }

    /// How many tasks of each person are held by a worker.
    pub async fn held_per_user(&self, org: OrgId) -> Result<Vec<(UserId, i64)>, StoreError> {
        let sql = "SELECT requester, COUNT(*) FROM task WHERE org = $1 AND worker IS NOT NULL \
                   GROUP BY requester";
        self.all(sql, params![org]).await
    }
}

const OPEN: &str = "status IN ('QUEUED', 'RUNNING', 'WAITING_APPROVAL')";
