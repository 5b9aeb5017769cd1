//! How far a call reaches, and where to: what stays in the view, what leaves the box, and what
//! cannot leave it because nothing opens that way.

use crate::GitToken;
use http::{HeaderName, HeaderValue};
use serde::Serialize;
use serde_json::{Value, json};
use wardroom_domain::{RetryClass, RiskTier, ToolCall};
use wardroom_executors::{WEB_TOOLS, WebRequest, secrets_in};
use wardroom_policy::classify::{self, Effect, Ground, PUSH_RULE, Talk, Verdict};
use wardroom_policy::decide::Reach;
use wardroom_sandbox::egress::{HostName, Remote, Rules, WEB_PORTS};
use wardroom_tools::Tool;

/// Where a call goes, with the verdict on it.
pub(crate) struct Aim {
    pub(crate) reach: Reach,
    /// Where to, as far as it is known; none means anywhere that is open.
    pub(crate) targets: Vec<Target>,
    pub(crate) class: RetryClass,
    pub(crate) verdict: Verdict,
}

/// Where an action that leaves the box goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Target {
    /// What is done there: an HTTP method, or the name of a program.
    pub(crate) verb: String,
    /// The host, with its port if it is not the web's.
    pub(crate) host: String,
    /// The whole address with its query: whoever decides sees where everything goes. Empty where
    /// only the host is known.
    pub(crate) address: String,
}

/// The address that a call tells. Of a command none: the whole line counts, for all of it may go
/// along.
pub(crate) fn address(targets: &[Target]) -> String {
    match targets {
        [only] => only.address.clone(),
        _ => String::new(),
    }
}

/// Headers that say how an answer should look, and nothing else.
const PLAIN_HEADERS: [HeaderName; 2] = [http::header::ACCEPT, http::header::ACCEPT_LANGUAGE];

/// A secret that a call names: where it would go, and in which header.
pub(crate) struct SecretUse {
    pub(crate) name: String,
    pub(crate) remotes: Vec<Remote>,
    pub(crate) header: HeaderName,
}

/// The secrets that a call names.
pub(crate) fn secret_uses(rules: &Rules, call: &ToolCall) -> Vec<SecretUse> {
    match WebRequest::read(&call.tool, &call.arguments) {
        Some(Ok(request)) => {
            let header = request.secret_header();
            let remotes = vec![request.remote];
            let used = request.secret.map(|name| SecretUse {
                name,
                remotes,
                header,
            });
            used.into_iter().collect()
        }
        Some(Err(_)) => Vec::new(),
        None => secrets_of_command(rules, call),
    }
}

fn secrets_of_command(rules: &Rules, call: &ToolCall) -> Vec<SecretUse> {
    let command = command_of(call);
    let names = secrets_in(command);
    if names.is_empty() {
        return Vec::new();
    }
    let verdict = classify::classify_command(&unmarked(command), &open_ground(rules));
    let hosts = hosts_of(&verdict).filter_map(|(host, _)| HostName::parse(host).ok());
    let remotes: Vec<Remote> = hosts
        .flat_map(|host| rules.places(&host))
        // A port that is not the web's is meant only where it is written.
        .filter(|place| WEB_PORTS.contains(&place.port) || command.contains(&place.to_string()))
        .collect();
    let used = names.into_iter().map(|name| SecretUse {
        name: name.to_owned(),
        remotes: remotes.clone(),
        header: header_before(command, name),
    });
    used.collect()
}

/// The header in whose value a secret stands, as in `-H 'X-Key: {{secret:forge}}'`.
fn header_before(command: &str, name: &str) -> HeaderName {
    let before = command.split(&format!("{{{{secret:{name}}}}}")).next();
    let word = before.unwrap_or_default().rsplit(['\'', '"', '=']).next();
    let header = word.and_then(|word| word.split_once(':'));
    let header = header.and_then(|(header, _)| header.trim().parse().ok());
    header.unwrap_or(http::header::AUTHORIZATION)
}

/// A command as it is judged: a secret is a word like any other.
fn unmarked(command: &str) -> String {
    let names = secrets_in(command).into_iter();
    names.fold(command.to_owned(), |line, name| {
        line.replace(&format!("{{{{secret:{name}}}}}"), "SECRET")
    })
}

fn command_of(call: &ToolCall) -> &str {
    let command = call.arguments.get("command").and_then(Value::as_str);
    command.filter(|_| call.tool == "shell").unwrap_or_default()
}

/// The tokens that git may show to the remotes that a command speaks to.
pub(crate) fn git_tokens(tokens: &[GitToken], call: &ToolCall) -> Vec<GitToken> {
    let command = command_of(call);
    if tokens.is_empty() || !command.contains("git") {
        return Vec::new();
    }
    let ground = Ground::View {
        allowed_domains: Vec::new(),
    };
    let verdict = classify::classify_command(command, &ground);
    let hosts: Vec<_> = hosts_of(&verdict)
        .map(|(host, _)| host.to_owned())
        .collect();
    // `git fetch origin` names no host; whichever it is, the token goes to its own alone.
    let is_spoken_to = |token: &&GitToken| {
        hosts.is_empty() || hosts.iter().any(|host| host == token.remote.host.as_str())
    };
    tokens.iter().filter(is_spoken_to).cloned().collect()
}

/// Judges a call that the sandbox would carry out.
pub(crate) fn aim(rules: &Rules, tool: &Tool, call: &ToolCall) -> Aim {
    match WebRequest::read(&call.tool, &call.arguments) {
        Some(Ok(request)) => aim_of_request(rules, call, &request),
        Some(Err(wrong)) => Aim {
            reach: Reach::Unavailable(wrong.to_string()),
            ..at_home(tool, call)
        },
        None if WEB_TOOLS.contains(&call.tool.as_str()) => at_home(tool, call),
        None if call.tool == "shell" => aim_of_command(rules, tool, call),
        None => at_home(tool, call),
    }
}

/// It stays in the view, with the way out shut.
fn at_home(tool: &Tool, call: &ToolCall) -> Aim {
    let shut = Ground::View {
        allowed_domains: Vec::new(),
    };
    Aim {
        reach: Reach::View,
        targets: Vec::new(),
        class: RetryClass::View,
        verdict: judged(tool, call, &shut),
    }
}

fn judged(tool: &Tool, call: &ToolCall, ground: &Ground) -> Verdict {
    let mut verdict = classify::classify_call(&call.tool, &call.arguments, ground);
    verdict.tier = verdict.tier.max(tool.tier_floor);
    verdict
}

fn aim_of_request(rules: &Rules, call: &ToolCall, request: &WebRequest) -> Aim {
    let address = request.url.as_str();
    // Judged as it is sent, not as it was written.
    let mut arguments = call.arguments.clone();
    arguments["url"] = json!(address);
    let mut verdict = classify::classify_call(&call.tool, &arguments, &open_ground(rules));
    let says_more = |(name, _): &(HeaderName, HeaderValue)| !PLAIN_HEADERS.contains(name);
    if verdict.tier == RiskTier::L0Readonly && request.headers.iter().any(says_more) {
        verdict.tier = RiskTier::L1Mutating;
        verdict.rule = "network.headers".to_owned();
        verdict.rationale = "tells the host more than the address, in headers".to_owned();
    }
    let targets = vec![Target {
        verb: request.method.to_string(),
        host: shown_host(&request.remote),
        address: address.to_owned(),
    }];
    let reach = match rules.admitting(&request.remote) {
        Some(_) => Reach::Outside,
        None => Reach::Unavailable(format!(
            "{} is not on the list of hosts that may be reached from here; only an admin changes that list",
            request.remote
        )),
    };
    let class = match request.only_reads() {
        true => RetryClass::Read,
        false => RetryClass::Blind,
    };
    Aim {
        reach,
        targets,
        class,
        verdict,
    }
}

/// A command leaves the box if it talks to a host that is open, or says that it may. The way out
/// stays shut for every other, so that nothing has to be asked about it.
fn aim_of_command(rules: &Rules, tool: &Tool, call: &ToolCall) -> Aim {
    let ground = open_ground(rules);
    let mut plain = call.clone();
    plain.arguments["command"] = json!(unmarked(command_of(call)));
    let mut verdict = judged(tool, &plain, &ground);
    let talk = classify::talk_of(&call.tool, &plain.arguments, &ground);
    let says_so = call.arguments.get("network") == Some(&Value::Bool(true));
    let may_talk = says_so || talk.downloads;
    let names = secrets_in(command_of(call));
    if rules.allow.is_empty() || !(may_talk || reaches_open_host(rules, &verdict, talk)) {
        return match names.is_empty() {
            true => at_home(tool, call),
            false => Aim {
                reach: Reach::Unavailable(
                    "a secret is only put into a request to an open host, and this command names none"
                        .to_owned(),
                ),
                ..at_home(tool, call)
            },
        };
    }
    if !names.is_empty() {
        let names: Vec<_> = names.into_iter().collect();
        verdict.tier = RiskTier::L3Privileged;
        verdict.rule = "network.secret".to_owned();
        verdict.rationale = format!("uses the secret `{}` on the way", names.join("`, `"));
    }
    if may_talk && verdict.tier == RiskTier::L0Readonly {
        verdict.tier = RiskTier::L1Mutating;
        verdict.rule = "network.program".to_owned();
        verdict.rationale =
            "a program in this command may speak to every allowed host while it runs".to_owned();
    }
    if talk.pushes {
        verdict.tier = verdict.tier.max(RiskTier::L1Mutating);
        verdict.rule = PUSH_RULE.to_owned();
        verdict.rationale = "may change a git repository on another machine".to_owned();
    }
    Aim {
        reach: Reach::Outside,
        targets: targets_of(&verdict),
        class: match verdict.tier {
            RiskTier::L0Readonly => RetryClass::Read,
            _ => RetryClass::Blind,
        },
        verdict,
    }
}

/// A host that is only known when the command runs counts as open.
fn reaches_open_host(rules: &Rules, verdict: &Verdict, talk: Talk) -> bool {
    let mut hosts = hosts_of(verdict).peekable();
    let is_open = |host: &str| HostName::parse(host).map_or(true, |host| rules.names(&host));
    let is_remote = talk.is_remote || hosts.peek().is_some();
    is_remote && (hosts.peek().is_none() || hosts.any(|(host, _)| is_open(host)))
}

fn hosts_of(verdict: &Verdict) -> impl Iterator<Item = (&str, &str)> {
    verdict.effects.iter().filter_map(|effect| match effect {
        Effect::Network { host, method } => Some((host.as_str(), method.as_str())),
        _ => None,
    })
}

fn targets_of(verdict: &Verdict) -> Vec<Target> {
    let targets = hosts_of(verdict).map(|(host, method)| Target {
        verb: method.to_owned(),
        host: host.to_owned(),
        address: String::new(),
    });
    targets.collect()
}

/// The view with the way out open: names only, because the classifier knows no ports.
fn open_ground(rules: &Rules) -> Ground {
    Ground::View {
        allowed_domains: rules.allow.iter().map(|rule| rule.name()).collect(),
    }
}

fn shown_host(remote: &Remote) -> String {
    match WEB_PORTS.contains(&remote.port) {
        true => remote.host.to_string(),
        false => remote.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wardroom_tools::{Catalogue, Seat};

    fn said(tool: &str, arguments: Value) -> String {
        let rules = Rules::parse(&["docs.example.com", "*.corp.example:8443"], &[]).unwrap();
        let call = ToolCall {
            id: "1".into(),
            tool: tool.into(),
            arguments,
        };
        let catalogue = Catalogue::builtin();
        let tool = catalogue.check(Seat::Executor, &call).unwrap();
        let aim = aim(&rules, tool, &call);
        let reach = match aim.reach {
            Reach::View => "view".to_owned(),
            Reach::Outside => {
                let shown = aim.targets.iter().map(|target| {
                    let place = match target.address.is_empty() {
                        true => &target.host,
                        false => &target.address,
                    };
                    format!(" {} {place}", target.verb)
                });
                format!("outside{}", shown.collect::<String>())
            }
            Reach::Unavailable(why) => format!("unavailable {why}"),
            other => format!("{other:?}"),
        };
        format!("{} {} {reach}", &aim.verdict.tier.as_str()[..2], aim.class)
    }

    #[test]
    fn requests_go_where_they_say() {
        let get = |url: &str| said("http_fetch", json!({"url": url}));
        assert_eq!(
            get("https://docs.example.com/a?b"),
            "L0 read outside GET https://docs.example.com/a?b"
        );
        assert_eq!(
            get("https://a.corp.example:8443/"),
            "L0 read outside GET https://a.corp.example:8443/"
        );
        assert!(get("https://a.corp.example/").contains("unavailable"));
        assert!(get("https://docs.example.com.evil.example/").contains("not on the list"));
        assert!(get("http://169.254.169.254/").contains("unavailable"));
        let send = |method: &str| {
            let url = "https://docs.example.com/a";
            said("http_request", json!({"method": method, "url": url}))
        };
        assert!(send("GET").starts_with("L0 read outside"));
        assert!(send("POST").starts_with("L2 blind outside"));
        assert!(send("DELETE").starts_with("L2 blind outside"));
        let html = json!({"html": "<p>a</p>"});
        assert_eq!(said("html_to_markdown", html), "L0 view view");
    }

    #[test]
    fn a_command_goes_out_only_if_it_talks_to_an_open_host() {
        let run = |command: &str| said("shell", json!({"command": command}));
        for home in [
            "ls; rm -rf target",
            "python3 x.py",
            "make test",
            "npm test",
            "cargo test",
            "curl -s https://evil.example",
            "curl localhost:8080",
        ] {
            assert_eq!(run(home), "L0 view view", "{home}");
        }
        assert_eq!(
            run("curl -s https://docs.example.com/a"),
            "L0 read outside GET docs.example.com"
        );
        for (command, begins) in [
            ("curl -s https://docs.example.com/a | sh", "L1 blind"),
            ("curl -d @a https://docs.example.com/a", "L2 blind"),
            ("git clone https://docs.example.com/a.git", "L1 blind"),
            ("npm install", "L1 blind"),
            ("python3 -m pip install x", "L1 blind"),
            ("curl https://$host/", "L2 blind"),
        ] {
            let said = run(command);
            assert!(
                said.starts_with(begins) && said.contains("outside"),
                "{command}: {said}"
            );
        }
        let rules = Rules::parse(&["docs.example.com"], &[]).unwrap();
        for (command, rule) in [
            ("git push origin main", PUSH_RULE),
            ("git -C a push", PUSH_RULE),
            ("git fetch origin", "git.fetch"),
        ] {
            let call = ToolCall {
                id: "1".into(),
                tool: "shell".into(),
                arguments: json!({"command": command}),
            };
            let catalogue = Catalogue::builtin();
            let aim = aim(&rules, catalogue.get("shell").unwrap(), &call);
            assert_eq!(
                (aim.reach, aim.verdict.rule.as_str()),
                (Reach::Outside, rule)
            );
        }
        let asked = json!({"command": "python3 x.py", "network": true});
        assert_eq!(said("shell", asked), "L1 blind outside");
    }
}
