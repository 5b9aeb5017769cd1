//! What models were used for, by whom, and what it cost.

use crate::boundary::Boundary;
use crate::lock::Key;
use crate::page::Select;
use crate::sql::{Columns, Record, Tx, params};
use crate::write::Apply;
use crate::{CommitError, Store, StoreError};
use wardroom_domain::{ConversationId, OrgId, TaskId, TaskType, Timestamp, UserId};

/// One use of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// For whom.
    pub user: UserId,
    /// In which task.
    pub task: Option<TaskId>,
    /// In which conversation.
    pub conversation: Option<ConversationId>,
    /// Which model.
    pub model: String,
    /// As what: `coordinator`, `executor`.
    pub role: String,
    /// For what kind of work.
    pub task_type: Option<TaskType>,
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// Those of the tokens read that were in a cache.
    pub cached_tokens: u64,
    /// What it cost, in millionths of the configured currency.
    pub cost_micros: u64,
    /// When.
    pub at: Timestamp,
}

/// By what usage is summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageBy {
    /// By person.
    User,
    /// By model.
    Model,
    /// By role.
    Role,
    /// By task.
    Task,
    /// By day of UTC, `2026-01-31`.
    Day,
}

/// Which usage is summed; what is not given does not matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsageFilter {
    /// For this person.
    pub user: Option<UserId>,
    /// In this task.
    pub task: Option<TaskId>,
    /// At or after.
    pub from: Option<Timestamp>,
    /// Before.
    pub to: Option<Timestamp>,
}

/// A sum of usage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageTotal {
    /// The person, model, role, task or day; empty where there was none.
    pub key: String,
    /// How many uses.
    pub calls: u64,
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// Those of the tokens read that were in a cache.
    pub cached_tokens: u64,
    /// What it cost, in millionths of the configured currency.
    pub cost_micros: u64,
}

impl Record for UsageTotal {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            key: columns.take()?,
            calls: columns.take()?,
            input_tokens: columns.take()?,
            output_tokens: columns.take()?,
            cached_tokens: columns.take()?,
            cost_micros: columns.take()?,
        })
    }
}

impl Apply for Usage {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        at.tx
            .execute(
                "INSERT INTO usage (org, at, person, task, conversation, model, role, task_type, \
                 input_tokens, output_tokens, cached_tokens, cost_micros) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
                params![
                    at.org,
                    self.at,
                    self.user,
                    self.task,
                    self.conversation,
                    self.model,
                    self.role,
                    self.task_type,
                    self.input_tokens,
                    self.output_tokens,
                    self.cached_tokens,
                    self.cost_micros
                ],
            )
            .await?;
        Ok(None)
    }

    fn locks(&self) -> Vec<Key> {
        Vec::new()
    }
}

macro_rules! sums {
    ($key:literal) => {
        concat!(
            "SELECT ",
            $key,
            ", COUNT(*), CAST(SUM(input_tokens) AS BIGINT), CAST(SUM(output_tokens) AS BIGINT), \
             CAST(SUM(cached_tokens) AS BIGINT), CAST(SUM(cost_micros) AS BIGINT) \
             FROM usage WHERE org = $1"
        )
    };
}

impl UsageBy {
    const fn sums(self) -> &'static str {
        match self {
            Self::User => sums!("person"),
            Self::Model => sums!("model"),
            Self::Role => sums!("role"),
            Self::Task => sums!("COALESCE(task, '')"),
            Self::Day => sums!("CAST(at / 86400000000 AS TEXT)"),
        }
    }
}

impl Store {
    /// Sums of usage, by key.
    pub async fn usage_totals(
        &self,
        org: OrgId,
        by: UsageBy,
        filter: &UsageFilter,
    ) -> Result<Vec<UsageTotal>, StoreError> {
        let select = Select::new(by.sums(), org)
            .given("person =", filter.user)
            .given("task =", filter.task)
            .given("at >=", filter.from)
            .given("at <", filter.to)
            .grouped("1");
        let mut totals: Vec<UsageTotal> = self.select(&select).await?;
        if by == UsageBy::Day {
            totals
                .iter_mut()
                .for_each(|total| total.key = date_of(&total.key));
        }
        Ok(totals)
    }
}

/// What one person's work used of one model in one role on one day of UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageOfDay {
    /// `2026-01-31`.
    pub day: String,
    /// Whose.
    pub user: UserId,
    /// Which model.
    pub model: String,
    /// As what: `coordinator`, `executor`.
    pub role: String,
    /// How many uses.
    pub calls: u64,
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// What it cost, in millionths of the configured currency.
    pub cost_micros: u64,
}

impl Record for UsageOfDay {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            day: date_of(&columns.take::<String>()?),
            user: columns.take()?,
            model: columns.take()?,
            role: columns.take()?,
            calls: columns.take()?,
            input_tokens: columns.take()?,
            output_tokens: columns.take()?,
            cost_micros: columns.take()?,
        })
    }
}

impl Store {
    /// Usage per day, person, model and role, the oldest day first.
    pub async fn usage_days(
        &self,
        org: OrgId,
        filter: &UsageFilter,
    ) -> Result<Vec<UsageOfDay>, StoreError> {
        let sums = "SELECT CAST(at / 86400000000 AS TEXT), person, model, role, COUNT(*), \
                    CAST(SUM(input_tokens) AS BIGINT), CAST(SUM(output_tokens) AS BIGINT), \
                    CAST(SUM(cost_micros) AS BIGINT) FROM usage WHERE org = $1";
        let select = Select::new(sums, org)
            .given("person =", filter.user)
            .given("task =", filter.task)
            .given("at >=", filter.from)
            .given("at <", filter.to)
            .grouped("1, 2, 3, 4");
        self.select(&select).await
    }
}

/// The date of a day that is counted from 1970.
fn date_of(day: &str) -> String {
    const DAY_MICROS: i64 = 86_400_000_000;
    let moment = Timestamp::from_micros(day.parse::<i64>().unwrap_or(0) * DAY_MICROS).to_string();
    moment.chars().take(10).collect()
}
