//! `WARDROOM_SECTION__KEY`: the same keys from the environment, over those of the file.
//!
//! A value that reads as a TOML list, table, number or boolean is one; anything else is text.
//! Variables without `__` belong to the command line (`WARDROOM_DATA`), but for the one top-level
//! key, `WARDROOM_PROFILE`.

use super::Config;
use super::check::check;
use super::document::{Document, check_key, check_secret};
use super::error::{ConfigError, Place};
use serde::Deserialize;
use toml::{Table, Value};

const PREFIX: &str = "WARDROOM_";
const PROFILE: &str = "WARDROOM_PROFILE";

/// One variable that sets a key.
struct Setting {
    variable: String,
    path: Vec<String>,
    text: String,
}

/// The configuration of a file with the environment over it, checked.
pub fn overlay(
    document: &Document<'_>,
    env: impl Iterator<Item = (String, String)>,
) -> Result<Config, ConfigError> {
    let mut table = document.table.clone();
    let from_file = toml::from_str::<Config>(document.text());
    let mut config = from_file.map_err(|error| document.refusal(&error))?;
    let mut settings: Vec<Setting> = env.filter_map(setting).collect();
    settings.sort_by(|a, b| a.variable.cmp(&b.variable));
    for setting in &settings {
        setting.check()?;
        put(&mut table, &setting.path, read(&setting.text));
    }
    if !settings.is_empty() {
        config = Config::deserialize(table).map_err(|error| blame(document, &settings, &error))?;
    }
    let place = |path: &[&str]| {
        let of_variable = settings.iter().find(|setting| setting.path == path);
        let of_variable = of_variable.map(|setting| Place::Variable(setting.variable.clone()));
        of_variable.or_else(|| document.place(path))
    };
    check(&config, place)?;
    Ok(config)
}

fn setting((variable, text): (String, String)) -> Option<Setting> {
    let name = variable.strip_prefix(PREFIX)?;
    if !name.contains("__") && variable != PROFILE {
        return None;
    }
    let path = name
        .to_ascii_lowercase()
        .split("__")
        .map(str::to_owned)
        .collect();
    Some(Setting {
        variable,
        path,
        text,
    })
}

impl Setting {
    fn check(&self) -> Result<(), ConfigError> {
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        for depth in 1..=path.len() {
            check_key(&path[..depth], || self.place())?;
        }
        check_secret(&path, &self.text, || self.place())
    }

    fn place(&self) -> Place {
        Place::Variable(self.variable.clone())
    }
}

/// The value that a variable's text stands for.
fn read(text: &str) -> Value {
    let quoted = |text: &str| Value::String(text.to_owned());
    match toml::from_str::<Table>(&format!("value = {text}")) {
        Ok(mut table) if table.len() == 1 => table.remove("value").unwrap_or_else(|| quoted(text)),
        _ => quoted(text),
    }
}

fn put(table: &mut Table, path: &[String], value: Value) {
    match path {
        [] => {}
        [last] => {
            table.insert(last.clone(), value);
        }
        [first, rest @ ..] => {
            let inner = table
                .entry(first.clone())
                .or_insert_with(|| Value::Table(Table::new()));
            if !inner.is_table() {
                *inner = Value::Table(Table::new());
            }
            if let Value::Table(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

/// Names the variable that made a good file bad: the first whose addition is refused.
fn blame(document: &Document<'_>, settings: &[Setting], error: &toml::de::Error) -> ConfigError {
    let mut table = document.table.clone();
    for setting in settings {
        put(&mut table, &setting.path, read(&setting.text));
        if let Err(error) = Config::deserialize(table.clone()) {
            return ConfigError::Invalid {
                place: setting.place(),
                key: setting.path.join("."),
                reason: error.message().to_owned(),
            };
        }
    }
    document.refusal(error)
}
