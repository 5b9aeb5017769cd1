//! Placeholders in a story: `{{1}}` … `{{9}}` and the names below.

use serde_json::Value;

/// What a story can speak of.
#[derive(Debug, Default, Clone)]
pub(super) struct Scene {
    /// What the rule heard.
    pub text: String,
    /// What a person last asked, while the story works on it.
    pub request: String,
    pub last_tool_result: String,
    /// All results of the last turn's calls, a line each.
    pub tool_results: String,
    /// The groups of the rule's expression, the first at 0.
    pub captures: Vec<String>,
}

const NAMES: &[&str] = &["text", "request", "last_tool_result", "tool_results"];

impl Scene {
    fn value(&self, name: &str) -> Option<&str> {
        match name {
            "text" => Some(&self.text),
            "request" => Some(&self.request),
            "last_tool_result" => Some(&self.last_tool_result),
            "tool_results" => Some(&self.tool_results),
            _ => {
                let number: usize = name
                    .parse()
                    .ok()
                    .filter(|number| (1..=9).contains(number))?;
                Some(self.captures.get(number - 1).map_or("", String::as_str))
            }
        }
    }

    pub fn fill(&self, template: &str) -> String {
        let mut filled = String::with_capacity(template.len());
        for piece in pieces(template) {
            match piece {
                Piece::Plain(text) => filled.push_str(text),
                Piece::Name(name) => filled.push_str(self.value(name).unwrap_or_default()),
            }
        }
        filled
    }

    pub fn fill_value(&self, value: &Value) -> Value {
        match value {
            Value::String(template) => Value::String(self.fill(template)),
            Value::Array(items) => items.iter().map(|item| self.fill_value(item)).collect(),
            Value::Object(members) => {
                let filled = members
                    .iter()
                    .map(|(key, value)| (key.clone(), self.fill_value(value)));
                Value::Object(filled.collect())
            }
            other => other.clone(),
        }
    }
}

enum Piece<'a> {
    Plain(&'a str),
    Name(&'a str),
}

/// Splits a template. Braces around anything but a word are plain text, so that a shell command
/// may hold them.
fn pieces(mut rest: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut from = 0;
    while let Some(open) = rest[from..].find("{{").map(|at| at + from) {
        let inside = &rest[open + 2..];
        let name = inside.split("}}").next().unwrap_or_default();
        let is_word = name.len() < inside.len()
            && !name.is_empty()
            && name
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        if is_word {
            pieces.push(Piece::Plain(&rest[..open]));
            pieces.push(Piece::Name(name));
            rest = &inside[name.len() + 2..];
            from = 0;
        } else {
            from = open + 2;
        }
    }
    pieces.push(Piece::Plain(rest));
    pieces
}

pub(super) fn check(template: &str) -> Result<(), String> {
    for piece in pieces(template) {
        if let Piece::Name(name) = piece
            && Scene::default().value(name).is_none()
        {
            let names = NAMES.join("}}, {{");
            return Err(format!(
                "{{{{{name}}}}} is unknown; there are {{{{1}}}} to {{{{9}}}}, {{{{{names}}}}}"
            ));
        }
    }
    Ok(())
}

pub(super) fn check_value(value: &Value) -> Result<(), String> {
    match value {
        Value::String(template) => check(template),
        Value::Array(items) => items.iter().try_for_each(check_value),
        Value::Object(members) => members.values().try_for_each(check_value),
        _ => Ok(()),
    }
}
