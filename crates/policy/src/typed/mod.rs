//! What a person literally typed, and which calls say no more than that.
//!
//! A person who types "send 20 to GB29 …" has named the act, the amount and the recipient himself.
//! A call whose every target stands in his words is therefore his own wish, whoever made the call;
//! a call whose targets came from a page, a mail or a file is not, however it was asked for. Nothing
//! here knows a tool or a service: an argument is judged by its name, its shape and the words.

mod address;
mod role;
mod words;

pub use address::{addresses_in, normal};

use role::Role;
use serde_json::Value;
use std::collections::BTreeSet;
use words::Words;

/// A person's own words, ready to be searched.
#[derive(Clone, Debug, Default)]
pub struct Typed {
    words: Words,
    addresses: BTreeSet<String>,
}

/// An argument that does not stand in the words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stray {
    /// The argument's name; empty when the call as a whole names nothing that was typed.
    pub argument: String,
    /// Its value, or the part of it that was not typed.
    pub value: String,
}

impl std::fmt::Display for Stray {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.argument.is_empty() {
            return f.write_str("nothing in it was named in the request");
        }
        let value: String = self.value.chars().take(80).collect();
        write!(
            f,
            "`{}` is {value:?}, which the request does not name",
            self.argument
        )
    }
}

/// The arguments of a call, each with the name that it goes by.
type Leaf<'a> = (&'a str, &'a Value);

impl Typed {
    /// The words of these texts. Lines that quote somebody else (`> …`) are not the person's own.
    pub fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut own = String::new();
        for line in texts.into_iter().flat_map(str::lines) {
            if !line.trim_start().starts_with('>') {
                own.push_str(line);
                own.push('\n');
            }
        }
        Self {
            addresses: addresses_in(&own).iter().map(|one| normal(one)).collect(),
            words: Words::of(&own),
        }
    }

    /// Words in which these names stand, each set apart.
    pub fn naming<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let lines: Vec<String> = names
            .into_iter()
            .map(|name| format!("\"{name}\""))
            .collect();
        Self::of(lines.iter().map(String::as_str))
    }

    /// Whether everything that a call says consists of the person's words and numbers.
    pub fn is_all_of(&self, arguments: &Value) -> bool {
        leaves(arguments)
            .into_iter()
            .all(|(name, value)| match value {
                Value::String(text) => self.words.has_all_of(text),
                Value::Number(number) => {
                    role::is_measure(name) || self.words.has_number(&number.to_string(), false)
                }
                _ => true,
            })
    }

    /// Whether the person typed this very address: a page, a host, a mailbox, an account.
    pub fn holds_address(&self, address: &str) -> bool {
        self.addresses.contains(&normal(address))
    }

    /// Whether a call says no more than the person typed. Answers what it is aimed at, in the order
    /// of the arguments, or the first argument that did not come from him.
    pub fn covers(&self, arguments: &Value) -> Result<Vec<String>, Stray> {
        let mut anchors = Vec::new();
        for (name, value) in leaves(arguments) {
            anchors.extend(self.judge(name, value)?);
        }
        if anchors.is_empty() {
            let (argument, value) = (String::new(), String::new());
            return Err(Stray { argument, value });
        }
        Ok(anchors)
    }

    /// What a call is aimed at that the person named. Two calls with the same aims are the same
    /// wish, and a wish that was said once is carried out once.
    pub fn aims(&self, arguments: &Value) -> BTreeSet<String> {
        leaves(arguments)
            .into_iter()
            .filter(|(name, _)| Role::of(name) != Role::Content)
            .filter_map(|(name, value)| self.judge(name, value).ok().flatten())
            .collect()
    }

    /// Addresses that a tool which only looks would connect to and that nobody typed.
    pub fn strays_of_reading(&self, arguments: &Value) -> Option<Stray> {
        fetched(arguments)
            .into_iter()
            .find(|(_, address)| !self.holds_address(address))
            .map(|(argument, value)| Stray { argument, value })
    }

    /// What one argument is aimed at, if it is aimed at anything.
    fn judge(&self, name: &str, value: &Value) -> Result<Option<String>, Stray> {
        let stray = |value: &str| Stray {
            argument: name.to_owned(),
            value: value.to_owned(),
        };
        match value {
            Value::Bool(true) if role::widens(name) => Err(stray("true")),
            Value::Number(_) if role::is_measure(name) => Ok(None),
            Value::Number(number) => self
                .number(name, &number.to_string())
                .ok_or_else(|| stray(&number.to_string()))
                .map(Some),
            Value::String(text) if text.trim().is_empty() || words::is_date(text) => Ok(None),
            Value::String(text) => match Role::of(name) {
                Role::Content => self.content(text).map_err(|part| stray(&part)),
                Role::Target => self.target(name, text).map(Some).ok_or_else(|| stray(text)),
            },
            _ => Ok(None),
        }
    }

    fn number(&self, name: &str, digits: &str) -> Option<String> {
        self.words
            .has_number(digits, role::is_id(name))
            .then(|| digits.to_owned())
    }

    /// Words for somebody may be the model's own, but they may lead nowhere that was not typed.
    fn content(&self, text: &str) -> Result<Option<String>, String> {
        if let Some(stray) = addresses_in(text)
            .into_iter()
            .find(|one| !self.holds_address(one))
        {
            return Err(stray);
        }
        let is_dictated = self.words.has_phrase(text);
        Ok(is_dictated.then(|| words::fold(text)))
    }

    fn target(&self, name: &str, text: &str) -> Option<String> {
        let text = text.trim();
        if address::is_address(text) || role::is_place(name) {
            return self.holds_address(text).then(|| normal(text));
        }
        if words::is_number(text) {
            return self.number(name, text);
        }
        let is_named = self.words.has_name(text) || self.words.has_beginning_of(text);
        is_named.then(|| words::fold(text))
    }
}

/// The addresses that a tool with these arguments would connect to, with the arguments' names.
pub fn fetched(arguments: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (name, value) in leaves(arguments) {
        let Value::String(text) = value else { continue };
        let text = text.trim();
        let is_place = role::is_place(name) && !text.is_empty();
        if is_place
            || (Role::of(name) == Role::Target && address::is_fetched(text) && !role::is_file(name))
        {
            found.push((name.to_owned(), text.to_owned()));
        }
    }
    found
}

/// Whether a call has one argument and no more.
pub fn is_alone(arguments: &Value) -> bool {
    leaves(arguments).len() == 1
}

/// Every plain value of the arguments; those in a list go by the name of the list.
fn leaves(arguments: &Value) -> Vec<Leaf<'_>> {
    let mut found = Vec::new();
    gather("", arguments, &mut found);
    found
}

fn gather<'a>(name: &'a str, value: &'a Value, found: &mut Vec<Leaf<'a>>) {
    match value {
        Value::Object(fields) => {
            for (inner, value) in fields {
                gather(inner, value, found);
            }
        }
        Value::Array(items) => {
            for item in items {
                gather(name, item, found);
            }
        }
        plain => found.push((name, plain)),
    }
}

#[cfg(test)]
mod tests;
