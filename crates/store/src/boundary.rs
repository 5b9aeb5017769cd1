//! One logical commit while it is being applied, whatever the engine.

use crate::audit::Heads;
use crate::claim::Turns;
use crate::lock::Key;
use crate::sql::Tx;
use crate::task::Standing;
use crate::{CommitError, Hint};
use wardroom_domain::{OrgId, TaskId};

/// What a commit is applied to: the transaction, and what the engine remembers between commits.
pub(crate) struct Boundary<'a, T> {
    pub(crate) org: OrgId,
    pub(crate) tx: T,
    pub(crate) epoch: i64,
    pub(crate) heads: &'a mut Heads,
    pub(crate) turns: &'a Turns,
    pub(crate) hints: &'a mut Vec<Hint>,
    /// The task that this commit looked at last, as it stands in the transaction.
    pub(crate) standing: Option<(TaskId, Standing)>,
}

/// What one logical commit does, as data. An engine on which two commits can get into each other's
/// way undoes one and runs it again, so a deed only reads itself.
pub(crate) trait Deed: Send + 'static {
    /// What whoever asked for it is answered.
    type Answer: Send + 'static;

    /// Does it.
    async fn run<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Self::Answer, CommitError>;

    /// What two at once must not touch. An engine with one writer does not ask.
    fn locks(&self) -> Vec<Key>;
}
