//! Judges a call of one of the product's own tools by its name and arguments.

use serde_json::Value;
use wardroom_domain::RiskTier::{L0Readonly, L1Mutating, L2Destructive, L3Privileged};

use super::general;
use super::hosts::{Special, special};
use super::programs::http::Request;
use super::rule::{Reach, Rule};
use super::shell::Walker;
use super::verdict::{Ground, Talk, Verdict};
use super::words::Arg;

/// Rules about tool calls. Their examples are lines of the form `tool {"argument": …}`.
#[rustfmt::skip]
pub static RULES: &[&Rule] = &[
    &LOOKS, &READS, &ASKS, &TRIES, &EDITS, &MAKES_TASK, &SENDS, &APPLIES, &GAINS, &UNKNOWN_TOOL,
    &MALFORMED, &NOT_WEB, &WITH_PASSWORD, &PRIVATE,
];

static LOOKS: Rule = Rule::code(
    "tool.look",
    L0Readonly,
    Reach::Local,
    "only looks",
    &[],
    &[],
);
static READS: Rule = Rule::code(
    "tool.read",
    L0Readonly,
    Reach::Local,
    "reads a file",
    &[],
    &[],
);
#[rustfmt::skip]
static ASKS: Rule = Rule::code(
    "tool.ask",
    L0Readonly,
    Reach::Local,
    "asks the requester",
    &[],
    &[],
);
#[rustfmt::skip]
static TRIES: Rule = Rule::code(
    "tool.search",
    L0Readonly,
    Reach::Remote,
    "asks a search service",
    &[],
    &[],
);
static EDITS: Rule = Rule::code(
    "tool.edit",
    L1Mutating,
    Reach::Local,
    "changes a file",
    &[],
    &[],
);
#[rustfmt::skip]
static MAKES_TASK: Rule = Rule::code(
    "tool.spawn",
    L1Mutating,
    Reach::Secret,
    "starts another task",
    &[],
    &[],
);
#[rustfmt::skip]
static SENDS: Rule = Rule::code(
    "tool.publish",
    L2Destructive,
    Reach::Secret,
    "makes something known to others",
    &[],
    &[],
);
#[rustfmt::skip]
static APPLIES: Rule = Rule::code(
    "tool.apply",
    L2Destructive,
    Reach::Secret,
    "carries the view's changes to the real folder",
    &[],
    &[],
);
#[rustfmt::skip]
static GAINS: Rule = Rule::code(
    "tool.permission",
    L3Privileged,
    Reach::Secret,
    "asks for more rights",
    &[],
    &[],
);
#[rustfmt::skip]
static UNKNOWN_TOOL: Rule = Rule::code(
    "tool.unknown",
    L2Destructive,
    Reach::Remote,
    "is a tool about which nothing is known",
    &[],
    &[],
);
#[rustfmt::skip]
static NOT_WEB: Rule = Rule::code(
    "network.no-web-address",
    L2Destructive,
    Reach::Remote,
    "is no address of the web",
    &[],
    &[],
);
#[rustfmt::skip]
static WITH_PASSWORD: Rule = Rule::code(
    "network.password-in-address",
    L3Privileged,
    Reach::Remote,
    "carries a name or a password in the address",
    &[],
    &[],
);
#[rustfmt::skip]
static PRIVATE: Rule = Rule::code(
    "network.private",
    L2Destructive,
    Reach::Remote,
    "reaches this machine or a private network",
    &[],
    &[],
);
#[rustfmt::skip]
static MALFORMED: Rule = Rule::code(
    "tool.malformed",
    L2Destructive,
    Reach::Remote,
    "lacks an argument without which it cannot be judged",
    &[],
    &[],
);

/// The tools of the product, as models call them. What is not among them comes from a server.
#[rustfmt::skip]
pub const KNOWN_TOOLS: &[&str] = &[
    "shell", "file_read", "file_write", "file_edit", "file_list", "file_move", "file_delete",
    "http_fetch", "http_request", "html_to_markdown", "md_read", "md_write", "qmd_search",
    "web_search", "sql", "spawn_task", "publish", "ask_person", "deliver", "apply",
    "request_permission_level", "find_tools", "delegate", "tell_task", "task_status",
    "cancel_task", "remember", "search_memory",
];

/// Judges a tool call.
pub fn classify_call(tool: &str, arguments: &Value, ground: &Ground) -> Verdict {
    let mut walker = Walker::new(ground);
    if walker.tool(tool, arguments).is_none() {
        walker.always(&MALFORMED, tool);
    }
    walker.draft.finish(&general::NOTHING)
}

/// Whether a tool call speaks to other machines. What a program does that nothing is known of is
/// not part of the answer: whoever opens the way out for what talks keeps it shut for the rest.
pub fn talk_of(tool: &str, arguments: &Value, ground: &Ground) -> Talk {
    let mut walker = Walker::new(ground);
    match walker.tool(tool, arguments) {
        Some(()) => walker.draft.talk(),
        None => Talk::default(),
    }
}

impl Walker<'_> {
    /// Judges one tool; `None` when a needed argument is missing or of the wrong kind.
    fn tool(&mut self, tool: &str, arguments: &Value) -> Option<()> {
        match tool {
            "shell" => {
                self.judge_script(text(arguments, "command")?, &super::shell::Feed::Nothing);
            }
            "file_read" | "md_read" => {
                self.add(&READS, tool);
                self.reads(&path(arguments, "path")?);
            }
            "file_list" => self.add(&LOOKS, tool),
            "file_write" | "file_edit" | "md_write" => {
                self.add(&EDITS, tool);
                self.writes(&path(arguments, "path")?);
            }
            "file_move" => {
                let (from, to) = (path(arguments, "from")?, path(arguments, "to")?);
                self.add(&EDITS, tool);
                self.reads(&from);
                self.moves_away(&from);
                self.writes(&to);
            }
            "file_delete" => self.deletes(&path(arguments, "path")?),
            "http_fetch" => self.tool_asks(&Request::get(text(arguments, "url")?)),
            "http_request" => self.tool_request(arguments)?,
            "html_to_markdown" => match arguments.get("url").and_then(Value::as_str) {
                Some(url) => self.tool_asks(&Request::get(url)),
                None => self.add(&LOOKS, tool),
            },
            "sql" => self.sql(
                text(arguments, "statement").or_else(|| text(arguments, "query"))?,
                "sql",
            ),
            "qmd_search" | "task_status" | "search_memory" | "find_tools" => self.add(&LOOKS, tool),
            "web_search" => self.add(&TRIES, tool),
            "ask_person" => self.add(&ASKS, tool),
            "spawn_task" | "delegate" | "remember" | "tell_task" | "cancel_task" => {
                self.always(&MAKES_TASK, tool)
            }
            "publish" => self.always(&SENDS, tool),
            "deliver" => {
                self.add(&READS, tool);
                self.reads(&path(arguments, "path")?);
            }
            "apply" => self.always(&APPLIES, tool),
            "request_permission_level" => self.always(&GAINS, tool),
            _ => self.always(&UNKNOWN_TOOL, tool),
        }
        Some(())
    }

    /// A finding that the ground does not soften: the effect is not in the sandbox.
    fn always(&mut self, rule: &'static Rule, subject: &str) {
        let host = Ground::HostFolder {
            allowed_domains: Vec::new(),
        };
        self.draft.add(&host, rule, subject);
    }

    fn tool_request(&mut self, arguments: &Value) -> Option<()> {
        let request = Request {
            method: text(arguments, "method")?.to_ascii_uppercase(),
            address: text(arguments, "url")?.to_owned(),
            sends: arguments.get("body").is_some_and(|body| !body.is_null()),
            secret: arguments
                .get("secret")
                .is_some_and(|secret| !secret.is_null())
                || has_credentials(arguments),
        };
        self.tool_asks(&request);
        Some(())
    }

    /// A request that the product makes itself, from outside of every sandbox: no ground contains
    /// it.
    fn tool_asks(&mut self, request: &Request) {
        let allowed_domains = self.ground.allowed_domains().to_vec();
        let special = special(&request.address, &allowed_domains);
        let host = Ground::HostFolder { allowed_domains };
        let mut outside = Walker::new(&host);
        outside.request(request);
        let rule = match special {
            Some(Special::NotWeb) => Some(&NOT_WEB),
            Some(Special::Credentials) => Some(&WITH_PASSWORD),
            Some(Special::Private) => Some(&PRIVATE),
            None => None,
        };
        if let Some(rule) = rule {
            outside.add(rule, &request.address);
        }
        self.draft = outside.draft;
    }
}

/// Whether a header proves who asks.
fn has_credentials(arguments: &Value) -> bool {
    let headers = arguments.get("headers").and_then(Value::as_object);
    let mut names = headers.into_iter().flat_map(|headers| headers.keys());
    names.any(|name| {
        let name = name.to_ascii_lowercase();
        [
            "authorization",
            "cookie",
            "api-key",
            "apikey",
            "token",
            "secret",
        ]
        .iter()
        .any(|part| name.contains(part))
    })
}

fn text<'a>(arguments: &'a Value, name: &str) -> Option<&'a str> {
    arguments.get(name)?.as_str()
}

fn path(arguments: &Value, name: &str) -> Option<Arg> {
    // Inside a sandbox the folder is mounted at /workspace; the same file has one name here.
    let path = text(arguments, name)?;
    let inside = path.strip_prefix("/workspace/").unwrap_or(path);
    Some(Arg::exact(inside))
}
