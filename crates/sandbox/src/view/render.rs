//! The difference as a person reads it: one summary line, what deserves a closer
//! look, every path on a line, then the changed text itself. Nothing that a
//! terminal would act on gets through, and whatever is cut is said.

use std::time::Duration;

use similar::TextDiff;

use super::View;
use super::change::{BaseState, Change, ChangeKind, ChangeSet, Conflict, Risk};
use super::error::{FsError, ViewError};
use super::escape::escape_line;
use super::limits::{RENDER_FILE_BYTES_MAX, RENDER_FILE_TIME_MS, RENDER_TREE_NAMES};
use super::node::{Descend, Digest, Node, TreeSummary, kind_of, walk};
use super::path::RelPath;
use super::root::Root;

/// The difference in at most about `budget_bytes` (see
/// [`super::limits::RENDER_BYTES`]); what did not fit is counted at the end.
pub fn render(changes: &ChangeSet, view: &View, budget_bytes: usize) -> Result<String, ViewError> {
    let layer = view.layer()?;
    let mut page = Page {
        text: String::new(),
        budget_bytes,
        cut_lines: 0,
        cut_files: 0,
    };
    page.line(&format!("{}.", capitalised(&changes.summary())));
    changes
        .risks()
        .iter()
        .for_each(|risk| page.line(&risk_line(risk)));
    changes
        .conflicts
        .iter()
        .for_each(|conflict| page.line(&conflict_lines(conflict)));
    changes.ignored.iter().for_each(|tree| {
        let count = counted(tree.files, "file", "files");
        page.line(&format!(
            "stays in the view: {} ({count}, {}), generated",
            tree.path,
            human_bytes(tree.bytes)
        ));
    });
    changes.left_out.iter().for_each(|thing| {
        page.line(&format!(
            "stays in the view: {}, because {}",
            thing.path, thing.because
        ))
    });
    for change in &changes.changes {
        page.line(&change_line(change));
        page.block(&removed_names(view, change)?);
    }
    for change in &changes.changes {
        // What cannot be shown any more is not even read.
        if page.cut_lines > 0 {
            page.cut_files += 1;
        } else {
            page.block(&content_of(view, &layer, change));
        }
    }
    Ok(page.finish(&changes.digest()))
}

/// Text with a budget. Whole blocks are left out, so that no line is half.
struct Page {
    text: String,
    budget_bytes: usize,
    cut_lines: u64,
    /// Changes whose text was not looked at.
    cut_files: u64,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.block(&format!("{line}\n"));
    }

    fn block(&mut self, block: &str) {
        if block.is_empty() {
            return;
        }
        if self.text.len() + block.len() <= self.budget_bytes {
            self.text.push_str(block);
            return;
        }
        let mut left = self.budget_bytes.saturating_sub(self.text.len());
        for line in block.split_inclusive('\n') {
            match left.checked_sub(line.len()) {
                Some(rest) if self.cut_lines == 0 => {
                    left = rest;
                    self.text.push_str(line);
                }
                _ => self.cut_lines += 1,
            }
        }
    }

    fn finish(mut self, digest: &Digest) -> String {
        if self.cut_lines > 0 {
            let lines = counted(self.cut_lines, "line", "lines");
            let files = match self.cut_files {
                0 => String::new(),
                count => format!(" and the text of {}", counted(count, "change", "changes")),
            };
            self.text.push_str(&format!(
                "[not shown here: {lines}{files}; the decision covers the whole difference, sha256 {digest}]\n"
            ));
        }
        self.text
    }
}

fn risk_line(risk: &Risk) -> String {
    match risk {
        Risk::Protected { path, reason } => {
            format!("look closely: {path} is protected, because {reason}")
        }
        Risk::LinkOutside { path, target } => {
            format!("look closely: {path} is a link out of the workspace, to {target}")
        }
        Risk::Executable { path } => {
            format!("look closely: {path} becomes a program that can be run")
        }
    }
}

/// The three versions of a path that changed on both sides.
fn conflict_lines(conflict: &Conflict) -> String {
    let base = match &conflict.base {
        BaseState::Absent => "nothing".to_owned(),
        BaseState::Marks { bytes, .. } => human_bytes(*bytes),
        BaseState::Exactly { node } => node_words(node),
    };
    format!(
        "conflict: {} changed on both sides; nothing is applied\n  when the task began: {base}\n  in the workspace now: {}\n  in the task's view:   {}",
        conflict.path,
        node_words(&conflict.in_workspace),
        node_words(&conflict.in_view),
    )
}

fn node_words(node: &Node) -> String {
    match node {
        Node::Absent => "nothing".to_owned(),
        Node::File { bytes, sha256, .. } => {
            format!("a file of {}, sha256 {sha256}", human_bytes(*bytes))
        }
        Node::Link { target } => format!("a link to {target}"),
        Node::Directory { .. } => "a folder".to_owned(),
        Node::Tree { summary, .. } => format!("a folder with {}", tree_words(summary)),
    }
}

fn tree_words(summary: &TreeSummary) -> String {
    format!(
        "{}, {}",
        counted(summary.files, "file", "files"),
        human_bytes(summary.bytes)
    )
}

fn change_line(change: &Change) -> String {
    let Change {
        path,
        before,
        after,
    } = change;
    let slash = if after.is_folder() || (*after == Node::Absent && before.is_folder()) {
        "/"
    } else {
        ""
    };
    let verb = match change.kind() {
        ChangeKind::Added => "added",
        ChangeKind::Modified => "changed",
        ChangeKind::Deleted => "removed",
        ChangeKind::ModeChanged => "permissions",
        ChangeKind::Symlink => "link",
        ChangeKind::Replaced => "replaced",
    };
    format!("{verb:<11} {path}{slash}{}", change_detail(before, after))
}

fn change_detail(before: &Node, after: &Node) -> String {
    let modes = match (before.mode(), after.mode()) {
        (Some(old), Some(new)) if old != new => format!(" (mode {old:03o} -> {new:03o})"),
        _ => String::new(),
    };
    match (before, after) {
        (Node::Tree { summary, .. }, Node::Absent) => format!(" ({})", tree_words(summary)),
        (Node::File { bytes, .. }, Node::Absent) => format!(" ({})", human_bytes(*bytes)),
        (Node::File { bytes: old, .. }, Node::File { bytes: new, .. }) if old != new => {
            format!(" ({} -> {}){modes}", human_bytes(*old), human_bytes(*new))
        }
        (Node::Absent, Node::File { bytes, mode, .. }) => {
            format!(" ({}, mode {mode:03o})", human_bytes(*bytes))
        }
        (Node::Link { target: old }, Node::Link { target: new }) => {
            format!(" -> {new} (was -> {old})")
        }
        (_, Node::Link { target }) => format!(" -> {target}"),
        (Node::Absent | Node::Directory { .. }, _) => modes,
        (before, after) => format!(
            " ({}, now {}){modes}",
            node_words(before),
            node_words(after)
        ),
    }
}

/// The first names in a folder that goes as one.
fn removed_names(view: &View, change: &Change) -> Result<String, ViewError> {
    let Node::Tree { .. } = change.before else {
        return Ok(String::new());
    };
    let (mut lines, mut more) = (String::new(), 0_u64);
    let mut shown = 0;
    walk(&view.workspace, &change.path, &mut |path, stat| {
        if kind_of(stat) != rustix::fs::FileType::Directory {
            if shown < RENDER_TREE_NAMES {
                lines.push_str(&format!("              {path}\n"));
                shown += 1;
            } else {
                more += 1;
            }
        }
        Ok::<_, FsError>(Descend::Yes)
    })
    .or_else(|error| {
        if error.is_absent() {
            Ok(())
        } else {
            Err(error)
        }
    })?;
    if more > 0 {
        lines.push_str(&format!(
            "              and {} more\n",
            counted(more, "file", "files")
        ));
    }
    Ok(lines)
}

/// The changed text of one file, or one line that says why there is none.
fn content_of(view: &View, layer: &Root, change: &Change) -> String {
    let is_file = |node: &Node| matches!(node, Node::File { .. });
    if change.kind() == ChangeKind::ModeChanged
        || !(is_file(&change.before) || is_file(&change.after))
    {
        return String::new();
    }
    let old = side(&view.workspace, &change.path, &change.before);
    let new = side(layer, &change.path, &change.after);
    match (old, new) {
        (Side::Text(old), Side::Text(new)) => {
            unified(&change.path, (&old, &change.before), (&new, &change.after))
        }
        (Side::Moved, _) | (_, Side::Moved) => format!(
            "\n{} changed again while it was read; ask for the difference once more\n",
            change.path
        ),
        (Side::Large, _) | (_, Side::Large) => {
            format!("\n{} is too large to compare line by line\n", change.path)
        }
        _ => format!("\n{} is binary\n", change.path),
    }
}

enum Side {
    Text(String),
    Binary,
    Large,
    /// It is no longer what the difference says.
    Moved,
}

/// What is no file has no text: its other side is shown as all new or all gone.
fn side(root: &Root, path: &RelPath, node: &Node) -> Side {
    let Node::File { bytes, sha256, .. } = node else {
        return Side::Text(String::new());
    };
    if *bytes > RENDER_FILE_BYTES_MAX {
        return Side::Large;
    }
    match root.read(path, RENDER_FILE_BYTES_MAX) {
        Ok(content) if Digest::of(&content) == *sha256 => match String::from_utf8(content) {
            Ok(text) if !text.contains('\0') => Side::Text(text),
            _ => Side::Binary,
        },
        _ => Side::Moved,
    }
}

fn unified(path: &RelPath, (old, before): (&str, &Node), (new, after): (&str, &Node)) -> String {
    let name = |side: &str, node: &Node| {
        if *node == Node::Absent {
            "/dev/null".to_owned()
        } else {
            format!("{side}/{path}")
        }
    };
    let diff = TextDiff::configure()
        .timeout(Duration::from_millis(RENDER_FILE_TIME_MS))
        .diff_lines(old, new);
    let text = diff
        .unified_diff()
        .context_radius(3)
        .header(&name("a", before), &name("b", after))
        .to_string();
    if text.is_empty() {
        return String::new();
    }
    let lines: Vec<String> = text.split('\n').map(escape_line).collect();
    format!("\n{}", lines.join("\n"))
}

/// "1 file", "2 files".
pub fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// "512 bytes", "3.1 MiB".
pub fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return counted(bytes, "byte", "bytes");
    }
    let (mut tenths, mut unit) = (bytes * 10 / 1024, 0);
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map(|first| first.to_uppercase().chain(characters).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_well() {
        let table = [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1023, "1023 bytes"),
            (1024, "1.0 KiB"),
            (3_250_586, "3.1 MiB"),
            (3_328_599_655, "3.1 GiB"),
        ];
        for (bytes, words) in table {
            assert_eq!(human_bytes(bytes), words);
        }
    }
}
