//! Commands into answers.

use super::Command;
use crate::crew::Crew;
use crate::emergency::{self, Control, Controls, Moved};
use crate::{Wrong, bypass, control, decide};
use std::sync::Arc;
use wardroom_domain::{
    Approval, ApprovalDecision, ApprovalId, BypassMode, Capability, Conversation, Principal,
    Priority, Task, TaskId, TaskType, WorkspaceId,
};
use wardroom_store::{ApprovalFilter, Page, StatusFilter, TaskFilter};

/// What a command is answered, and the tasks that it began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answered {
    /// For people.
    pub text: String,
    /// The tasks.
    pub tasks: Vec<TaskId>,
}

impl From<String> for Answered {
    fn from(text: String) -> Self {
        Self {
            text,
            tasks: Vec::new(),
        }
    }
}

/// Carries a command out for somebody and says what came of it. A refusal is an answer, too; only
/// what is our own fault is an error.
pub async fn answer(
    crew: &Arc<Crew>,
    by: &Principal,
    place: Option<&Conversation>,
    command: Command,
) -> Result<Answered, Wrong> {
    match carry_out(crew, by, place, command).await {
        Err(wrong) if wrong.is_answer() => Ok(format!("No: {wrong}.").into()),
        other => other,
    }
}

async fn carry_out(
    crew: &Arc<Crew>,
    by: &Principal,
    place: Option<&Conversation>,
    command: Command,
) -> Result<Answered, Wrong> {
    Ok(match command {
        Command::Help => help(by).into(),
        Command::Start => {
            format!("You are in already, {}. /help lists the commands.", by.name).into()
        }
        Command::Status => status(crew, by).await?.into(),
        Command::Tasks => tasks(crew, by, StatusFilter::Any).await?.into(),
        Command::Cancel(id) => {
            let task = control::cancel(crew, by, id).await?;
            format!("{id} is {}.", task.status).into()
        }
        Command::CancelAll => cancel_all(crew, by).await?.into(),
        Command::Approvals => approvals(crew, by).await?.into(),
        Command::Decide(id, decision) => decided(crew, by, id, decision).await?.into(),
        Command::Bypass(mode) => {
            let mode = bypass::switch(crew, by, by.user, mode).await?;
            let means = match mode {
                BypassMode::On => "what the org lets it cover is no longer asked about",
                BypassMode::Off => "you are asked again",
            };
            format!("Bypass is {mode}: {means}.").into()
        }
        Command::Task(text) => begin(crew, by, place, text).await?,
        Command::Emergency(None) => {
            let controls = emergency::show(crew, by).await?;
            told(&controls).into()
        }
        Command::Emergency(Some(control)) => {
            let moved = emergency::move_control(crew, by, control).await?;
            moved_told(control, &moved).into()
        }
        Command::Unfit(why) => why.into(),
    })
}

/// The commands that somebody may use.
pub fn help(by: &Principal) -> String {
    let lines = [
        (
            Capability::SeeOwn,
            "/status: what is running and what waits",
        ),
        (Capability::SeeOwn, "/tasks: your tasks"),
        (Capability::BeginTasks, "/task TEXT: begin a task"),
        (Capability::SteerOwn, "/cancel TASK or /cancel all: stop"),
        (Capability::SeeOwn, "/approvals: what you may decide"),
        (
            Capability::Converse,
            "/approve APPROVAL and /deny APPROVAL: decide",
        ),
        (
            Capability::BypassOwn,
            "/bypass on and /bypass off: be asked less, where the org allows it",
        ),
        (
            Capability::MoveEmergency,
            "/pause on and /pause off: hold back everything that changes something",
        ),
        (
            Capability::MoveEmergency,
            "/emergency: status, pause, bypass-off, cancel-risky, rotate-credentials",
        ),
        (Capability::SeeOwn, "/help: this"),
    ];
    let mine = lines.iter().filter(|(needs, _)| by.may(*needs));
    let mine: Vec<_> = mine.map(|(_, line)| *line).collect();
    mine.join("\n")
}

fn page(rows: u32) -> Page {
    Page {
        limit: Some(rows),
        cursor: None,
    }
}

async fn own(crew: &Crew, by: &Principal, status: StatusFilter) -> Result<Vec<Task>, Wrong> {
    let filter = TaskFilter {
        requester: Some(by.user),
        status,
        ..TaskFilter::default()
    };
    let found = crew.store.tasks(crew.org, &filter, &page(20)).await?;
    Ok(found.items.into_iter().map(|row| row.task).collect())
}

fn line(task: &Task) -> String {
    let how = match task.status.is_terminal() {
        true => String::new(),
        false => format!(" {}% {}", task.progress.percent, task.progress.note),
    };
    let line = format!("{} {} \"{}\"{how}", task.id, task.status, task.title);
    line.chars().take(300).collect()
}

async fn tasks(crew: &Crew, by: &Principal, status: StatusFilter) -> Result<String, Wrong> {
    let tasks = own(crew, by, status).await?;
    Ok(match tasks.is_empty() {
        true => "There are no tasks of yours.".to_owned(),
        false => tasks.iter().map(line).collect::<Vec<_>>().join("\n"),
    })
}

async fn status(crew: &Crew, by: &Principal) -> Result<String, Wrong> {
    let open = own(crew, by, StatusFilter::Open).await?;
    let mut lines: Vec<_> = open
        .iter()
        .map(|task| format!("{} by {}", line(task), task.agent))
        .collect();
    if lines.is_empty() {
        lines.push("Nothing of yours is running.".to_owned());
    }
    let waiting = waiting(crew, by).await?.len();
    if waiting > 0 {
        lines.push(format!("{waiting} wait for your decision; see /approvals."));
    }
    if emergency::stands(crew).await?.pause_mutations {
        lines.push("An admin has paused everything that changes something.".to_owned());
    }
    if bypass::mode(crew, by.user).await? == BypassMode::On {
        lines.push("Your bypass is ON.".to_owned());
    }
    Ok(lines.join("\n"))
}

async fn cancel_all(crew: &Arc<Crew>, by: &Principal) -> Result<String, Wrong> {
    let open = own(crew, by, StatusFilter::Open).await?;
    let mut stopped = 0;
    for task in open {
        match control::cancel(crew, by, task.id).await {
            Ok(_) => stopped += 1,
            // It ended by itself in the same moment.
            Err(Wrong::TooLate(_)) => {}
            Err(other) => return Err(other),
        }
    }
    Ok(format!("Stopped {stopped} of your tasks."))
}

/// The open questions that somebody may decide.
async fn waiting(crew: &Crew, by: &Principal) -> Result<Vec<Approval>, Wrong> {
    let filter = ApprovalFilter {
        open_only: true,
        overseen_by: Some(decide::overseer(by)),
        ..ApprovalFilter::default()
    };
    let found = crew.store.approvals(crew.org, &filter, &page(100)).await?;
    let mut mine = Vec::new();
    for approval in found.items.into_iter().map(|row| row.approval) {
        if decide::may_decide(crew, by, &approval).await? {
            mine.push(approval);
        }
    }
    Ok(mine)
}

async fn approvals(crew: &Crew, by: &Principal) -> Result<String, Wrong> {
    let mine = waiting(crew, by).await?;
    if mine.is_empty() {
        return Ok("Nothing waits for your decision.".to_owned());
    }
    let lines = mine.iter().map(question).collect::<Vec<_>>();
    Ok(lines.join("\n\n"))
}

/// A question in full, or it is not shown at all: nobody says yes to what he has not read.
fn question(approval: &Approval) -> String {
    let what = approval.arguments.to_string();
    let what = match what.len() <= SHOWN_BYTES_MAX {
        true => what,
        false => "too long to show here; look at it in the portal or with `wardroom approval show` before you decide".to_owned(),
    };
    format!(
        "{}\n{} `{}` by {} for {} in {}\n{}\n{what}\nrule {} ({}), until {}",
        approval.id,
        approval.tier,
        approval.tool,
        approval.agent,
        approval.requester,
        approval.task,
        approval.rationale,
        approval.rule,
        approval.source,
        approval.expires_at
    )
}

/// As much as a chat message takes.
const SHOWN_BYTES_MAX: usize = 3000;

async fn decided(
    crew: &Arc<Crew>,
    by: &Principal,
    id: ApprovalId,
    decision: ApprovalDecision,
) -> Result<String, Wrong> {
    let word = decide::Word {
        decision,
        digest: None,
        answer: None,
        lasts: false,
    };
    let decided = decide::decide(crew, by, id, word).await?;
    Ok(match decided.decision {
        Some(decision) => format!("{id}: {decision}."),
        None => format!("{id} takes a second yes, of another person."),
    })
}

async fn begin(
    crew: &Arc<Crew>,
    by: &Principal,
    place: Option<&Conversation>,
    text: String,
) -> Result<Answered, Wrong> {
    let workspace: Option<WorkspaceId> = place.map(|place| place.workspace);
    let (kind, text) = match text.strip_prefix("research ") {
        Some(topic) => (TaskType::Research, topic.to_owned()),
        None => (TaskType::General, text),
    };
    let direct = control::Direct {
        title: String::new(),
        text,
        kind,
        agent: None,
        priority: Priority::NORMAL,
        workspace,
        time_max: None,
        files: Vec::new(),
    };
    let task = control::create_in(crew, by, direct, place, |_| Vec::new()).await?;
    Ok(Answered {
        text: format!("{} \"{}\" is {}.", task.id, task.title, task.status),
        tasks: vec![task.id],
    })
}

fn told(controls: &Controls) -> String {
    let word = |on| if on { "ON" } else { "OFF" };
    format!(
        "Mutations paused: {}. Bypass disabled: {}.",
        word(controls.emergency.pause_mutations),
        word(controls.emergency.bypass_disabled)
    )
}

fn moved_told(control: Control, moved: &Moved) -> String {
    match control {
        Control::PauseMutations(_) | Control::DisableBypass(_) => told(&moved.controls),
        Control::CancelRisky(tier) => format!(
            "Cancelled {} tasks of {tier} and above.",
            moved.cancelled.len()
        ),
        Control::RotateCredentials => format!(
            "Ended {} tokens and {} sessions, and every open link, invitation and pairing.{}",
            moved.tokens,
            moved.sessions,
            match moved.secrets_to_renew.as_slice() {
                [] => String::new(),
                names => format!(
                    " Renew these secrets where they come from: {}.",
                    names.join(", ")
                ),
            }
        ),
    }
}
