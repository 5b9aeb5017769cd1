//! What the permission level of a task's agent means for its sandbox.
//!
//! Policy holds what reaches beyond the view; the kernel holds what is done inside of it.

use std::path::{Path, PathBuf};
use wardroom_domain::PermissionLevel;
use wardroom_sandbox::{ExecSpec, ReadOnlyBind, Rights};

/// What an agent of level `STANDARD` is given, as the org has it.
#[derive(Clone, Debug, Default)]
pub struct StandardLevel {
    /// The programs that run: names that are sought where every command seeks them, or whole paths
    /// of files and folders.
    pub programs: Vec<String>,
    /// Folders of the host that are shown where they are, read-only. An absent one is left out.
    pub reads: Vec<PathBuf>,
}

/// How far a sandbox opens for a level.
pub(crate) struct Reach {
    pub(crate) rights: Rights,
    /// Whether anything may leave at all.
    pub(crate) leaves: bool,
    pub(crate) shown: Vec<ReadOnlyBind>,
}

impl Reach {
    /// `runner` is where our side stands inside: it runs at every level.
    pub(crate) fn of(
        level: Option<PermissionLevel>,
        standard: &StandardLevel,
        runner: &str,
    ) -> Self {
        match level {
            Some(PermissionLevel::Restricted) => Self {
                rights: Rights::restricted(runner),
                leaves: false,
                shown: Vec::new(),
            },
            Some(PermissionLevel::Standard) => Self {
                rights: Rights::standard(standard.executables(runner)),
                leaves: true,
                shown: standard.shown(),
            },
            // What these may do beside is done on servers, not in a sandbox.
            Some(PermissionLevel::Elevated | PermissionLevel::Privileged) | None => Self {
                rights: Rights::default(),
                leaves: true,
                shown: Vec::new(),
            },
        }
    }
}

impl StandardLevel {
    fn executables(&self, runner: &str) -> Vec<PathBuf> {
        let programs = self.programs.iter().flat_map(|name| found(name));
        let mut files: Vec<PathBuf> = programs.collect();
        files.sort();
        files.dedup();
        files.push(runner.into());
        files
    }

    fn shown(&self) -> Vec<ReadOnlyBind> {
        let there = self.reads.iter().filter(|folder| folder.is_dir());
        there
            .map(|folder| ReadOnlyBind {
                host: folder.clone(),
                inside: folder.clone(),
            })
            .collect()
    }
}

/// Where a program stands, links followed: what a link leads to may be absent inside.
fn found(name: &str) -> Vec<PathBuf> {
    let is_inside = |path: &PathBuf| {
        ["/usr", "/bin", "/sbin", "/lib"]
            .iter()
            .any(|top| path.starts_with(top))
    };
    let places = match name.starts_with('/') {
        true => vec![PathBuf::from(name)],
        false => folders()
            .map(|folder| Path::new(folder).join(name))
            .collect(),
    };
    let real = places.iter().filter_map(|place| place.canonicalize().ok());
    real.filter(is_inside).collect()
}

/// The folders in which every command seeks its programs.
fn folders() -> impl Iterator<Item = &'static str> {
    let path = ExecSpec::base_environment()
        .into_iter()
        .find(|(name, _)| *name == "PATH");
    path.map_or("", |(_, folders)| folders).split(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_the_files_that_they_lead_to() {
        let standard = StandardLevel {
            programs: ["sh", "/usr/bin/env", "/etc/passwd", "no-such-program"]
                .map(str::to_owned)
                .into(),
            reads: vec!["/usr".into(), "/no/such/folder".into()],
        };
        let files = standard.executables("/run/runner");
        assert!(files.iter().any(|file| file.ends_with("env")), "{files:?}");
        assert!(
            files.iter().all(|file| !file.starts_with("/etc")),
            "{files:?}"
        );
        // The shell itself, and not the name under which it is called.
        assert!(!files.iter().any(|file| file.is_symlink()), "{files:?}");
        assert_eq!(files.last(), Some(&PathBuf::from("/run/runner")));
        assert_eq!(standard.shown().len(), 1);
    }
}
