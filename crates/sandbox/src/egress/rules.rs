//! What a sandbox may reach: an allowlist of names, and what the organisation vouches for.

use super::address::{Special, require_global};
use super::host::{HostName, MalformedHost, Remote, split_port};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// The ports of a rule that names none: those of the web, which are also the two that
/// programs without proxy settings reach.
pub const WEB_PORTS: [u16; 2] = [80, 443];
/// A wildcard over fewer labels would open a whole public suffix such as `com`.
const WILDCARD_LABELS_MIN: usize = 2;

/// One line of the allowlist: `example.com`, `*.example.com` (any depth beneath, not the
/// name itself), each with `:port` if it is not the web's. Whoever runs the name servers of
/// a wildcard's domain learns the names that a program asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostRule {
    pattern: Pattern,
    /// Without one, [`WEB_PORTS`].
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Pattern {
    Exact(HostName),
    Beneath(HostName),
}

/// A line that is no rule. The sentence says what is wrong and how it should look.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MalformedRule {
    #[error(
        "`{rule}` is not a rule for a host: {cause}; write `example.com`, `*.example.com` or `example.com:8443`"
    )]
    Host { rule: String, cause: MalformedHost },
    #[error(
        "`{0}` is not a rule for a host: leave out the scheme and the path; write `example.com` or `example.com:8443`"
    )]
    Address(String),
    #[error(
        "`{0}` is not a rule for a host: `*` stands only at the start, before a dot; write `*.example.com`"
    )]
    Wildcard(String),
    #[error("`{0}` opens too much: name at least two labels after `*.`, as in `*.example.com`")]
    TooBroad(String),
    #[error(
        "`{0}` is not something to vouch for: write a host with its port, as in `git.example.com:443`, or a network, as in `10.1.0.0/16`"
    )]
    Vouched(String),
}

impl HostRule {
    pub fn admits(&self, host: &HostName, port: u16) -> bool {
        let port_fits = match self.port {
            Some(own) => own == port,
            None => WEB_PORTS.contains(&port),
        };
        port_fits && self.names(host)
    }

    /// The name that it opens, with `*.` in front if it is those beneath it; without a port.
    pub fn name(&self) -> String {
        match &self.pattern {
            Pattern::Exact(host) => host.to_string(),
            Pattern::Beneath(suffix) => format!("*.{suffix}"),
        }
    }

    fn ports(&self) -> Vec<u16> {
        self.port.map_or(WEB_PORTS.to_vec(), |port| vec![port])
    }

    fn names(&self, host: &HostName) -> bool {
        match &self.pattern {
            Pattern::Exact(own) => own == host,
            Pattern::Beneath(suffix) => host.is_beneath(suffix),
        }
    }
}

impl FromStr for HostRule {
    type Err = MalformedRule;

    fn from_str(rule: &str) -> Result<Self, MalformedRule> {
        let text = rule.trim();
        if text.contains('/') {
            return Err(MalformedRule::Address(rule.into()));
        }
        let wrong = |cause| MalformedRule::Host {
            rule: rule.into(),
            cause,
        };
        let split = split_port(text).map_err(wrong)?;
        let name = split.0.strip_suffix('.').unwrap_or(split.0);
        let suffix = name.strip_prefix("*.");
        let host = suffix.unwrap_or(name);
        if host.contains('*') {
            return Err(MalformedRule::Wildcard(rule.into()));
        }
        let host = HostName::parse(host).map_err(wrong)?;
        let pattern = match suffix {
            None => Pattern::Exact(host),
            Some(_) if host.as_str().split('.').count() < WILDCARD_LABELS_MIN => {
                return Err(MalformedRule::TooBroad(rule.into()));
            }
            Some(_) => Pattern::Beneath(host),
        };
        Ok(Self {
            pattern,
            port: split.1,
        })
    }
}

impl fmt::Display for HostRule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.pattern {
            Pattern::Exact(host) => write!(formatter, "{host}")?,
            Pattern::Beneath(suffix) => write!(formatter, "*.{suffix}")?,
        }
        match self.port {
            Some(port) => write!(formatter, ":{port}"),
            None => Ok(()),
        }
    }
}

impl TryFrom<String> for HostRule {
    type Error = MalformedRule;
    fn try_from(text: String) -> Result<Self, MalformedRule> {
        text.parse()
    }
}

impl From<HostRule> for String {
    fn from(rule: HostRule) -> Self {
        rule.to_string()
    }
}

/// An address outside the public Internet that the organisation knows and allows. It opens
/// nothing by itself: the name must be on the allowlist too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Vouched {
    /// This name may lead to a private or loopback address, on this port.
    Host(Remote),
    /// Any allowed name may lead there.
    Network(IpNet),
}

impl Vouched {
    fn covers(&self, remote: &Remote, address: IpAddr, special: Special) -> bool {
        match self {
            Self::Host(own) => own == remote && special.may_be_vouched_by_name(),
            Self::Network(network) => network.contains(&address),
        }
    }
}

impl FromStr for Vouched {
    type Err = MalformedRule;

    fn from_str(text: &str) -> Result<Self, MalformedRule> {
        if let Ok(network) = text.parse() {
            return Ok(Self::Network(network));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::Network(address.into()));
        }
        match Remote::parse(text, None) {
            Ok(remote) => Ok(Self::Host(remote)),
            Err(_) => Err(MalformedRule::Vouched(text.into())),
        }
    }
}

impl fmt::Display for Vouched {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(remote) => write!(formatter, "{remote}"),
            Self::Network(network) => write!(formatter, "{network}"),
        }
    }
}

impl TryFrom<String> for Vouched {
    type Error = MalformedRule;
    fn try_from(text: String) -> Result<Self, MalformedRule> {
        text.parse()
    }
}

impl From<Vouched> for String {
    fn from(vouched: Vouched) -> Self {
        vouched.to_string()
    }
}

/// Everything one sandbox may reach. The default is nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    pub allow: Vec<HostRule>,
    pub allow_private: Vec<Vouched>,
}

impl Rules {
    pub fn parse(allow: &[&str], allow_private: &[&str]) -> Result<Self, MalformedRule> {
        Ok(Self {
            allow: allow
                .iter()
                .map(|rule| rule.parse())
                .collect::<Result<_, _>>()?,
            allow_private: allow_private
                .iter()
                .map(|rule| rule.parse())
                .collect::<Result<_, _>>()?,
        })
    }

    /// The rule that opens this place.
    pub fn admitting(&self, remote: &Remote) -> Option<&HostRule> {
        let admits = |rule: &&HostRule| rule.admits(&remote.host, remote.port);
        self.allow.iter().find(admits)
    }

    /// Whether the name is open on any port, which is all that a resolver is asked.
    pub fn names(&self, host: &HostName) -> bool {
        self.allow.iter().any(|rule| rule.names(host))
    }

    /// Whether this very place is one that the organisation vouches for by its name.
    pub fn vouches_for(&self, remote: &Remote) -> bool {
        let is_it = |vouched: &Vouched| matches!(vouched, Vouched::Host(own) if own == remote);
        self.allow_private.iter().any(is_it)
    }

    /// The open places of a host.
    pub fn places(&self, host: &HostName) -> Vec<Remote> {
        let ports = self
            .allow
            .iter()
            .filter(|rule| rule.names(host))
            .flat_map(HostRule::ports);
        let mut places: Vec<_> = ports
            .map(|port| Remote {
                host: host.clone(),
                port,
            })
            .collect();
        places.sort();
        places.dedup();
        places
    }

    /// Asked after resolution, for every address a name leads to.
    pub fn require_reachable(&self, remote: &Remote, address: IpAddr) -> Result<(), Special> {
        let Err(special) = require_global(address) else {
            return Ok(());
        };
        let covers = |vouched: &Vouched| vouched.covers(remote, address, special);
        match self.allow_private.iter().any(covers) {
            true => Ok(()),
            false => Err(special),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(text: &str) -> Remote {
        Remote::parse(text, None).unwrap()
    }

    #[test]
    fn a_rule_opens_what_it_says() {
        let table = [
            ("example.com", "example.com:443", true),
            ("example.com", "example.com:80", true),
            ("example.com", "example.com:8443", false),
            ("example.com", "www.example.com:443", false),
            ("Example.COM.", "example.com:443", true),
            ("example.com:8443", "example.com:8443", true),
            ("example.com:8443", "example.com:443", false),
            ("*.example.com", "a.example.com:443", true),
            ("*.example.com", "a.b.example.com:443", true),
            ("*.example.com", "example.com:443", false),
            ("*.example.com", "evilexample.com:443", false),
            ("*.example.com", "example.com.evil.example:443", false),
            ("bücher.example", "xn--bcher-kva.example:443", true),
        ];
        for (rule, target, open) in table {
            let parsed: HostRule = rule.parse().unwrap();
            let target = remote(target);
            assert_eq!(
                parsed.admits(&target.host, target.port),
                open,
                "{rule} {target}"
            );
        }
    }

    #[test]
    fn a_malformed_rule_is_refused_with_a_sentence() {
        let table = [
            ("", "a host name is missing"),
            ("https://example.com", "leave out the scheme"),
            ("example.com/path", "leave out the scheme and the path"),
            ("*", "`*` stands only at the start"),
            ("a.*.example.com", "`*` stands only at the start"),
            ("*example.com", "`*` stands only at the start"),
            ("*.com", "opens too much"),
            ("*.", "`*` stands only at the start"),
            ("user@example.com", "user name or password"),
            ("example.com:https", "a number from 1 to 65535"),
            ("example.com:*", "a number from 1 to 65535"),
            ("10.0.0.1", "given by its address"),
            ("[::1]:443", "given by its address"),
            ("exa mple.com", "letters, digits"),
        ];
        for (rule, said) in table {
            let sentence = rule.parse::<HostRule>().unwrap_err().to_string();
            assert!(sentence.contains(said), "{rule}: {sentence}");
        }
        assert!("10.0.0.0/33".parse::<Vouched>().is_err());
        assert!("git.corp".parse::<Vouched>().is_err());
    }

    #[test]
    fn what_is_vouched_for_is_reachable_and_nothing_beside_it() {
        let rules = Rules::parse(&[], &["git.corp.example:443", "10.1.0.0/16", "fd00::1"]).unwrap();
        let table = [
            ("git.corp.example:443", "192.168.1.1", Ok(())),
            ("git.corp.example:80", "192.168.1.1", Err(Special::Private)),
            (
                "git.corp.example:443",
                "169.254.169.254",
                Err(Special::LinkLocal),
            ),
            (
                "git.corp.example:443",
                "fd00:ec2::254",
                Err(Special::Metadata),
            ),
            (
                "git.corp.example:443",
                "::ffff:192.168.1.1",
                Err(Special::Translated),
            ),
            ("other.example:443", "10.1.2.3", Ok(())),
            ("other.example:443", "10.2.2.3", Err(Special::Private)),
            ("other.example:443", "fd00::1", Ok(())),
            ("other.example:443", "fd00::2", Err(Special::Private)),
            ("other.example:443", "1.1.1.1", Ok(())),
        ];
        for (target, address, judged) in table {
            let found = rules.require_reachable(&remote(target), address.parse().unwrap());
            assert_eq!(found, judged, "{target} {address}");
        }
    }
}
