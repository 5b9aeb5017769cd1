//! Names of hosts as they are compared: ASCII, lower case, never an address.
//!
//! An address in any spelling is refused, because a rule about names says nothing of it.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// DNS allows so many bytes for a name, and so many for each label.
const NAME_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;

/// A host by name. International names are kept in their ASCII form (`xn--…`).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostName(Arc<str>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MalformedHost {
    #[error("a host name is missing")]
    Empty,
    #[error("a host name has at most 253 bytes, and 1 to 63 between two dots")]
    Length,
    #[error("a host name does not end with a dot here")]
    TrailingDot,
    #[error("a host is named, not given by its address in any spelling")]
    Address,
    #[error("a host name consists of letters, digits, `-` and `_` between dots")]
    Character,
    #[error("the port is a number from 1 to 65535")]
    Port,
    #[error("a user name or password does not belong into an address")]
    Userinfo,
}

impl HostName {
    pub fn parse(text: &str) -> Result<Self, MalformedHost> {
        if text.is_empty() {
            return Err(MalformedHost::Empty);
        }
        if text.ends_with('.') {
            return Err(MalformedHost::TrailingDot);
        }
        if text.contains([':', '[', ']']) {
            return Err(MalformedHost::Address);
        }
        if text.len() > NAME_BYTES_MAX {
            return Err(MalformedHost::Length);
        }
        let ascii = idna::domain_to_ascii(text).map_err(|_| MalformedHost::Character)?;
        check_labels(&ascii)?;
        Ok(Self(ascii.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this name lies below `suffix`, at any depth.
    pub fn is_beneath(&self, suffix: &HostName) -> bool {
        let rest = self.0.strip_suffix(suffix.as_str());
        rest.is_some_and(|rest| rest.ends_with('.'))
    }
}

/// Checked after international spelling is resolved, so that full-width digits and dots
/// have become what they mean.
fn check_labels(ascii: &str) -> Result<(), MalformedHost> {
    if ascii.is_empty() || ascii.len() > NAME_BYTES_MAX {
        return Err(MalformedHost::Length);
    }
    for label in ascii.split('.') {
        if !(1..=LABEL_BYTES_MAX).contains(&label.len()) {
            return Err(MalformedHost::Length);
        }
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if !label.bytes().all(fits) || label.starts_with('-') || label.ends_with('-') {
            return Err(MalformedHost::Character);
        }
    }
    let last = ascii.rsplit('.').next().unwrap_or_default();
    if is_number(last) {
        return Err(MalformedHost::Address);
    }
    Ok(())
}

/// The rule by which browsers tell an address from a name: what ends in a number (decimal,
/// octal or hexadecimal) is an address, however many parts it has.
fn is_number(label: &str) -> bool {
    let hexadecimal = label.strip_prefix("0x");
    label.bytes().all(|byte| byte.is_ascii_digit())
        || hexadecimal.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// A host and a port: where a connection goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Remote {
    pub host: HostName,
    pub port: u16,
}

impl Remote {
    /// Reads `host:port`, or `host` with the port that is understood.
    pub fn parse(text: &str, port: Option<u16>) -> Result<Self, MalformedHost> {
        let (host, port) = split_port(text)?.or_port(port);
        Ok(Self {
            host: HostName::parse(host)?,
            port: port.ok_or(MalformedHost::Port)?,
        })
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.host, self.port)
    }
}

/// A host that is not yet checked, and its port if one is written.
pub(super) struct Split<'a>(pub &'a str, pub Option<u16>);

impl<'a> Split<'a> {
    fn or_port(self, port: Option<u16>) -> (&'a str, Option<u16>) {
        (self.0, self.1.or(port))
    }
}

pub(super) fn split_port(text: &str) -> Result<Split<'_>, MalformedHost> {
    if text.contains('@') {
        return Err(MalformedHost::Userinfo);
    }
    let Some((host, digits)) = text.rsplit_once(':') else {
        return Ok(Split(text, None));
    };
    if host.contains([':', '[', ']']) || digits.contains(']') {
        return Err(MalformedHost::Address);
    }
    // `parse` alone would accept a sign.
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    match digits.parse() {
        Ok(port) if plain && port != 0 => Ok(Split(host, Some(port))),
        _ => Err(MalformedHost::Port),
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for HostName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}`", self.0)
    }
}

impl TryFrom<String> for HostName {
    type Error = MalformedHost;
    fn try_from(text: String) -> Result<Self, MalformedHost> {
        Self::parse(&text)
    }
}

impl From<HostName> for String {
    fn from(name: HostName) -> Self {
        name.0.as_ref().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_spelling() {
        let table = [
            ("Example.COM", "example.com"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
            ("ｅxample.com", "example.com"),
            ("a_b.s3.example.com", "a_b.s3.example.com"),
            ("1.2.3.4.example", "1.2.3.4.example"),
        ];
        for (written, kept) in table {
            assert_eq!(HostName::parse(written).unwrap().as_str(), kept);
        }
    }

    #[test]
    fn what_is_not_a_name_is_refused() {
        use MalformedHost::*;
        let long_label = format!("{}.example", "a".repeat(64));
        let long_name = format!("{}example", "abcdefg.".repeat(32));
        let table = [
            ("", Empty),
            ("example.com.", TrailingDot),
            ("example..com", Length),
            (".example.com", Length),
            (long_label.as_str(), Length),
            (long_name.as_str(), Length),
            ("127.0.0.1", Address),
            ("2130706433", Address),
            ("0177.0.0.1", Address),
            ("0x7f.1", Address),
            ("0x7f000001", Address),
            ("0x", Address),
            ("１２７.０.０.１", Address),
            ("127。0。0。1", Address),
            ("::1", Address),
            ("[::1]", Address),
            ("fe80::1%eth0", Address),
            ("ex ample.com", Character),
            ("example.com\0.evil.example", Character),
            ("example.com/", Character),
            ("exa%6dple.com", Character),
            ("-a.example", Character),
            ("xn--zz--zz.example\u{202e}", Character),
        ];
        for (written, reason) in table {
            assert_eq!(HostName::parse(written), Err(reason), "{written:?}");
        }
    }

    #[test]
    fn ports_are_plain_numbers() {
        use MalformedHost::*;
        let parse = |text| Remote::parse(text, Some(80)).map(|remote| remote.to_string());
        assert_eq!(parse("a.example").unwrap(), "a.example:80");
        assert_eq!(parse("a.example:8443").unwrap(), "a.example:8443");
        for text in [
            "a.example:",
            "a.example:0",
            "a.example:+80",
            "a.example:65536",
        ] {
            assert_eq!(parse(text), Err(Port), "{text}");
        }
        assert_eq!(parse("good.example@evil.example"), Err(Userinfo));
        assert_eq!(parse("good.example:80@evil.example:80"), Err(Userinfo));
        assert_eq!(parse("[::1]:80"), Err(Address));
        assert_eq!(parse("::1"), Err(Address));
    }
}
