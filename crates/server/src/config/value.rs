//! Values of the configuration that are more than a word or a number: read once, right ever after.

use serde::Deserialize;
use std::net::IpAddr;
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

read_from_text! { StoreUrl BusUrl ObjectUrl Domain Destination }

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

/// A host name that commands may reach; `*.` in front means every host below it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Domain(String);

impl Domain {
    /// The name in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn read(text: &str) -> Result<Self, String> {
        let name = text.strip_prefix("*.").unwrap_or(text);
        if is_host_name(name) && name.contains('.') && name.parse::<IpAddr>().is_err() {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(unusable(
                text,
                "a host name such as files.example.org or *.example.org",
            ))
        }
    }
}

/// An address on a private network: `host:port` or a network in CIDR form.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Destination {
    /// One port of one host.
    Host {
        /// A name or address.
        host: String,
        /// The port.
        port: u16,
    },
    /// Every host of a network.
    Network {
        /// Its first address.
        address: IpAddr,
        /// How many bits are fixed.
        prefix: u8,
    },
}

impl Destination {
    fn read(text: &str) -> Result<Self, String> {
        let wrong = || {
            unusable(
                text,
                "host:port such as nas.lan:445, or a network such as 10.1.0.0/16",
            )
        };
        if let Some((address, prefix)) = text.split_once('/') {
            let address: IpAddr = address.parse().map_err(|_| wrong())?;
            let prefix: u8 = prefix.parse().map_err(|_| wrong())?;
            let bits = if address.is_ipv4() { 32 } else { 128 };
            return if prefix <= bits {
                Ok(Self::Network { address, prefix })
            } else {
                Err(wrong())
            };
        }
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().map_err(|_| wrong())?;
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        if bare.parse::<IpAddr>().is_ok() || is_host_name(bare) {
            Ok(Self::Host {
                host: bare.to_owned(),
                port,
            })
        } else {
            Err(wrong())
        }
    }
}

fn is_host_name(text: &str) -> bool {
    let is_label = |label: &str| {
        let is_plain = label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        (1..=63).contains(&label.len()) && is_plain && !label.starts_with('-')
    };
    text.len() <= 253 && text.split('.').all(is_label)
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
        assert!(Domain::read("https://example.org").is_err() && Domain::read("*.org.com").is_ok());
        assert!(Destination::read("10.0.0.0/33").is_err() && Destination::read("[::1]:80").is_ok());
        assert!(Destination::read("nas.lan").is_err());
    }
}
