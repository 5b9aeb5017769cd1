//! A model that does as it is told: what it is asked to do is its script, one turn after another.

use serde_json::{Value, json};
use std::fmt;
use wardroom_llm::Role;
use wardroom_llm::message::{Message, Part};
use wardroom_testkit::models::{Asked, Said};

/// What a model is to do, turn by turn. Its text is what the story asks for.
#[derive(Clone, Default)]
pub struct Script(Vec<Value>);

/// A script without a turn yet.
pub fn script() -> Script {
    Script::default()
}

impl Script {
    /// A turn that runs a command.
    pub fn shell(self, command: &str) -> Self {
        self.calls("shell", json!({"command": command}))
    }

    /// A turn that writes a file.
    pub fn writes(self, path: &str, content: &str) -> Self {
        self.calls("file_write", json!({"path": path, "content": content}))
    }

    /// A turn with one call.
    pub fn calls(self, tool: &str, arguments: Value) -> Self {
        self.calls_all(&[(tool, arguments)])
    }

    /// A turn with several calls at once.
    pub fn calls_all(mut self, calls: &[(&str, Value)]) -> Self {
        self.0.push(json!(calls));
        self
    }

    /// A turn that hands out tasks, each with a title and its own script.
    pub fn delegates(self, tasks: &[(&str, Script)]) -> Self {
        let orders: Vec<_> = tasks
            .iter()
            .map(|(title, script)| ("delegate", order(title, script)))
            .collect();
        self.calls_all(&orders)
    }

    /// A turn that says something; `{last}` stands for the last outcome of a tool.
    pub fn says(mut self, text: &str) -> Self {
        self.0.push(json!(text));
        self
    }
}

fn order(title: &str, script: &Script) -> Value {
    json!({"title": title, "instructions": script.to_string()})
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Value::Array(self.0.clone()))
    }
}

/// The model: a task follows the script that it was given, the coordinator the last one that it
/// heard. Whoever hears no script makes conversation.
pub fn follows(asked: &Asked) -> Said {
    let request = &asked.request;
    let heard = &request.messages;
    let is_task = request.tools.iter().any(|tool| tool.name == "file_read");
    if request.tools.is_empty() {
        return Said::text(format!("All told: {}", last_words(heard)));
    }
    let mut said = heard.iter().enumerate();
    let is_order = |(_, message): &(usize, &Message)| message.role == Role::User;
    let begins = if is_task {
        said.find(is_order)
    } else {
        said.rev().find(is_order)
    };
    let Some((at, order)) = begins else {
        return Said::text("I hear nothing.");
    };
    let done = heard[at..]
        .iter()
        .filter(|message| message.role == Role::Assistant);
    turn(&order.text(), done.count(), heard)
}

fn turn(order: &str, number: usize, heard: &[Message]) -> Said {
    // What stands behind the script, such as a list of uploads, is no part of it.
    let mut values = serde_json::Deserializer::from_str(order).into_iter();
    let Some(Ok(Value::Array(turns))) = values.next() else {
        return Said::text(format!("You said: {order}"));
    };
    match turns.get(number) {
        None => Said::text("done"),
        Some(Value::String(text)) => Said::text(text.replace("{last}", &last_outcome(heard))),
        Some(calls) => {
            calls
                .as_array()
                .into_iter()
                .flatten()
                .fold(Said::default(), |said, call| {
                    let tool = call[0].as_str().expect("the name of a tool");
                    said.and_call(tool, call[1].clone())
                })
        }
    }
}

fn last_words(heard: &[Message]) -> String {
    heard.last().map(Message::text).unwrap_or_default()
}

fn last_outcome(heard: &[Message]) -> String {
    let outcomes = heard.iter().flat_map(|message| &message.content);
    let mut texts = outcomes.filter_map(|part| match part {
        Part::ToolResult { text, .. } => Some(text.clone()),
        _ => None,
    });
    texts.next_back().unwrap_or_default()
}

/// What was quoted as text from outside, without the marks around it.
pub fn unquoted(text: &str) -> &str {
    let text = match text.split_once(">\n") {
        Some((mark, rest)) if mark.starts_with("<untrusted-") => rest,
        _ => text,
    };
    text.rsplit_once("\n</untrusted-")
        .map_or(text, |(quoted, _)| quoted)
}
