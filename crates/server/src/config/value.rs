//! Values of the configuration that are more than a word or a number: read once, right ever after.

use serde::Deserialize;
use std::path::PathBuf;

macro_rules! read_from_text {
    ($($name:ident)*) => {$(
        impl TryFrom<String> for $name {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> {
                Self::read(&text)
            }
        }
    )*};
}

read_from_text! { StoreUrl BusUrl ObjectUrl }

/// Where the database is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum StoreUrl {
    /// A file, relative to the data directory.
    Sqlite(PathBuf),
    /// A server.
    Postgres(String),
}

impl Default for StoreUrl {
    fn default() -> Self {
        Self::Sqlite("wardroom.db".into())
    }
}

impl StoreUrl {
    fn read(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("sqlite", path)) if !path.trim_start_matches('/').is_empty() => {
                // `sqlite:///abs` and `sqlite://rel` are common spellings of the same.
                Ok(Self::Sqlite(path.strip_prefix("//").unwrap_or(path).into()))
            }
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => {
                Ok(Self::Postgres(text.to_owned()))
            }
            _ => Err(unusable(
                text,
                "sqlite:wardroom.db or postgres://user@host/database",
            )),
        }
    }
}

/// What wakes other processes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum BusUrl {
    /// Nothing but this process.
    #[default]
    Embedded,
    /// A Redis server.
    Redis(String),
}

impl BusUrl {
    fn read(text: &str) -> Result<Self, String> {
        match text {
            "embedded" => Ok(Self::Embedded),
            _ if text.starts_with("redis://") => Ok(Self::Redis(text.to_owned())),
            _ => Err(unusable(text, "embedded or redis://127.0.0.1:6379")),
        }
    }
}

/// Where artifacts and uploads are kept.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum ObjectUrl {
    /// A folder, relative to the data directory.
    Folder(PathBuf),
    /// A bucket.
    S3(String),
}

impl Default for ObjectUrl {
    fn default() -> Self {
        Self::Folder("objects".into())
    }
}

impl ObjectUrl {
    fn read(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("file", path)) if !path.trim_start_matches('/').is_empty() => {
                Ok(Self::Folder(path.strip_prefix("//").unwrap_or(path).into()))
            }
            Some(("s3", rest)) if rest.starts_with("//") => Ok(Self::S3(text.to_owned())),
            _ => Err(unusable(
                text,
                "file:objects or s3://bucket?endpoint=…&region=…",
            )),
        }
    }
}

fn unusable(text: &str, wanted: &str) -> String {
    // The text may hold a password, so only what stands before an `@` sign is left out.
    let shown = match text.rsplit_once('@') {
        Some((_, host)) => format!("…@{host}"),
        None => text.to_owned(),
    };
    format!("`{shown}` cannot be used; write {wanted}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_and_what_is_refused() {
        assert_eq!(
            StoreUrl::read("sqlite:a.db"),
            Ok(StoreUrl::Sqlite("a.db".into()))
        );
        assert_eq!(
            StoreUrl::read("sqlite:///var/a.db"),
            Ok(StoreUrl::Sqlite("/var/a.db".into()))
        );
        assert!(StoreUrl::read("mysql://me:pw@host/db").is_err_and(|text| !text.contains("pw")));
        assert!(StoreUrl::read("sqlite:").is_err());
        assert!(BusUrl::read("kafka://x").is_err());
        assert!(ObjectUrl::read("objects").is_err());
    }
}
