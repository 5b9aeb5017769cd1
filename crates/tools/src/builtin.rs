//! The tools that Wardroom brings along, as the contract names them.
//!
//! Descriptions are short on purpose: they are sent with every turn.

use crate::{Seat, Tool};
use serde_json::{Value, json};
use wardroom_domain::{PermissionLevel, RetryClass, RiskTier, TaskType};

/// Changes when the meaning of a built-in tool does.
const VERSION: &str = "1";

/// Discloses tools that are not sent with every turn.
pub const FIND_TOOLS: &str = "find_tools";

pub(crate) fn tools() -> Vec<Tool> {
    let mut tools = coordinator_tools();
    tools.extend(view_tools());
    tools.extend(web_tools());
    tools.extend(outward_tools());
    tools
}

fn coordinator_tools() -> Vec<Tool> {
    let internal = |name, description, parameters| {
        tool(
            Seat::Coordinator,
            RetryClass::Internal,
            name,
            description,
            parameters,
        )
    };
    vec![
        internal(
            "delegate",
            "Give work to an executor: it has a shell, files and a sandboxed copy of the workspace. Call it several times for independent parts.",
            object(
                json!({"title": text("a few words"), "instructions": text("everything the executor must know"), "type": task_type(),
                    "agent": text("which agent, by name; leave it out for the usual one"),
                    "files": {"type": "array", "items": {"type": "string"}, "description": "ids of uploaded files"},
                    "mandate": mandate()}),
                &["title", "instructions"],
            ),
        ),
        internal(
            "tell_task",
            "Steer a running task.",
            object(
                json!({"task_id": text(""), "text": text("")}),
                &["task_id", "text"],
            ),
        ),
        internal(
            "task_status",
            "See one task, or all that run.",
            object(json!({"task_id": text("")}), &[]),
        ),
        internal(
            "cancel_task",
            "Stop a task.",
            object(json!({"task_id": text("")}), &["task_id"]),
        ),
    ]
}

fn view_tools() -> Vec<Tool> {
    let view = |name, description, parameters| {
        tool(
            Seat::Executor,
            RetryClass::View,
            name,
            description,
            parameters,
        )
    };
    let path = || text("relative to the workspace");
    vec![
        view(
            "shell",
            "Run a shell command in the sandbox, in /workspace. Changes stay in your copy until applied.",
            object(
                json!({"command": text(""), "timeout_s": {"type": "integer", "minimum": 1, "maximum": 3600},
                    "network": {"type": "boolean", "description": "true if a program in it needs the allowed hosts"}}),
                &["command"],
            ),
        ),
        view(
            "file_read",
            "Read a text file, the text of a PDF, or a file in an archive (`a.zip/b.txt`).",
            object(json!({"path": path()}), &["path"]),
        ),
        view(
            "file_write",
            "Create or replace a file.",
            object(
                json!({"path": path(), "content": text("")}),
                &["path", "content"],
            ),
        ),
        view(
            "file_edit",
            "Replace the one place where `find` stands.",
            object(
                json!({"path": path(), "find": text("exact"), "replace": text("")}),
                &["path", "find", "replace"],
            ),
        ),
        view(
            "file_list",
            "List a folder or an archive.",
            object(json!({"path": path()}), &["path"]),
        ),
        view(
            "file_move",
            "Move or rename; from an archive (`a.zip/`), unpack.",
            object(json!({"from": path(), "to": path()}), &["from", "to"]),
        ),
        view(
            "file_delete",
            "Delete a file or folder.",
            object(json!({"path": path()}), &["path"]),
        ),
        view(
            "md_read",
            "Read a Markdown file.",
            object(json!({"path": path()}), &["path"]),
        ),
        view(
            "md_write",
            "Create or replace a Markdown file.",
            object(
                json!({"path": path(), "content": text("Markdown")}),
                &["path", "content"],
            ),
        ),
        view(
            "html_to_markdown",
            "Turn HTML, or the page at a URL, into Markdown.",
            object(
                json!({"html": text(""), "url": text("instead of html")}),
                &[],
            ),
        ),
    ]
}

fn web_tools() -> Vec<Tool> {
    let web = |class, name, description, parameters| {
        tool(Seat::Executor, class, name, description, parameters)
    };
    vec![
        web(
            RetryClass::Read,
            "http_fetch",
            "Get a text resource from an allowed host.",
            object(json!({"url": text("")}), &["url"]),
        ),
        web(
            RetryClass::Blind,
            "http_request",
            "Send any HTTP request to an allowed host.",
            object(
                json!({"method": text(""), "url": text(""),
                    "headers": {"type": "object", "additionalProperties": {"type": "string"}}, "body": text(""),
                    "secret": text("name of a stored secret; sent as bearer token, or where a header holds {{secret}}")}),
                &["method", "url"],
            ),
        ),
    ]
}

fn outward_tools() -> Vec<Tool> {
    let tool_of = |class, name, description, parameters| {
        tool(Seat::Executor, class, name, description, parameters)
    };
    vec![
        tool_of(
            RetryClass::Internal,
            "publish",
            "Say something to the requester now, before the end.",
            object(json!({"text": text("Markdown")}), &["text"]),
        ),
        tool_of(
            RetryClass::Internal,
            "spawn_task",
            "Give a part of the work to another executor; its answer comes back here.",
            object(
                json!({"instructions": text(""), "type": task_type()}),
                &["instructions"],
            ),
        ),
        tool_of(
            RetryClass::Internal,
            "ask_person",
            "Ask the requester; the task waits for the answer.",
            object(
                json!({"question": text(""), "choices": {"type": "array", "items": {"type": "string"}, "maxItems": 8}}),
                &["question"],
            ),
        ),
        tool_of(
            RetryClass::Internal,
            FIND_TOOLS,
            "Find more tools by what they do; what is found can be called from the next turn on.",
            object(json!({"query": text("a few words")}), &["query"]),
        ),
        tool_of(
            RetryClass::Idempotent,
            "deliver",
            "Hand a file of the workspace to the requester.",
            object(
                json!({"path": text("relative to the workspace"), "note": text("")}),
                &["path"],
            ),
        ),
        tool_of(
            RetryClass::Queryable,
            "apply",
            "Carry your changes to the real workspace now. Happens by itself when you end.",
            object(json!({"note": text("")}), &[]),
        ),
        tool_of(
            RetryClass::Idempotent,
            "request_permission_level",
            "Ask a person for a higher level, for this task, where yours keeps you from its work.",
            object(
                json!({"level": level(), "reason": text("")}),
                &["level", "reason"],
            ),
        ),
    ]
}

fn tool(seat: Seat, class: RetryClass, name: &str, description: &str, parameters: Value) -> Tool {
    Tool {
        name: name.to_owned(),
        description: description.to_owned(),
        parameters,
        seat,
        class,
        tier_floor: RiskTier::L0Readonly,
        version: VERSION.to_owned(),
        foreign: None,
    }
}

fn object(properties: Value, required: &[&str]) -> Value {
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn text(description: &str) -> Value {
    if description.is_empty() {
        json!({"type": "string"})
    } else {
        json!({"type": "string", "description": description})
    }
}

/// Tools, addresses and recipients that the person named, to be approved once.
fn mandate() -> Value {
    let names = json!({"type": "array", "items": {"type": "string"}});
    json!({"type": "object", "properties": {"tools": names, "targets": names, "recipients": names},
        "required": ["tools"], "additionalProperties": false,
        "description": "what it may do outside, as the person named it"})
}

fn level() -> Value {
    let words: Vec<_> = PermissionLevel::ALL
        .iter()
        .map(|level| level.as_str())
        .collect();
    json!({"type": "string", "enum": words})
}

fn task_type() -> Value {
    let words: Vec<_> = TaskType::ALL.iter().map(|kind| kind.as_str()).collect();
    json!({"type": "string", "enum": words})
}
