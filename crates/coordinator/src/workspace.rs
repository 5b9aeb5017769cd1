//! Folders that tasks work on: made by the product, or opened to the crew by their owner.

use crate::crew::Crew;
use crate::{Wrong, mint};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wardroom_domain::{AuditKind, Chain, Principal, UserId, Workspace, WorkspaceId, WorkspaceKind};
use wardroom_store::{CommitError, Conflict, Write};

/// A person's private workspace, made when it is first needed.
pub async fn private(crew: &Arc<Crew>, user: UserId) -> Result<Workspace, Wrong> {
    if let Some(found) = crew.store.private_workspace(crew.org, user).await? {
        return Ok(found);
    }
    let path = crew.benches.workspaces.join(user.to_string());
    std::fs::create_dir_all(&path).map_err(|error| {
        Wrong::Unfit(format!(
            "the workspace {} cannot be made: {error}",
            path.display()
        ))
    })?;
    let id = mint!(crew.clock, WorkspaceId);
    let created_at = crew.clock.now();
    let workspace = Workspace {
        id,
        kind: WorkspaceKind::Private,
        owner: user,
        path,
        created_at,
    };
    match crew
        .commit(vec![Write::AddWorkspace(workspace.clone())])
        .await
    {
        Ok(_) => Ok(workspace),
        // Somebody else made it at the same moment.
        Err(Wrong::Commit(CommitError::Refused(Conflict::Exists { .. }))) => crew
            .store
            .private_workspace(crew.org, user)
            .await?
            .ok_or(Wrong::missing("workspace")),
        Err(other) => Err(other),
    }
}

/// Opens a folder of the host to the crew, on the word of its owner. The same folder is the same
/// workspace.
pub async fn open(
    crew: &Arc<Crew>,
    by: &Principal,
    path: &Path,
    refused: &Forbidden,
) -> Result<Workspace, Wrong> {
    let path = path.canonicalize().map_err(|error| {
        Wrong::Unfit(format!(
            "the folder {} cannot be opened: {error}",
            path.display()
        ))
    })?;
    refused.check(&path)?;
    if let Some(found) = crew.store.workspace_at(crew.org, by.user, &path).await? {
        return Ok(found);
    }
    let id = mint!(crew.clock, WorkspaceId);
    let created_at = crew.clock.now();
    let workspace = Workspace {
        id,
        kind: WorkspaceKind::Host,
        owner: by.user,
        path,
        created_at,
    };
    let body = json!({"workspace": id, "path": workspace.path, "via": by.via});
    let audit = crew.audit(Chain::Org, AuditKind::WorkspaceOpened, by.user, None, body);
    match crew
        .commit(vec![Write::AddWorkspace(workspace.clone()), audit])
        .await
    {
        Ok(_) => Ok(workspace),
        Err(Wrong::Commit(CommitError::Refused(Conflict::Exists { .. }))) => {
            let found = crew
                .store
                .workspace_at(crew.org, by.user, &workspace.path)
                .await?;
            found.ok_or(Wrong::missing("workspace"))
        }
        Err(other) => Err(other),
    }
}

/// Folders that nobody opens: what runs the host, whole homes, and our own data.
#[derive(Clone, Debug)]
pub struct Forbidden {
    /// The data directory.
    pub data: PathBuf,
    /// Home directories as such; folders in them are fine.
    pub homes: Vec<PathBuf>,
}

/// What runs the host: never a workspace, nor anything beneath.
const SYSTEM: &[&str] = &[
    "/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/run", "/sbin", "/sys", "/usr",
];

impl Forbidden {
    /// Refuses a folder with the reason.
    pub fn check(&self, path: &Path) -> Result<(), Wrong> {
        let refuse = |why: &str| {
            let text = format!(
                "{} cannot be a workspace: {why}; open a folder of a project",
                path.display()
            );
            Err(Wrong::Unfit(text))
        };
        if path.parent().is_none() {
            return refuse("it is the whole host");
        }
        if self.homes.iter().any(|home| home == path) || path == Path::new("/home") {
            return refuse("it is a whole home directory");
        }
        if SYSTEM.iter().any(|top| path.starts_with(top)) {
            return refuse("it belongs to the system");
        }
        if path.starts_with(&self.data) || self.data.starts_with(path) {
            return refuse("it holds the data of Wardroom itself");
        }
        if !path.is_dir() {
            return refuse("it is no folder");
        }
        Ok(())
    }
}
