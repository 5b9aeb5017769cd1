//! What a task asked the world to do: written down before, settled after.

use crate::boundary::Boundary;
use crate::lock::Key;
use crate::sql::{Columns, Json, Record, Tx, json, params};
use crate::task::held;
use crate::write::Apply;
use crate::{CommitError, Conflict, Store, StoreError};
use wardroom_domain::{Effect, EffectId, EffectState, OrgId, Outcome, TaskId, Timestamp};

/// An effect is intended.
#[derive(Clone, Debug, PartialEq)]
pub struct PutEffect {
    /// What will be carried out, exactly.
    pub effect: Effect,
    /// Its place among the steps of the task.
    pub step: u32,
    /// The fence under which the task was claimed.
    pub fence: u64,
    /// When.
    pub at: Timestamp,
}

/// What came of an effect.
#[derive(Clone, Debug, PartialEq)]
pub struct SettleEffect {
    /// Which.
    pub id: EffectId,
    /// Its task.
    pub task: TaskId,
    /// Where it stands now.
    pub state: EffectState,
    /// What came of it, if that is known.
    pub outcome: Option<Outcome>,
    /// The fence under which the task was claimed.
    pub fence: u64,
    /// When.
    pub at: Timestamp,
}

/// An effect as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct EffectRow {
    /// What was to be carried out.
    pub effect: Effect,
    /// Its place among the steps of the task.
    pub step: u32,
    /// Where it stands.
    pub state: EffectState,
    /// What came of it.
    pub outcome: Option<Outcome>,
    /// The fence under which it was intended, or settled last.
    pub fence: u64,
    /// When it was intended.
    pub intended_at: Timestamp,
    /// When it was settled.
    pub settled_at: Option<Timestamp>,
}

impl Record for EffectRow {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            effect: Effect {
                id: columns.take()?,
                task: columns.take()?,
                call: columns.take::<Json<_>>()?.0,
                tier: columns.take()?,
                class: columns.take()?,
                digest: columns.take()?,
            },
            step: columns.take()?,
            state: columns.take()?,
            outcome: columns.take::<Option<Json<_>>>()?.map(|json| json.0),
            fence: columns.take()?,
            intended_at: columns.take()?,
            settled_at: columns.take()?,
        })
    }
}

impl Apply for PutEffect {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let effect = &self.effect;
        held(at, effect.task, self.fence).await?;
        let put = at
            .tx
            .execute(
                "INSERT INTO effect \
                 (org, id, task, step, call, tier, class, digest, state, fence, intended_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'INTENT', $9, $10) \
                 ON CONFLICT DO NOTHING",
                params![
                    at.org,
                    effect.id,
                    effect.task,
                    self.step,
                    json(&effect.call),
                    effect.tier,
                    effect.class,
                    effect.digest,
                    self.fence,
                    self.at
                ],
            )
            .await?;
        match put {
            0 => Err(Conflict::Exists { what: "effect" }.into()),
            _ => Ok(None),
        }
    }

    fn locks(&self) -> Vec<Key> {
        vec![Key::Task(self.effect.task)]
    }
}

impl Apply for SettleEffect {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        held(at, self.task, self.fence).await?;
        let settled = at
            .tx
            .execute(
                "UPDATE effect SET state = $4, outcome = $5, fence = $6, settled_at = $7 \
                 WHERE org = $1 AND id = $2 AND task = $3 AND state IN ('INTENT', 'IN_DOUBT')",
                params![
                    at.org,
                    self.id,
                    self.task,
                    self.state,
                    self.outcome.as_ref().map(json),
                    self.fence,
                    self.at
                ],
            )
            .await?;
        crate::people::found(settled, "open effect", self.id)
    }

    fn locks(&self) -> Vec<Key> {
        vec![Key::Task(self.task)]
    }
}

impl Store {
    /// The effects of a task, in the order in which they were intended.
    pub async fn effects(&self, org: OrgId, task: TaskId) -> Result<Vec<EffectRow>, StoreError> {
        let sql = "SELECT id, task, call, tier, class, digest, step, state, outcome, fence, \
                   intended_at, settled_at FROM effect WHERE org = $1 AND task = $2 \
                   ORDER BY step, intended_at, id";
        self.all(sql, params![org, task]).await
    }

    /// Those of them without a known outcome.
    pub async fn effects_open(
        &self,
        org: OrgId,
        task: TaskId,
    ) -> Result<Vec<EffectRow>, StoreError> {
        let sql = "SELECT id, task, call, tier, class, digest, step, state, outcome, fence, \
                   intended_at, settled_at FROM effect WHERE org = $1 AND task = $2 \
                   AND state IN ('INTENT', 'IN_DOUBT') ORDER BY step, intended_at, id";
        self.all(sql, params![org, task]).await
    }

    /// An effect by id.
    pub async fn effect(&self, org: OrgId, id: EffectId) -> Result<Option<EffectRow>, StoreError> {
        let sql = "SELECT id, task, call, tier, class, digest, step, state, outcome, fence, \
                   intended_at, settled_at FROM effect WHERE org = $1 AND id = $2";
        self.one(sql, params![org, id]).await
    }
}
