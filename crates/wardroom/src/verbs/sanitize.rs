//! `wardroom sanitize`: text from outside, made plain and judged.

use super::bulk::for_each_row;
use crate::failure::{Exit, Failure};
use clap::Args;
use serde_json::{Value, json};
use wardroom_policy::sanitize::{Limits, sanitize};

/// Clean and judge many texts: one JSON object per line of stdin, {"text": "…"}
#[derive(Debug, Args)]
pub struct Sanitize {}

impl Sanitize {
    pub fn run(self) -> Result<Exit, Failure> {
        let limits = Limits::default();
        for_each_row(|row| {
            let Some(Value::String(text)) = row.get("text") else {
                return Err("it has no `text` that is a string".to_owned());
            };
            let sanitized = sanitize(text, &limits);
            row.insert("score".to_owned(), json!(sanitized.score));
            row.insert("categories".to_owned(), json!(sanitized.categories));
            row.insert("clean".to_owned(), json!(sanitized.clean));
            Ok(())
        })
    }
}
