//! What is counted before a model is asked: tokens by the minute, money by the month.

use super::{Allowance, own, write_down};
use crate::converse::said;
use crate::crew::Crew;
use crate::{Wrong, mint, notice};
use chrono::{DateTime, Datelike, Months, NaiveDate, Utc};
use serde_json::json;
use std::time::Duration;
use wardroom_domain::{
    AuditKind, Chain, ConversationId, Labels, Message, MessageId, OrgId, Quota, Speaker, Timestamp,
    UserId,
};
use wardroom_store::{PutDocument, Store, StoreError, UsageBy, UsageFilter, Write};

/// Why a model may not be asked for somebody now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// Not in this minute.
    Wait {
        /// For people.
        why: String,
        /// When there is room again, at the latest.
        until: Timestamp,
    },
    /// Not in this month.
    Over {
        /// For people.
        why: String,
    },
}

impl Hold {
    /// For people.
    pub(crate) fn why(&self) -> &str {
        match self {
            Self::Wait { why, .. } | Self::Over { why } => why,
        }
    }
}

const MINUTE: Duration = Duration::from_secs(60);

/// Whether a model may be asked for somebody now.
pub(crate) async fn before_model(crew: &Crew, user: UserId) -> Result<Option<Hold>, Wrong> {
    let his = own::of(crew, user).await?;
    let hold = match over_budget(crew, user, &his).await? {
        Some(why) => Some(Hold::Over { why }),
        None => too_many_tokens(crew, user, &his, &crew.quotas.allowance).await?,
    };
    if let Some(hold) = &hold {
        write_down(crew, user, json!({"of": "models", "why": hold.why()})).await?;
    }
    Ok(hold)
}

async fn too_many_tokens(
    crew: &Crew,
    user: UserId,
    his: &Quota,
    all: &Allowance,
) -> Result<Option<Hold>, Wrong> {
    let now = crew.clock.now();
    let limits = [
        (Some(user), his.tokens_per_minute, "your"),
        (None, all.org_tokens_per_minute, "everybody's"),
    ];
    for (user, most, whose) in limits {
        if most == 0 {
            continue;
        }
        let since = Timestamp::from_micros(now.as_micros() - MINUTE.as_micros() as i64);
        let used = used((&crew.store, crew.org), user, since).await?.tokens;
        if used >= most {
            let why =
                format!("{whose} model tokens of this minute are used up; it goes on shortly");
            let until = now.after(Duration::from_secs(15));
            return Ok(Some(Hold::Wait { why, until }));
        }
    }
    Ok(None)
}

async fn over_budget(crew: &Crew, user: UserId, his: &Quota) -> Result<Option<String>, Wrong> {
    let most = his.spend_per_month_micros;
    if most == 0 {
        return Ok(None);
    }
    let (from, next) = month_of(crew.clock.now());
    let spent = used((&crew.store, crew.org), Some(user), from)
        .await?
        .cost_micros;
    Ok((spent >= most).then(|| {
        format!(
            "your spending limit for this month ({}) is reached, so no model is asked for you before {next}; an admin can raise it",
            money(most)
        )
    }))
}

#[derive(Default)]
pub(super) struct Used {
    tokens: u64,
    pub(super) cost_micros: u64,
}

pub(super) async fn used(
    (store, org): (&Store, OrgId),
    user: Option<UserId>,
    from: Timestamp,
) -> Result<Used, StoreError> {
    let filter = UsageFilter {
        user,
        from: Some(from),
        ..UsageFilter::default()
    };
    let totals = store.usage_totals(org, UsageBy::User, &filter).await?;
    Ok(totals.iter().fold(Used::default(), |sum, row| Used {
        tokens: sum.tokens + row.input_tokens + row.output_tokens,
        cost_micros: sum.cost_micros + row.cost_micros,
    }))
}

/// When this month began, and the day on which the next one does; by UTC.
pub(super) fn month_of(now: Timestamp) -> (Timestamp, NaiveDate) {
    let today = DateTime::<Utc>::from_timestamp_micros(now.as_micros()).unwrap_or_default();
    let first = today.date_naive().with_day(1).unwrap_or_default();
    let next = first.checked_add_months(Months::new(1)).unwrap_or(first);
    let began = first.and_hms_opt(0, 0, 0).unwrap_or_default().and_utc();
    (Timestamp::from_micros(began.timestamp_micros()), next)
}

fn money(micros: u64) -> String {
    format!("{}.{:02}", micros / 1_000_000, micros % 1_000_000 / 10_000)
}

/// Warns a person once a month that he nears his limit: where he talks, and where he is linked. A
/// commit of its own, so that nothing else fails by it.
pub(crate) async fn warn_if_near(
    crew: &Crew,
    user: UserId,
    conversation: Option<ConversationId>,
) -> Result<(), Wrong> {
    let most = own::of(crew, user).await?.spend_per_month_micros;
    if most == 0 {
        return Ok(());
    }
    let (from, next) = month_of(crew.clock.now());
    let spent = used((&crew.store, crew.org), Some(user), from)
        .await?
        .cost_micros;
    let share = u128::from(spent) * 100 / u128::from(most);
    if share < u128::from(crew.quotas.allowance.spend_warn_percent) {
        return Ok(());
    }
    let kind = format!("spending:{user}");
    let told = crew.store.document(crew.org, &kind).await?;
    if told
        .as_ref()
        // At a limit that was moved meanwhile he is warned anew.
        .is_some_and(|told| told.body == json!({"until": next, "of": most}))
    {
        return Ok(());
    }
    let text = format!(
        "You have used {share} % of your spending limit for this month ({} of {}). At the limit no model is asked for you before {next}.",
        money(spent),
        money(most)
    );
    let mut writes = vec![
        Write::PutDocument(PutDocument {
            kind,
            seen_version: told.map_or(0, |told| told.version),
            author: "system".to_owned(),
            body: json!({"until": next, "of": most}),
            at: crew.clock.now(),
        }),
        crew.audit(
            Chain::Org,
            AuditKind::QuotaReached,
            user,
            None,
            json!({"of": "spending", "percent": share as u64, "warned": true}),
        ),
    ];
    let key = format!("spending:{next}:{most}");
    writes.extend(notice::tell(crew, user, &key, &text).await?);
    if let Some(conversation) = conversation {
        writes.extend(said(crew, warning(crew, user, conversation, text)));
    }
    match crew.commit(writes).await {
        // Another turn of his has told him in the same moment.
        Err(Wrong::Commit(wardroom_store::CommitError::Refused(_))) => Ok(()),
        other => other.map(drop),
    }
}

fn warning(crew: &Crew, user: UserId, conversation: ConversationId, text: String) -> Message {
    Message {
        id: mint!(crew.clock, MessageId),
        conversation,
        seq: 0,
        speaker: Speaker::Assistant,
        text,
        tasks: Vec::new(),
        files: Vec::new(),
        labels: Labels::owner(user),
        at: crew.clock.now(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_begins_with_its_first_day_and_ends_with_the_next_one() {
        let december = Timestamp::from_micros(1_767_225_599_000_000);
        let (began, next) = month_of(december);
        assert_eq!(began.as_micros(), 1_764_547_200_000_000);
        assert_eq!(next.to_string(), "2026-01-01");
        assert_eq!(money(20_050_000), "20.05");
    }
}
