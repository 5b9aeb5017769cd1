//! How much a person, and the org, may ask for: messages and tasks by the minute before anything is
//! queued, tokens by the minute and money by the month before a model is asked.

mod model;
mod own;

pub(crate) use model::{Hold, before_model, warn_if_near};
pub use own::{Held, held, of, prepare, set, standing, warns_from};

use crate::Wrong;
use crate::crew::Crew;
use governor::clock::{Clock as _, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{DefaultDirectRateLimiter, RateLimiter};
use serde_json::json;
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use wardroom_domain::{AuditKind, Chain, Quota, UserId};

/// What the configuration allows; zero is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Of one person, unless an admin set something else for him.
    pub each: Quota,
    /// Messages of everybody together in a minute.
    pub org_messages_per_minute: u32,
    /// Tasks of everybody together in a minute.
    pub org_tasks_per_minute: u32,
    /// Model tokens of everybody together in a minute.
    pub org_tokens_per_minute: u64,
    /// At how much of what he may spend a person is warned, in percent.
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
    /// A count per person, made for as much as he was allowed when it began.
    people: Mutex<HashMap<UserId, (NonZeroU32, DefaultDirectRateLimiter)>>,
    org: Option<DefaultDirectRateLimiter>,
}

fn per_minute(most: NonZeroU32) -> DefaultDirectRateLimiter {
    RateLimiter::direct(governor::Quota::per_minute(most))
}

impl Rate {
    fn new(what: &'static str, org: u32) -> Self {
        Self {
            what,
            people: Mutex::default(),
            org: NonZeroU32::new(org).map(per_minute),
        }
    }

    /// Counts one; or says whose limit is reached, and when there is room again.
    fn count(&self, user: UserId, most: u32) -> Result<(), (&'static str, Duration)> {
        self.count_person(user, most)
            .map_err(|wait| ("you", wait))?;
        let now = DefaultClock::default().now();
        match &self.org {
            Some(org) => org
                .check()
                .map_err(|full| ("everybody here together", full.wait_time_from(now))),
            None => Ok(()),
        }
    }

    fn count_person(&self, user: UserId, most: u32) -> Result<(), Duration> {
        let Some(most) = NonZeroU32::new(most) else {
            return Ok(());
        };
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        let (held, count) = people
            .entry(user)
            .or_insert_with(|| (most, per_minute(most)));
        // What an admin has changed counts from now on.
        if *held != most {
            (*held, *count) = (most, per_minute(most));
        }
        let now = DefaultClock::default().now();
        count.check().map_err(|full| full.wait_time_from(now))
    }
}

impl Quotas {
    /// Nothing counted yet.
    pub fn new(allowance: Allowance) -> Self {
        Self {
            allowance,
            messages: Rate::new("messages", allowance.org_messages_per_minute),
            tasks: Rate::new("tasks", allowance.org_tasks_per_minute),
            written_down: RateLimiter::hashmap(governor::Quota::per_minute(NonZeroU32::MIN)),
        }
    }
}

/// Counts a message that somebody is about to say.
pub(crate) async fn message(crew: &Crew, user: UserId) -> Result<(), Wrong> {
    let most = own::of(crew, user).await?.messages_per_minute;
    count(crew, &crew.quotas.messages, user, most).await
}

/// Counts a task that somebody is about to begin.
pub(crate) async fn task(crew: &Crew, user: UserId) -> Result<(), Wrong> {
    let most = own::of(crew, user).await?.tasks_per_minute;
    count(crew, &crew.quotas.tasks, user, most).await
}

async fn count(crew: &Crew, rate: &Rate, user: UserId, most: u32) -> Result<(), Wrong> {
    let Err((who, retry_after)) = rate.count(user, most) else {
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

#[cfg(test)]
mod tests {
    use super::*;
    use wardroom_domain::Timestamp;

    #[test]
    fn a_burst_is_counted_per_person_and_for_all() {
        let at = Timestamp::from_micros(0);
        let (mia, noah) = (UserId::mint(at, 1), UserId::mint(at, 2));
        let rate = Rate::new("messages", 3);
        assert!(rate.count(mia, 2).is_ok() && rate.count(mia, 2).is_ok());
        assert_eq!(rate.count(mia, 2).map_err(|(who, _)| who), Err("you"));
        assert!(rate.count(noah, 2).is_ok(), "others are not touched");
        let all = rate.count(noah, 2).map_err(|(who, _)| who);
        assert_eq!(all, Err("everybody here together"));
        assert!((0..99).all(|_| Rate::new("messages", 0).count(mia, 0).is_ok()));
    }

    #[test]
    fn what_an_admin_changes_counts_at_once() {
        let mia = UserId::mint(Timestamp::from_micros(0), 1);
        let rate = Rate::new("tasks", 0);
        assert!(rate.count(mia, 1).is_ok());
        assert!(rate.count(mia, 1).is_err());
        assert!(rate.count(mia, 2).is_ok(), "raised");
        assert!(rate.count(mia, 1).is_ok(), "lowered: counted anew");
        assert!(rate.count(mia, 1).is_err());
    }
}
