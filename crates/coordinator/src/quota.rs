//! How much a person, and the org, may ask for: messages and tasks by the minute before anything is
//! queued, tokens by the minute and money by the month before a model is asked.

use crate::converse::said;
use crate::crew::Crew;
use crate::{Wrong, mint, notice};
use chrono::{DateTime, Datelike, Months, NaiveDate, Utc};
use governor::clock::{Clock as _, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use serde_json::json;
use std::num::NonZeroU32;
use std::time::Duration;
use wardroom_domain::{
    AuditKind, Chain, ConversationId, Labels, Message, MessageId, Speaker, Timestamp, UserId,
};
use wardroom_store::{PutDocument, UsageBy, UsageFilter, Write};

/// What the configuration allows; zero is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Messages of one person in a minute.
    pub messages_per_minute: u32,
    /// Tasks of one person in a minute, delegated and spawned ones too.
    pub tasks_per_minute: u32,
    /// Model tokens of one person in a minute.
    pub tokens_per_minute: u64,
    /// The same of everybody together.
    pub org_messages_per_minute: u32,
    /// The same of everybody together.
    pub org_tasks_per_minute: u32,
    /// The same of everybody together.
    pub org_tokens_per_minute: u64,
    /// What one person may spend in a month, in millionths of the currency of the models' prices.
    pub spend_max_micros: u64,
    /// At how much of it he is warned, in percent.
    pub spend_warn_percent: u8,
}

type PerPerson = RateLimiter<UserId, HashMapStateStore<UserId>, DefaultClock>;

/// The counts of this process.
pub struct Quotas {
    allowance: Allowance,
    messages: Rate,
    tasks: Rate,
    /// One line of the audit log per person and minute: a flood must not fill it.
    written_down: PerPerson,
}

struct Rate {
    what: &'static str,
    person: Option<PerPerson>,
    org: Option<DefaultDirectRateLimiter>,
}

impl Rate {
    fn new(what: &'static str, person: u32, org: u32) -> Self {
        let per_minute = |count| NonZeroU32::new(count).map(Quota::per_minute);
        Self {
            what,
            person: per_minute(person).map(RateLimiter::hashmap),
            org: per_minute(org).map(RateLimiter::direct),
        }
    }

    /// Counts one; or says whose limit is reached, and when there is room again.
    fn count(&self, user: UserId) -> Result<(), (&'static str, Duration)> {
        let now = DefaultClock::default().now();
        if let Some(person) = &self.person
            && let Err(full) = person.check_key(&user)
        {
            return Err(("you", full.wait_time_from(now)));
        }
        match &self.org {
            Some(org) => org
                .check()
                .map_err(|full| ("everybody here together", full.wait_time_from(now))),
            None => Ok(()),
        }
    }
}

impl Quotas {
    /// Nothing counted yet.
    pub fn new(allowance: Allowance) -> Self {
        let Allowance {
            messages_per_minute: messages,
            tasks_per_minute: tasks,
            org_messages_per_minute: org_messages,
            org_tasks_per_minute: org_tasks,
            ..
        } = allowance;
        Self {
            allowance,
            messages: Rate::new("messages", messages, org_messages),
            tasks: Rate::new("tasks", tasks, org_tasks),
            written_down: RateLimiter::hashmap(Quota::per_minute(NonZeroU32::MIN)),
        }
    }
}

/// Counts a message that somebody is about to say.
pub(crate) async fn message(crew: &Crew, user: UserId) -> Result<(), Wrong> {
    count(crew, &crew.quotas.messages, user).await
}

/// Counts a task that somebody is about to begin.
pub(crate) async fn task(crew: &Crew, user: UserId) -> Result<(), Wrong> {
    count(crew, &crew.quotas.tasks, user).await
}

async fn count(crew: &Crew, rate: &Rate, user: UserId) -> Result<(), Wrong> {
    let Err((who, retry_after)) = rate.count(user) else {
        return Ok(());
    };
    let seconds = retry_after.as_secs() + 1;
    let why = format!(
        "{who} have sent as many {} as a minute allows; try again in {seconds} s",
        rate.what
    );
    write_down(crew, user, json!({"of": rate.what, "whose": who})).await?;
    let retry_after = Duration::from_secs(seconds);
    Err(Wrong::Limited { why, retry_after })
}

async fn write_down(crew: &Crew, user: UserId, body: serde_json::Value) -> Result<(), Wrong> {
    if crew.quotas.written_down.check_key(&user).is_ok() {
        let line = crew.audit(Chain::Org, AuditKind::QuotaReached, user, None, body);
        crew.commit(vec![line]).await?;
    }
    Ok(())
}

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
    let allowed = crew.quotas.allowance;
    let hold = match over_budget(crew, user, &allowed).await? {
        Some(why) => Some(Hold::Over { why }),
        None => too_many_tokens(crew, user, &allowed).await?,
    };
    if let Some(hold) = &hold {
        write_down(crew, user, json!({"of": "models", "why": hold.why()})).await?;
    }
    Ok(hold)
}

async fn too_many_tokens(
    crew: &Crew,
    user: UserId,
    allowed: &Allowance,
) -> Result<Option<Hold>, Wrong> {
    let now = crew.clock.now();
    let limits = [
        (Some(user), allowed.tokens_per_minute, "your"),
        (None, allowed.org_tokens_per_minute, "everybody's"),
    ];
    for (user, most, whose) in limits {
        if most == 0 {
            continue;
        }
        let since = Timestamp::from_micros(now.as_micros() - MINUTE.as_micros() as i64);
        let used = used(crew, user, since).await?.tokens;
        if used >= most {
            let why =
                format!("{whose} model tokens of this minute are used up; it goes on shortly");
            let until = now.after(Duration::from_secs(15));
            return Ok(Some(Hold::Wait { why, until }));
        }
    }
    Ok(None)
}

async fn over_budget(
    crew: &Crew,
    user: UserId,
    allowed: &Allowance,
) -> Result<Option<String>, Wrong> {
    let most = allowed.spend_max_micros;
    if most == 0 {
        return Ok(None);
    }
    let (from, next) = month_of(crew.clock.now());
    let spent = used(crew, Some(user), from).await?.cost_micros;
    Ok((spent >= most).then(|| {
        format!(
            "your spending limit for this month ({}) is reached, so no model is asked for you before {next}; an admin can raise it",
            money(most)
        )
    }))
}

#[derive(Default)]
struct Used {
    tokens: u64,
    cost_micros: u64,
}

async fn used(crew: &Crew, user: Option<UserId>, from: Timestamp) -> Result<Used, Wrong> {
    let filter = UsageFilter {
        user,
        from: Some(from),
        ..UsageFilter::default()
    };
    let totals = crew
        .store
        .usage_totals(crew.org, UsageBy::User, &filter)
        .await?;
    Ok(totals.iter().fold(Used::default(), |sum, row| Used {
        tokens: sum.tokens + row.input_tokens + row.output_tokens,
        cost_micros: sum.cost_micros + row.cost_micros,
    }))
}

/// When this month began, and the day on which the next one does; by UTC.
fn month_of(now: Timestamp) -> (Timestamp, NaiveDate) {
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
    let allowed = crew.quotas.allowance;
    let most = allowed.spend_max_micros;
    if most == 0 {
        return Ok(());
    }
    let (from, next) = month_of(crew.clock.now());
    let spent = used(crew, Some(user), from).await?.cost_micros;
    let share = u128::from(spent) * 100 / u128::from(most);
    if share < u128::from(allowed.spend_warn_percent) {
        return Ok(());
    }
    let kind = format!("spending:{user}");
    let told = crew.store.document(crew.org, &kind).await?;
    if told
        .as_ref()
        .is_some_and(|told| told.body["until"] == json!(next))
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
            body: json!({"until": next}),
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
    let key = format!("spending:{next}");
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

    #[test]
    fn a_burst_is_counted_per_person_and_for_all() {
        let at = Timestamp::from_micros(0);
        let (mia, noah) = (UserId::mint(at, 1), UserId::mint(at, 2));
        let rate = Rate::new("messages", 2, 3);
        assert!(rate.count(mia).is_ok() && rate.count(mia).is_ok());
        assert_eq!(rate.count(mia).map_err(|(who, _)| who), Err("you"));
        assert!(rate.count(noah).is_ok(), "others are not touched");
        let all = rate.count(noah).map_err(|(who, _)| who);
        assert_eq!(all, Err("everybody here together"));
        assert!((0..99).all(|_| Rate::new("messages", 0, 0).count(mia).is_ok()));
    }
}
