//! The file as it stands: its values, and the line of each.

use super::error::{ConfigError, Place};
use super::keys::{Known, known, nearest};
use super::secret;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A parsed file whose every key is known and whose secrets are references.
pub struct Document<'a> {
    path: &'a Path,
    text: &'a str,
    root: Spanned<DeTable<'a>>,
    /// The same values, to be overlaid.
    pub table: toml::Table,
}

impl<'a> Document<'a> {
    /// Parses and checks the keys.
    pub fn parse(path: &'a Path, text: &'a str) -> Result<Self, ConfigError> {
        let syntax = |error: toml::de::Error| ConfigError::Syntax {
            place: line_of(path, text, error.span()),
            reason: error.message().to_owned(),
        };
        let root = DeTable::parse(text).map_err(syntax)?;
        let table = toml::from_str(text).map_err(syntax)?;
        let document = Self {
            path,
            text,
            root,
            table,
        };
        document.check_table(document.root.get_ref(), &[])?;
        Ok(document)
    }

    fn check_table(&self, table: &DeTable<'_>, path: &[&str]) -> Result<(), ConfigError> {
        for (key, value) in table.iter() {
            let here = [path, &[key.get_ref().as_ref()]].concat();
            check_key(&here, || self.line(Some(key.span())))?;
            match value.get_ref() {
                DeValue::Table(inner) => self.check_table(inner, &here)?,
                DeValue::String(text) => {
                    check_secret(&here, text, || self.line(Some(value.span())))?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The place of the value at a path; of the file's beginning where it does not stand there.
    pub fn place(&self, path: &[&str]) -> Option<Place> {
        let mut table = self.root.get_ref();
        let mut span = None;
        for part in path {
            let (_, value) = table.iter().find(|(key, _)| key.get_ref() == part)?;
            span = Some(value.span());
            match value.get_ref() {
                DeValue::Table(inner) => table = inner,
                _ => break,
            }
        }
        Some(self.line(span))
    }

    /// Turns a parser's complaint about a value into ours.
    pub fn refusal(&self, error: &toml::de::Error) -> ConfigError {
        let key = error
            .span()
            .and_then(|span| key_at(self.root.get_ref(), span.start));
        ConfigError::Invalid {
            place: self.line(error.span()),
            key: key.unwrap_or_else(|| "configuration".to_owned()),
            reason: error.message().to_owned(),
        }
    }

    /// The text of the file.
    pub fn text(&self) -> &'a str {
        self.text
    }

    fn line(&self, span: Option<Range<usize>>) -> Place {
        line_of(self.path, self.text, span)
    }
}

/// Refuses a key that nobody knows.
pub fn check_key(path: &[&str], place: impl FnOnce() -> Place) -> Result<(), ConfigError> {
    let Some((last, parents)) = path.split_last() else {
        return Ok(());
    };
    let is_known = match known(parents) {
        Known::Keys(keys) => keys.contains(last),
        // Whether a value may be a table at all is said when it is read.
        Known::AnyName | Known::Value => true,
    };
    if is_known {
        return Ok(());
    }
    Err(ConfigError::UnknownKey {
        place: place(),
        key: path.join("."),
        nearest: nearest(path),
    })
}

/// Refuses a secret in plain text.
pub fn check_secret(
    path: &[&str],
    text: &str,
    place: impl FnOnce() -> Place,
) -> Result<(), ConfigError> {
    if secret::is_secret(path) && !secret::is_reference(text) {
        return Err(ConfigError::PlaintextSecret {
            place: place(),
            key: path.join("."),
        });
    }
    Ok(())
}

fn line_of(path: &Path, text: &str, span: Option<Range<usize>>) -> Place {
    let offset = span.map_or(0, |span| span.start).min(text.len());
    let line = text.as_bytes()[..offset]
        .iter()
        .filter(|&&byte| byte == b'\n')
        .count()
        + 1;
    Place::Line {
        path: PathBuf::from(path),
        line,
    }
}

/// The key whose value stands at an offset.
fn key_at(table: &DeTable<'_>, offset: usize) -> Option<String> {
    for (key, value) in table.iter() {
        if let DeValue::Table(inner) = value.get_ref()
            && let Some(below) = key_at(inner, offset)
        {
            return Some(format!("{}.{below}", key.get_ref()));
        }
        let is_here = value.span().contains(&offset) || key.span().contains(&offset);
        if is_here {
            return Some(key.get_ref().to_string());
        }
    }
    None
}
