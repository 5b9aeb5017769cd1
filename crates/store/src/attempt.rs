//! Failed attempts on codes and passwords: counted, so that nobody guesses for long.

use crate::boundary::Boundary;
use crate::sql::{Tx, params};
use crate::write::Apply;
use crate::{CommitError, Store, StoreError};
use wardroom_domain::{OrgId, Timestamp, limits};

/// Under this subject every attempt of the org is counted.
const EVERYBODY: &str = "*";

/// Somebody offered what did not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedAttempt {
    /// Whose attempts are counted together: `telegram 1234`, `password alice`, `address 192.0.2.1`.
    pub subject: String,
    /// When.
    pub at: Timestamp,
}

impl Apply for FailedAttempt {
    async fn apply<T: Tx>(&self, at: &mut Boundary<'_, T>) -> Result<Option<i64>, CommitError> {
        for subject in [self.subject.as_str(), EVERYBODY] {
            count(at, subject, self.at).await?;
        }
        Ok(None)
    }
}

async fn count<T: Tx>(
    at: &mut Boundary<'_, T>,
    subject: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let window = i64::try_from(limits::CODE_ATTEMPTS_WINDOW.as_micros()).unwrap_or(i64::MAX);
    at.tx
        .execute(
            "INSERT INTO attempt (org, subject, began_at, count) VALUES ($1, $2, $3, 1) \
             ON CONFLICT (org, subject) DO UPDATE SET \
             count = CASE WHEN attempt.began_at + $4 <= $3 THEN 1 ELSE attempt.count + 1 END, \
             began_at = CASE WHEN attempt.began_at + $4 <= $3 THEN $3 ELSE attempt.began_at END",
            params![at.org, subject, now, window],
        )
        .await?;
    Ok(())
}

const COUNTED: &str = "SELECT began_at, count FROM attempt WHERE org = $1 AND subject = $2";

/// Until when nobody may try, if a count has reached its limit.
fn closed_until(counted: Option<(Timestamp, u32)>, most: u32, now: Timestamp) -> Option<Timestamp> {
    let (began, count) = counted?;
    let until = began.after(limits::CODE_ATTEMPTS_WINDOW);
    (count >= most && until > now).then_some(until)
}

const COUNTS: [(Option<&str>, u32); 2] = [
    (None, limits::CODE_ATTEMPTS_MAX),
    (Some(EVERYBODY), limits::CODE_ATTEMPTS_ORG_MAX),
];

/// The same as [`Store::attempts_closed_until`], inside of a commit.
pub(crate) async fn closed<T: Tx>(
    at: &mut Boundary<'_, T>,
    subject: &str,
    now: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    for (common, most) in COUNTS {
        let counted = at
            .tx
            .one(COUNTED, params![at.org, common.unwrap_or(subject)])
            .await?;
        if let Some(until) = closed_until(counted, most, now) {
            return Ok(Some(until));
        }
    }
    Ok(None)
}

impl Store {
    /// Until when this subject may not try again; none when it may now.
    pub async fn attempts_closed_until(
        &self,
        org: OrgId,
        subject: &str,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        for (common, most) in COUNTS {
            let counted = self
                .one(COUNTED, params![org, common.unwrap_or(subject)])
                .await?;
            if let Some(until) = closed_until(counted, most, now) {
                return Ok(Some(until));
            }
        }
        Ok(None)
    }
}
