//! `wardroom config`: whether the configuration can be meant.

use crate::failure::{Exit, Failure};
use crate::output::print;
use crate::place::Place;
use clap::Subcommand;
use serde_json::json;
use std::fmt::Write;

/// Check the configuration
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Read it as the server would, and say what it means
    Check,
}

impl Config {
    pub fn run(self, place: &Place) -> Result<Exit, Failure> {
        let Self::Check = self;
        let config = place.config()?;
        let summary = json!({
            "file": config.file,
            "profile": config.profile,
            "preset": config.preset(),
            "listen": config.server.listen,
            "store": config.store_name(),
            "models": config.models.keys().collect::<Vec<_>>(),
        });
        print(place.json, &summary, |_| {
            let mut text = String::new();
            let file = config
                .file
                .as_ref()
                .map_or("none, all defaults".to_owned(), |file| {
                    file.display().to_string()
                });
            let models: Vec<&str> = config.models.keys().map(String::as_str).collect();
            let models = if models.is_empty() {
                "none yet".to_owned()
            } else {
                models.join(", ")
            };
            let _ = writeln!(text, "file      {file}");
            let _ = writeln!(
                text,
                "profile   {} (preset {})",
                config.profile,
                config.preset()
            );
            let _ = writeln!(text, "listens   {}", config.server.listen);
            let _ = writeln!(text, "database  {}", config.store_name());
            let _ = writeln!(text, "models    {models}");
            text
        })?;
        Ok(Exit::Done)
    }
}
