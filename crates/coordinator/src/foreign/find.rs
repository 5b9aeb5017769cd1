//! Tools are disclosed on demand where there are more than fit into every turn.

use serde_json::{Value, json};
use std::collections::BTreeSet;
use wardroom_tools::{Catalogue, Tool};

/// How many tools one search discloses.
const FOUND_MAX: usize = 8;

/// Finds foreign tools by what they are called and said to do. Answers the text for the model,
/// and the names that it may see from now on.
pub(crate) fn find(tools: &Catalogue, query: &str) -> (String, Value) {
    let wanted = words(query);
    let mut ranked: Vec<(usize, &Tool)> = tools
        .foreign()
        .map(|tool| (score(tool, &wanted), tool))
        .filter(|(score, _)| *score > 0)
        .collect();
    ranked.sort_by_key(|(score, tool)| (std::cmp::Reverse(*score), tool.name.clone()));
    ranked.truncate(FOUND_MAX);
    if ranked.is_empty() {
        let servers: BTreeSet<&str> = tools
            .foreign()
            .filter_map(|tool| Some(tool.foreign.as_ref()?.server.as_str()))
            .collect();
        let servers: Vec<&str> = servers.into_iter().collect();
        let text = format!(
            "nothing fits; there are tools of these servers: {}",
            servers.join(", ")
        );
        return (text, Value::Null);
    }
    let lines: Vec<String> = ranked
        .iter()
        .map(|(_, tool)| format!("{}: {}", tool.name, tool.description))
        .collect();
    let names: Vec<&str> = ranked.iter().map(|(_, tool)| tool.name.as_str()).collect();
    (lines.join("\n"), json!({"disclosed": names}))
}

/// A word of the name counts more than one of the description.
fn score(tool: &Tool, wanted: &BTreeSet<String>) -> usize {
    let (name, description) = (words(&tool.name), words(&tool.description));
    wanted
        .iter()
        .map(|word| 3 * usize::from(name.contains(word)) + usize::from(description.contains(word)))
        .sum()
}

fn words(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| {
            let lower = word.to_lowercase();
            // Files and file are the same wish.
            lower.strip_suffix('s').unwrap_or(&lower).to_owned()
        })
        .collect()
}
