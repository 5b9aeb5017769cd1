//! A person's notes: the Markdown files of his private workspace, and nothing else.

use crate::gateway::Gateway;
use crate::{limits, words};
use std::path::{Component, Path, PathBuf};
use wardroom_coordinator::{Wrong, workspace};
use wardroom_domain::Principal;

async fn root(gateway: &Gateway, by: &Principal) -> Result<PathBuf, Wrong> {
    Ok(workspace::private(&gateway.crew, by.user).await?.path)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Wrong> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| Wrong::Gone)
}

/// Shows a note.
pub(super) async fn open(gateway: &Gateway, by: &Principal, path: &str) -> Result<String, Wrong> {
    let (root, wanted) = (root(gateway, by).await?, path.to_owned());
    let found = blocking(move || read(&root, &wanted)).await?;
    // Whether something is there that he may not read is not his to learn.
    let text = found.ok_or_else(|| {
        Wrong::Unfit(format!(
            "there is no note `{}` in your workspace",
            words::clipped(path, 200)
        ))
    })?;
    Ok(format!("**{}**\n\n{text}", words::plain(path)))
}

/// A note within the workspace: no way up, no link out, Markdown, not too large.
fn read(root: &Path, wanted: &str) -> Option<String> {
    let wanted = Path::new(wanted);
    let is_plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    if !wanted.components().all(is_plain) || wanted.extension()? != "md" {
        return None;
    }
    let root = root.canonicalize().ok()?;
    let path = root.join(wanted).canonicalize().ok()?;
    let is_itself = path == root.join(wanted);
    let size = path.metadata().ok().filter(|file| file.is_file())?.len();
    if !is_itself || size > limits::NOTE_BYTES_MAX {
        return None;
    }
    std::fs::read_to_string(path).ok()
}

/// Looks through the notes for words.
pub(super) async fn search(
    gateway: &Gateway,
    by: &Principal,
    query: &str,
) -> Result<String, Wrong> {
    let (root, wanted) = (root(gateway, by).await?, query.to_owned());
    let found = blocking(move || look(&root, &wanted)).await?;
    if found.is_empty() {
        return Ok("Nothing of yours tells of that.".to_owned());
    }
    let lines = found.iter().map(|found| {
        let path = words::plain(&found.path);
        format!(
            "**{path}** (your workspace)\n{}",
            words::line(&found.snippet)
        )
    });
    Ok(lines.collect::<Vec<_>>().join("\n\n"))
}

struct Found {
    path: String,
    snippet: String,
    score: usize,
}

fn look(root: &Path, query: &str) -> Vec<Found> {
    let terms: Vec<String> = query
        .to_lowercase()
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    let mut looked = 0;
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(root.join(&folder)) else {
            continue;
        };
        for entry in entries.flatten() {
            let (path, kind) = (folder.join(entry.file_name()), entry.file_type());
            looked += 1;
            if looked > limits::NOTES_MAX {
                return best(found);
            }
            match kind {
                Ok(kind) if kind.is_dir() => folders.push(path),
                Ok(kind) if kind.is_file() => found.extend(score(root, &path, &terms)),
                _ => {}
            }
        }
    }
    best(found)
}

fn score(root: &Path, path: &Path, terms: &[String]) -> Option<Found> {
    let path = path.to_str()?;
    let text = read(root, path)?;
    let lower = text.to_lowercase();
    let counts = terms
        .iter()
        .map(|term| lower.matches(term.as_str()).count());
    let score = counts
        .map(|count| count.min(10))
        .try_fold(0, |sum, count| (count > 0).then_some(sum + count))?;
    let says = |line: &&str| {
        let line = line.to_lowercase();
        terms.iter().any(|term| line.contains(term.as_str()))
    };
    let snippet = text.lines().find(says).unwrap_or_default().to_owned();
    Some(Found {
        path: path.to_owned(),
        snippet,
        score,
    })
}

fn best(mut found: Vec<Found>) -> Vec<Found> {
    found.sort_by(|a, b| b.score.cmp(&a.score).then_with(|| a.path.cmp(&b.path)));
    found.truncate(limits::FOUND_MAX);
    found
}
