//! An approval before a person: the exact action in full, why it asks, and his answer.

use super::screen::Screen;
use crate::failure::Failure;
use crate::machine;
use crate::terminal::{Input, Line, painted, style, visible};
use serde_json::Value;
use std::fmt::Write;
use wardroom_api::approval::{Approval, Decide, Verdict};
use wardroom_api::client::Client;
use wardroom_api::problem::Code;
use wardroom_api::task::{DoubtAnswer, ResolveEffect};
use wardroom_domain::Question;

/// The whole question: nothing of the action is left out.
pub fn in_full(approval: &Approval) -> String {
    let (ask, faint) = (style::ASK, style::FAINT);
    let mut text = String::new();
    let heading = match approval.question {
        Question::Permission => format!("a task asks: {}", approval.tool),
        Question::InDoubt => format!("did {} happen before the crash?", approval.tool),
        Question::Answer => "a task asks you".to_owned(),
    };
    let _ = writeln!(
        text,
        "{ask}{}{ask:#}  {faint}{}{faint:#}",
        visible(&heading),
        approval.id
    );
    write_arguments(&mut text, &approval.arguments);
    if approval.question == Question::Answer {
        return text;
    }
    let _ = writeln!(
        text,
        "for      {}, by {}, in {}",
        approval.requester,
        visible(&approval.agent),
        approval.task
    );
    let _ = writeln!(text, "tier     {}", approval.tier);
    let _ = writeln!(text, "because  {}", visible(&approval.rationale));
    let _ = writeln!(
        text,
        "rule     {} ({})",
        visible(&approval.rule),
        approval.source
    );
    let _ = writeln!(text, "digest   {}", approval.digest);
    let _ = writeln!(
        text,
        "expires  {} ({})",
        approval.expires_at,
        until(approval)
    );
    if let Some(covers) = &approval.covers {
        let _ = writeln!(text, "may last for {}", visible(covers));
    }
    if approval.four_eyes {
        let first = approval
            .first_by
            .map(|user| format!(", {user} has said one"));
        let first = first.unwrap_or_default();
        let _ = writeln!(text, "takes    two yeses of two people{first}");
    }
    text
}

/// Short words first, then what fills lines: a diff painted, a text as it is, the rest as JSON.
fn write_arguments(text: &mut String, arguments: &Value) {
    let Value::Object(members) = arguments else {
        let _ = writeln!(text, "{}", visible(&arguments.to_string()));
        return;
    };
    let is_long = |value: &Value| value.as_str().is_some_and(|words| words.contains('\n'));
    for (name, value) in members
        .iter()
        .filter(|(_, value)| !is_long(value) && !value.is_null())
    {
        let words = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        let _ = writeln!(text, "{:<8} {}", visible(name), visible(&words));
    }
    for (name, value) in members.iter().filter(|(_, value)| is_long(value)) {
        let words = value.as_str().unwrap_or_default();
        let _ = writeln!(text, "{}, {} lines:", visible(name), words.lines().count());
        if name == "diff" {
            text.push_str(&painted(words));
        } else {
            for line in visible(words).lines() {
                let _ = writeln!(text, "  {line}");
            }
        }
    }
}

fn until(approval: &Approval) -> String {
    match approval.expires_at.since(machine::now()).as_secs() {
        0 => "now".to_owned(),
        seconds @ 1..=119 => format!("in {seconds} s"),
        seconds => format!("in {} min", seconds / 60),
    }
}

/// What came of putting a question before a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It is answered, by him or somebody else.
    Answered,
    /// It still waits.
    Waits,
}

/// Shows a question in full and takes the answer.
pub async fn put(
    client: &Client,
    screen: &mut Screen,
    input: &Input,
    approval: &Approval,
) -> Result<Put, Failure> {
    screen.say("");
    input.page(&in_full(approval)).await;
    match approval.question {
        Question::Permission => permission(client, screen, input, approval).await,
        Question::Answer => words(client, screen, input, approval).await,
        Question::InDoubt => doubt(client, screen, input, approval).await,
    }
}

async fn permission(
    client: &Client,
    screen: &mut Screen,
    input: &Input,
    approval: &Approval,
) -> Result<Put, Failure> {
    let decision = match input.yes_no("May it happen?").await {
        Some(true) => Verdict::Approve,
        Some(false) => Verdict::Deny,
        None => return Ok(waits(screen, approval)),
    };
    decide(client, screen, approval, decision, None).await
}

/// Says yes to what was shown.
pub async fn approve(
    client: &Client,
    screen: &mut Screen,
    approval: &Approval,
) -> Result<Put, Failure> {
    decide(client, screen, approval, Verdict::Approve, None).await
}

async fn words(
    client: &Client,
    screen: &mut Screen,
    input: &Input,
    approval: &Approval,
) -> Result<Put, Failure> {
    match input.answer("your answer> ").await {
        Line::Text(text) if text.trim().is_empty() => {
            decide(client, screen, approval, Verdict::Deny, None).await
        }
        Line::Text(text) => decide(client, screen, approval, Verdict::Approve, Some(text)).await,
        Line::Interrupted | Line::Gone => Ok(waits(screen, approval)),
    }
}

async fn doubt(
    client: &Client,
    screen: &mut Screen,
    input: &Input,
    approval: &Approval,
) -> Result<Put, Failure> {
    let answer = match input
        .answer("It [h]appened, it did [n]ot, or [s]top the task? ")
        .await
    {
        Line::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
            "h" | "happened" => DoubtAnswer::Happened,
            "n" | "not" | "did_not" => DoubtAnswer::DidNot,
            "s" | "stop" => DoubtAnswer::Stop,
            _ => return Ok(waits(screen, approval)),
        },
        Line::Interrupted | Line::Gone => return Ok(waits(screen, approval)),
    };
    let body = ResolveEffect {
        effect: approval.effect,
        answer,
    };
    client.resolve_effect(approval.task, &body).await?;
    Ok(Put::Answered)
}

async fn decide(
    client: &Client,
    screen: &mut Screen,
    approval: &Approval,
    decision: Verdict,
    answer: Option<String>,
) -> Result<Put, Failure> {
    // The digest makes sure that what was shown is what is decided.
    let body = Decide {
        decision,
        digest: Some(approval.digest),
        remember: None,
        answer,
    };
    match client.decide(approval.id, &body).await {
        Ok(_) => Ok(Put::Answered),
        Err(error) if error.code() == Some(Code::AlreadyDecided) => {
            screen.say(&format!("Somebody was quicker: {error}."));
            Ok(Put::Answered)
        }
        Err(error) if error.code() == Some(Code::Internal) => Err(error.into()),
        Err(error) if error.code().is_some() => {
            screen.say(&format!("{error} {}", error.hint()));
            Ok(Put::Waits)
        }
        Err(error) => Err(error.into()),
    }
}

fn waits(screen: &mut Screen, approval: &Approval) -> Put {
    screen.say(&how_to_decide(approval));
    Put::Waits
}

/// How to answer from elsewhere, or later.
pub fn how_to_decide(approval: &Approval) -> String {
    let id = approval.id;
    match approval.question {
        Question::Answer => {
            format!("It waits. Answer with `wardroom approval approve {id} --answer TEXT`.")
        }
        Question::Permission | Question::InDoubt => format!(
            "It waits. Decide with `wardroom approval approve {id}` or `wardroom approval deny {id}`."
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_action_is_shown_whole_and_cannot_hide_in_escapes() {
        let mut text = String::new();
        let arguments = json!({
            "command": "ls\u{1b}[2K\rrm -rf x", "note": null, "timeout_s": 5,
            "content": "one\ntwo\u{202e}\n",
        });
        write_arguments(&mut text, &arguments);
        assert_eq!(
            text,
            "command  ls\\u{1b}[2K\\u{d}rm -rf x\ntimeout_s 5\ncontent, 2 lines:\n  one\n  two\\u{202e}\n"
        );
    }
}
