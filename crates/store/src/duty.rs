//! What one process at a time does for all. What holds a duty is the lease of its process, which the
//! process renews as long as it lives: a turn may take as long as it takes.

use crate::boundary::{Boundary, Deed};
use crate::lock::Key;
use crate::sql::{Tx, params};
use crate::write::Apply;
use crate::{CommitError, Store, StoreError};
use wardroom_domain::{ConversationId, OrgId, TaskId};

/// Something that two processes must not do at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    /// The turn in a conversation.
    Turn(ConversationId),
    /// Asking platforms for messages, and carrying ours to them.
    ForeignDoors,
}

impl Duty {
    fn name(self) -> String {
        match self {
            Self::Turn(conversation) => conversation.to_string(),
            Self::ForeignDoors => "foreign doors".to_owned(),
        }
    }
}

/// The view of a task lies in a data directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceView {
    /// Whose.
    pub task: TaskId,
    /// The data directory, by its own name.
    pub place: String,
}

/// Takes a duty, unless another process has it.
struct TakeDuty(Duty);

/// Gives it back.
struct EndDuty(Duty);

impl Deed for TakeDuty {
    type Answer = bool;

    async fn run<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<bool, CommitError> {
        let sql = "INSERT INTO duty (org, name, epoch) VALUES ($1, $2, $3) \
                   ON CONFLICT (org, name) DO UPDATE SET epoch = excluded.epoch \
                   WHERE duty.epoch = excluded.epoch";
        let taken = at
            .tx
            .execute(sql, params![at.org, self.0.name(), at.epoch])
            .await?;
        Ok(taken == 1)
    }

    fn locks(&self) -> Vec<Key> {
        Vec::new()
    }
}

impl Deed for EndDuty {
    type Answer = ();

    async fn run<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<(), CommitError> {
        let sql = "DELETE FROM duty WHERE org = $1 AND name = $2 AND epoch = $3";
        at.tx
            .execute(sql, params![at.org, self.0.name(), at.epoch])
            .await?;
        Ok(())
    }

    fn locks(&self) -> Vec<Key> {
        Vec::new()
    }
}

impl Apply for PlaceView {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let sql = "INSERT INTO view (org, task, place) VALUES ($1, $2, $3) \
                   ON CONFLICT (org, task) DO UPDATE SET place = excluded.place";
        at.tx
            .execute(sql, params![at.org, self.task, self.place])
            .await?;
        Ok(None)
    }

    fn locks(&self) -> Vec<Key> {
        vec![Key::Task(self.task)]
    }
}

impl Store {
    /// Takes a duty for this process, which keeps its own hands apart by itself. Answers whether it
    /// has it. A database file has one process, so there it always does.
    pub async fn take_duty(&self, org: OrgId, duty: Duty) -> Result<bool, CommitError> {
        match self.is_shared() {
            true => self.carry_out(org, TakeDuty(duty)).await,
            false => Ok(true),
        }
    }

    /// Gives it back.
    pub async fn end_duty(&self, org: OrgId, duty: Duty) -> Result<(), CommitError> {
        match self.is_shared() {
            true => self.carry_out(org, EndDuty(duty)).await,
            false => Ok(()),
        }
    }

    /// The data directory in which the view of a task lies; none where nobody said.
    pub async fn place_of_view(
        &self,
        org: OrgId,
        task: TaskId,
    ) -> Result<Option<String>, StoreError> {
        let sql = "SELECT place FROM view WHERE org = $1 AND task = $2";
        let place = self.one(sql, params![org, task]).await?;
        Ok(place.map(|(place,)| place))
    }
}
