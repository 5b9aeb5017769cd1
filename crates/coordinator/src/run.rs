//! One task in the hands of one worker: its life, its facts, and what is about to be written.

use crate::Wrong;
use crate::bench::Bench;
use crate::crew::Crew;
use std::collections::BTreeSet;
use std::sync::Arc;
use wardroom_domain::{Approval, Effect, EffectId, Principal, Task, ToolCall, Workspace};
use wardroom_engine::{Fact, Life};
use wardroom_executors::Errand;
use wardroom_policy::Permit;
use wardroom_policy::redact::Redactor;
use wardroom_store::{TaskRow, Write};

/// The facts of a task so far: what its model is reminded of.
pub(crate) struct Transcript {
    facts: Vec<Fact>,
    depth: u32,
}

impl Transcript {
    pub(crate) fn facts(&self) -> &[Fact] {
        &self.facts
    }

    pub(crate) fn depth(&self) -> u32 {
        self.depth
    }

    /// Whether the last effect was an apply that went well: the view that it carried is of no use
    /// any more, for it knows the workspace only as it was before.
    pub(crate) fn is_fresh_from_apply(&self) -> bool {
        let mut settled = None;
        for fact in self.facts.iter().rev() {
            match fact {
                Fact::Settled {
                    effect: Some(effect),
                    outcome,
                    ..
                } if settled.is_none() => settled = Some((*effect, outcome.is_error)),
                Fact::Intended { effect, .. } => {
                    return effect.call.tool == "apply" && settled == Some((effect.id, false));
                }
                _ => {}
            }
        }
        false
    }

    /// The tools that the model has found so far, and those that it has called.
    pub(crate) fn disclosed(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for fact in &self.facts {
            match fact {
                Fact::Settled { outcome, .. } => {
                    let found = outcome
                        .detail
                        .get("disclosed")
                        .and_then(|all| all.as_array());
                    let found = found.into_iter().flatten();
                    names.extend(found.filter_map(|name| name.as_str().map(str::to_owned)));
                }
                Fact::Replied { calls, .. } => {
                    names.extend(calls.iter().map(|call| call.tool.clone()));
                }
                _ => {}
            }
        }
        names
    }

    /// The effect that was intended, as its intent was written down.
    pub(crate) fn effect(&self, id: EffectId) -> Option<&Effect> {
        self.facts.iter().rev().find_map(|fact| match fact {
            Fact::Intended { effect, .. } | Fact::Asked { effect, .. } if effect.id == id => {
                Some(&**effect)
            }
            _ => None,
        })
    }
}

/// What a worker holds of a task.
pub(crate) struct Run {
    pub(crate) crew: Arc<Crew>,
    pub(crate) task: Task,
    pub(crate) life: Life,
    pub(crate) fence: u64,
    pub(crate) ver: u64,
    pub(crate) depth: u32,
    pub(crate) batch: Option<String>,
    pub(crate) transcript: Transcript,
    pub(crate) requester: Principal,
    pub(crate) workspace: Workspace,
    pub(crate) bench: Bench,
    /// The data directory in which its view lies, as the store knows it.
    pub(crate) place: Option<String>,
    /// Facts that are true once the boundary is committed.
    pub(crate) fresh: Vec<Fact>,
    /// Other rows of the same boundary.
    pub(crate) writes: Vec<Write>,
    /// The permit for the intended effect, until it is spent.
    pub(crate) permit: Option<Permit<Errand>>,
    /// The question that was just answered, for policy to read.
    pub(crate) decided: Option<Approval>,
    /// Knows what was lent to this run, beside the secrets of the process.
    pub(crate) redactor: Redactor,
}

impl Run {
    /// Reads what there is of a claimed task.
    pub(crate) async fn load(crew: Arc<Crew>, row: TaskRow) -> Result<Self, Wrong> {
        let id = row.task.id;
        let life: Life = serde_json::from_value(row.snapshot.clone()).map_err(|error| {
            Wrong::Unfit(format!("the snapshot of {id} cannot be read: {error}"))
        })?;
        let mut facts = Vec::new();
        for entry in crew.store.journal(crew.org, id, 0).await? {
            let fact = serde_json::from_value(entry.body);
            facts.push(fact.map_err(|error| {
                Wrong::Unfit(format!(
                    "fact {} of {id} cannot be read: {error}",
                    entry.seq
                ))
            })?);
        }
        let (requester, _) = crew.person(row.task.requester, "task").await?;
        let workspace = crew.store.workspace(crew.org, row.task.workspace).await?;
        let workspace = workspace.ok_or(Wrong::missing("workspace"))?;
        // A database file has one data directory.
        let place = match crew.store.is_shared() {
            true => crew.store.place_of_view(crew.org, id).await?,
            false => None,
        };
        let bench = Bench::new(crew.benches.clone(), id, workspace.path.clone());
        Ok(Self {
            life,
            fence: row.fence,
            ver: row.ver,
            depth: row.depth,
            batch: row.batch,
            transcript: Transcript {
                facts,
                depth: row.depth,
            },
            requester,
            workspace,
            bench,
            place,
            fresh: Vec::new(),
            writes: Vec::new(),
            permit: None,
            decided: None,
            redactor: crew.redactor.clone(),
            task: row.task,
            crew,
        })
    }

    /// Everything that has become true so far, committed or about to be.
    pub(crate) fn facts(&self) -> impl Iterator<Item = &Fact> {
        self.transcript.facts.iter().chain(&self.fresh)
    }

    /// What has been committed joins the transcript.
    pub(crate) fn committed(&mut self) {
        self.transcript.facts.append(&mut self.fresh);
    }

    /// The effect that a phase speaks of, committed or about to be.
    pub(crate) fn effect(&self, id: EffectId) -> Option<Effect> {
        let fresh = self.fresh.iter().rev().find_map(|fact| match fact {
            Fact::Intended { effect, .. } | Fact::Asked { effect, .. } if effect.id == id => {
                Some((**effect).clone())
            }
            _ => None,
        });
        fresh.or_else(|| self.transcript.effect(id).cloned())
    }

    /// The call that is being looked at.
    pub(crate) fn open_call(&self) -> Option<ToolCall> {
        self.life.open_line().map(|line| line.call.clone())
    }
}
