//! The commands of the doors themselves.

use super::{Here, notes, settings};
use crate::gateway::Gateway;
use crate::intake::{Case, sentence};
use crate::parcel::Note;
use crate::{press, speaker, words};
use serde_json::json;
use std::sync::Arc;
use wardroom_connectors::PlaceKind;
use wardroom_coordinator::{Wrong, control, decide, stop};
use wardroom_domain::{
    ApprovalDecision, ApprovalId, AuditKind, Capability, Principal, Question, TaskId,
};
use wardroom_store::{SetHub, Write};

/// A command that is carried out here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Own {
    /// `/stop`
    Stop,
    /// `/resume TASK`
    Resume(TaskId),
    /// `/answer APPROVAL WORDS`
    Answer(ApprovalId, String),
    /// `/config`, `/config KEY VALUE`
    Config(Option<(String, String)>),
    /// `/search WORDS`
    Search(String),
    /// `/open PATH`
    Open(String),
    /// `/admin_channel enable`, `/admin_channel disable`
    AdminChannel(bool),
    /// It is one of these, and not complete.
    Unfit(&'static str),
}

const USAGE: &[(Capability, &str)] = &[
    (
        Capability::SteerOwn,
        "/stop, or the word stop: end all of my work at once",
    ),
    (
        Capability::SteerOwn,
        "/resume TASK: begin a task again that was stopped or failed",
    ),
    (
        Capability::Converse,
        "/answer APPROVAL WORDS: answer what a task asks",
    ),
    (
        Capability::SeeOwn,
        "/config and /config KEY VALUE: my settings",
    ),
    (Capability::SeeOwn, "/search WORDS: look through my notes"),
    (Capability::SeeOwn, "/open PATH: read a note"),
    (
        Capability::ManagePolicy,
        "/admin_channel enable and disable: gather questions and notices in this group",
    ),
];

/// What of it somebody may do here.
pub(super) fn help(by: &Principal, here: Here) -> Vec<&'static str> {
    let fits = |(needs, line): &&(Capability, &str)| {
        by.may(*needs) && (here.kind == PlaceKind::Group || !line.starts_with("/admin_channel"))
    };
    USAGE.iter().filter(fits).map(|(_, line)| *line).collect()
}

/// Reads a command of these; none for any other words.
pub(super) fn parse(text: &str) -> Option<Own> {
    let line = text.trim();
    let (verb, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim();
    Some(match verb.to_lowercase().as_str() {
        "/stop" => Own::Stop,
        "/resume" => match TaskId::parse(rest) {
            Ok(id) => Own::Resume(id),
            Err(_) => Own::Unfit("Say /resume and the id of a task."),
        },
        "/answer" => answer(rest),
        "/config" => match rest.split_once(char::is_whitespace) {
            Some((key, value)) => Own::Config(Some((key.to_lowercase(), value.trim().to_owned()))),
            None if rest.is_empty() => Own::Config(None),
            None => Own::Unfit("Say /config alone, or /config with a key and a value."),
        },
        "/search" if rest.is_empty() => Own::Unfit("Say /search and what to look for."),
        "/search" => Own::Search(rest.to_owned()),
        "/open" if rest.is_empty() => Own::Unfit("Say /open and the path of a note."),
        "/open" => Own::Open(rest.to_owned()),
        // Telegram's own commands hold no hyphen; people type one all the same.
        "/admin-channel" | "/admin_channel" => match rest.to_lowercase().as_str() {
            "enable" => Own::AdminChannel(true),
            "disable" => Own::AdminChannel(false),
            _ => Own::Unfit("Say /admin_channel enable or /admin_channel disable."),
        },
        _ => return None,
    })
}

fn answer(rest: &str) -> Own {
    let (id, words) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    match ApprovalId::parse(id) {
        Ok(id) if !words.trim().is_empty() => Own::Answer(id, words.trim().to_owned()),
        _ => Own::Unfit("Say /answer, the id of the question, and your words."),
    }
}

pub(super) async fn attend(
    gateway: &Arc<Gateway>,
    case: &Case,
    by: &Principal,
    here: Here,
    own: &Own,
) -> Result<Vec<Write>, Wrong> {
    let done = match own {
        Own::AdminChannel(is_on) => return admin_channel(gateway, case, by, here, *is_on).await,
        own => carry_out(gateway, by, own).await,
    };
    let text = match done {
        Ok(text) => text,
        Err(wrong) if wrong.is_answer() => words::plain(&sentence(&wrong.to_string())),
        Err(wrong) => return Err(wrong),
    };
    Ok(case.reply(gateway, Note::of(text)))
}

async fn carry_out(gateway: &Arc<Gateway>, by: &Principal, own: &Own) -> Result<String, Wrong> {
    let crew = &gateway.crew;
    Ok(match own {
        Own::Stop => stop::everything(crew, by).await?,
        Own::Resume(id) => {
            let task = control::retry(crew, by, *id).await?;
            format!("Begun again as `{}`: {}", task.id, words::line(&task.title))
        }
        Own::Answer(id, text) => {
            let approval = decide::seen(crew, by, *id).await?;
            if approval.question != Question::Answer {
                let why = "this asks for a yes or a no: use /approve or /deny";
                return Err(Wrong::Unfit(why.to_owned()));
            }
            let word = press::word(ApprovalDecision::Approve, Some(text.clone()));
            decide::decide(crew, by, *id, word).await?;
            "Passed on.".to_owned()
        }
        Own::Config(None) => settings::show(gateway, by).await?,
        Own::Config(Some((key, value))) => settings::change(gateway, by, key, value).await?,
        Own::Search(query) => notes::search(gateway, by, query).await?,
        Own::Open(path) => notes::open(gateway, by, path).await?,
        Own::Unfit(usage) => words::plain(usage),
        Own::AdminChannel(_) => String::new(),
    })
}

/// Makes this group the one where questions and notices gather, or no longer.
async fn admin_channel(
    gateway: &Arc<Gateway>,
    case: &Case,
    by: &Principal,
    here: Here,
    is_on: bool,
) -> Result<Vec<Write>, Wrong> {
    if let Err(lacks) = by.require(Capability::ManagePolicy) {
        let body = json!({"by": "admin_channel", "place": case.arrival.place.to_string()});
        let mut writes = vec![gateway.audit(AuditKind::AccessRefused, by.user, body)];
        let text = words::plain(&sentence(&lacks.to_string()));
        writes.extend(case.reply(gateway, Note::of(text)));
        return Ok(writes);
    }
    if here.kind != PlaceKind::Group {
        let text = "Say this in the group that is to be it; here only you would hear.";
        return Ok(case.reply(gateway, Note::of(text)));
    }
    let place = &case.arrival.place;
    let hub = SetHub {
        connector: place.connector.clone(),
        place: is_on.then(|| place.to_string()),
        by: by.user,
        at: gateway.crew.clock.now(),
    };
    let body =
        json!({"hub": place.to_string(), "enabled": is_on, "platform": speaker::platform(place)});
    let text = if is_on {
        "From now on questions, notices and the staff's private messages to me gather here. Everybody in this group reads them."
    } else {
        "This group is no longer where questions gather."
    };
    let mut writes = vec![
        Write::SetHub(hub),
        gateway.audit(AuditKind::ConnectorChanged, by.user, body),
    ];
    writes.extend(case.reply(gateway, Note::of(text)));
    Ok(writes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_with_and_without_their_hyphen() {
        for text in [
            "/admin_channel enable",
            "/admin-channel  ENABLE",
            "/Admin_Channel enable",
        ] {
            assert_eq!(parse(text), Some(Own::AdminChannel(true)), "{text}");
        }
        assert_eq!(
            parse("/open notes/a b.md"),
            Some(Own::Open("notes/a b.md".to_owned()))
        );
        assert_eq!(parse("/stop"), Some(Own::Stop));
        assert!(matches!(parse("/answer apr_x yes"), Some(Own::Unfit(_))));
        for text in ["stop it", "/etc/hosts", "/approve x", "open a.md"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
