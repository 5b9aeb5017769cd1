//! `wardroom approval`: what waits for a person, and saying yes or no.

use crate::chat::question;
use crate::failure::{Exit, Failure};
use crate::machine::block_on;
use crate::output::{columns, json, lines, print};
use crate::place::Place;
use crate::terminal::{clipped, size, visible};
use clap::{Args, Subcommand};
use wardroom_api::approval::{
    Approval as Asked, ApprovalFilter, ApprovalList, Decide, Remember, Verdict,
};
use wardroom_api::grant::Grant;
use wardroom_domain::{ApprovalId, Digest, GrantId, Question};

/// See and decide what waits for a person
#[derive(Debug, Subcommand)]
pub enum Approval {
    /// List what waits
    List {
        /// Also what has been decided
        #[arg(long)]
        all: bool,
    },
    /// Show one approval in full
    Show {
        /// The approval
        #[arg(value_parser = ApprovalId::parse)]
        id: ApprovalId,
    },
    /// Say yes
    Approve(Decision),
    /// Say no
    Deny(Decision),
    /// List the yeses that last
    Grants,
    /// Take a lasting yes back
    Revoke {
        #[arg(value_parser = GrantId::parse)]
        id: GrantId,
    },
}

#[derive(Debug, Args)]
pub struct Decision {
    /// The approval
    #[arg(value_parser = ApprovalId::parse)]
    id: ApprovalId,
    /// Decide only if this is still the action's digest
    #[arg(long, value_name = "sha256:…", value_parser = digest)]
    digest: Option<Digest>,
    /// Count it for later actions of this kind too
    #[arg(long)]
    grant: bool,
    /// The answer in words, where words are asked for
    #[arg(long, value_name = "TEXT")]
    answer: Option<String>,
}

fn digest(text: &str) -> Result<Digest, String> {
    Digest::parse(text).ok_or_else(|| format!("`{text}` is not `sha256:` and 64 hex digits"))
}

impl Approval {
    pub fn run(self, place: &Place) -> Result<Exit, Failure> {
        match self {
            Self::List { all } => list(place, all),
            Self::Show { id } => show(place, id),
            Self::Approve(decision) => decide(place, decision, Verdict::Approve),
            Self::Deny(decision) => decide(place, decision, Verdict::Deny),
            Self::Grants => grants(place),
            Self::Revoke { id } => {
                let client = place.client()?;
                block_on(async { Ok(client.revoke_grant(id).await?) })?;
                anstream::eprintln!("{id} counts no longer; the next action of its kind asks.");
                Ok(Exit::Done)
            }
        }
    }
}

fn list(place: &Place, all: bool) -> Result<Exit, Failure> {
    let waiting = if all { None } else { Some(true) };
    let found = fetch(
        place,
        &ApprovalFilter {
            waiting,
            limit: Some(500),
            ..Default::default()
        },
    )?;
    print(place.json, &found, |found| {
        match found.approvals.as_slice() {
            [] => "Nothing waits for a decision.".to_owned(),
            approvals => table(approvals),
        }
    })?;
    Ok(Exit::Done)
}

fn table(approvals: &[Asked]) -> String {
    let rows = approvals.iter().map(|approval| {
        let state = approval
            .decision
            .map_or("waits", |decision| decision.as_str());
        vec![
            approval.id.to_string(),
            state.to_owned(),
            approval.tier.to_string(),
            visible(&approval.tool).into_owned(),
            clipped(&approval.rationale, size().0.saturating_sub(70).max(30)),
        ]
    });
    columns(
        &["ID", "STATE", "TIER", "TOOL", "WHY IT ASKS"],
        &rows.collect::<Vec<_>>(),
    )
}

fn show(place: &Place, id: ApprovalId) -> Result<Exit, Failure> {
    let found = fetch(
        place,
        &ApprovalFilter {
            limit: Some(500),
            ..Default::default()
        },
    )?;
    let Some(approval) = found
        .approvals
        .into_iter()
        .find(|approval| approval.id == id)
    else {
        return Err(Failure::new(
            format!("there is no approval {id}, or it is not yours to see"),
            "See `wardroom approval list --all`.",
        ));
    };
    if place.json {
        json(&approval)?;
    } else {
        lines(&question::in_full(&approval))?;
    }
    Ok(Exit::Done)
}

fn fetch(place: &Place, filter: &ApprovalFilter) -> Result<ApprovalList, Failure> {
    let client = place.client()?;
    block_on(async { Ok(client.approvals(filter).await?) })
}

fn decide(place: &Place, decision: Decision, verdict: Verdict) -> Result<Exit, Failure> {
    let client = place.client()?;
    let body = Decide {
        decision: verdict,
        digest: decision.digest,
        remember: decision.grant.then_some(Remember::Grant),
        answer: decision.answer,
    };
    let decided = block_on(async { Ok(client.decide(decision.id, &body).await?) })?;
    print(place.json, &decided, |decided| {
        let word = match (decided.question, verdict) {
            (Question::Answer, _) => "Answered",
            (_, Verdict::Approve) => "Approved",
            (_, Verdict::Deny) => "Denied",
        };
        if decided.decision.is_none() {
            return format!("{} takes a second yes, of another person.", decided.id);
        }
        format!("{word}: {} for {}.", visible(&decided.tool), decided.task)
    })?;
    Ok(Exit::Done)
}

fn grants(place: &Place) -> Result<Exit, Failure> {
    let client = place.client()?;
    let found = block_on(async { Ok(client.grants().await?) })?;
    print(place.json, &found, |found| {
        let rows: Vec<_> = found.grants.iter().map(row).collect();
        match rows.is_empty() {
            true => "No yes lasts.".to_owned(),
            false => columns(&["ID", "STATE", "TIER", "WORKSPACE", "COVERS"], &rows),
        }
    })?;
    Ok(Exit::Done)
}

fn row(grant: &Grant) -> Vec<String> {
    let state = if grant.revoked_at.is_some() {
        "taken back"
    } else {
        "counts"
    };
    vec![
        grant.id.to_string(),
        state.to_owned(),
        grant.tier.to_string(),
        grant.workspace.to_string(),
        visible(&grant.covers).into_owned(),
    ]
}
