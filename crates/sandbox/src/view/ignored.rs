//! Which trees hold generated files: what `.gitignore` names (its text alone is
//! read, git is never run) and a few folders known by name. They are counted by
//! folder and stay in the view.

use std::collections::HashMap;
use std::sync::Arc;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use rustix::fs::FileType;

use super::error::FsError;
use super::limits::GITIGNORE_BYTES_MAX;
use super::node::kind_of;
use super::path::RelPath;
use super::root::Root;

/// Folders that are generated whatever `.gitignore` says: the name, and the file
/// that must stand beside or in it where the name alone would be too common.
const GENERATED: &[(&str, Marker)] = &[
    ("node_modules", Marker::None),
    ("__pycache__", Marker::None),
    ("target", Marker::Beside("Cargo.toml")),
    ("target", Marker::Beside("pom.xml")),
    (".venv", Marker::Within("pyvenv.cfg")),
    ("venv", Marker::Within("pyvenv.cfg")),
];

enum Marker {
    None,
    Beside(&'static str),
    Within(&'static str),
}

/// Answers for one pass over a workspace and, if there is one, the view over it.
pub struct Ignored<'a> {
    /// Looked at in this order; the first that has a file decides.
    layers: Vec<&'a Root>,
    rules: HashMap<RelPath, Option<Arc<Gitignore>>>,
}

impl<'a> Ignored<'a> {
    pub fn new(layers: Vec<&'a Root>) -> Ignored<'a> {
        Ignored {
            layers,
            rules: HashMap::new(),
        }
    }

    /// Whether the thing at `path` is ignored itself; its folders are asked first
    /// by whoever walks. `.git` never is.
    pub fn is_ignored(&mut self, path: &RelPath, is_folder: bool) -> bool {
        if path.name() == b".git" || path.names().next() == Some(b".git") {
            return false;
        }
        (is_folder && self.is_generated(path)) || self.is_named_by_gitignore(path, is_folder)
    }

    fn is_generated(&self, path: &RelPath) -> bool {
        GENERATED.iter().any(|(name, marker)| {
            path.name() == name.as_bytes()
                && match marker {
                    Marker::None => true,
                    Marker::Beside(file) => self.has_file(&path.parent(), file),
                    Marker::Within(file) => self.has_file(path, file),
                }
        })
    }

    fn has_file(&self, folder: &RelPath, name: &str) -> bool {
        let Ok(path) = folder.join(name.as_bytes()) else {
            return false;
        };
        self.layers.iter().any(|layer| {
            matches!(layer.stat(&path), Ok(Some(stat)) if kind_of(&stat) == FileType::RegularFile)
        })
    }

    fn is_named_by_gitignore(&mut self, path: &RelPath, is_folder: bool) -> bool {
        for folder in path.ancestors() {
            let Some(rules) = self.rules_of(&folder) else {
                continue;
            };
            match rules.matched(path.as_path(), is_folder) {
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
                Match::None => {}
            }
        }
        false
    }

    fn rules_of(&mut self, folder: &RelPath) -> Option<Arc<Gitignore>> {
        if let Some(known) = self.rules.get(folder) {
            return known.clone();
        }
        let rules = self.read_rules(folder).map(Arc::new);
        self.rules.insert(folder.clone(), rules.clone());
        rules
    }

    fn read_rules(&self, folder: &RelPath) -> Option<Gitignore> {
        let path = folder.join(b".gitignore").ok()?;
        let text = self
            .layers
            .iter()
            .find_map(|layer| read_rules_text(layer, &path))?;
        let mut builder = GitignoreBuilder::new(folder.as_path());
        for line in String::from_utf8_lossy(&text).lines() {
            // A line that is no pattern is skipped, as git does.
            let _ = builder.add_line(None, line);
        }
        builder.build().ok().filter(|rules| !rules.is_empty())
    }
}

fn read_rules_text(layer: &Root, path: &RelPath) -> Option<Vec<u8>> {
    let text: Result<Vec<u8>, FsError> = layer.read_start(path, GITIGNORE_BYTES_MAX);
    text.ok()
}
