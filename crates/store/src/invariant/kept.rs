//! What is kept, read once: tasks with what their journals say, effects, questions.

use super::{Findings, Invariant};
use crate::StoreError;
use crate::journal::hash_of;
use crate::sql::{Columns, Json, Moment, Record, params};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use wardroom_domain::{Digest, TaskStatus};

/// Everything that the checks look at.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) tasks: BTreeMap<String, Task>,
    pub(super) effects: BTreeMap<String, Effect>,
    pub(super) questions: BTreeMap<String, Question>,
    pub(super) ready: BTreeSet<String>,
}

/// A task, with what its journal says.
pub(super) struct Task {
    pub(super) org: String,
    pub(super) status: TaskStatus,
    pub(super) fence: i64,
    pub(super) is_held: bool,
    pub(super) snapshot: Value,
    pub(super) journal: Journal,
}

/// What the journal of a task says.
#[derive(Default)]
pub(super) struct Journal {
    pub(super) seq: i64,
    pub(super) fence: i64,
    pub(super) hash: Digest,
    /// Where the task moved, in order, with the place of the fact.
    pub(super) moves: Vec<(i64, String, String)>,
    /// What was intended, in order.
    pub(super) intents: Vec<Intent>,
}

/// An effect as the journal intends it, or intends it again.
pub(super) struct Intent {
    pub(super) seq: i64,
    pub(super) effect: String,
    pub(super) fence: i64,
    /// The question that this spends.
    pub(super) approval: Option<String>,
    pub(super) is_repeated: bool,
}

/// An effect as it is stored.
pub(super) struct Effect {
    pub(super) org: String,
    pub(super) task: String,
    /// The digest of its call: tool and arguments.
    pub(super) call: Option<Digest>,
    pub(super) class: String,
    pub(super) state: String,
    pub(super) digest: Digest,
}

/// A question as it is stored.
pub(super) struct Question {
    pub(super) org: String,
    pub(super) task: String,
    pub(super) effect: String,
    pub(super) question: String,
    pub(super) tool: String,
    pub(super) digest: Digest,
    /// The digests of the calls that it shows, where it is about several.
    pub(super) shown: Vec<Digest>,
    pub(super) expires_at: i64,
    pub(super) decision: Option<String>,
    pub(super) decided_by: Option<String>,
    pub(super) decided_at: Option<i64>,
    pub(super) spent_at: Option<i64>,
    /// How often the audit log says that it was decided.
    pub(super) decided_on_record: u32,
}

impl Kept {
    pub(super) fn read(moment: &dyn Moment, findings: &mut Findings) -> Result<Self, StoreError> {
        let mut kept = Self::default();
        kept.read_tasks(moment, findings)?;
        kept.read_effects(moment, findings)?;
        kept.read_questions(moment)?;
        kept.read_journals(moment, findings)?;
        kept.read_decisions(moment)?;
        Ok(kept)
    }

    fn read_tasks(
        &mut self,
        moment: &dyn Moment,
        findings: &mut Findings,
    ) -> Result<(), StoreError> {
        let sql = "SELECT org, id, status, fence, worker IS NOT NULL, snapshot FROM task";
        moment.each(sql, params![], &mut |row| {
            let stored: StoredTask = row.decode()?;
            let Some(status) = TaskStatus::parse(&stored.status) else {
                let sentence = format!("`{}` is no state of a task", stored.status);
                findings.add(Invariant::LegalMoves, stored.id, sentence);
                return Ok(());
            };
            let snapshot = serde_json::from_str(&stored.snapshot).unwrap_or_else(|_| {
                findings.add(
                    Invariant::SnapshotFits,
                    &stored.id,
                    "its snapshot cannot be read",
                );
                Value::Null
            });
            let task = Task {
                org: stored.org,
                status,
                fence: stored.fence,
                is_held: stored.is_held,
                snapshot,
                journal: Journal::default(),
            };
            self.tasks.insert(stored.id, task);
            Ok(())
        })?;
        moment.each("SELECT task FROM ready", params![], &mut |row| {
            let (task,): (String,) = row.decode()?;
            if !self.tasks.contains_key(&task) {
                findings.add(
                    Invariant::Alive,
                    &task,
                    "it is ready, and there is no such task",
                );
            }
            self.ready.insert(task);
            Ok(())
        })
    }

    fn read_effects(
        &mut self,
        moment: &dyn Moment,
        findings: &mut Findings,
    ) -> Result<(), StoreError> {
        let sql = "SELECT org, id, task, call, class, state, digest FROM effect";
        moment.each(sql, params![], &mut |row| {
            let (id, effect) = row.decode::<StoredEffect>()?.0;
            if self
                .tasks
                .get(&effect.task)
                .is_none_or(|task| task.org != effect.org)
            {
                findings.add(Invariant::OneTenant, &id, "its task is not one of its org");
            }
            self.effects.insert(id, effect);
            Ok(())
        })
    }

    fn read_questions(&mut self, moment: &dyn Moment) -> Result<(), StoreError> {
        let sql = "SELECT org, id, task, effect, question, tool, digest, arguments, expires_at, \
                   decision, decided_by, decided_at, spent_at FROM approval";
        moment.each(sql, params![], &mut |row| {
            let (id, question) = row.decode::<StoredQuestion>()?.0;
            self.questions.insert(id, question);
            Ok(())
        })
    }

    /// Reads the journals as they stand, each line bound to the one before it.
    fn read_journals(
        &mut self,
        moment: &dyn Moment,
        findings: &mut Findings,
    ) -> Result<(), StoreError> {
        let sql = "SELECT task, seq, fence, kind, body, prev_hash, hash FROM journal \
                   ORDER BY org, task, seq";
        moment.each(sql, params![], &mut |row| {
            let line: Line = row.decode()?;
            let place = format!("journal {} {}", line.task, line.seq);
            let Some(task) = self.tasks.get_mut(&line.task) else {
                findings.add(Invariant::OneTenant, place, "there is no such task");
                return Ok(());
            };
            task.journal.take(line, &place, findings);
            Ok(())
        })
    }

    fn read_decisions(&mut self, moment: &dyn Moment) -> Result<(), StoreError> {
        let sql = "SELECT body FROM audit WHERE kind = 'approval.decided'";
        moment.each(sql, params![], &mut |row| {
            let (body,): (String,) = row.decode()?;
            let body: Value = serde_json::from_str(&body).unwrap_or_default();
            // The first of two yeses is written down too, and decides nothing yet.
            let decides = body.get("decision").is_some();
            let question = body["approval"]
                .as_str()
                .and_then(|id| self.questions.get_mut(id));
            if let Some(question) = question.filter(|_| decides) {
                question.decided_on_record += 1;
            }
            Ok(())
        })
    }
}

impl Journal {
    fn take(&mut self, line: Line, place: &str, findings: &mut Findings) {
        let (seq, fence) = (line.seq, line.fence);
        if seq != self.seq + 1 {
            findings.add(
                Invariant::ChainsWhole,
                place,
                "a fact before this one is missing",
            );
        }
        let own = u64::try_from(fence).unwrap_or_default();
        let hash = hash_of(&self.hash, seq, own, &line.kind, &line.body);
        if line.prev_hash != self.hash || line.hash != hash {
            findings.add(
                Invariant::ChainsWhole,
                place,
                "the fact is not the one that was written",
            );
        }
        if fence < self.fence {
            let sentence = format!(
                "written under fence {fence}, after one under {}",
                self.fence
            );
            findings.add(Invariant::FencesRise, place, sentence);
        }
        self.understand(&line);
        (self.seq, self.fence, self.hash) = (seq, fence, line.hash);
    }

    fn understand(&mut self, line: &Line) {
        let body: Value = serde_json::from_str(&line.body).unwrap_or_default();
        let word = |value: &Value| value.as_str().map(str::to_owned);
        match line.kind.as_str() {
            "moved" => {
                let to = word(&body["to"]).unwrap_or_default();
                let from = word(&body["from"]).unwrap_or_default();
                self.moves.push((line.seq, from, to));
            }
            "intended" | "repeated" => {
                let is_repeated = line.kind == "repeated";
                let effect = if is_repeated {
                    &body["effect"]
                } else {
                    &body["effect"]["id"]
                };
                self.intents.push(Intent {
                    seq: line.seq,
                    effect: word(effect).unwrap_or_default(),
                    fence: line.fence,
                    approval: word(&body["approval"]),
                    is_repeated,
                });
            }
            _ => {}
        }
    }
}

struct StoredTask {
    org: String,
    id: String,
    status: String,
    fence: i64,
    is_held: bool,
    snapshot: String,
}

impl Record for StoredTask {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            org: columns.take()?,
            id: columns.take()?,
            status: columns.take()?,
            fence: columns.take()?,
            is_held: columns.take()?,
            snapshot: columns.take()?,
        })
    }
}

struct StoredEffect((String, Effect));

impl Record for StoredEffect {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        let org = columns.take()?;
        let id = columns.take()?;
        let task = columns.take()?;
        let call: String = columns.take()?;
        let call: Value = serde_json::from_str(&call).unwrap_or_default();
        let effect = Effect {
            org,
            task,
            call: call["tool"]
                .as_str()
                .map(|tool| Digest::of(&(tool, &call["arguments"]))),
            class: columns.take()?,
            state: columns.take()?,
            digest: columns.take()?,
        };
        Ok(Self((id, effect)))
    }
}

struct StoredQuestion((String, Question));

impl Record for StoredQuestion {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        let org = columns.take()?;
        let id = columns.take()?;
        let mut question = Question {
            org,
            task: columns.take()?,
            effect: columns.take()?,
            question: columns.take()?,
            tool: columns.take()?,
            digest: columns.take()?,
            shown: shown_in(&columns.take::<Json<Value>>()?.0),
            expires_at: columns.take()?,
            decision: columns.take()?,
            decided_by: columns.take()?,
            decided_at: columns.take()?,
            spent_at: columns.take()?,
            decided_on_record: 0,
        };
        if question.tool != "together" {
            question.shown.clear();
        }
        Ok(Self((id, question)))
    }
}

fn shown_in(arguments: &Value) -> Vec<Digest> {
    let calls = arguments["calls"].as_array().into_iter().flatten();
    calls
        .filter_map(|call| Digest::parse(call["digest"].as_str()?))
        .collect()
}

struct Line {
    task: String,
    seq: i64,
    fence: i64,
    kind: String,
    body: String,
    prev_hash: Digest,
    hash: Digest,
}

impl Record for Line {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            task: columns.take()?,
            seq: columns.take()?,
            fence: columns.take()?,
            kind: columns.take()?,
            body: columns.take()?,
            prev_hash: columns.take()?,
            hash: columns.take()?,
        })
    }
}
