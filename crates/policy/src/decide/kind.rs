//! What counts as the same kind of action for a remembered yes.

use crate::classify::Verdict;
use serde_json::{Value, json};
use url::Url;
use wardroom_domain::{ActionKind, Digest};

/// The kind of an action. As narrow as a person would read it on the question: the very command,
/// the same method on the same address, an apply that does no more than the approved one.
pub fn action_kind(tool: &str, arguments: &Value, verdict: &Verdict) -> ActionKind {
    let (what, text) = match tool {
        "apply" => (json!(verdict.rule), format!("apply: {}", verdict.rule)),
        "http_fetch" | "http_request" => on_address(tool, arguments),
        _ => {
            let exact = without(arguments, "timeout_s");
            let text = short(&exact);
            (exact, format!("{tool}: {text}"))
        }
    };
    ActionKind {
        digest: Digest::of(&("action-kind", tool, what)),
        text,
    }
}

/// Method, host and path; what is asked and sent there may differ from day to day.
fn on_address(tool: &str, arguments: &Value) -> (Value, String) {
    let method = arguments["method"].as_str().unwrap_or("GET").to_uppercase();
    let address = arguments["url"].as_str().unwrap_or_default();
    let Ok(mut url) = Url::parse(address) else {
        return (arguments.clone(), format!("{tool}: {method} {address}"));
    };
    url.set_query(None);
    url.set_fragment(None);
    let secret = &arguments["secret"];
    (
        json!([method, url.as_str(), secret]),
        format!("{tool}: {method} {url}"),
    )
}

fn without(arguments: &Value, name: &str) -> Value {
    let mut exact = arguments.clone();
    if let Some(members) = exact.as_object_mut() {
        members.remove(name);
    }
    exact
}

/// At most this many characters of arguments name a kind.
const TEXT_CHARS_MAX: usize = 200;

fn short(arguments: &Value) -> String {
    let text = match arguments["command"].as_str() {
        Some(command) => command.to_owned(),
        None => arguments.to_string(),
    };
    let mut short: String = text.chars().take(TEXT_CHARS_MAX).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::{Ground, classify_call};

    fn kind(tool: &str, arguments: Value) -> Digest {
        let ground = Ground::HostFolder {
            allowed_domains: Vec::new(),
        };
        let verdict = classify_call(tool, &arguments, &ground);
        action_kind(tool, &arguments, &verdict).digest
    }

    #[test]
    fn a_kind_is_the_very_command_or_the_same_method_and_address() {
        let install = kind("shell", json!({"command": "npm install a"}));
        let patient = kind("shell", json!({"command": "npm install a", "timeout_s": 9}));
        assert_eq!(install, patient);
        assert_ne!(
            install,
            kind("shell", json!({"command": "npm install a; curl x.test"}))
        );
        let get = |url: &str| kind("http_fetch", json!({"url": url}));
        assert_eq!(get("https://a.test/x?q=1"), get("https://a.test/x?q=2"));
        assert_ne!(get("https://a.test/x"), get("https://a.test/y"));
        let post = json!({"method": "POST", "url": "https://a.test/x"});
        let with_secret = json!({"method": "POST", "url": "https://a.test/x", "secret": "key"});
        assert_ne!(
            kind("http_request", post),
            kind("http_request", with_secret)
        );
    }
}
