//! Words for people, in one voice: what happened, what to do next.

use serde_json::Value;
use wardroom_domain::{Approval, ApprovalDecision, Question, Task, TaskStatus, Timestamp};

use crate::limits;

/// Text that is shown as it is: nothing in it is read as Markdown.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_punctuation() {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// One line of it, not too long.
pub(crate) fn line(text: &str) -> String {
    let first = text.lines().next().unwrap_or_default();
    plain(&clipped(first, 120))
}

/// At most so many characters.
pub(crate) fn clipped(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// Text in a block of its own, whatever fences it holds.
pub(crate) fn block(language: &str, text: &str) -> String {
    let runs = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(runs.max(2) + 1);
    format!("{fence}{language}\n{text}\n{fence}")
}

/// A mark by which a state is seen at a glance.
pub(crate) fn mark(status: TaskStatus) -> &'static str {
    match status {
        TaskStatus::Queued => "◌",
        TaskStatus::Running => "▶",
        TaskStatus::WaitingApproval => "⏸",
        TaskStatus::Succeeded => "✔",
        TaskStatus::Failed => "✖",
        TaskStatus::Canceled => "■",
        TaskStatus::TimedOut => "⌛",
    }
}

/// A task in a few lines.
pub(crate) fn task(task: &Task) -> String {
    let head = format!(
        "{} `{}` {} — {}",
        mark(task.status),
        task.id,
        task.status,
        line(&task.title)
    );
    let note = &task.progress.note;
    if task.status.is_terminal() || note.is_empty() {
        return head;
    }
    format!(
        "{head}\n   {} % · {} · {}",
        task.progress.percent,
        plain(&task.agent),
        line(note)
    )
}

/// A question, as whoever is to answer it reads it.
pub(crate) fn question(approval: &Approval, requester: &str, title: &str) -> String {
    let head = match approval.question {
        Question::Permission => "**May this happen?**",
        Question::InDoubt => "**Did this happen?**",
        Question::Answer => "**A task asks**",
    };
    let about = format!("{head}\n{} asked for: {}", plain(requester), line(title));
    let id = format!("`{}`", approval.id);
    let until = format!("Open until {}.", minute(approval.expires_at));
    if approval.question == Question::Answer {
        let asked = approval.arguments["question"].as_str().unwrap_or_default();
        return format!(
            "{about}\n\n{}\n\nAnswer with /answer {id} and your words. {until}",
            plain(&clipped(asked, limits::ARGUMENTS_CHARS_MAX))
        );
    }
    format!(
        "{about}\n\n{} · {}\n{}\nWhy it asks: {} (rule {}, {})\n{until}\n{id}",
        approval.tier,
        plain(&approval.tool),
        arguments(&approval.arguments),
        plain(&approval.rationale),
        plain(&approval.rule),
        plain(approval.source.as_str()),
    )
}

/// A moment to the minute, as people read it.
fn minute(at: Timestamp) -> String {
    let text = at.to_string().replace('T', " ");
    format!("{} UTC", text.chars().take(16).collect::<String>())
}

/// The exact action: a command or a diff as it is, anything else as its JSON.
fn arguments(arguments: &Value) -> String {
    let alone = ["command", "diff"]
        .iter()
        .find_map(|name| Some((*name, arguments.get(name)?.as_str()?)));
    let (language, text) = match alone {
        Some(("diff", text)) => ("diff", text.to_owned()),
        Some((_, text)) => ("sh", text.to_owned()),
        None => (
            "json",
            serde_json::to_string_pretty(arguments).unwrap_or_default(),
        ),
    };
    let shown = clipped(&text, limits::ARGUMENTS_CHARS_MAX);
    let more = if shown.len() < text.len() {
        "\nThis is not all of it: look at the whole on the portal, or with `wardroom approval list`, before you say yes."
    } else {
        ""
    };
    format!("{}{more}", block(language, &shown))
}

/// How a question ended.
pub(crate) fn ended(approval: &Approval, by: Option<&str>) -> String {
    let by = by
        .map(|name| format!(" by {}", plain(name)))
        .unwrap_or_default();
    match (approval.question, approval.decision) {
        (Question::Answer, Some(ApprovalDecision::Approve)) => format!("**Answered**{by}."),
        (_, Some(ApprovalDecision::Approve)) => format!("**Approved**{by}."),
        (_, Some(ApprovalDecision::Deny)) => format!("**Denied**{by}."),
        (_, Some(ApprovalDecision::Expire)) => {
            "**Expired**: nobody answered in time, or nothing waits for it any more. It did not happen.".to_owned()
        }
        (_, None) => String::new(),
    }
}

pub(crate) const STRANGER: &str = "I work for one organisation, and I do not know you. \
    If somebody invited you, send /start followed by your invitation code. \
    If you belong to the staff, send pair and follow what I answer.";
pub(crate) const UNKNOWN_GROUP: &str = "I do not know this group, so I use no tools here and \
    tell nothing of anybody's work. Talk to me in private. An admin can make this the group of \
    your org's staff with /admin_channel enable.";
#[cfg(test)]
mod tests {
    use super::*;
    use wardroom_connectors::Rich;

    #[test]
    fn what_people_wrote_is_shown_as_they_wrote_it() {
        for text in [
            "*a* _b_ [c](http://d) `e` # f",
            "1. x <b>",
            "a\\b ~~c~~ > d",
        ] {
            let rich = Rich::markdown(&plain(text));
            assert_eq!((rich.text.as_str(), rich.spans.len()), (text, 0));
        }
        let rich = Rich::markdown(&block("sh", "echo ```\n````"));
        assert_eq!(rich.text, "echo ```\n````");
    }
}
