//! What must hold of a store at every moment between two commits, in one place: asked by tests, by
//! the simulator and by `wardroom doctor`.
//!
//! What a store cannot know by itself, such as how often the world was touched, is brought along as
//! an [`Outside`]. How things go over time (I17 hints, I18 fairness, I19 stopping) is no matter of
//! rows and is tried where it can be seen.

mod kept;
mod life;
mod asking;
mod mail;
mod outside;

use kept::Kept;
pub use outside::{Happened, Outside};

use crate::{AuditVerifier, Store, StoreError};
use wardroom_domain::words;

words! {
    /// Something that always holds. The numbers are those of the plan.
    pub enum Invariant {
        /// What was taken in is answered, or will be.
        AdmittedOnce = "I1",
        /// A task that has not ended has somebody or something to go on by.
        Alive = "I2",
        /// A task ends once, and nothing follows.
        OneEnd = "I3",
        /// A task moves only as the table of moves allows.
        LegalMoves = "I4",
        /// Fences only rise.
        FencesRise = "I5",
        /// The world was touched at most once for each effect, and once for each that is settled.
        OnceOutside = "I6",
        /// The world was touched only for what was written down before.
        IntentFirst = "I7",
        /// What needed a yes has one: for exactly that, in time, used once.
        Approved = "I8",
        /// A question is decided once, by somebody, on the record.
        DecidedOnce = "I9",
        /// Journals and audit chains are whole.
        ChainsWhole = "I10",
        /// However often something was delivered, it was heard once.
        HeardOnce = "I11",
        /// Every row belongs to a task of its own org.
        OneTenant = "I12",
        /// No task uses more than it may.
        WithinLimits = "I13",
        /// What was acknowledged is there.
        AcknowledgedKept = "I14",
        /// What leaves, leaves in order and once.
        OutboxInOrder = "I15",
        /// After an end nothing is begun.
        NothingAfterStop = "I16",
        /// The snapshot says what the facts say.
        SnapshotFits = "I20",
        /// No secret is written down.
        NoSecret = "I21",
    }
}

/// A row that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// What does not hold.
    pub invariant: Invariant,
    /// Which rows: ids, or a table and a key.
    pub rows: Vec<String>,
    /// What is wrong with them, as a sentence.
    pub sentence: String,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            invariant,
            rows,
            sentence,
        } = self;
        write!(f, "{invariant} {}: {sentence}", rows.join(", "))
    }
}

/// What an examination found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Examined {
    /// How many tasks were looked at.
    pub tasks: usize,
    /// Everything that is wrong; empty for a store that is well.
    pub broken: Vec<Broken>,
}

/// Where checks put what they find.
#[derive(Default)]
struct Findings(Vec<Broken>);

impl Findings {
    fn add(&mut self, invariant: Invariant, row: impl Into<String>, sentence: impl Into<String>) {
        self.0.push(Broken {
            invariant,
            rows: vec![row.into()],
            sentence: sentence.into(),
        });
    }
}

impl Store {
    /// Examines everything as of one moment, whoever works meanwhile. With a verifier the audit log
    /// is checked too. It blocks: call it where that does no harm.
    pub fn examine(
        &self,
        outside: &Outside,
        verifier: Option<&AuditVerifier>,
    ) -> Result<Examined, StoreError> {
        let mut findings = Findings::default();
        let kept = self.scan(|moment| {
            let kept = Kept::read(moment, &mut findings)?;
            mail::check(moment, &mut findings)?;
            outside::check_delivered(moment, outside, &mut findings)?;
            outside::check_secrets(moment, outside, &mut findings)?;
            Ok(kept)
        })?;
        life::check(&kept, &mut findings);
        asking::check(&kept, &mut findings);
        outside::check(&kept, outside, &mut findings);
        if let Some(bad) = verifier
            .map(|verifier| self.audit_verify(verifier))
            .transpose()?
            && let Some(bad) = bad.first_bad
        {
            let row = format!("audit {} {}", bad.chain, bad.seq);
            findings.add(Invariant::ChainsWhole, row, bad.what);
        }
        Ok(Examined {
            tasks: kept.tasks.len(),
            broken: findings.0,
        })
    }
}
