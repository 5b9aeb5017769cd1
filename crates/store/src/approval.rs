//! Questions to people: asked once, decided once, spent once.

use crate::boundary::Boundary;
use crate::lock::Key;
use crate::page::{BY_CREATION, Place, Select};
use crate::sql::{Columns, Json, Record, Tx, json, params};
use crate::write::Apply;
use crate::{CommitError, Conflict, Hint, Overseer, Page, Paged, Store, StoreError};
use wardroom_domain::{
    Approval, ApprovalDecision, ApprovalId, Digest, OrgId, TaskId, Timestamp, UserId,
};

/// A question ends.
#[derive(Clone, Debug, PartialEq)]
pub struct Decide {
    /// Which.
    pub id: ApprovalId,
    /// How. `EXPIRE` may come at any time: its task may have ended first.
    pub decision: ApprovalDecision,
    /// Who; none when it expires.
    pub by: Option<UserId>,
    /// When.
    pub at: Timestamp,
    /// What the decider saw, if he says.
    pub digest: Option<Digest>,
    /// The words of a person who was asked for words.
    pub answer: Option<String>,
}

/// The first of two people says yes; the question stays open for the second.
#[derive(Clone, Debug, PartialEq)]
pub struct Endorse {
    /// Which.
    pub id: ApprovalId,
    /// Who.
    pub by: UserId,
    /// When.
    pub at: Timestamp,
    /// What he saw, if he says.
    pub digest: Option<Digest>,
}

/// An approval is used.
#[derive(Clone, Debug, PartialEq)]
pub struct Spend {
    /// Which.
    pub id: ApprovalId,
    /// When.
    pub at: Timestamp,
}

/// A question as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct ApprovalRow {
    /// The question.
    pub approval: Approval,
    /// When it was used.
    pub spent_at: Option<Timestamp>,
}

/// Which questions are wanted; what is not given does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApprovalFilter {
    /// Only those that have not ended.
    pub open_only: bool,
    /// About work asked for by.
    pub requester: Option<UserId>,
    /// Asked by.
    pub task: Option<TaskId>,
    /// As far as somebody sees them.
    pub overseen_by: Option<Overseer>,
}

macro_rules! columns {
    () => {
        "id, question, task, effect, requester, tool, arguments, digest, tier, rationale, rule, \
         source, labels, created_at, expires_at, decision, decided_by, decided_at, answer, agent, \
         covers, four_eyes, first_by, spent_at"
    };
}

impl Record for ApprovalRow {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            approval: Approval {
                id: columns.take()?,
                question: columns.take()?,
                task: columns.take()?,
                effect: columns.take()?,
                requester: columns.take()?,
                tool: columns.take()?,
                arguments: columns.take::<Json<_>>()?.0,
                digest: columns.take()?,
                tier: columns.take()?,
                rationale: columns.take()?,
                rule: columns.take()?,
                source: columns.take()?,
                labels: columns.take::<Json<_>>()?.0,
                created_at: columns.take()?,
                expires_at: columns.take()?,
                decision: columns.take()?,
                decided_by: columns.take()?,
                decided_at: columns.take()?,
                answer: columns.take()?,
                agent: columns.take()?,
                covers: columns.take::<Option<Json<_>>>()?.map(|kind| kind.0),
                four_eyes: columns.take()?,
                first_by: columns.take()?,
            },
            spent_at: columns.take()?,
        })
    }
}

/// A question is asked open; a decision in it is not looked at.
impl Apply for Approval {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let asked = at
            .tx
            .execute(
                "INSERT INTO approval (org, id, question, task, effect, requester, tool, \
                 arguments, digest, tier, rationale, rule, source, labels, created_at, expires_at, \
                 agent, covers, four_eyes) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, \
                 $12, $13, $14, $15, $16, $17, $18, $19) \
                 ON CONFLICT DO NOTHING",
                params![
                    at.org,
                    self.id,
                    self.question,
                    self.task,
                    self.effect,
                    self.requester,
                    self.tool,
                    json(&self.arguments),
                    self.digest,
                    self.tier,
                    self.rationale,
                    self.rule,
                    self.source,
                    json(&self.labels),
                    self.created_at,
                    self.expires_at,
                    self.agent,
                    self.covers.as_ref().map(json),
                    self.four_eyes
                ],
            )
            .await?;
        if asked == 0 {
            return Err(Conflict::Exists { what: "approval" }.into());
        }
        at.hints.push(Hint::Approval {
            org: at.org,
            approval: self.id,
        });
        Ok(None)
    }

    fn locks(&self) -> Vec<Key> {
        vec![Key::Task(self.task)]
    }
}

async fn row<T: Tx>(at: &mut Boundary<'_, T>, id: ApprovalId) -> Result<ApprovalRow, CommitError> {
    let sql = concat!(
        "SELECT ",
        columns!(),
        " FROM approval WHERE org = $1 AND id = $2"
    );
    let found = at.tx.one(sql, params![at.org, id]).await?;
    Ok(found.ok_or_else(|| Conflict::NotFound {
        what: "approval",
        id: id.to_string(),
    })?)
}

impl Decide {
    fn check(&self, open: &Approval) -> Result<(), Conflict> {
        let approval = self.id;
        if let Some(decision) = open.decision {
            return Err(Conflict::AlreadyDecided { approval, decision });
        }
        if self.decision == ApprovalDecision::Expire {
            return Ok(());
        }
        if self.at >= open.expires_at {
            return Err(Conflict::Expired { approval });
        }
        if matches!(self.digest, Some(seen) if seen != open.digest) {
            return Err(Conflict::DigestMismatch { approval });
        }
        self.check_eyes(open)
    }

    /// Where two must say yes, a yes ends the question only as the second, by somebody else.
    fn check_eyes(&self, open: &Approval) -> Result<(), Conflict> {
        let approval = self.id;
        if !open.four_eyes || self.decision != ApprovalDecision::Approve {
            return Ok(());
        }
        match (open.first_by, self.by) {
            (Some(first), Some(second)) if first != second => Ok(()),
            (Some(by), _) => Err(Conflict::SameEyes { approval, by }),
            (None, _) => Err(Conflict::NotApproved { approval }),
        }
    }
}

impl Apply for Endorse {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        let open = row(at, self.id).await?.approval;
        // Everything that holds for a decision holds for its first half.
        let half = Decide {
            id: self.id,
            decision: ApprovalDecision::Deny,
            by: Some(self.by),
            at: self.at,
            digest: self.digest,
            answer: None,
        };
        half.check(&open)?;
        let sql = "UPDATE approval SET first_by = $3 \
                   WHERE org = $1 AND id = $2 AND four_eyes AND first_by IS NULL";
        let approval = self.id;
        match at
            .tx
            .execute(sql, params![at.org, self.id, self.by])
            .await?
        {
            0 => Err(Conflict::SameEyes {
                approval,
                by: open.first_by.unwrap_or(self.by),
            }
            .into()),
            _ => Ok(None),
        }
    }

    fn locks(&self) -> Vec<Key> {
        vec![Key::Approval(self.id)]
    }
}

impl Apply for Decide {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        self.check(&row(at, self.id).await?.approval)?;
        let decided = at
            .tx
            .execute(
                "UPDATE approval SET decision = $3, decided_by = $4, decided_at = $5, answer = $6 \
                 WHERE org = $1 AND id = $2 AND decision IS NULL",
                params![
                    at.org,
                    self.id,
                    self.decision,
                    self.by,
                    self.at,
                    self.answer
                ],
            )
            .await?;
        if decided == 0 {
            let (approval, decision) = (self.id, self.decision);
            return Err(Conflict::AlreadyDecided { approval, decision }.into());
        }
        at.hints.push(Hint::Approval {
            org: at.org,
            approval: self.id,
        });
        Ok(None)
    }

    fn locks(&self) -> Vec<Key> {
        vec![Key::Approval(self.id)]
    }
}

impl Spend {
    fn check(&self, row: &ApprovalRow) -> Result<(), Conflict> {
        let approval = self.id;
        if row.approval.decision != Some(ApprovalDecision::Approve) {
            return Err(Conflict::NotApproved { approval });
        }
        if row.spent_at.is_some() {
            return Err(Conflict::Spent { approval });
        }
        // A yes was said in time, or it would not stand here: waiting for a worker is not its fault.
        Ok(())
    }
}

impl Apply for Spend {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        self.check(&row(at, self.id).await?)?;
        let sql = "UPDATE approval SET spent_at = $3 \
                   WHERE org = $1 AND id = $2 AND spent_at IS NULL";
        match at
            .tx
            .execute(sql, params![at.org, self.id, self.at])
            .await?
        {
            0 => Err(Conflict::Spent { approval: self.id }.into()),
            _ => Ok(None),
        }
    }

    fn locks(&self) -> Vec<Key> {
        vec![Key::Approval(self.id)]
    }
}

impl Store {
    /// A question by id.
    pub async fn approval(
        &self,
        org: OrgId,
        id: ApprovalId,
    ) -> Result<Option<ApprovalRow>, StoreError> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM approval WHERE org = $1 AND id = $2"
        );
        self.one(sql, params![org, id]).await
    }

    /// Questions, newest first.
    pub async fn approvals(
        &self,
        org: OrgId,
        filter: &ApprovalFilter,
        page: &Page,
    ) -> Result<Paged<ApprovalRow>, StoreError> {
        let mut select = Select::new(
            concat!("SELECT ", columns!(), " FROM approval WHERE org = $1"),
            org,
        )
        .given("requester =", filter.requester)
        .given("task =", filter.task);
        if filter.open_only {
            select = select.only("decision IS NULL");
        }
        if let Some(overseer) = filter.overseen_by {
            select = select.bound(overseer.of_approvals(), overseer.user);
        }
        let select = select.newest(BY_CREATION, page)?;
        let rows = self.select(&select).await?;
        Ok(select.page(rows, |row: &ApprovalRow| Place {
            at: row.approval.created_at,
            tie: row.approval.id.to_string(),
            seq: 0,
        }))
    }

    /// Open questions whose time is over, the oldest first.
    pub async fn approvals_due(
        &self,
        org: OrgId,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<ApprovalRow>, StoreError> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM approval WHERE org = $1 AND decision IS NULL AND expires_at <= $2 \
             ORDER BY expires_at LIMIT $3"
        );
        self.all(sql, params![org, now, limit]).await
    }
}
