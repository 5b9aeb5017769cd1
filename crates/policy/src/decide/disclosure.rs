//! What an action tells the world, and whether its owner meant to tell it.
//!
//! Every act that leaves the box is a disclosure, reading a page included: the address alone can
//! carry what the task knows.

use crate::typed::Typed;
use serde_json::Value;
use std::collections::BTreeSet;
use url::Url;
use wardroom_domain::{Labels, Mandate};

/// To whom an action speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destination<'a> {
    /// The whole address, as it will be used; empty where there is none.
    pub address: &'a str,
    /// Who is written to, where somebody is: a mail address, a channel.
    pub recipient: Option<&'a str>,
    /// Who learns it there: `anyone`, `org`, `ws_…`, `user_…`, or `mcp:NAME` for a foreign server.
    pub readers: &'a [&'a str],
}

impl<'a> Destination<'a> {
    /// A place on the network that anybody may stand behind.
    pub fn web(address: &'a str) -> Self {
        Self {
            address,
            recipient: None,
            readers: &[ANYONE],
        }
    }
}

/// Everybody.
pub const ANYONE: &str = "anyone";

/// Everybody of the org.
const ORG: &str = "org";

/// Whether somebody outside a value's audience would learn it where these read.
pub fn is_too_narrow(labels: &Labels, readers: &[&str]) -> bool {
    let is_open = readers.contains(&ANYONE);
    !labels.audience.iter().all(|entry| {
        entry == ANYONE || readers.contains(&entry.as_str()) || entry == ORG && !is_open
    })
}

/// Whether a call tells its readers nothing but what the requester typed: the very address, or
/// none and no words but his.
pub fn is_typed(typed: &Typed, arguments: &Value, to: &Destination<'_>) -> bool {
    if to.address.is_empty() {
        return typed.is_all_of(arguments);
    }
    typed.holds_address(to.address)
}

/// Whether the mandate covers this tool on this destination.
pub fn is_in_mandate(
    mandate: &Mandate,
    tool: &str,
    arguments: &Value,
    to: Option<&Destination<'_>>,
) -> bool {
    if !mandate.tools.contains(tool) {
        return false;
    }
    let names = mandate.targets.iter().chain(&mandate.recipients);
    let Some(to) = to else {
        // A tool that reaches nobody by name is covered by its name.
        return mandate.targets.is_empty() && mandate.recipients.is_empty();
    };
    if to.address.is_empty() && to.recipient.is_none() {
        // Nobody knows which argument says where: all that name something must be in it.
        return Typed::naming(names.map(String::as_str))
            .covers(arguments)
            .is_ok();
    }
    let target = to.address.is_empty() || is_target(&mandate.targets, to.address);
    let recipient = to
        .recipient
        .is_none_or(|recipient| mandate.recipients.contains(recipient));
    let says_where = !to.address.is_empty() || to.recipient.is_some();
    says_where && target && recipient
}

fn is_target(targets: &BTreeSet<String>, address: &str) -> bool {
    let Some(address) = parse(address) else {
        return false;
    };
    targets
        .iter()
        .filter_map(|target| parse(target))
        .any(|target| covers(&target, &address))
}

/// A target that ends in `/` covers what lies below it; any other covers itself.
fn covers(target: &Url, address: &Url) -> bool {
    let is_same_place = target.scheme() == address.scheme()
        && target.host() == address.host()
        && target.port_or_known_default() == address.port_or_known_default();
    let is_folder = target.path().ends_with('/') && target.query().is_none();
    is_same_place && (target == address || is_folder && address.path().starts_with(target.path()))
}

/// An address that can be compared: absolute, with a host, without a name and password, and
/// without the fragment, which is never sent.
fn parse(address: &str) -> Option<Url> {
    let mut url = Url::parse(address.trim()).ok()?;
    let is_plain = url.has_host() && url.username().is_empty() && url.password().is_none();
    url.set_fragment(None);
    is_plain.then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn audience(entries: &[&str]) -> Labels {
        Labels {
            audience: entries.iter().map(|&entry| entry.to_owned()).collect(),
            ..Labels::external()
        }
    }

    #[test]
    fn every_reader_that_a_value_needs_must_be_met() {
        for (entries, reader, narrow) in [
            (&[][..], "anyone", false),
            (&["anyone"], "anyone", false),
            (&["user_a"], "anyone", true),
            (&["user_a"], "user_a", false),
            (&["user_a"], "user_b", true),
            (&["user_a", "ws_x"], "user_a", true),
            (&["org"], "user_a", false),
            (&["org"], "anyone", true),
            (&["org", "user_a"], "user_a", false),
        ] {
            assert_eq!(
                is_too_narrow(&audience(entries), &[reader]),
                narrow,
                "{entries:?} {reader}"
            );
        }
    }

    #[test]
    fn only_the_whole_address_is_what_was_typed() {
        let typed = Typed::of(["https://Example.com/a?b=1"]);
        for (address, is) in [
            ("https://example.com/a?b=1", true),
            ("https://example.com/a?b=1#part", true),
            ("https://example.com/a?b=1&c=2", false),
            ("https://example.com/a", false),
            ("ftp://example.com/a?b=1", false),
            ("https://example.com.evil.test/a?b=1", false),
            ("https://example.com@evil.test/a?b=1", false),
            ("not an address", false),
        ] {
            let to = Destination::web(address);
            assert_eq!(is_typed(&typed, &Value::Null, &to), is, "{address}");
        }
    }

    #[test]
    fn a_mandate_covers_its_tools_on_its_targets() {
        let set = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        let mandate = Mandate {
            tools: set(&["http_fetch"]),
            targets: set(&[
                "https://api.example.com/v1/",
                "https://docs.example.com/page",
            ]),
            recipients: set(&["ann@example.com"]),
        };
        for (tool, address, is) in [
            ("http_fetch", "https://api.example.com/v1/items?q=x", true),
            ("http_fetch", "https://docs.example.com/page", true),
            ("http_fetch", "https://docs.example.com/page?leak=1", false),
            ("http_fetch", "https://docs.example.com/page/more", false),
            ("http_fetch", "https://api.example.com/v1/../v2", false),
            ("http_fetch", "https://api.example.com/v1/%2e%2e/v2", false),
            ("http_fetch", "https://api.example.com/v10", false),
            ("http_fetch", "https://api.example.com:8443/v1/items", false),
            ("http_fetch", "http://api.example.com/v1/items", false),
            ("http_fetch", "https://evil.test/v1/", false),
            (
                "http_fetch",
                "https://api.example.com\\@evil.test/v1/",
                false,
            ),
            ("http_request", "https://api.example.com/v1/items", false),
        ] {
            let to = Destination::web(address);
            assert_eq!(
                is_in_mandate(&mandate, tool, &Value::Null, Some(&to)),
                is,
                "{tool} {address}"
            );
        }
        let mail = |recipient| Destination {
            address: "",
            recipient: Some(recipient),
            readers: &[ANYONE],
        };
        assert!(is_in_mandate(
            &mandate,
            "http_fetch",
            &Value::Null,
            Some(&mail("ann@example.com"))
        ));
        assert!(!is_in_mandate(
            &mandate,
            "http_fetch",
            &Value::Null,
            Some(&mail("bob@example.com"))
        ));
        assert!(!is_in_mandate(&mandate, "http_fetch", &Value::Null, None));
    }
}
