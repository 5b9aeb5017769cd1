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
    S3(BucketUrl),
}

/// A bucket of an S3 service: `s3://bucket/folder?endpoint=…&region=…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketUrl {
    /// Its name.
    pub name: String,
    /// A folder in it; empty for all of it.
    pub prefix: String,
    /// The service; none for Amazon's own.
    pub endpoint: Option<String>,
    /// The region.
    pub region: String,
}

/// What a service without regions calls its own.
const REGION: &str = "us-east-1";

impl BucketUrl {
    fn read(rest: &str) -> Option<Self> {
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (name, prefix) = place.split_once('/').unwrap_or((place, ""));
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if name.is_empty() || !name.chars().all(is_plain) {
            return None;
        }
        let mut bucket = Self {
            name: name.to_owned(),
            prefix: prefix.trim_matches('/').to_owned(),
            endpoint: None,
            region: REGION.to_owned(),
        };
        for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match key.as_ref() {
                "endpoint" if is_http(&value) => bucket.endpoint = Some(value.into_owned()),
                "region" if !value.is_empty() => bucket.region = value.into_owned(),
                // Keys, above all, do not belong here.
                _ => return None,
            }
        }
        Some(bucket)
    }

    /// The bucket as people read it.
    pub fn shown(&self) -> String {
        let at = self.endpoint.as_ref().map(|at| format!(" at {at}"));
        format!(
            "s3://{}/{}{}",
            self.name,
            self.prefix,
            at.unwrap_or_default()
        )
    }
}

fn is_http(address: &str) -> bool {
    url::Url::parse(address).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
    })
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
            Some(("s3", rest)) => {
                let bucket = rest.strip_prefix("//").and_then(BucketUrl::read);
                // It may hold a key.
                bucket.map(Self::S3).ok_or_else(|| {
                    "names no bucket; write s3://bucket/folder?endpoint=https://…&region=…, and \
                     the keys into access_key_id and secret_access_key"
                        .to_owned()
                })
            }
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
        let bucket = ObjectUrl::read("s3://crew/a?endpoint=http://127.0.0.1:9000&region=eu");
        let wanted = BucketUrl {
            name: "crew".to_owned(),
            prefix: "a".to_owned(),
            endpoint: Some("http://127.0.0.1:9000".to_owned()),
            region: "eu".to_owned(),
        };
        assert_eq!(bucket, Ok(ObjectUrl::S3(wanted)));
        for url in [
            "s3://",
            "s3://AKIA:pw@bucket",
            "s3://bucket?secret_access_key=pw",
            "s3://bucket?endpoint=http://AKIA:pw@host",
        ] {
            assert!(
                ObjectUrl::read(url).is_err_and(|text| !text.contains("pw")),
                "{url}"
            );
        }
    }
}
