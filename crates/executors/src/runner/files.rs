//! The `file_*` tools. The kernel confines them; the checks here are for clear sentences.

use super::{Finding, text};
use base64::Engine as _;
use serde_json::json;
use std::fmt::Write as _;
use std::io::{self, Read, Seek};
use std::path::{Component, Path, PathBuf};

/// Where relative paths start.
const WORKSPACE: &str = "/workspace";
/// Where absolute paths may point besides.
const SCRATCH: &str = "/tmp";
/// How many entries of a folder are listed.
const ENTRIES_MAX: usize = 1000;
/// The largest file that is read as text.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

pub(crate) fn read(path: &str, text_bytes_max: usize) -> Finding {
    answer(resolve(path).and_then(|full| {
        let bytes = read_capped(&full)?;
        let count = bytes.len();
        match String::from_utf8(bytes) {
            Ok(content) => Ok(Finding::good(text::cut(&content, text_bytes_max), json!({"bytes": count}))),
            Err(_) => Ok(Finding::bad(format!(
                "`{path}` is not UTF-8 text ({count} bytes); look at it with `file`, `xxd` or a converter"
            ))),
        }
    }), path)
}

fn read_capped(full: &Path) -> io::Result<Vec<u8>> {
    let meta = std::fs::metadata(full)?;
    if meta.is_dir() {
        return Err(io::Error::other("it is a folder; use file_list"));
    }
    if !meta.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    if meta.len() > FILE_BYTES_MAX {
        let text = format!(
            "it has {} bytes; the most is {FILE_BYTES_MAX}, read a part of it with `shell`",
            meta.len()
        );
        return Err(io::Error::other(text));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(full)?
        .take(FILE_BYTES_MAX)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A piece of a file as base64; empty at its end.
pub(crate) fn fetch(path: &str, offset: u64) -> Finding {
    let fetched = resolve(path).and_then(|full| {
        if !std::fs::metadata(&full)?.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        let mut file = std::fs::File::open(full)?;
        file.seek(io::SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        file.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
        let piece = base64::engine::general_purpose::STANDARD.encode(&bytes);
        Ok(Finding::good("", json!({"base64": piece})))
    });
    answer(fetched, path)
}

pub(crate) fn write(path: &str, content: &str) -> Finding {
    answer(
        resolve(path).and_then(|full| {
            if let Some(folder) = full.parent() {
                std::fs::create_dir_all(folder)?;
            }
            let is_new = !full.exists();
            std::fs::write(&full, content)?;
            let verb = if is_new { "created" } else { "replaced" };
            let bytes = content.len();
            Ok(Finding::good(
                format!("{verb} {path} ({bytes} bytes)"),
                json!({"bytes": bytes, "path": path}),
            ))
        }),
        path,
    )
}

pub(crate) fn edit(path: &str, find: &str, replace: &str) -> Finding {
    answer(resolve(path).and_then(|full| {
        let content = String::from_utf8(read_capped(&full)?)
            .map_err(|_| io::Error::other("it is not UTF-8 text"))?;
        match content.matches(find).count() {
            1 if !find.is_empty() => {
                std::fs::write(&full, content.replacen(find, replace, 1))?;
                Ok(Finding::good(format!("edited {path}"), json!({"path": path})))
            }
            0 => Ok(Finding::bad(format!("the text to find does not stand in `{path}`; read it first"))),
            count => Ok(Finding::bad(format!(
                "the text to find stands {count} times in `{path}`; give more of its surroundings"
            ))),
        }
    }), path)
}

pub(crate) fn list(path: &str) -> Finding {
    answer(
        resolve(path).and_then(|full| {
            let mut names = Vec::new();
            for entry in std::fs::read_dir(&full)? {
                let entry = entry?;
                let meta = entry.metadata()?;
                let name = entry.file_name().to_string_lossy().into_owned();
                names.push(match meta.is_dir() {
                    true => format!("{name}/"),
                    false => format!("{name}  {} bytes", meta.len()),
                });
            }
            names.sort();
            let count = names.len();
            let mut text = names
                .into_iter()
                .take(ENTRIES_MAX)
                .collect::<Vec<_>>()
                .join("\n");
            if count > ENTRIES_MAX {
                let _ = write!(text, "\n[… {} more …]", count - ENTRIES_MAX);
            }
            let text = if text.is_empty() {
                "(empty)".to_owned()
            } else {
                text
            };
            Ok(Finding::good(text, json!({"entries": count})))
        }),
        path,
    )
}

pub(crate) fn rename(from: &str, to: &str) -> Finding {
    let moved = resolve(from).and_then(|old| {
        let new = resolve(to)?;
        if new.exists() {
            return Err(io::Error::other(format!("`{to}` exists already")));
        }
        if let Some(folder) = new.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::rename(old, new)?;
        Ok(Finding::good(
            format!("moved {from} to {to}"),
            json!({"from": from, "to": to}),
        ))
    });
    answer(moved, from)
}

pub(crate) fn delete(path: &str) -> Finding {
    answer(
        resolve(path).and_then(|full| {
            if full == Path::new(WORKSPACE) {
                return Err(io::Error::other("the workspace itself stays"));
            }
            let is_folder = std::fs::symlink_metadata(&full)?.is_dir();
            if is_folder {
                std::fs::remove_dir_all(&full)?
            } else {
                std::fs::remove_file(&full)?
            }
            Ok(Finding::good(
                format!("deleted {path}"),
                json!({"path": path}),
            ))
        }),
        path,
    )
}

/// A path as the model writes it, as a path inside the sandbox.
fn resolve(path: &str) -> io::Result<PathBuf> {
    if path.contains('\0') {
        return Err(io::Error::other("a path cannot hold a NUL byte"));
    }
    let mut full = PathBuf::from("/");
    for component in Path::new(WORKSPACE).join(path).components() {
        match component {
            Component::ParentDir => {
                full.pop();
            }
            Component::Normal(name) => full.push(name),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    if full.starts_with(WORKSPACE) || full.starts_with(SCRATCH) {
        Ok(full)
    } else {
        Err(io::Error::other("it lies outside the workspace"))
    }
}

fn answer(result: io::Result<Finding>, path: &str) -> Finding {
    result.unwrap_or_else(|error| Finding::bad(format!("`{path}`: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside_the_workspace() {
        assert_eq!(resolve("a/../b").unwrap(), Path::new("/workspace/b"));
        assert_eq!(resolve("/workspace/x").unwrap(), Path::new("/workspace/x"));
        assert_eq!(resolve("").unwrap(), Path::new("/workspace"));
        for outside in [
            "../etc/passwd",
            "/etc/passwd",
            "a/../../x",
            "/workspacex",
            "\0",
        ] {
            assert!(resolve(outside).is_err(), "{outside:?}");
        }
    }
}
