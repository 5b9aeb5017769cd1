//! A path inside a workspace: arbitrary bytes, checked once, never absolute and
//! never leading upwards.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::escape::{escape, unescape};
use super::limits::{NAME_BYTES_MAX, PATH_BYTES_MAX};

/// Relative path of one or more names, or the root of the workspace (empty).
/// Ordered by bytes, so that a folder stands before what it holds.
///
/// INVARIANT: no empty name, no `.`, no `..`, no NUL, not absolute.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelPath(Vec<u8>);

/// Why some bytes are not a path inside a workspace.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "\"{shown}\" is not a path inside the workspace: {reason}; name a file relative to the workspace, as in \"docs/report.md\""
)]
pub struct BadPath {
    shown: String,
    reason: &'static str,
}

impl RelPath {
    /// The workspace itself.
    pub fn root() -> RelPath {
        RelPath(Vec::new())
    }

    /// Takes a path apart once; what it returns needs no further check.
    pub fn parse(bytes: impl AsRef<[u8]>) -> Result<RelPath, BadPath> {
        let bytes = bytes.as_ref();
        match reason_against(bytes) {
            Some(reason) => Err(BadPath {
                shown: escape(bytes),
                reason,
            }),
            None => Ok(RelPath(bytes.to_vec())),
        }
    }

    /// The path of `name` in this folder; `name` comes from a directory listing.
    pub fn join(&self, name: &[u8]) -> Result<RelPath, BadPath> {
        if self.is_root() {
            return RelPath::parse(name);
        }
        RelPath::parse([self.as_bytes(), b"/", name].concat())
    }

    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn as_path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.0))
    }

    /// The folder that holds this path; the root holds itself.
    pub fn parent(&self) -> RelPath {
        let cut = self.0.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        RelPath(self.0[..cut].to_vec())
    }

    /// The last name; empty for the root.
    pub fn name(&self) -> &[u8] {
        self.0
            .rsplit(|byte| *byte == b'/')
            .next()
            .unwrap_or_default()
    }

    /// The names from the top down.
    pub fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.0
            .split(|byte| *byte == b'/')
            .filter(|name| !name.is_empty())
    }

    /// Whether this is `folder` itself or lies beneath it.
    pub fn is_within(&self, folder: &RelPath) -> bool {
        folder.is_root()
            || self.0 == folder.0
            || (self.0.starts_with(&folder.0) && self.0.get(folder.0.len()) == Some(&b'/'))
    }

    /// The part of this path that lies beneath `folder`.
    pub fn beneath(&self, folder: &RelPath) -> &[u8] {
        let rest = self.0.strip_prefix(folder.as_bytes()).unwrap_or(&self.0);
        rest.strip_prefix(b"/").unwrap_or(rest)
    }

    /// The folders above, nearest first, ending with the root.
    pub fn ancestors(&self) -> impl Iterator<Item = RelPath> {
        let mut next = (!self.is_root()).then(|| self.parent());
        std::iter::from_fn(move || {
            let current = next.take()?;
            next = (!current.is_root()).then(|| current.parent());
            Some(current)
        })
    }
}

fn reason_against(bytes: &[u8]) -> Option<&'static str> {
    if bytes.len() > PATH_BYTES_MAX {
        return Some("it is longer than 4096 bytes");
    }
    if bytes.contains(&0) {
        return Some("it contains a NUL byte");
    }
    if bytes.first() == Some(&b'/') {
        return Some("it is absolute");
    }
    bytes
        .split(|byte| *byte == b'/')
        .find_map(|name| match name {
            b"" => Some("it has an empty name in it"),
            b"." => Some("it has \".\" in it"),
            b".." => Some("it leads upwards with \"..\""),
            long if long.len() > NAME_BYTES_MAX => Some("a name in it is longer than 255 bytes"),
            _ => None,
        })
}

impl fmt::Display for RelPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.is_root() { "." } else { "" })?;
        formatter.write_str(&escape(&self.0))
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "\"{self}\"")
    }
}

impl Serialize for RelPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&escape(&self.0))
    }
}

impl<'de> Deserialize<'de> for RelPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RelPath, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let bytes =
            unescape(&text).ok_or_else(|| serde::de::Error::custom("a stored path is damaged"))?;
        RelPath::parse(bytes).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_beneath_the_workspace_parse() {
        for good in ["a", "a/b", ".hidden", "..data", "a b/c\nd"] {
            assert!(RelPath::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "/etc/passwd",
            "..",
            "a/../b",
            "a/./b",
            "a//b",
            "a/",
            "a\0b",
        ] {
            assert!(RelPath::parse(bad).is_err(), "{bad}");
        }
        assert!(RelPath::parse([b'a'; 256]).is_err());
    }

    #[test]
    fn a_path_of_any_bytes_survives_storage() {
        let path = RelPath::parse(b"caf\xe9/new\nline\\").unwrap();
        let stored = serde_json::to_string(&path).unwrap();
        assert_eq!(stored, r#""caf\\xe9/new\\x0aline\\\\""#);
        assert_eq!(serde_json::from_str::<RelPath>(&stored).unwrap(), path);
    }

    #[test]
    fn folders_know_what_lies_within() {
        let path = RelPath::parse("a/b/c").unwrap();
        let above: Vec<String> = path.ancestors().map(|folder| folder.to_string()).collect();
        assert_eq!(above, ["a/b", "a", "."]);
        assert!(path.is_within(&RelPath::parse("a/b").unwrap()));
        assert!(
            !RelPath::parse("a/bc")
                .unwrap()
                .is_within(&RelPath::parse("a/b").unwrap())
        );
    }
}
