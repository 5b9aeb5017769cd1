//! What stands around an action at this very moment. Read anew at every decision, so that a switch,
//! a role or a grant that changed a moment ago counts for the next action of a running task.

use crate::run::Run;
use crate::{Wrong, bypass, emergency};
use wardroom_domain::{BypassMode, Emergency, Grant, Scopes};
use wardroom_policy::decide::Circumstances;

/// The people's side of [`Circumstances`], owned.
pub(crate) struct Standing {
    emergency: Emergency,
    bypass: BypassMode,
    scopes: Scopes,
    grants: Vec<Grant>,
}

/// Reads it, and the requester as he stands now. He who may not act any more has no action either.
pub(crate) async fn around(run: &mut Run) -> Result<Standing, Wrong> {
    let crew = run.crew.clone();
    run.requester = crew.principal(run.task.requester, "task").await?;
    let (store, org) = (&crew.store, crew.org);
    Ok(Standing {
        emergency: emergency::stands(&crew).await?,
        bypass: bypass::mode(&crew, run.task.requester).await?,
        scopes: store.scopes(org, run.task.requester).await?,
        grants: store.grants_in_force(org, run.workspace.id).await?,
    })
}

impl Standing {
    /// As policy takes it.
    pub(crate) fn circumstances(&self, run: &Run) -> Circumstances<'_> {
        Circumstances {
            workspace: Some(run.workspace.id),
            scopes: Some(&self.scopes),
            bypass: self.bypass,
            emergency: self.emergency,
            grants: &self.grants,
            ..Circumstances::default()
        }
    }
}
