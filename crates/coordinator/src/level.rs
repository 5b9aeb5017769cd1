//! How far a task's agent may go inside its sandbox, and what its model is told of it.
//!
//! What reaches beyond the view is policy's to judge; what is done inside of it the kernel holds.

use crate::Wrong;
use crate::raise::{self, RAISE};
use crate::run::Run;
use wardroom_domain::PermissionLevel;
use wardroom_executors::StandardLevel;
use wardroom_llm::message::ToolSchema;

/// What an agent that only reads may use. A tool that is not here is not offered to it.
const READS_ONLY: &[&str] = &[
    "file_read",
    "file_list",
    "md_read",
    "qmd_search",
    "html_to_markdown",
    "find_tools",
    "search_memory",
    "ask_person",
    "publish",
    "deliver",
    "spawn_task",
    RAISE,
];
/// How many bytes of names are sent with every turn.
const NAMES_BYTES_MAX: usize = 600;

/// The level of a task's agent at this moment; none is not narrowed. Read anew before every use, so
/// that a change counts for the next action of a running task.
pub(crate) async fn of(run: &Run) -> Result<Option<PermissionLevel>, Wrong> {
    let policy = run.crew.policy_now().await?;
    Ok(policy.level_of(&run.task.agent, None, raise::raised(run)))
}

/// Takes away what the level has no use for. A level that cannot rise is not asked about.
pub(crate) fn narrow(tools: &mut Vec<ToolSchema>, level: Option<PermissionLevel>) {
    if level.is_none_or(|level| level == PermissionLevel::Privileged) {
        tools.retain(|tool| tool.name != RAISE);
    }
    if level == Some(PermissionLevel::Restricted) {
        tools.retain(|tool| READS_ONLY.contains(&tool.name.as_str()));
    }
}

/// What a model is told of its level; empty where it is not narrowed.
pub(crate) fn in_words(level: Option<PermissionLevel>, standard: &StandardLevel) -> String {
    match level {
        Some(PermissionLevel::Restricted) => {
            " Your level is RESTRICTED: you read the workspace; nothing is written, no program runs, \
             nothing leaves."
                .to_owned()
        }
        Some(PermissionLevel::Standard) => format!(
            " Your level is STANDARD: in the shell only these programs run: {}.",
            names(standard)
        ),
        Some(level) => format!(
            " Your level is {level}; folders and services of the server itself are not within reach \
             here."
        ),
        None => String::new(),
    }
}

fn names(standard: &StandardLevel) -> String {
    let names: Vec<_> = standard.programs.iter().map(String::as_str).collect();
    let mut names = names.join(" ");
    if names.len() > NAMES_BYTES_MAX {
        names.truncate(names.floor_char_boundary(NAMES_BYTES_MAX));
        names.push_str(" …");
    }
    names
}

/// Why the kernel said no, for a model that would only try again.
pub(crate) fn explained(level: Option<PermissionLevel>, text: &str) -> Option<String> {
    let was_refused = ["ermission denied", "Read-only file system", "os error 30"];
    let level = level.filter(|level| *level <= PermissionLevel::Standard)?;
    was_refused
        .iter()
        .any(|words| text.contains(words))
        .then(|| {
            format!("[an agent of level {level} may not do this; its org can raise the level]")
        })
}
