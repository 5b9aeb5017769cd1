//! Words into commands.

use crate::emergency::Control;
use wardroom_domain::{ApprovalDecision, ApprovalId, BypassMode, RiskTier, TaskId};

/// What somebody typed after a slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `/help`
    Help,
    /// `/start CODE`, of somebody who is in already.
    Start,
    /// `/status`
    Status,
    /// `/tasks`
    Tasks,
    /// `/cancel TASK`
    Cancel(TaskId),
    /// `/cancel all`
    CancelAll,
    /// `/approvals`
    Approvals,
    /// `/approve ID`, `/deny ID`
    Decide(ApprovalId, ApprovalDecision),
    /// `/bypass on`, `/bypass off`
    Bypass(BypassMode),
    /// `/task TEXT`
    Task(String),
    /// `/emergency …`, `/pause on`, `/pause off`
    Emergency(Option<Control>),
    /// It begins like a command and is none, for this reason.
    Unfit(String),
}

/// Reads a command; none for words that are meant for the coordinator.
pub fn parse(text: &str) -> Option<Command> {
    let line = text.trim();
    let verb = line.split_whitespace().next()?.strip_prefix('/')?;
    // In a group a command may name its bot; `/etc/hosts` is a path.
    let name = verb.split('@').next().unwrap_or_default();
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if name.is_empty() || !name.chars().all(is_word) {
        return None;
    }
    let rest = line[verb.len() + 1..].trim();
    Some(command(&name.to_lowercase(), rest))
}

fn command(name: &str, rest: &str) -> Command {
    match name {
        "help" => Command::Help,
        "start" => Command::Start,
        "status" => Command::Status,
        "tasks" => Command::Tasks,
        "cancel" if rest.eq_ignore_ascii_case("all") => Command::CancelAll,
        "cancel" => TaskId::parse(rest)
            .map_or_else(|_| usage("/cancel TASK or /cancel all"), Command::Cancel),
        "approvals" => Command::Approvals,
        "approve" => decide(rest, ApprovalDecision::Approve, "/approve APPROVAL"),
        "deny" => decide(rest, ApprovalDecision::Deny, "/deny APPROVAL"),
        "bypass" => match switch(rest) {
            Some(true) => Command::Bypass(BypassMode::On),
            Some(false) => Command::Bypass(BypassMode::Off),
            None => usage("/bypass on or /bypass off"),
        },
        "task" if rest.is_empty() => usage("/task and what is to be done"),
        "task" => Command::Task(rest.to_owned()),
        "pause" => match switch(rest) {
            Some(on) => Command::Emergency(Some(Control::PauseMutations(on))),
            None => usage("/pause on or /pause off"),
        },
        "emergency" => emergency(rest),
        other => Command::Unfit(format!("There is no /{other}. /help lists what there is.")),
    }
}

fn usage(usage: &str) -> Command {
    Command::Unfit(format!("Say {usage}."))
}

fn decide(rest: &str, decision: ApprovalDecision, how: &str) -> Command {
    let id = ApprovalId::parse(rest);
    id.map_or_else(|_| usage(how), |id| Command::Decide(id, decision))
}

fn switch(word: &str) -> Option<bool> {
    match word.to_lowercase().as_str() {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    }
}

const EMERGENCY: &str = "/emergency status, /emergency pause on|off, /emergency bypass-off on|off, \
                         /emergency cancel-risky [TIER] or /emergency rotate-credentials";

fn emergency(rest: &str) -> Command {
    let words: Vec<_> = rest.split_whitespace().collect();
    let control = match words.as_slice() {
        [] | ["status"] => return Command::Emergency(None),
        ["pause" | "pause-mutations", word] => switch(word).map(Control::PauseMutations),
        ["bypass-off" | "disable-bypass", word] => switch(word).map(Control::DisableBypass),
        ["cancel-risky"] => Some(Control::CancelRisky(RiskTier::L2Destructive)),
        ["cancel-risky", tier] => tier_of(tier).map(Control::CancelRisky),
        ["rotate-credentials"] => Some(Control::RotateCredentials),
        _ => None,
    };
    control.map_or_else(
        || usage(EMERGENCY),
        |control| Command::Emergency(Some(control)),
    )
}

/// A tier by its whole word or its first two letters.
fn tier_of(word: &str) -> Option<RiskTier> {
    let word = word.to_uppercase();
    let mut tiers = RiskTier::ALL.iter().copied();
    tiers.find(|tier| tier.as_str() == word || tier.as_str()[..2] == word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wardroom_domain::Timestamp;

    #[test]
    fn the_commands_as_people_type_them() {
        let at = Timestamp::from_micros(1_767_225_600_000_000);
        let (task, asked) = (TaskId::mint(at, 1), ApprovalId::mint(at, 1));
        let cases = [
            ("/help".to_owned(), Command::Help),
            ("/start abc".to_owned(), Command::Start),
            ("/status".to_owned(), Command::Status),
            ("/tasks".to_owned(), Command::Tasks),
            (format!("/cancel {task}"), Command::Cancel(task)),
            ("/cancel all".to_owned(), Command::CancelAll),
            ("/approvals".to_owned(), Command::Approvals),
            (
                format!("/approve {asked}"),
                Command::Decide(asked, ApprovalDecision::Approve),
            ),
            (
                format!(" /deny@wardroom_bot {asked} "),
                Command::Decide(asked, ApprovalDecision::Deny),
            ),
            ("/bypass on".to_owned(), Command::Bypass(BypassMode::On)),
            ("/BYPASS OFF".to_owned(), Command::Bypass(BypassMode::Off)),
            (
                "/task count it".to_owned(),
                Command::Task("count it".to_owned()),
            ),
            (
                "/pause on".to_owned(),
                Command::Emergency(Some(Control::PauseMutations(true))),
            ),
            ("/emergency".to_owned(), Command::Emergency(None)),
            (
                "/emergency cancel-risky L1".to_owned(),
                Command::Emergency(Some(Control::CancelRisky(RiskTier::L1Mutating))),
            ),
        ];
        for (text, command) in cases {
            assert_eq!(parse(&text), Some(command), "{text}");
        }
        for words in ["hello", "see /help", "/etc/hosts is what?", "/", "// x", ""] {
            assert_eq!(parse(words), None, "{words}");
        }
        for wrong in [
            "/cancel",
            "/approve it",
            "/bypass maybe",
            "/nothing",
            "/emergency x",
        ] {
            assert!(matches!(parse(wrong), Some(Command::Unfit(_))), "{wrong}");
        }
    }
}
