//! The org's policy in versions: read, changed, taken back. Nothing that an agent can reach leads
//! here: only people come, through the doors of the API and of the machine itself.

use crate::{Wrong, bypass};
use serde_json::{Value, json};
use similar::TextDiff;
use std::sync::{Arc, Mutex, PoisonError};
use wardroom_domain::{AuditDraft, AuditKind, Chain, Digest, OrgId, Timestamp, UserId, UserStatus};
use wardroom_policy::decide::{self, Policy, PolicyDocument, check_soundness};
use wardroom_store::{Document, PutDocument, Store, Write};

/// The kind of the org's document; a person's own is this, a colon and his id.
const KIND: &str = "policy";
/// So much of a difference goes into the audit log; the rest is in the versions.
const DIFF_CHARS_MAX: usize = 8 * 1024;
/// So many versions are shown at once.
const HISTORY_MAX: u32 = 200;

/// Rules as the configuration has them, over which documents are laid.
#[derive(Clone, Debug)]
pub struct Rulebook {
    base: Policy,
    table: Arc<Mutex<Option<Table>>>,
}

/// The table of the policy with this stamp: a table is a thousand decisions.
type Table = (i64, Arc<str>);

/// The policy as it stands.
#[derive(Clone, Debug)]
pub struct InForce {
    /// Grows with every change of any document.
    pub stamp: i64,
    /// The version of the org's document; 0 where there is only the configuration.
    pub version: i64,
    /// Who wrote it, and when.
    pub written: Option<(String, Timestamp)>,
    /// The rules.
    pub policy: Policy,
}

/// What is to become of a document.
#[derive(Clone, Debug)]
pub enum Change {
    /// Laid over what stands; what it leaves out stays. With the text as its author wrote it.
    Put(Box<PolicyDocument>, Option<String>),
    /// An old version becomes the newest; 0 is the configuration alone.
    Rollback(i64),
    /// A person's own rules; empty takes them back.
    Own(UserId, String),
}

/// Who changes it.
#[derive(Clone, Debug)]
pub struct Author {
    /// `user_…`, or whom the operating system names.
    pub actor: String,
    /// Through which door.
    pub via: String,
    /// When.
    pub at: Timestamp,
}

impl Author {
    /// The product itself.
    pub fn system(at: Timestamp) -> Self {
        Self {
            actor: "system".to_owned(),
            via: "system".to_owned(),
            at,
        }
    }
}

/// A change that may be written: whoever commits the writes brings it into force.
#[derive(Debug)]
pub struct Prepared {
    /// The rows.
    pub writes: Vec<Write>,
    /// The version that it becomes.
    pub version: i64,
    /// What its author should know.
    pub warnings: Vec<String>,
    /// The difference, as text.
    pub diff: String,
}

/// One version, with what it changed.
#[derive(Clone, Debug)]
pub struct Version {
    /// Counts from 1.
    pub version: i64,
    /// Who wrote it.
    pub author: String,
    /// When.
    pub at: Timestamp,
    /// The difference to the version before.
    pub diff: String,
    /// What it said.
    pub document: PolicyDocument,
}

impl Rulebook {
    /// A rulebook over the configuration.
    pub fn new(base: Policy) -> Self {
        Self {
            base,
            table: Arc::default(),
        }
    }

    /// The policy as a table, computed once per change.
    pub fn table(&self, in_force: &InForce) -> Arc<str> {
        let mut known = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some((stamp, table)) if *stamp == in_force.stamp => table.clone(),
            _ => {
                let table: Arc<str> = decide::table(&in_force.policy).into();
                *known = Some((in_force.stamp, table.clone()));
                table
            }
        }
    }

    /// A number that changes whenever any document does. One cheap statement.
    pub async fn stamp(store: &Store, org: OrgId) -> Result<i64, Wrong> {
        Ok(store.document_stamp(org, KIND).await?)
    }

    /// The policy as the store has it now.
    pub async fn read(&self, store: &Store, org: OrgId) -> Result<InForce, Wrong> {
        let stamp = Self::stamp(store, org).await?;
        let newest = store.document(org, KIND).await?;
        let document = newest.as_ref().map(said).transpose()?.unwrap_or_default();
        let mut policy = self.base.with(&document, None).map_err(|fault| {
            let version = newest.as_ref().map_or(0, |newest| newest.version);
            Wrong::PolicyRefused(format!(
                "version {version} of the policy does not fit this program: {fault}; `wardroom policy rollback VERSION` brings an older one back"
            ))
        })?;
        for own in store.documents_below(org, KIND).await? {
            policy = with_own(policy, &own)?;
        }
        Ok(InForce {
            stamp,
            version: newest.as_ref().map_or(0, |newest| newest.version),
            written: newest.map(|newest| (newest.author, newest.at)),
            policy,
        })
    }

    /// Checks a change and says which rows make it. The running policy stays until they are written.
    pub async fn prepare(
        &self,
        store: &Store,
        org: OrgId,
        change: Change,
        author: Author,
    ) -> Result<Prepared, Wrong> {
        match change {
            Change::Put(document, text) => {
                let newest = store.document(org, KIND).await?;
                let old = newest.as_ref().map(said).transpose()?.unwrap_or_default();
                let document = document.over(old.clone());
                let checked = self.checked(store, org, &document, text.as_deref()).await?;
                let seen = newest.map_or(0, |newest| newest.version);
                prepared((store, org), seen, (&old, &document), checked, author).await
            }
            Change::Rollback(version) => {
                let newest = store.document(org, KIND).await?;
                let seen = newest.as_ref().map_or(0, |newest| newest.version);
                // What stands may be unreadable: that is what a rollback is for.
                let old = newest
                    .as_ref()
                    .and_then(|newest| said(newest).ok())
                    .unwrap_or_default();
                let document = match version {
                    0 => PolicyDocument::default(),
                    version => {
                        let found = store.document_version(org, KIND, version).await?;
                        said(&found.ok_or(Wrong::missing("policy version"))?)?
                    }
                };
                let checked = self.checked(store, org, &document, None).await?;
                prepared((store, org), seen, (&old, &document), checked, author).await
            }
            Change::Own(user, rules) => self.prepare_own(store, org, user, rules, author).await,
        }
    }

    /// Whether the document can come into force: readable, and no lock-out.
    async fn checked(
        &self,
        store: &Store,
        org: OrgId,
        document: &PolicyDocument,
        text: Option<&str>,
    ) -> Result<Checked, Wrong> {
        let refused =
            |why: String| Wrong::PolicyRefused(format!("{why}; the policy in force stays"));
        let policy = self
            .base
            .with(document, text)
            .map_err(|fault| refused(fault.to_string()))?;
        let users = store.users(org).await?;
        let active = users
            .iter()
            .filter(|user| user.status == UserStatus::Active);
        let roles: Vec<_> = active.map(|user| user.role).collect();
        let warnings = check_soundness(&policy, &roles).map_err(|why| refused(why.to_string()))?;
        Ok(Checked {
            warnings,
            lets_bypass: policy.bypass.is_allowed,
        })
    }

    async fn prepare_own(
        &self,
        store: &Store,
        org: OrgId,
        user: UserId,
        rules: String,
        author: Author,
    ) -> Result<Prepared, Wrong> {
        let kind = format!("{KIND}:{user}");
        let in_force = self.read(store, org).await?;
        in_force
            .policy
            .with_override(user, &rules)
            .map_err(|fault| Wrong::PolicyRefused(format!("{fault}; the rules in force stay")))?;
        let newest = store.document(org, &kind).await?;
        let old = newest.as_ref().map(own_rules).unwrap_or_default();
        let diff = difference(&old, &rules);
        let seen = newest.map_or(0, |newest| newest.version);
        let body = json!({"rules": rules});
        let about = json!({"user": user, "version": seen + 1});
        Ok(Prepared {
            writes: rows(kind, seen, body, about, &diff, author),
            version: seen + 1,
            warnings: Vec::new(),
            diff,
        })
    }

    /// The versions, newest first, each with what it changed.
    pub async fn history(store: &Store, org: OrgId) -> Result<Vec<Version>, Wrong> {
        let rows = store
            .document_history(org, KIND, i64::MAX, HISTORY_MAX)
            .await?;
        let mut versions = Vec::with_capacity(rows.len());
        for (index, row) in rows.iter().enumerate() {
            let document = said(row).unwrap_or_default();
            let before = rows.get(index + 1).and_then(|before| said(before).ok());
            versions.push(Version {
                version: row.version,
                author: row.author.clone(),
                at: row.at,
                diff: difference(&before.unwrap_or_default().text(), &document.text()),
                document,
            });
        }
        Ok(versions)
    }
}

fn with_own(policy: Policy, own: &Document) -> Result<Policy, Wrong> {
    let user = own.kind.split_once(':').map_or("", |(_, user)| user);
    let rules = own_rules(own);
    let Ok(user) = UserId::parse(user) else {
        return Ok(policy);
    };
    if rules.trim().is_empty() {
        return Ok(policy);
    }
    let laid = policy.with_override(user, &rules);
    laid.map_err(|fault| {
        Wrong::PolicyRefused(format!("the own rules of {user} do not fit: {fault}"))
    })
}

fn own_rules(row: &Document) -> String {
    row.body["rules"].as_str().unwrap_or_default().to_owned()
}

fn said(row: &Document) -> Result<PolicyDocument, Wrong> {
    PolicyDocument::of_json(row.body.clone()).map_err(|fault| {
        Wrong::PolicyRefused(format!(
            "version {} of the policy cannot be read: {fault}",
            row.version
        ))
    })
}

/// What came of looking at a document.
struct Checked {
    warnings: Vec<String>,
    lets_bypass: bool,
}

async fn prepared(
    (store, org): (&Store, OrgId),
    seen: i64,
    (old, document): (&PolicyDocument, &PolicyDocument),
    checked: Checked,
    author: Author,
) -> Result<Prepared, Wrong> {
    let diff = difference(&old.text(), &document.text());
    let body = serde_json::to_value(document).unwrap_or_default();
    let about = json!({"version": seen + 1, "document": Digest::of(document)});
    let revoked = match checked.lets_bypass {
        true => Vec::new(),
        false => bypass::revoked(store, org, &author).await?,
    };
    let mut writes = rows(KIND.to_owned(), seen, body, about, &diff, author);
    writes.extend(revoked);
    Ok(Prepared {
        writes,
        version: seen + 1,
        warnings: checked.warnings,
        diff,
    })
}

fn rows(
    kind: String,
    seen_version: i64,
    body: Value,
    mut about: Value,
    diff: &str,
    author: Author,
) -> Vec<Write> {
    about["via"] = json!(author.via);
    about["diff"] = json!(diff.chars().take(DIFF_CHARS_MAX).collect::<String>());
    let put = PutDocument {
        kind,
        seen_version,
        author: author.actor.clone(),
        body,
        at: author.at,
    };
    let audit = AuditDraft {
        chain: Chain::Org,
        at: author.at,
        kind: AuditKind::PolicyChanged,
        actor: author.actor,
        tier: None,
        body: about,
    };
    vec![Write::PutDocument(put), Write::Audit(audit)]
}

fn difference(old: &str, new: &str) -> String {
    let diff = TextDiff::from_lines(old, new);
    diff.unified_diff().context_radius(2).to_string()
}
