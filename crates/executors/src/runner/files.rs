//! The `file_*` tools. The kernel confines them; the checks here are for clear sentences.

use super::archive::{self, Entry};
use super::{Finding, pdf, text};
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
        if let Some((archive, inner)) = archive::within(&full) {
            return read_archived(&archive, &inner, text_bytes_max);
        }
        if full.is_file() && pdf::is_one(&full) {
            let content = pdf::text(&full)?;
            return Ok(Finding::good(text::cut(&content, text_bytes_max), json!({"format": "pdf"})));
        }
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

/// A file of an archive, or, for the archive itself, what it holds.
fn read_archived(archive: &Path, inner: &Path, text_bytes_max: usize) -> io::Result<Finding> {
    if inner.as_os_str().is_empty() {
        return list_archived(archive, inner);
    }
    let bytes = archive::read(archive, inner, FILE_BYTES_MAX)?;
    let count = bytes.len();
    let content = String::from_utf8(bytes)
        .map_err(|_| io::Error::other(format!("it is not UTF-8 text ({count} bytes)")))?;
    Ok(Finding::good(
        text::cut(&content, text_bytes_max),
        json!({"bytes": count}),
    ))
}

fn list_archived(archive: &Path, inner: &Path) -> io::Result<Finding> {
    let listing = archive::list(archive)?;
    let below = listing.iter().filter(|(path, _)| path.starts_with(inner));
    let names = below.map(|(path, entry)| match entry {
        Entry::Folder => format!("{}/", path.display()),
        Entry::File { bytes } => format!("{}  {bytes} bytes", path.display()),
    });
    Ok(listed(names.collect()))
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
            if let Some((archive, inner)) = archive::within(&full) {
                return list_archived(&archive, &inner);
            }
            let mut names = Vec::new();
            for entry in std::fs::read_dir(&full)? {
                let entry = entry?;
                let meta = entry.metadata()?;
                if meta.is_dir() && is_only_a_cover(&entry.path()) {
                    continue;
                }
                let name = entry.file_name().to_string_lossy().into_owned();
                names.push(match meta.is_dir() {
                    true => format!("{name}/"),
                    false => format!("{name}  {} bytes", meta.len()),
                });
            }
            names.sort();
            Ok(listed(names))
        }),
        path,
    )
}

fn listed(names: Vec<String>) -> Finding {
    let count = names.len();
    let names: Vec<String> = names.into_iter().take(ENTRIES_MAX).collect();
    let mut text = names.join("\n");
    if count > ENTRIES_MAX {
        let _ = write!(text, "\n[… {} more …]", count - ENTRIES_MAX);
    }
    if text.is_empty() {
        text.push_str("(empty)");
    }
    Finding::good(text, json!({"entries": count}))
}

pub(crate) fn rename(from: &str, to: &str) -> Finding {
    let moved = resolve(from).and_then(|old| {
        let new = resolve(to)?;
        if new.exists() {
            return Err(io::Error::other(format!("`{to}` exists already")));
        }
        // What lies in an archive, or, with a slash behind its name, all of it.
        let inside = archive::within(&old)
            .filter(|(_, inner)| from.ends_with('/') || !inner.as_os_str().is_empty());
        if let Some((archive, inner)) = inside {
            let files = archive::unpack(&archive, &inner, &new)?;
            return Ok(Finding::good(
                format!("unpacked {files} files of {from} to {to}"),
                json!({"from": from, "to": to, "files": files}),
            ));
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
    result.unwrap_or_else(|error| Finding::bad(format!("`{path}`: {}", in_words(&error))))
}

/// What the kernel refuses here for a reason of ours is said with that reason.
fn in_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ReadOnlyFilesystem => format!(
            "{error}; this place is protected, because programs outside of the sandbox obey what \
             stands in it. Say what should stand there, and leave the change to a person"
        ),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            format!("{error}; the workspace has no room left, remove what is not needed")
        }
        _ => error.to_string(),
    }
}

/// An empty folder that the sandbox made to cover an absent place, or that holds only such.
fn is_only_a_cover(folder: &Path) -> bool {
    use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};
    let is_mount = statx(CWD, folder, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::TYPE)
        .is_ok_and(|found| found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT));
    let is_cover = |entry: io::Result<std::fs::DirEntry>| {
        entry.is_ok_and(|entry| {
            entry.file_type().is_ok_and(|kind| kind.is_dir()) && is_only_a_cover(&entry.path())
        })
    };
    is_mount && std::fs::read_dir(folder).is_ok_and(|mut entries| entries.all(is_cover))
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
